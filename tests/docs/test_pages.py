"""The commands that stand in pages are typed into a shell, block by block, over a demo run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, Shell

BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OURS = ("otelcost", "opentelemetry-instrument")

ENDS_WITH = {
    # The demo's second week is far dearer than its first: that is what it is for.
    "otelcost check --window 7d --max-spend 500 --max-growth 20 --max-unpriced 1 --max-age 26h": 3,
}
ELSEWHERE = {
    "otelcost digest send weekly --to me@example.com": "with a mail server, in tests/digest/test_processes.py",
    "otelcost digest install systemd": "on a machine of its own, in tests/digest/test_install.py",
}
"""Lines that would reach beyond the test's folder, and where they are tried."""

VARIABLES = {
    "MAIN_START": "2026-11-15", "MAIN_END": "2026-11-21", "BRANCH_START": "2026-11-21", "BRANCH_END": "2026-11-28",
}  # fmt: skip


def blocks(path: Path) -> list[list[str]]:
    """The lines of each block of a page that start one of our programs."""
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    lines = [[line.partition("  #")[0].partition(" # ")[0].strip() for line in block.splitlines()] for block in found]
    return [ours for block in lines if (ours := [line for line in block if line.startswith(OURS)])]


PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if blocks(path)]


def test_there_are_such_pages() -> None:
    assert len(PAGES) >= 8
    told = {line for path in PAGES for block in blocks(path) for line in block}
    assert {*ENDS_WITH, *ELSEWHERE} <= told, "an exception for a line that no page has"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_commands_of_a_page_work(path: Path, shell: Shell) -> None:
    for block in blocks(path):
        for line in block:
            if line not in ELSEWHERE:
                here = line.replace("/var/lib/node_exporter", str(shell.folder))
                answer = shell.run(here.replace("/srv/shop/.venv/bin/python", sys.executable), **VARIABLES)
                assert answer.returncode == ENDS_WITH.get(line, 0), f"{line}: {answer.stderr}{answer.stdout}"
                assert "Traceback" not in answer.stderr
