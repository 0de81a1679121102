"""The script that runs other instrumentations beside capture, with those that are installed here.

The others are not part of the test group: every program that these tests start under a launcher would load them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "packages" / "beside.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["anthropic", "opentelemetry-instrumentation-httpx"])
def test_stored_once_and_added_up_once(name: str) -> None:
    finished = subprocess.run(
        [sys.executable, str(SCRIPT), name], capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = {line.split()[2]: line.split()[3:] for line in finished.stdout.splitlines()[1:]}
    assert set(rows) == {"without", "first", "last", "unsampled"}
    for order in ("first", "last", "unsampled"):
        made, stored, _, seen, metered = map(float, rows[order])
        assert made == stored > 0
        assert seen == (0 if order == "unsampled" else 1), "a backend adds up each token once, never twice"
        assert metered == 1
