"""Records as a Parquet file, written by DuckDB from JSON lines with columns typed by what their fields hold."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from otelcost.cli.exports.rows import Exported

_NUMBERS = ("_picousd", "_tokens", "_us", "_bytes", "_status", "calls", "operations", "errors", "attempt")
_TEXT = frozenset({"price_status"})
_FLAGS = frozenset({"stream", "batch"})
_LISTS = frozenset({"flags", "tools_called", "models"})
LARGEST = 64 * 1024 * 1024


def parquet_bytes(connection: duckdb.DuckDBPyConnection, exported: Exported) -> bytes:
    """The file's content. Money and counts are BIGINT, `start` is a timestamp in UTC."""
    with tempfile.TemporaryDirectory(prefix="otelcost-export-") as folder:
        rows, target = Path(folder) / "rows.ndjson", Path(folder) / "rows.parquet"
        rows.write_text("".join(json.dumps(_row(row, exported.fields)) + "\n" for row in exported.records))
        types = ", ".join(f"'{name}': '{column_type(name)}'" for name in exported.fields)
        source = (
            f"read_json('{rows}', format = 'newline_delimited', columns = {{{types}}}, maximum_object_size = {LARGEST})"
        )
        connection.execute(f"COPY (SELECT * FROM {source}) TO '{target}' (FORMAT parquet)")
        return target.read_bytes()


def column_type(name: str) -> str:
    """The DuckDB type of a field, by the unit in its name."""
    if name == "start":
        return "TIMESTAMP"
    if name in _LISTS:
        return "VARCHAR[]"
    if name in _FLAGS:
        return "BOOLEAN"
    return "BIGINT" if name not in _TEXT and name.endswith(_NUMBERS) and name != "status" else "VARCHAR"


def _row(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in fields}
