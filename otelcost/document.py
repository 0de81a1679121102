"""Text in blocks, as plain text and as Markdown: what commands and digests write their answers with.

Everything that came from an application is a `Name` or a table cell and is escaped here for the format it lands
in, so that a task called `=cmd()` or `\\x1b[2J` is shown and never obeyed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otelcost.display import clean, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "


class Name(str):
    """Text that came from an application or a file: escaped wherever it is shown."""

    __slots__ = ()


Line = str | tuple[str, ...]
"""A line of prose: our own words (`str`) with `Name`s between."""


@dataclass(frozen=True)
class Column:
    """A column's title and side. Right means figures, which are our own text and need no escaping.

    Where a terminal is too narrow, columns with higher `drop` go first and 0 stays; one with `flex` wraps
    between words, down to so many cells.
    """

    title: str
    right: bool = False
    drop: int = 0
    flex: int = 0


@dataclass(frozen=True)
class Heading:
    """A heading over the blocks that follow."""

    text: Line
    level: int = 2


@dataclass(frozen=True)
class Prose:
    """Lines of prose; with `bullets` each is an item of a list."""

    lines: tuple[Line, ...]
    bullets: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text under titled columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Prose | Table


def plain_line(line: Line) -> str:
    """A line of prose for a terminal or a file."""
    return clean(line) if isinstance(line, str) else "".join(clean(part) for part in line)


def markdown_line(line: Line) -> str:
    """A line of prose for Markdown: names escaped, our own words as they are."""
    parts = (line,) if isinstance(line, str) else line
    return "".join(markdown(part) if isinstance(part, Name) else clean(part) for part in parts)


def to_markdown(blocks: Sequence[Block]) -> str:
    """GitHub-flavoured Markdown."""
    return "\n\n".join(_markdown_block(block) for block in blocks) + "\n"


def _markdown_block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {markdown_line(block.text)}"
    if isinstance(block, Prose):
        # Two blanks at a line's end keep the break; a list keeps its own.
        lines = [markdown_line(line) for line in block.lines]
        return "\n".join(f"- {line}" for line in lines) if block.bullets else "  \n".join(lines)
    head = " | ".join(column.title for column in block.columns)
    rule = " | ".join("---:" if column.right else "---" for column in block.columns)
    return "\n".join(f"| {row} |" for row in (head, rule, *(_markdown_row(block, row) for row in block.rows)))


def _markdown_row(table: Table, row: tuple[str, ...]) -> str:
    cells = zip(table.columns, row, strict=True)
    return " | ".join(clean(cell) if column.right else markdown(cell) for column, cell in cells)


def to_plain(blocks: Sequence[Block]) -> str:
    """Aligned text without colour: the same bytes for the same data."""
    return "\n\n".join(_plain_block(block) for block in blocks) + "\n"


def _plain_block(block: Block) -> str:
    if isinstance(block, Heading):
        return plain_line(block.text)
    if isinstance(block, Prose):
        return "\n".join(f"{'- ' if block.bullets else ''}{plain_line(line)}" for line in block.lines)
    rows = [tuple(column.title for column in block.columns), *(tuple(map(clean, row)) for row in block.rows)]
    widths = [max(map(width, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(_aligned(block.columns, row, widths) for row in rows)


def _aligned(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int]) -> str:
    cells = []
    for column, cell, room in zip(columns, row, widths, strict=True):
        blanks = " " * (room - width(cell))
        cells.append(blanks + cell if column.right else cell + blanks)
    return _GAP.join(cells).rstrip()


def width(text: str) -> int:
    """Terminal cells a text takes: two for wide letters, none for combining marks."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
