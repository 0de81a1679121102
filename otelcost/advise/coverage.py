"""What the calls of each task do not have on record, so that a rule abstains by name where it cannot judge."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import duckdb

COLUMNS: Final = {
    "segments": ("prompt segments", "segment_count > 0"),
    "prompt_hash": ("prompt hashes", "prompt_hash IS NOT NULL"),
    "request_hash": ("request hashes", "request_hash IS NOT NULL"),
    "simhash": ("similarity hashes", "simhash IS NOT NULL"),
    "output_hash": ("hashes of the answers", "output_hash IS NOT NULL"),
    "output_kind": ("the kind of the answers", "output_kind IS NOT NULL"),
    "output_tokens": ("output tokens", "output_tokens IS NOT NULL"),
    "reasoning_tokens": ("reasoning tokens", "reasoning_tokens IS NOT NULL"),
    "root_span_kind": ("the root span", "root_span_kind IS NOT NULL"),
    "session_id": ("session ids", "session_id IS NOT NULL"),
    "duration_us": ("durations", "duration_us IS NOT NULL"),
    "max_output_tokens": ("output limits", "max_output_tokens IS NOT NULL"),
    "temperature": ("temperatures", "temperature IS NOT NULL"),
    "effort": ("the effort asked for", "effort IS NOT NULL"),
    "price_key": ("a price", "price_key IS NOT NULL"),
}
"""What a rule can say it needs: what a reader calls it, and when a row of `w_calls` has it."""

_READS: Final = {"segments": "segment_count"}


def reads(columns: Collection[str]) -> str:
    """The names that `missing` reads, as a text for `otelcost.advise.window.materialised`."""
    return " ".join(_READS.get(name, name) for name in columns)


def missing(connection: duckdb.DuckDBPyConnection, columns: Collection[str]) -> Mapping[str, list[tuple[str, int]]]:
    """For each of `columns`, the tasks none of whose answered calls has it, with how many such calls there are."""
    names = sorted(columns)
    if not names:
        return {}
    counts = ", ".join(f"count(*) FILTER ({COLUMNS[name][1]})" for name in names)
    rows = connection.execute(
        f"SELECT task, count(*), {counts} FROM w_calls WHERE status IN ('ok', 'incomplete') GROUP BY task ORDER BY task"
    ).fetchall()
    return {name: [(row[0], row[1]) for row in rows if row[2 + index] == 0] for index, name in enumerate(names)}
