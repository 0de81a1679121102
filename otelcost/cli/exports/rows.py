"""What can be exported, as flat records: the same fields as the commands' own JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otelcost.cli import recommendation, tasks
from otelcost.display import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from otelcost.cli.reader import Reader
    from otelcost.store.queries import CallRow

PAGE = 5000
"""Calls read at a time."""


@dataclass(frozen=True)
class Exported:
    """Records of one kind. Money is integer pico-dollars; `rows` are the calls behind them, where they are calls."""

    name: str
    fields: tuple[str, ...]
    records: Sequence[Mapping[str, Any]]
    rows: Sequence[CallRow] = ()


def _calls(found: Reader) -> Exported:
    rows = _all(found)
    fields = tuple(name for name in rows[0].__struct_fields__ if name != "segments") if rows else _call_fields()
    return Exported("calls", fields, [_call(row, fields) for row in rows], rows)


def _call_fields() -> tuple[str, ...]:
    from otelcost.store.queries import CallRow  # noqa: PLC0415

    return tuple(name for name in CallRow.__struct_fields__ if name != "segments")


def _all(found: Reader) -> list[CallRow]:
    """Every call of the window, oldest first, page by page."""
    from otelcost.store import queries  # noqa: PLC0415

    rows: list[CallRow] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = queries.calls(found.connection, found.window, limit=PAGE, order="oldest", after=after)
        rows += page
        if len(page) < PAGE:
            return rows
        after = queries.position(page[-1], "oldest")


def _call(row: CallRow, fields: tuple[str, ...]) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in fields}
    return {**plain, "start": iso(row.start), "flags": list(row.flags), "tools_called": list(row.tools_called)}


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
