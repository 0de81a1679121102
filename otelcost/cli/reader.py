"""What every reading command does first: drain the spool, open the store, take the window."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otelcost.cli import options, terminal
from otelcost.display import plural
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from otelcost.store.queries import Window


@dataclass(frozen=True)
class Reader:
    """An open, drained store with the window to look at. `now` is naive UTC."""

    connection: duckdb.DuckDBPyConnection
    window: Window
    label: str
    now: datetime


@contextmanager
def reader(request: options.Reading, store: Path | None = None) -> Iterator[Reader]:
    """Drain unless told not to, then open the store for reading.

    Raises:
        UsageError: the window is not one. Checked first, before any file is touched.
        StoreError: the store cannot be drained into or read.
    """
    from otelcost.store.db import session  # noqa: PLC0415
    from otelcost.store.queries import Window  # noqa: PLC0415

    moment = options.now()
    window = Window.parse(request.window, moment)
    if request.drain:
        drain_spool(store)
    with session(store) as connection:
        yield Reader(connection, window, request.window, moment)


def drain_spool(store: Path | None = None) -> None:
    """Load the spool into the store; say so when lines had to be put aside."""
    from otelcost import settings  # noqa: PLC0415
    from otelcost.store.drain import drain  # noqa: PLC0415

    report = drain(store)
    for warning in report.warnings:
        terminal.warn(warning)
    if report.rejects:
        kept = settings.quarantine_dir()
        terminal.warn(f"{plural(report.rejects, 'recorded line')} could not be read and are kept in {kept}")


def unknown(what: str, wanted: str, known: Iterable[str], where: str) -> UsageError:
    """The error for a name nobody has, with the nearest one that exists.

    Args:
        what: the sentence's start, such as `no task in this window is called`.
        wanted: the name asked for; `known` those there are.
        where: the command that lists them.
    """
    near = difflib.get_close_matches(wanted, list(known), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"{what} {wanted!r}", f"{hint}see {where}")
