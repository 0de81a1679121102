"""Reading SQL files and turning result rows into structs."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, TypeVar

import duckdb
import msgspec

Row = TypeVar("Row", bound=msgspec.Struct)


@cache
def sql(name: str) -> str:
    """The text of `queries/{name}.sql`."""
    return resources.files("otelcost.store.queries").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def fetch(
    connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any], row_type: type[Row]
) -> list[Row]:
    """Run a query whose result columns are fields of `row_type`, by name."""
    cursor = connection.execute(text, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [row_type(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def one(connection: duckdb.DuckDBPyConnection, text: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """The only row of a query, by column name."""
    cursor = connection.execute(text, parameters or {})
    names = [column[0] for column in cursor.description or ()]
    return dict(zip(names, cursor.fetchall()[0], strict=True))
