"""Records as a Parquet file, written by DuckDB from JSON lines with columns typed by what their fields hold."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from otelcost.cli.exports.rows import Exported

_NUMBERS = ("_picousd", "_tokens", "_us", "_bytes", "_status", "calls", "operations", "errors", "attempt")
_TEXT = frozenset({"price_status"})
_MOMENTS = frozenset({"start", "price_valid_from"})
_FLAGS = frozenset({"stream", "batch"})
_LISTS = frozenset({"flags", "tools_called", "models"})
LARGEST = 64 * 1024 * 1024


def write(connection: duckdb.DuckDBPyConnection, exported: Exported, target: Path) -> None:
    """Write the file. Money and counts are BIGINT, moments are timestamps in UTC.

    DuckDB writes beside its rows: what it says of a file it cannot write would be taken for the store's.
    """
    with tempfile.TemporaryDirectory(prefix="otelcost-export-") as folder:
        rows, made = Path(folder) / "rows.ndjson", Path(folder) / "rows.parquet"
        with rows.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(_row(row, exported.fields)) + "\n" for row in exported.records)
        types = ", ".join(f"'{name}': '{column_type(name)}'" for name in exported.fields)
        connection.execute(
            f"COPY (SELECT * FROM read_json($rows, format = 'newline_delimited', columns = {{{types}}}, "
            f"maximum_object_size = {LARGEST})) TO {_quoted(made)} (FORMAT parquet)",
            {"rows": str(rows)},
        )
        with made.open("rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _quoted(path: Path) -> str:
    """A path as an SQL string, where no parameter can stand."""
    return "'" + str(path).replace("'", "''") + "'"


def column_type(name: str) -> str:
    """The DuckDB type of a field, by the unit in its name."""
    if name in _MOMENTS:
        return "TIMESTAMP"
    if name in _LISTS:
        return "VARCHAR[]"
    if name in _FLAGS:
        return "BOOLEAN"
    return "BIGINT" if name not in _TEXT and name.endswith(_NUMBERS) and name != "status" else "VARCHAR"


def _row(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in fields}
