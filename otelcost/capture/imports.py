"""Something to be done once a module has been imported, whenever the program does that.

A finder that is asked first lets the others find the module and lends its loader a method for this one import.
Neither the module, nor its spec, nor its loader keeps a trace of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from otelcost.capture.guard import Guard

Then = Callable[[ModuleType], None]


class _Finder:
    """Finds nothing itself. Stands first in `sys.meta_path`, so that it hears of every import."""

    def __init__(self) -> None:
        self.wanted: dict[str, Then] = {}
        self._asking: set[str] = set()

    def find_spec(self, name: str, *_place: object) -> ModuleSpec | None:
        """What the other finders say of a module that is waited for; None of any other."""
        if name not in self.wanted or name in self._asking:
            return None
        self._asking.add(name)
        try:
            spec = find_spec(name)
        finally:
            self._asking.discard(name)
        if spec is not None and spec.loader is not None:
            with Guard("imports"):
                _lend(spec.loader, name, self.wanted[name])
        return spec


def _lend(loader: Any, name: str, then: Then) -> None:
    """Give a loader a method of its own for the import of one module. One that takes none raises AttributeError."""
    before, own = loader.exec_module, vars(loader).get("exec_module")

    def exec_module(module: ModuleType) -> None:
        if module.__name__ != name:  # a loader of many modules
            before(module)
            return
        if own is None:
            del loader.exec_module
        else:
            loader.exec_module = own
        before(module)
        with Guard("imports"):
            then(module)

    loader.exec_module = exec_module


_finder = _Finder()


def forget_imports() -> None:
    """Wait for no module any more."""
    _finder.wanted.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def when_imported(name: str, then: Then) -> None:
    """Have `then` called with a module right after every import of it from now on; at once where it is there already.

    What it raises is swallowed and counted, as any error of ours.
    """
    _finder.wanted[name] = then
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    module = sys.modules.get(name)
    if module is not None:
        with Guard("imports"):
            then(module)
