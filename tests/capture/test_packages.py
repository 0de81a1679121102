"""The script that exercises real packages, with those that are installed here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "packages" / "run.py"


@pytest.mark.slow
def test_every_installed_package_is_recorded_call_by_call(tmp_path: Path) -> None:
    names = ["openai", "openai_over_aiohttp", "anthropic", "google_genai", "mistralai", "groq", "boto3", "aiobotocore"]
    finished = subprocess.run(
        [sys.executable, str(SCRIPT), *names],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines()[1:]]
    exercised = [row for row in rows if "installed" not in row]
    assert set(names) == {row[0] for row in exercised}, finished.stdout
    assert all(row[2] == row[3] and row[4] == "exact" for row in exercised), finished.stdout
