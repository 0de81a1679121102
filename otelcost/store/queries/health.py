"""Whether the figures can be trusted: freshness, what has no price, what could not be read, how old the book is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from otelcost import settings
from otelcost.model import SCHEMA_VERSION
from otelcost.spool import reader
from otelcost.store.db import schema_version
from otelcost.store.queries.rows import fetch, one


class UnpricedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one model without a known cost, and why."""

    provider: str | None
    model: str | None
    reason: str
    calls: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What `otelcost doctor` says about the store, the spool and the prices."""

    schema_version: int
    store_bytes: int
    calls: int
    spans: int
    covered_spans: int  # LLM spans of other instrumentations that another record of the same call covers
    last_call: datetime | None
    last_drain: datetime | None
    unpriced: tuple[UnpricedRow, ...]
    quarantined_lines: int
    quarantined_bytes: int
    quarantine_files: tuple[str, ...]
    spool_segments: int
    spool_bytes: int
    spool_newer: tuple[str, ...]  # written by a later otelcost
    book_sha256: str | None
    book_source: str | None
    book_date: date | None  # the newest day the price data mentions
    book_age_days: int | None
    book_warning: str | None


def health(
    connection: duckdb.DuckDBPyConnection,
    *,
    today: date,
    store: Path | None = None,
    spool: Path | None = None,
) -> Health:
    """The state of everything between an application and a figure."""
    path = settings.store_path() if store is None else store
    folder = settings.spool_dir() if spool is None else spool
    waiting = reader.list_segments(folder)

    return Health(
        schema_version=schema_version(connection),
        store_bytes=path.stat().st_size if path.is_file() else 0,
        unpriced=tuple(unpriced(connection)),
        spool_segments=len(waiting),
        spool_bytes=sum(segment.size_bytes for segment in waiting),
        spool_newer=tuple(s.path.name for s in waiting if s.name.version > SCHEMA_VERSION),
        **one(connection, _COUNTS),
        **_quarantine(connection),
        **_book(connection, today),
    )


def book_sha256(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Which price book the costs are joined with: its hash, as `otelcost prices sources` shows it."""
    found = connection.execute("SELECT sha256 FROM book").fetchone()
    return None if found is None else found[0]


def unpriced(connection: duckdb.DuckDBPyConnection) -> list[UnpricedRow]:
    """Calls whose cost is not known, by model and reason, the commonest first."""
    return fetch(connection, _UNPRICED, {}, UnpricedRow)


_COUNTS = """
SELECT
    (SELECT count(*) FROM calls) AS calls,
    (SELECT count(*) FROM spans) AS spans,
    (SELECT count(*) FROM span_covered) AS covered_spans,
    (SELECT max(start) FROM v_base) AS last_call,
    (SELECT max(loaded_at) FROM ledger) AS last_drain
"""

_UNPRICED = """
SELECT provider, model, price_reason AS reason, count(*) AS calls
FROM v_calls
WHERE cost_picousd IS NULL
GROUP BY ALL
ORDER BY calls DESC, provider, model
"""


def _quarantine(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    text = """
        SELECT coalesce(sum(lines), 0) AS quarantined_lines, coalesce(sum(bytes), 0) AS quarantined_bytes,
            list(DISTINCT file ORDER BY file) AS files
        FROM quarantine
    """
    row = one(connection, text)
    return {
        "quarantined_lines": int(row["quarantined_lines"]),
        "quarantined_bytes": int(row["quarantined_bytes"]),
        "quarantine_files": tuple(row["files"] or ()),
    }


def _book(connection: duckdb.DuckDBPyConnection, today: date) -> dict[str, Any]:
    found = connection.execute("SELECT sha256, source, source_date, warning FROM book").fetchone()
    sha256, source, newest, warning = found or (None, None, None, None)
    return {
        "book_sha256": sha256,
        "book_source": source,
        "book_date": newest,
        "book_age_days": None if newest is None else (today - newest).days,
        "book_warning": warning,
    }


def covered_spans(connection: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> int:
    """How many spans of some ids (16 hexadecimal digits) another record of the same call stands for."""
    text = (
        "SELECT count(DISTINCT span_id) AS covered FROM span_covered WHERE span_id IN (SELECT unnest($ids::UBIGINT[]))"
    )
    return int(one(connection, text, {"ids": [int(span, 16) for span in ids]})["covered"])
