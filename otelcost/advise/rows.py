"""Rows from Python into a temporary table, all in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows in the order of the table's columns; a statement for each row would take a hundred times as long."""
    if rows:
        columns = {f"c{at}": list(values) for at, values in enumerate(zip(*rows, strict=True))}
        connection.execute(f"INSERT INTO {table} SELECT {', '.join(f'unnest(${name})' for name in columns)}", columns)
