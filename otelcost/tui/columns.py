"""Columns of a table: what they show, how wide they are, and which go first where there is no room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from textual.content import Content

from otelcost.tui.text import Align, fit, line

Row = TypeVar("Row")
Cell = str | tuple[str, str]
"""A cell's text, or its text and style."""

GAP = 2
_MISSING_FIRST = (0, 0)


class Column(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """One column.

    Args:
        key: its name in sorting.
        title: its heading.
        width: cells it needs; a flexible column takes what is left and needs at least this.
        cell: text of a row; it gets the cells there are.
        flex: whether it takes the rest of the width.
        drop: columns with higher numbers go first where the width does not do; 0 stays.
        sort: the value to sort by; None where the column cannot be sorted by.
        money: whether sorting starts here.
    """

    key: str
    title: str
    width: int
    cell: Callable[[Row, int], Cell]
    align: Align = "left"
    flex: bool = False
    drop: int = 0
    sort: Callable[[Row], Any] | None = None
    money: bool = False


def layout(columns: Sequence[Column[Row]], width: int) -> list[tuple[Column[Row], int]]:
    """The columns that fit and their widths, which with the gaps add up to at most `width`."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        victim = max(kept, key=lambda column: column.drop)
        if victim.drop == 0:
            break
        kept.remove(victim)
    spare = width - _needed(kept)
    flexible = sum(column.flex for column in kept)
    if not flexible or spare <= 0:
        return [(column, column.width) for column in kept]
    share, extra = divmod(spare, flexible)
    sizes = []
    for column in kept:
        more = share + (1 if column.flex and extra else 0)
        extra -= 1 if column.flex and extra else 0
        sizes.append((column, column.width + (more if column.flex else 0)))
    return sizes


def _needed(columns: Sequence[Column[Row]]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def heading(sizes: Sequence[tuple[Column[Row], int]], order: str | None, descending: bool) -> Content:
    """The table's first line; the column it is sorted by has an arrow."""
    parts: list[str | tuple[str, str]] = []
    for index, (column, width) in enumerate(sizes):
        title = column.title
        if column.key == order:
            title = f"{title} {'▼' if descending else '▲'}".strip()
        parts += [" " * GAP if index else "", (fit(title, width, column.align), "bold $text-muted")]
    return line(*parts)


def row_line(sizes: Sequence[tuple[Column[Row], int]], row: Row) -> Content:
    """One row as a line."""
    parts: list[str | tuple[str, str]] = []
    for index, (column, width) in enumerate(sizes):
        cell = column.cell(row, width)
        text, style = (cell, "") if isinstance(cell, str) else cell
        fitted = fit(text, width, column.align)
        parts += [" " * GAP if index else "", (fitted, style) if style else fitted]
    return line(*parts)


def sort_key(value: Any) -> Any:
    """A key that puts the unknown below everything known, so that it never hides at the top as a zero."""
    return _MISSING_FIRST if value is None else (1, value)


def sort_rows(rows: Sequence[Row], column: Column[Row], descending: bool) -> list[Row]:
    """Rows in a column's order; equal ones keep theirs."""
    key = column.sort
    if key is None:
        return list(rows)
    return sorted(rows, key=lambda row: sort_key(key(row)), reverse=descending)
