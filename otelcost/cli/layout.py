"""Which columns of a table fit a terminal, and how wide each is: figures and ids are whole or not there.

Columns with a `flex` give room by wrapping between words; then those with the highest `drop` go. Where even
that does not do, nothing is cut: the table is shown as cards, one `title: value` line a cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from otelcost.display import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.cli.render import Column, Table

GAP = 2


def natural_widths(table: Table) -> list[int]:
    """The cells every column needs to show everything on one line."""
    cells = [tuple(column.title for column in table.columns), *(tuple(map(clean, row)) for row in table.rows)]
    return [max(map(cell_len, column)) for column in zip(*cells, strict=True)]


def layout(table: Table, width: int) -> list[tuple[int, int]] | None:
    """Index and width of each column that is shown, within `width` in all; None where only cards fit."""
    natural = natural_widths(table)
    kept = list(range(len(table.columns)))
    while _needed(table.columns, natural, kept) > width:
        victim = max(kept, key=lambda index: (table.columns[index].drop, index))
        if not table.columns[victim].drop:
            return None
        kept.remove(victim)
    return _sizes(table.columns, natural, kept, width)


def _least(column: Column, natural: int) -> int:
    return min(column.flex, natural) if column.flex else natural


def _needed(columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int]) -> int:
    return sum(_least(columns[index], natural[index]) for index in kept) + GAP * (len(kept) - 1)


def _sizes(columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int], width: int) -> list[tuple[int, int]]:
    """Room that is left goes to the wrapping columns, a cell each in turn, until they need no more."""
    sizes = {index: _least(columns[index], natural[index]) for index in kept}
    spare = width - _needed(columns, natural, kept)
    while spare and (hungry := [index for index in kept if sizes[index] < natural[index]]):
        for index in hungry[:spare]:
            sizes[index] += 1
        spare -= min(spare, len(hungry))
    return list(sizes.items())
