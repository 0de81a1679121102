"""Fixtures every part of the tests shares: an empty home, the recorded traffic, the loopback provider."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otelcost.demo.loopback import Loopback, running

TRAFFIC_VARIABLE = "OTELCOST_TRAFFIC"
_DEFAULT_TRAFFIC = Path(__file__).resolve().parents[2] / "shared" / "traffic"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty otelcost home for every test, so that none can touch the user's."""
    folder = tmp_path / "otelcost-home"
    monkeypatch.setenv("OTELCOST_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def recorded_traffic() -> list[dict[str, Any]]:
    """Recorded provider interactions: dicts with id, host, path, status, content_type, sse, request, response."""
    path = Path(os.environ.get(TRAFFIC_VARIABLE, _DEFAULT_TRAFFIC)) / "recorded.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"recorded traffic not found at {path}; set {TRAFFIC_VARIABLE} to its folder")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def loopback_process() -> Iterator[Loopback]:
    """One loopback provider process for the whole session."""
    with running(seed=7) as provider:
        yield provider


@pytest.fixture
def loopback_provider(loopback_process: Loopback) -> Loopback:
    """The loopback provider, freshly reset: `.url`, `.openai_url`, `.port`, `.arm(scenario)`, `.log()`."""
    loopback_process.reset()
    return loopback_process
