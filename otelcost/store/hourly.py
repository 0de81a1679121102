"""Hourly sums of all calls, kept by whoever writes: every hour is either exact in `hourly` or named as stale.

A batch names the hours it touched in its own transaction, and the end of a drain works those out anew, except the
newest one, which the next batch would touch again. What every cost hangs on besides the calls (the views, the prices,
what tasks are called) is the basis; where that is another than the one written down, no row holds. So a process that
dies anywhere, or a program that writes calls by itself, makes reading slower and never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import duckdb

from otelcost.store.db import transaction
from otelcost.store.queries.cells import BASIS, MEASURES, holds

HOUR: Final = timedelta(hours=1)
STEP: Final = timedelta(days=7)
"""So much is worked out in one transaction: what was done stays where the rest is cancelled."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
_HOUR_US: Final = 3_600_000_000

Report = Callable[[int, int], None]
"""Told hours that are done and hours in all."""

_ALL_STALE: Final = """
INSERT INTO hourly_stale
SELECT time_bucket(INTERVAL 1 hour, start) FROM calls UNION SELECT time_bucket(INTERVAL 1 hour, start) FROM spans
"""
_TOUCH: Final = """
INSERT INTO hourly_stale
SELECT hour FROM (SELECT unnest(CAST($hours AS TIMESTAMP[])) AS hour) WHERE hour NOT IN (SELECT hour FROM hourly_stale)
"""
_WORK_OUT: Final = f"""
INSERT INTO hourly BY NAME
SELECT time_bucket(INTERVAL 1 hour, start) AS hour, {MEASURES}
FROM v_calls
WHERE start >= $start AND start < $end
    AND time_bucket(INTERVAL 1 hour, start) IN (SELECT unnest(CAST($hours AS TIMESTAMP[])))
GROUP BY ALL
ORDER BY hour
"""
_DUE: Final = """
SELECT hour FROM hourly_stale
WHERE hour < (SELECT max(hour) FROM (SELECT hour FROM hourly UNION ALL SELECT hour FROM hourly_stale))
ORDER BY hour
"""


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """Before a batch: where the rows stand on another basis, name every hour as stale. Inside a transaction."""
    if not holds(connection):
        connection.execute("DELETE FROM hourly; DELETE FROM hourly_stale")
        connection.execute(_ALL_STALE)


def touch(connection: duckdb.DuckDBPyConnection, hours: Iterable[datetime]) -> None:
    """Name hours as stale."""
    wanted = sorted(set(hours))
    if wanted:
        connection.execute(_TOUCH, {"hours": wanted})


def touched_by(
    connection: duckdb.DuckDBPyConnection, table: str, ids: Sequence[int], around: dict[str, datetime]
) -> None:
    """Name the hours of rows of `table` as stale, which start within `begin` and `end` of `around`."""
    if ids:
        rows = connection.execute(
            f"SELECT DISTINCT time_bucket(INTERVAL 1 hour, start) FROM {table} "
            "WHERE start BETWEEN $begin AND $end AND span_id IN (SELECT unnest(CAST($ids AS UBIGINT[])))",
            {**around, "ids": list(ids)},
        ).fetchall()
        touch(connection, [hour for (hour,) in rows])


def sign(connection: duckdb.DuckDBPyConnection) -> None:
    """At the end of a batch, inside its transaction: what is there now is the basis."""
    connection.execute(f"DELETE FROM hourly_basis; INSERT INTO hourly_basis {BASIS}")


def roll(connection: duckdb.DuckDBPyConnection, report: Report | None = None) -> None:
    """Work out what is stale, oldest first; outside a transaction."""
    due = [hour for (hour,) in connection.execute(_DUE).fetchall()]
    done = 0
    while done < len(due):
        step = [hour for hour in due[done:] if hour < due[done] + STEP]
        with transaction(connection):
            _work_out(connection, step)
        done += len(step)
        if report is not None:
            report(done, len(due))


def _work_out(connection: duckdb.DuckDBPyConnection, hours: Sequence[datetime]) -> None:
    wanted = {"hours": list(hours)}
    among = "hour IN (SELECT unnest(CAST($hours AS TIMESTAMP[])))"
    connection.execute(f"DELETE FROM hourly WHERE {among}", wanted)
    connection.execute(_WORK_OUT, {**wanted, "start": hours[0], "end": hours[-1] + HOUR})
    connection.execute(f"DELETE FROM hourly_stale WHERE {among}", wanted)


def hour_of(start_unix_us: int) -> datetime:
    """The hour of a moment in Unix microseconds; naive UTC."""
    return _EPOCH + timedelta(microseconds=start_unix_us // _HOUR_US * _HOUR_US)
