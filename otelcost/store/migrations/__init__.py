"""Schema changes, one module each, applied in the order of their numbers.

A module `mNNN_name.py` offers `STATEMENTS`, a tuple of SQL statements. All statements of one module and the
row that records it in `migrations` are one transaction, so a killed process leaves the old schema or the
new one, never something between. A released module is never edited again.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Final, NamedTuple


class Migration(NamedTuple):
    """One step of the schema: its number, its module's name and its statements."""

    version: int
    name: str
    statements: tuple[str, ...]


def _discover() -> tuple[Migration, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("m"))
    return tuple(_load(name) for name in names)


def _load(name: str) -> Migration:
    module = importlib.import_module(f"{__name__}.{name}")
    statements: tuple[str, ...] = module.STATEMENTS
    return Migration(int(name[1:4]), name, statements)


MIGRATIONS: Final = _discover()
"""Every known migration, oldest first."""

HEAD: Final = MIGRATIONS[-1].version
"""The schema version this otelcost writes."""
