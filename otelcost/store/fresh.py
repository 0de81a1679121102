"""Which records are not in the store yet: a line written or copied twice is still one call.

The ledger keeps one segment from being read twice; this is for the same record in two places, such as a
spool that was copied, or a batch's result file that was read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb

from otelcost.store.lines import Facts

Identity = tuple[str, str, int]
"""Trace, span and start: a record of the same call says the same in all three."""


def identity(fact: Facts) -> Identity:
    """What makes a record the same as another."""
    trace, span = fact.identity
    return trace.lower(), span.lower(), fact.start_unix_us


def known(connection: duckdb.DuckDBPyConnection, kind: str, facts: Sequence[Facts]) -> set[Identity]:
    """Those of some records that the table of their kind holds already.

    Records usually come in the order of time, so that nothing in the table is as late as they are and
    nothing is compared.
    """
    if not facts:
        return set()
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
    first, last = (epoch + timedelta(microseconds=pick(f.start_unix_us for f in facts)) for pick in (min, max))
    around = {"first": first, "last": last}
    within = f"FROM {kind} WHERE start BETWEEN $first AND $last"
    if connection.execute(f"SELECT 1 {within} LIMIT 1", around).fetchone() is None:
        return set()
    rows = connection.execute(
        f"SELECT replace(CAST(trace_id AS VARCHAR), '-', ''), printf('%016x', span_id), epoch_us(start) {within} "
        "AND span_id IN (SELECT unnest(CAST($ids AS UBIGINT[])))",
        {**around, "ids": list({number for fact in facts for number in _number(fact.identity[1])})},
    ).fetchall()
    return {(str(trace), str(span), int(start)) for trace, span, start in rows}


def _number(span: str) -> tuple[int, ...]:
    try:
        return (int(span, 16),) if len(span) == 16 else ()
    except ValueError:
        return ()  # the store refuses it, and the line is put aside
