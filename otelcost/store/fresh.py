"""Which records are not in the store yet: a line written or copied twice is still one call.

The ledger keeps one segment from being read twice; this is for the same record in two places, such as a
spool that was copied, or a batch's result file that was read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import duckdb

from otelcost.store.lines import Facts

Identity = tuple[str, str, int]
"""Trace, span and start: a record of the same call says the same in all three."""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
_COLUMNS: Final = "replace(CAST(trace_id AS VARCHAR), '-', ''), printf('%016x', span_id), epoch_us(start)"


_AMONG: Final = "span_id IN (SELECT unnest(CAST($ids AS UBIGINT[])))"


def identity(fact: Facts) -> Identity:
    """What makes a record the same as another. A batch's result has the time of its reading, which says nothing."""
    trace, span = fact.identity
    return trace.lower(), span.lower(), 0 if _of_batch(fact) else fact.start_unix_us


def _of_batch(fact: Facts) -> bool:
    return fact.pricing[-1]


def known(connection: duckdb.DuckDBPyConnection, kind: str, facts: Sequence[Facts]) -> set[Identity]:
    """Those of some records that the table of their kind holds already.

    Records usually come in the order of time, so that nothing in the table is as late as they are and
    nothing is compared. The results of batches, whenever they were read, are compared with those before.
    """
    results = [fact for fact in facts if _of_batch(fact)]
    found = _known_by_time(connection, kind, [fact for fact in facts if not _of_batch(fact)])
    if results:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM {kind} WHERE batch AND {_AMONG}", {"ids": _numbers(results)}
        ).fetchall()
        found |= {(str(trace), str(span), 0) for trace, span, _ in rows}
    return found


def _known_by_time(connection: duckdb.DuckDBPyConnection, kind: str, facts: Sequence[Facts]) -> set[Identity]:
    if not facts:
        return set()
    first, last = (_EPOCH + timedelta(microseconds=pick(f.start_unix_us for f in facts)) for pick in (min, max))
    around = {"first": first, "last": last}
    within = f"FROM {kind} WHERE start BETWEEN $first AND $last"
    if connection.execute(f"SELECT 1 {within} LIMIT 1", around).fetchone() is None:
        return set()
    rows = connection.execute(f"SELECT {_COLUMNS} {within} AND {_AMONG}", {**around, "ids": _numbers(facts)}).fetchall()
    return {(str(trace), str(span), int(start)) for trace, span, start in rows}


def _numbers(facts: Sequence[Facts]) -> list[int]:
    return list({number for fact in facts for number in _number(fact.identity[1])})


def _number(span: str) -> tuple[int, ...]:
    try:
        return (int(span, 16),) if len(span) == 16 else ()
    except ValueError:
        return ()  # the store refuses it, and the line is put aside
