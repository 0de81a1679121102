"""What every reading command does first: drain the spool, open the store, take the window."""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otelcost.cli import options, terminal
from otelcost.display import plural
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from otelcost.store.queries import Window
    from otelcost.store.scope import Scope

_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Reader:
    """An open, drained store with the window to look at, holding the calls of `scope` only. `now` is naive UTC."""

    connection: duckdb.DuckDBPyConnection
    window: Window
    label: str
    now: datetime
    scope: Scope


@contextmanager
def reader(request: options.Reading, store: Path | None = None) -> Iterator[Reader]:
    """Drain unless told not to, then open the store for reading.

    Raises:
        UsageError: the window is not one, or the settings cannot be used, which is checked first, before any file is
            touched; or no call has the task that was asked for.
        StoreError: the store cannot be drained into or read.
    """
    from otelcost import config  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415
    from otelcost.store.queries import Window, task_names  # noqa: PLC0415
    from otelcost.store.scope import Scope, restricted  # noqa: PLC0415

    scope = _scope(Scope, request)
    moment = options.now()
    window = Window.parse(request.window, moment)
    config.load()  # complains of what nobody could use, also where nothing of it is needed
    if request.drain:
        drain_spool(store)
    with session(store) as connection:
        check_name("task", scope.task, lambda: task_names(connection), "otelcost tasks --window all")
        with restricted(connection, scope):
            yield Reader(connection, window, request.window, moment, scope)


def _scope(type_: type[Scope], request: options.Reading) -> Scope:
    label = request.filters.get("label", "=")
    if "=" not in label:
        raise UsageError(f"--label {label!r} is no label", "write it as --label customer=acme")
    return type_(**request.filters)


def check_name(what: str, wanted: str | None, names: Callable[[], Sequence[str]], where: str) -> None:
    """A name that nobody has is a slip; a pattern may well match nothing.

    Args:
        what: `task` or `model`, whose names ignore case.
        wanted: the name asked for, or a pattern; None is none.
        names: gives those there are.
        where: the command that lists them.
    """
    if wanted is None or _PATTERN.search(wanted):
        return
    known = {name.lower() if what == "model" else name: name for name in names()}
    if known and (wanted.lower() if what == "model" else wanted) not in known:
        raise unknown(f"no {what} is called", wanted, known.values(), where)


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
