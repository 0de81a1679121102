"""A window by day, model and task: few enough cells for every breakdown to be summed from them.

Whole hours come from the sums that the drain keeps (`otelcost.store.hourly`), as far as they hold; what is left at
both ends of the window, and every hour from the first that does not hold, is summed from the calls. All sums are of
integers, so the two add up to what the calls alone would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
SELECT {{window}} AS of_window, CAST(start AS DATE) AS day, {MEASURES} FROM v_calls WHERE {{within}} GROUP BY ALL
"""

_SUMMED: Final = ("calls", "unpriced_calls", "errors", "estimated_calls", "input_tokens", "cache_read_tokens",
                  "output_tokens", "priced_tokens", "cost_picousd")  # fmt: skip

_HOURS: Final = f"""
SELECT {{window}} AS of_window, CAST(hour AS DATE) AS day, model, task, task_source,
    {", ".join(f"sum({name}) AS {name}" for name in _SUMMED)},
    min(first_start) AS first_start, max(last_start) AS last_start
FROM hourly WHERE {{within}} GROUP BY ALL
"""

BASIS: Final = """
SELECT concat_ws(' ',
    (SELECT sha256 FROM views), (SELECT compiled_at FROM book), (SELECT sha256 FROM task_decisions),
    (SELECT count(*) FROM calls), (SELECT count(*) FROM spans),
    (SELECT count(*) FROM call_covered), (SELECT count(*) FROM span_covered)) AS basis
"""
"""Everything that the sums of an hour depend on, and that could change without the hour's being named as stale."""

_STALE: Final = "SELECT min(hour) FROM hourly_stale WHERE hour >= $start AND hour < $end"
_EVER: Final = "SELECT min(first_start), max(last_start) FROM hourly WHERE {within}"
_EVER_CALLS: Final = "SELECT min(start), max(start) FROM v_base WHERE {within}"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one day, model and task. Several cells may be of the same: they are there to be added up."""

    of_window: int = 0  # which of the windows that were asked for
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

    window: int
    start: datetime
    end: datetime
    hourly: bool


def cells(connection: duckdb.DuckDBPyConnection, *windows: Window) -> list[list[Cell]]:
    """The cells of each of some windows that do not overlap, in no order; one reading of the calls for all of them."""
    pieces = [piece for number, window in enumerate(windows) for piece in _pieces(connection, number, window)]
    found: list[list[Cell]] = [[] for _ in windows]
    for text, hourly in ((_HOURS, True), (_CALLS, False)):
        some = [piece for piece in pieces if piece.hourly is hourly]
        if some:
            for cell in fetch(connection, _over(text, some), _bounds(some), Cell):
                found[cell.of_window].append(cell)
    return found


def ever(connection: duckdb.DuckDBPyConnection) -> tuple[datetime | None, datetime | None]:
    """When the first and the last call there is started; None without calls."""
    found = []
    for piece in _pieces(connection, 0, _ALWAYS):
        text = _over(_EVER if piece.hourly else _EVER_CALLS, [piece])
        found.append(connection.execute(text, _bounds([piece])).fetchone() or (None, None))
    firsts = [first for first, _ in found if first is not None]
    lasts = [last for _, last in found if last is not None]
    return min(firsts, default=None), max(lasts, default=None)


def holds(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the hourly sums are those of this store as it is now."""
    text = f"SELECT (SELECT basis FROM hourly_basis) = ({BASIS})"
    return connection.execute(text).fetchone() == (True,)


def _pieces(connection: duckdb.DuckDBPyConnection, number: int, window: Window) -> Iterator[_Piece]:
    first, last = _hour_from(window.start), _hour_before(window.until)
    if first >= last or not holds(connection):
        yield _Piece(number, window.start, window.until, hourly=False)
        return
    stale = connection.execute(_STALE, {"start": first, "end": last}).fetchone()
    until = last if stale is None or stale[0] is None else stale[0]
    for piece in (
        _Piece(number, window.start, first, hourly=False),
        _Piece(number, first, until, hourly=True),
        _Piece(number, until, window.until, hourly=False),
    ):
        if piece.start < piece.end:
            yield piece


def _over(text: str, pieces: Sequence[_Piece]) -> str:
    """A query over pieces; the store skips what lies outside all of them."""
    column = "hour" if pieces[0].hourly else "start"
    within = [f"({column} >= $start_{at} AND {column} < $end_{at})" for at in range(len(pieces))]
    cases = [f"WHEN {condition} THEN {piece.window}" for condition, piece in zip(within, pieces, strict=True)]
    return text.replace("{window}", f"CASE {' '.join(cases)} END").replace("{within}", f"({' OR '.join(within)})")


def _bounds(pieces: Sequence[_Piece]) -> dict[str, Any]:
    return {
        f"{name}_{at}": value
        for at, piece in enumerate(pieces)
        for name, value in (("start", piece.start), ("end", piece.end))
    }


def _hour_before(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _hour_from(moment: datetime) -> datetime:
    before = _hour_before(moment)
    return before if before == moment else before + _HOUR
