"""Columns of money in tables: one precision a column, and never a zero for what is unknown."""

from __future__ import annotations

from collections.abc import Sequence

from otelcost.cli.render import Column, Table
from otelcost.display import common_places, count, money

UNPRICED = "unpriced"


def costs(amounts: Sequence[int | None]) -> list[str]:
    """Amounts at the decimals of the largest one; `unpriced` where nothing is known."""
    places = common_places(list(amounts))
    return [UNPRICED if amount is None else money(amount, places) for amount in amounts]


def with_unpriced(table: Table, counts: Sequence[int]) -> Table:
    """The table with a column of calls that are in no cost, where there are any."""
    if not any(counts):
        return table
    rows = tuple((*row, count(number) if number else "") for row, number in zip(table.rows, counts, strict=True))
    return Table((*table.columns, Column(UNPRICED, right=True, drop=1)), rows)
