"""Screens only render: what reads the store stays in two modules, and starting draws before duckdb is loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import otelcost.tui

FOLDER = Path(otelcost.tui.__file__).parent
BELOW = ("duckdb", "otelcost.store", "otelcost.advise", "otelcost.spool", "otelcost.pricing")
READERS = {"loader.py", "digests.py"}
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


def test_only_the_loader_and_its_desk_know_the_store() -> None:
    for path in FOLDER.rglob("*.py"):
        names = set(_imports(_without_typing(ast.parse(path.read_text(encoding="utf-8")))))
        found = {name for name in names if name.startswith(BELOW)}
        assert not found or path.name in READERS, (path.name, found)


def test_the_application_loads_neither_duckdb_nor_the_engine_before_its_first_screen() -> None:
    program = "import sys, otelcost.tui.app; print([m for m in ('duckdb', 'otelcost.advise') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_application_stays_small() -> None:
    assert len((FOLDER / "app.py").read_text(encoding="utf-8").splitlines()) <= LONGEST_APP
