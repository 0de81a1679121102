"""What can be exported, as flat records: the same fields as the commands' own JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otelcost.cli import recommendation, tasks, windows
from otelcost.display import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from otelcost.cli.reader import Reader
    from otelcost.store.queries import CallRow

PAGE = 5000
"""Calls read at a time."""


@dataclass(frozen=True)
class Exported:
    """Records of one kind, to be gone through once. Money is integer pico-dollars.

    `rows` are the calls themselves, where they are calls, for a form that is made from those.
    """

    name: str
    fields: tuple[str, ...]
    records: Iterable[Mapping[str, Any]]
    rows: Iterable[CallRow] = ()


def _calls(found: Reader) -> Exported:
    from otelcost.store.queries import CallRow  # noqa: PLC0415

    fields = tuple(name for name in CallRow.__struct_fields__ if name != "segments")
    return Exported("calls", fields, (_call(row, fields) for row in _each(found)), _each(found))


def _each(found: Reader) -> Iterator[CallRow]:
    """Every call of the window, oldest first; a page at a time is in memory."""
    from otelcost.store import queries  # noqa: PLC0415

    after: tuple[Any, ...] | None = None
    while True:
        page = queries.calls(found.connection, found.window, limit=PAGE, order="oldest", after=after)
        yield from page
        if len(page) < PAGE:
            return
        after = queries.position(page[-1], "oldest")


def _call(row: CallRow, fields: tuple[str, ...]) -> dict[str, Any]:
    moments = {"start": iso(row.start), "price_valid_from": windows.boundary(row.price_valid_from)}
    lists = {"flags": list(row.flags), "tools_called": list(row.tools_called)}
    return {name: getattr(row, name) for name in fields} | moments | lists


def _tasks(found: Reader) -> Exported:
    from otelcost.store import queries  # noqa: PLC0415

    rows = queries.tasks(found.connection, found.window)
    records = [{**{name: getattr(row, name) for name in tasks.FIELDS}, "models": list(row.models)} for row in rows]
    return Exported("tasks", tasks.FIELDS, records)


def _recommendations(found: Reader) -> Exported:
    from otelcost.advise import recommend  # noqa: PLC0415

    report = recommend(found.connection, found.window, now=found.now)
    full = [recommendation.as_json(row, found.window, found.label) for row in report.recommendations]
    records = [{name: row[name] for name in recommendation.FIELDS} for row in full]
    return Exported("recommendations", recommendation.FIELDS, records)


ROWS: dict[str, Callable[[Reader], Exported]] = {
    "calls": _calls,
    "tasks": _tasks,
    "recommendations": _recommendations,
}
"""What can be exported, and how it is read."""
