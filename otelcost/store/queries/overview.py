"""What a window cost: totals, and the same money by task, model and day."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import msgspec

from otelcost.store.queries.cells import Cell, cells, ever
from otelcost.store.queries.monthly import monthly
from otelcost.store.queries.rows import fetch, sql
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


class TaskSpend(msgspec.Struct, frozen=True, kw_only=True):
    """What one task cost in a window: what the hourly sums know of it."""

    task: str
    task_source: str
    calls: int
    errors: int
    unpriced_calls: int
    cost_picousd: int | None
    previous_picousd: int | None
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    models: tuple[str, ...]


class TaskRow(TaskSpend, frozen=True, kw_only=True):
    """One task in a window, also with what only its calls tell."""

    call_site: str | None  # the commonest
    operations: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A window and the one before it, from one reading of both."""

    overview: Overview
    tasks: tuple[TaskSpend, ...]  # the most expensive first
    before: tuple[TaskSpend, ...]  # of the window before, itself compared with nothing; empty without one
    task_days: dict[str, dict[date, int | None]]  # the cost of every task by UTC day: what small charts draw


def summary(connection: duckdb.DuckDBPyConnection, window: Window) -> Summary:
    """Everything that is summed from the days of a window, the models and the tasks."""
    found, before = _both(connection, window)
    return Summary(
        overview=_overview(window, found, before, ever(connection)),
        tasks=_spends(found, before),
        before=_spends(before, ()),
        task_days=_task_days(found),
    )


def overview(connection: duckdb.DuckDBPyConnection, window: Window) -> Overview:
    """The totals and breakdowns of a window."""
    found, before = _both(connection, window)
    return _overview(window, found, before, ever(connection))


def _both(connection: duckdb.DuckDBPyConnection, window: Window) -> tuple[list[Cell], list[Cell]]:
    """The cells of a window and of the one before, where there is one."""
    past = window.previous()
    if past is None:
        return cells(connection, window)[0], []
    found, before = cells(connection, window, past)
    return found, before


def _overview(
    window: Window, found: Sequence[Cell], before: Sequence[Cell], ever: tuple[datetime | None, datetime | None]
) -> Overview:
    spend = _total(found, "cost_picousd") if found else 0
    coverage_days = len({cell.day for cell in found})
    return Overview(
        window=window,
        spend_picousd=spend,
        previous_picousd=_total(before, "cost_picousd"),
        calls=sum(cell.calls for cell in found),
        unpriced_calls=sum(cell.unpriced_calls for cell in found),
        errors=sum(cell.errors for cell in found),
        estimated_calls=sum(cell.estimated_calls for cell in found),
        input_tokens=_total(found, "input_tokens"),
        cache_read_tokens=_total(found, "cache_read_tokens"),
        output_tokens=_total(found, "output_tokens"),
        by_model=_slices(found, lambda cell: cell.model),
        by_task=_slices(found, lambda cell: cell.task),
        by_day=_days(found),
        coverage_days=coverage_days,
        first_call=min((cell.first_start for cell in found), default=None),
        last_call=ever[1],
        monthly_picousd=monthly(spend, window, coverage_days, ever[0]),
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


def task_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of all tasks that calls were ever recorded of."""
    return [name for (name,) in connection.execute("SELECT DISTINCT task FROM v_base ORDER BY task").fetchall()]


def model_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of all models that calls were ever recorded of."""
    found = connection.execute("SELECT DISTINCT model FROM v_calls WHERE model IS NOT NULL ORDER BY model").fetchall()
    return [name for (name,) in found]


def spends(connection: duckdb.DuckDBPyConnection, window: Window) -> tuple[TaskSpend, ...]:
    """What the tasks of a window cost, the most expensive first."""
    return _spends(*_both(connection, window))


def _spends(found: Sequence[Cell], before: Sequence[Cell]) -> tuple[TaskSpend, ...]:
    past = {task: _total(members, "cost_picousd") for task, members in _grouped(before, _task).items()}
    rows = [_spend(task, members, past.get(task)) for task, members in _grouped(found, _task).items()]
    return tuple(
        sorted(rows, key=lambda row: (row.cost_picousd is None, -(row.cost_picousd or 0), -row.calls, row.task))
    )


def _spend(task: str, members: Sequence[Cell], previous: int | None) -> TaskSpend:
    return TaskSpend(
        task=task,
        task_source=max(members, key=lambda cell: (cell.calls, cell.task_source)).task_source,
        calls=sum(cell.calls for cell in members),
        errors=sum(cell.errors for cell in members),
        unpriced_calls=sum(cell.unpriced_calls for cell in members),
        cost_picousd=_total(members, "cost_picousd"),
        previous_picousd=previous,
        input_tokens=_total(members, "input_tokens"),
        cache_read_tokens=_total(members, "cache_read_tokens"),
        output_tokens=_total(members, "output_tokens"),
        models=tuple(sorted({cell.model for cell in members if cell.model is not None})),
    )


def _task_days(found: Sequence[Cell]) -> dict[str, dict[date, int | None]]:
    grouped = _grouped(found, lambda cell: (cell.task, cell.day))
    days: dict[str, dict[date, int | None]] = {}
    for (task, day), members in sorted(grouped.items()):
        days.setdefault(task, {})[day] = _total(members, "cost_picousd")
    return days


def _task(cell: Cell) -> str:
    return cell.task


def _slices(found: Iterable[Cell], key: Callable[[Cell], str | None]) -> tuple[SliceRow, ...]:
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
        for name, members in _grouped(found, key).items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.cost_picousd or 0), -row.calls, row.name or "")))


def _days(found: Sequence[Cell]) -> tuple[DayRow, ...]:
    by_day = _grouped(found, lambda cell: cell.day)
    if not by_day:
        return ()
    first, last = min(by_day), max(by_day)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return tuple(_day(day, by_day.get(day, [])) for day in days)


def _day(day: date, members: Sequence[Cell]) -> DayRow:
    return DayRow(
        day=day,
        calls=sum(cell.calls for cell in members),
        unpriced_calls=sum(cell.unpriced_calls for cell in members),
        cost_picousd=_total(members, "cost_picousd") if members else 0,
    )


def _grouped(found: Iterable[Cell], key: Callable[[Cell], Any]) -> dict[Any, list[Cell]]:
    groups: dict[Hashable, list[Cell]] = {}
    for cell in found:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def _total(found: Iterable[Cell], field: str) -> int | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in (getattr(cell, field) for cell in found) if value is not None]
    return int(sum(known)) if known else None
