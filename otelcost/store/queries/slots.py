"""Calls by slot of UTC and task."""

from __future__ import annotations

from datetime import datetime

import duckdb
import msgspec

from otelcost.store.queries.rows import fetch, sql
from otelcost.store.queries.scope import Scope


class SlotRow(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of one task that started in one slot. The cost is that of the priced ones."""

    slot: datetime  # where it begins, naive UTC
    task: str
    calls: int
    unpriced_calls: int
    cost_picousd: int


def slots(
    connection: duckdb.DuckDBPyConnection, start: datetime, end: datetime, minutes: int, scope: Scope
) -> list[SlotRow]:
    """The slots with calls between two naive UTC moments, oldest first.

    Args:
        connection: a store.
        start: included; `end` is not.
        minutes: how long a slot is; a divisor of 60.
        scope: which calls.
    """
    condition, parameters = scope.where()
    text = sql("slots").replace("{scope}", condition)
    return fetch(connection, text, {"start": start, "end": end, "minutes": minutes, **parameters}, SlotRow)
