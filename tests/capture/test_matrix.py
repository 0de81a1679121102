"""The correctness cases of the capture benchmark: tokens right in every one, what broke off is flagged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SPANS = "otelcost, user's spans"
RECORDS_ALONE = {"batch file, read twice", "message batch's results"}
"""Results of a batch are records: the calls were made elsewhere and earlier, no span is made of them now."""
MATRIX = Path(__file__).parents[1] / "bench" / "capture" / "matrix.py"


def _observed(contender: str, home: Path) -> dict[str, Any]:
    finished = subprocess.run(
        [sys.executable, str(MATRIX), contender],
        env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    observed: dict[str, Any] = json.loads(finished.stdout)
    return observed


@pytest.mark.slow
@pytest.mark.parametrize("contender", ["otelcost", SPANS])
def test_every_case_is_counted_right(contender: str, tmp_path: Path) -> None:
    observed = _observed(contender, tmp_path)
    wrong = {name: (one["verdict"], one["seen"]) for name, one in observed.items() if one["verdict"] != "right"}
    assert wrong.keys() == (RECORDS_ALONE if contender == SPANS else set()), wrong
    assert sum(one["kind"] == "exact" for one in observed.values()) >= 28
    if contender == "otelcost":
        records = {name: len(one["seen"]) for name, one in observed.items() if one["kind"] != "nothing"}
        assert records == {name: observed[name]["records"] for name in records}
        unmarked = [name for name, one in observed.items() if one["kind"] in {"bound", "unsaid"} and not _marked(one)]
        assert not unmarked


def _marked(one: dict[str, Any]) -> bool:
    return bool(one["seen"]) and all(seen["marked"] for seen in one["seen"])
