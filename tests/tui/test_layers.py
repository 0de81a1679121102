"""Screens only render: what reads the store runs in another process, and theirs never loads the database."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import otelcost.tui

FOLDER = Path(otelcost.tui.__file__).parent
BELOW = ("duckdb", "otelcost.store", "otelcost.advise", "otelcost.spool", "otelcost.pricing")
LONGEST_APP = 300


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _without_typing(tree: ast.Module) -> ast.Module:
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return ast.Module(kept, [])


READING = {"loader.py", "advising.py", "digests.py", "members.py"}
"""What the reading process is made of."""


def test_only_what_the_reading_process_is_made_of_knows_the_store() -> None:
    for path in FOLDER.rglob("*.py"):
        names = set(_imports(_without_typing(ast.parse(path.read_text(encoding="utf-8")))))
        found = {name for name in names if name.startswith(BELOW)}
        assert not found or path.name in READING, (path.name, found)


_PROGRAM = """
import asyncio, sys
from otelcost.tui.start import Remote
from contextlib import closing
with closing(Remote()) as source:
    from otelcost.tui.app import OtelcostApp
    app = OtelcostApp(source, "all", live=False)
    async def use():
        async with app.run_test(size=(100, 30)) as pilot:
            await app.workers.wait_for_complete()
            for key in ("2", "3", "4", "5", "6", "question_mark"):
                await pilot.press(key)
                await app.workers.wait_for_complete()
            assert app.snapshot is not None and app.state.problem is None, app.state
    asyncio.run(use())
print([name for name in sys.modules if name.startswith(("duckdb", "otelcost.store", "otelcost.advise"))])
"""


def test_the_screens_process_never_loads_the_database_whatever_is_looked_at() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_nothing_but_what_starts_the_reading_process_is_loaded_before_it() -> None:
    program = "import sys, otelcost.tui.start; print([m for m in ('textual', 'rich', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_application_stays_small() -> None:
    assert len((FOLDER / "app.py").read_text(encoding="utf-8").splitlines()) <= LONGEST_APP
