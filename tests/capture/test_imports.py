"""What is to be done after an import: at every import, whoever loads the module, leaving no trace."""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from otelcost.capture import imports
from otelcost.spool.diagnostics import diagnostics

NAME = "otelcost_waited_for"


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModuleType]]:
    """The modules that were told, with a folder that holds `otelcost_waited_for.py` on the path."""
    (tmp_path / f"{NAME}.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    told: list[ModuleType] = []
    imports.when_imported(NAME, told.append)
    yield told
    imports._finder.wanted.pop(NAME)
    sys.modules.pop(NAME, None)


def test_after_the_import_and_not_before(seen: list[ModuleType]) -> None:
    assert seen == []
    module = importlib.import_module(NAME)
    assert seen == [module]
    assert module.VALUE == 1
    assert module.__spec__ is not None
    assert "exec_module" not in vars(module.__spec__.loader)
    importlib.reload(module)
    assert seen == [module, module]


def test_at_once_where_it_is_there(seen: list[ModuleType]) -> None:
    module = importlib.import_module(NAME)
    later: list[ModuleType] = []
    imports.when_imported(NAME, later.append)
    assert later == [module]
    assert seen == [module]


def test_nothing_is_left_once_nobody_waits(seen: list[ModuleType]) -> None:
    assert imports._finder in sys.meta_path
    waited_for = dict(imports._finder.wanted)
    imports.forget_imports()
    imports.forget_imports()
    assert imports._finder not in sys.meta_path
    importlib.import_module(NAME)
    assert seen == []
    for name, then in waited_for.items():
        imports.when_imported(name, then)
    assert len(seen) == 1


def test_a_module_in_an_archive(seen: list[ModuleType], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").unlink()
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr(f"{NAME}.py", "VALUE = 2\n")
    sys.path.insert(0, str(tmp_path / "all.zip"))
    try:
        assert importlib.import_module(NAME).VALUE == 2
    finally:
        sys.path.remove(str(tmp_path / "all.zip"))
    assert [module.__name__ for module in seen] == [NAME]


def test_what_it_raises_stays_here(seen: list[ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otelcost.capture.guard.strict", False)
    diagnostics.after_fork()
    imports.when_imported(NAME, lambda module: module.missing)
    assert importlib.import_module(NAME).VALUE == 1
    assert diagnostics.snapshot().counts == {"error:imports": 1}
    diagnostics.after_fork()
    assert seen == []


def test_a_module_that_is_not_there_is_missing_as_before(seen: list[ModuleType], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").unlink()
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match=NAME):
        importlib.import_module(NAME)
    assert seen == []


def test_an_import_that_fails_is_not_told(seen: list[ModuleType], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").write_text("raise OSError('no')\n")
    importlib.invalidate_caches()
    with pytest.raises(OSError, match="no"):
        importlib.import_module(NAME)
    assert seen == []
