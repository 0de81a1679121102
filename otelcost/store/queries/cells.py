"""A window by day, model and task: few enough cells for every breakdown to be summed from them.

Whole hours come from the sums that the drain keeps (`otelcost.store.hourly`), as far as they hold; what is left at
both ends of the window, and every hour from the first that does not hold, is summed from the calls. All sums are of
integers, so the two add up to what the calls alone would give.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import duckdb
import msgspec

from otelcost.store.queries.rows import fetch
from otelcost.store.queries.window import Window

_HOUR: Final = timedelta(hours=1)
_ALWAYS: Final = Window(datetime(1, 1, 1), datetime(9999, 1, 1), whole=True)  # noqa: DTZ001  (naive UTC)

MEASURES: Final = """
    model, task, task_source,
    count(*) AS calls,
    count(*) FILTER (cost_picousd IS NULL) AS unpriced_calls,
    count(*) FILTER (status IN ('error', 'timeout', 'aborted', 'cancelled')) AS errors,
    count(*) FILTER (list_contains(flags, 'estimated')) AS estimated_calls,
    sum(input_tokens) AS input_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(output_tokens) AS output_tokens,
    -- The tokens that the money was paid for.
    sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (cost_picousd IS NOT NULL) AS priced_tokens,
    sum(cost_picousd) AS cost_picousd,
    min(start) AS first_start,
    max(start) AS last_start
"""
"""The columns of an hour and of a cell, over `v_calls`."""

_CALLS: Final = f"""
SELECT CAST(start AS DATE) AS day, {MEASURES} FROM v_calls WHERE start >= $start AND start < $end GROUP BY ALL
"""

_SUMMED: Final = ("calls", "unpriced_calls", "errors", "estimated_calls", "input_tokens", "cache_read_tokens",
                  "output_tokens", "priced_tokens", "cost_picousd")  # fmt: skip

_HOURS: Final = f"""
SELECT CAST(hour AS DATE) AS day, model, task, task_source,
    {", ".join(f"sum({name}) AS {name}" for name in _SUMMED)},
    min(first_start) AS first_start, max(last_start) AS last_start
FROM hourly WHERE hour >= $start AND hour < $end GROUP BY ALL
"""

BASIS: Final = """
SELECT concat_ws(' ',
    (SELECT sha256 FROM views), (SELECT compiled_at FROM book), (SELECT sha256 FROM task_decisions),
    (SELECT count(*) FROM calls), (SELECT count(*) FROM spans),
    (SELECT count(*) FROM call_covered), (SELECT count(*) FROM span_covered)) AS basis
"""
"""Everything that the sums of an hour depend on, and that could change without the hour's being named as stale."""

_STALE: Final = "SELECT min(hour) FROM hourly_stale WHERE hour >= $start AND hour < $end"
_EVER: Final = "SELECT min(first_start), max(last_start) FROM hourly WHERE hour >= $start AND hour < $end"
_EVER_CALLS: Final = "SELECT min(start), max(start) FROM v_base WHERE start >= $start AND start < $end"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one day, model and task. Several cells may be of the same: they are there to be added up."""

    day: date
    model: str | None
    task: str
    task_source: str
    calls: int
    unpriced_calls: int
    errors: int
    estimated_calls: int
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    priced_tokens: int | None  # in and out, of the priced calls
    cost_picousd: int | None  # of the priced calls; None where none is
    first_start: datetime
    last_start: datetime


class _Piece(NamedTuple):
    """A part of a window, and whether the hourly sums hold for it."""

    start: datetime
    end: datetime
    hourly: bool

    @property
    def parameters(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end}


def cells(connection: duckdb.DuckDBPyConnection, window: Window) -> list[Cell]:
    """The cells of a window, in no order."""
    return [
        cell
        for piece in _pieces(connection, window)
        for cell in fetch(connection, _HOURS if piece.hourly else _CALLS, piece.parameters, Cell)
    ]


def ever(connection: duckdb.DuckDBPyConnection) -> tuple[datetime | None, datetime | None]:
    """When the first and the last call there is started; None without calls."""
    found = [
        connection.execute(_EVER if piece.hourly else _EVER_CALLS, piece.parameters).fetchone() or (None, None)
        for piece in _pieces(connection, _ALWAYS)
    ]
    firsts = [first for first, _ in found if first is not None]
    lasts = [last for _, last in found if last is not None]
    return min(firsts, default=None), max(lasts, default=None)


def holds(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the hourly sums are those of this store as it is now."""
    text = f"SELECT (SELECT basis FROM hourly_basis) = ({BASIS})"
    return connection.execute(text).fetchone() == (True,)


def _pieces(connection: duckdb.DuckDBPyConnection, window: Window) -> Iterator[_Piece]:
    first, last = _hour_from(window.start), _hour_before(window.until)
    if first >= last or not holds(connection):
        yield _Piece(window.start, window.until, hourly=False)
        return
    stale = connection.execute(_STALE, {"start": first, "end": last}).fetchone()
    until = last if stale is None or stale[0] is None else stale[0]
    for piece in (
        _Piece(window.start, first, hourly=False),
        _Piece(first, until, hourly=True),
        _Piece(until, window.until, hourly=False),
    ):
        if piece.start < piece.end:
            yield piece


def _hour_before(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hour_from(moment: datetime) -> datetime:
    before = _hour_before(moment)
    return before if before == moment else before + _HOUR
