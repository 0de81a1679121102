"""What a window cost: totals, and the same money by task, model and day."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import msgspec

from otelcost.store.queries.monthly import monthly
from otelcost.store.queries.rows import fetch, one, sql
from otelcost.store.queries.window import Window


class SliceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a task or a model; `cost_picousd` is None where none of its calls has a price."""

    name: str | None
    calls: int
    unpriced_calls: int
    errors: int
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    cost_picousd: int | None


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """The part of one UTC day. Days without calls are listed with a cost of 0."""

    day: date
    calls: int
    unpriced_calls: int
    cost_picousd: int | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A window's totals and breakdowns, the most expensive first."""

    window: Window
    spend_picousd: int | None  # of the priced calls; None where calls exist and none has a price
    previous_picousd: int | None  # the same for the window before; None where nothing was priced there
    calls: int
    unpriced_calls: int
    errors: int
    estimated_calls: int
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    by_model: tuple[SliceRow, ...]
    by_task: tuple[SliceRow, ...]
    by_day: tuple[DayRow, ...]
    coverage_days: int  # UTC days of the window with a call
    first_call: datetime | None  # of the window
    last_call: datetime | None  # ever: says how fresh the data is, also where the window is empty
    monthly_picousd: int | None  # spend per 30 days, from 7 days with calls on


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """One task in a window."""

    task: str
    task_source: str
    call_site: str | None  # the commonest
    calls: int
    operations: int
    errors: int
    unpriced_calls: int
    cost_picousd: int | None
    previous_picousd: int | None
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    models: tuple[str, ...]


class _Cell(msgspec.Struct, frozen=True, kw_only=True):
    day: date
    model: str | None
    task: str
    calls: int
    unpriced_calls: int
    errors: int
    estimated_calls: int
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    cost_picousd: int | None
    first_start: datetime
    last_start: datetime


def overview(connection: duckdb.DuckDBPyConnection, window: Window) -> Overview:
    """The totals and breakdowns of a window."""
    cells = fetch(connection, sql("cells"), {"start": window.start, "end": window.until}, _Cell)
    ever = one(connection, "SELECT min(start) AS first, max(start) AS last FROM v_calls")
    spend = _total(cells, "cost_picousd") if cells else 0
    coverage_days = len({cell.day for cell in cells})
    return Overview(
        window=window,
        spend_picousd=spend,
        previous_picousd=_previous(connection, window),
        calls=sum(cell.calls for cell in cells),
        unpriced_calls=sum(cell.unpriced_calls for cell in cells),
        errors=sum(cell.errors for cell in cells),
        estimated_calls=sum(cell.estimated_calls for cell in cells),
        input_tokens=_total(cells, "input_tokens"),
        cache_read_tokens=_total(cells, "cache_read_tokens"),
        output_tokens=_total(cells, "output_tokens"),
        by_model=_slices(cells, lambda cell: cell.model),
        by_task=_slices(cells, lambda cell: cell.task),
        by_day=_days(cells),
        coverage_days=coverage_days,
        first_call=min((cell.first_start for cell in cells), default=None),
        last_call=ever["last"],
        monthly_picousd=monthly(spend, window, coverage_days, ever["first"]),
    )


def tasks(connection: duckdb.DuckDBPyConnection, window: Window) -> list[TaskRow]:
    """The tasks of a window, the most expensive first."""
    before = window.previous()
    parameters = {
        "start": window.start,
        "end": window.until,
        "previous_start": window.start if before is None else before.start,
    }
    rows = fetch(connection, sql("tasks"), parameters, TaskRow)
    return [msgspec.structs.replace(row, models=tuple(row.models or ())) for row in rows]


def task_days(connection: duckdb.DuckDBPyConnection, window: Window) -> dict[str, dict[date, int | None]]:
    """The cost of every task by UTC day: what small charts draw."""
    cells = fetch(connection, sql("cells"), {"start": window.start, "end": window.until}, _Cell)
    grouped = _grouped(cells, lambda cell: (cell.task, cell.day))
    found: dict[str, dict[date, int | None]] = {}
    for (task, day), members in sorted(grouped.items()):
        found.setdefault(task, {})[day] = _total(members, "cost_picousd")
    return found


def _previous(connection: duckdb.DuckDBPyConnection, window: Window) -> int | None:
    before = window.previous()
    if before is None:
        return None
    text = "SELECT sum(cost_picousd) AS spend FROM v_calls WHERE start >= $start AND start < $end"
    spend = one(connection, text, {"start": before.start, "end": before.end})["spend"]
    return None if spend is None else int(spend)


def _slices(cells: Iterable[_Cell], key: Callable[[_Cell], str | None]) -> tuple[SliceRow, ...]:
    rows = [
        SliceRow(
            name=name,
            calls=sum(cell.calls for cell in members),
            unpriced_calls=sum(cell.unpriced_calls for cell in members),
            errors=sum(cell.errors for cell in members),
            input_tokens=_total(members, "input_tokens"),
            cache_read_tokens=_total(members, "cache_read_tokens"),
            output_tokens=_total(members, "output_tokens"),
            cost_picousd=_total(members, "cost_picousd"),
        )
        for name, members in _grouped(cells, key).items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.cost_picousd or 0), -row.calls, row.name or "")))


def _days(cells: list[_Cell]) -> tuple[DayRow, ...]:
    by_day = _grouped(cells, lambda cell: cell.day)
    if not by_day:
        return ()
    first, last = min(by_day), max(by_day)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return tuple(_day(day, by_day.get(day, [])) for day in days)


def _day(day: date, members: list[_Cell]) -> DayRow:
    return DayRow(
        day=day,
        calls=sum(cell.calls for cell in members),
        unpriced_calls=sum(cell.unpriced_calls for cell in members),
        cost_picousd=_total(members, "cost_picousd") if members else 0,
    )


def _grouped(cells: Iterable[_Cell], key: Callable[[_Cell], Any]) -> dict[Any, list[_Cell]]:
    groups: dict[Hashable, list[_Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def _total(cells: Iterable[_Cell], field: str) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in (getattr(cell, field) for cell in cells) if value is not None]
    return int(sum(known)) if known else None
