"""A document on a terminal, with rich: the same words as plain text, in colour where that is wanted."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from otelcost.cli.layout import GAP, layout
from otelcost.cli.render import Heading, Prose, plain_line
from otelcost.display import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.cli.render import Block, Table


def to_terminal(blocks: Sequence[Block]) -> str:
    """Text with terminal codes, as wide as the terminal; `NO_COLOR` and `TERM=dumb` are honoured."""
    columns = shutil.get_terminal_size().columns
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=columns, highlight=False, legacy_windows=False)
    for index, block in enumerate(blocks):
        if index and not isinstance(blocks[index - 1], Heading):
            console.print()
        _print(console, block)
    return out.getvalue()


def _print(console: Console, block: Block) -> None:
    if isinstance(block, Heading):
        _print_prose(console, Text(plain_line(block.text), style="bold"))
    elif isinstance(block, Prose):
        mark = "- " if block.bullets else ""
        for line in block.lines:
            _print_prose(console, Text(mark + plain_line(line)))
    else:
        _print_table(console, block)


def _print_prose(console: Console, text: Text) -> None:
    """Wrapped between words; a line with a word too long for that is left to the terminal, to be copied whole."""
    longest = max((cell_len(word) for word in text.plain.split()), default=0)
    console.print(text, soft_wrap=longest > console.width)


def _print_table(console: Console, table: Table) -> None:
    sizes = layout(table, console.width)
    if sizes is None:
        _print_cards(console, table)
        return
    rule = "-" if _ascii_only() else "─"
    _print_row(console, table, sizes, [column.title for column in table.columns], "bold")
    console.print(Text(rule * (sum(size for _, size in sizes) + GAP * (len(sizes) - 1)), style="dim"))
    for row in table.rows:
        _print_row(console, table, sizes, row, "")
    gone = [column.title for index, column in enumerate(table.columns) if index not in dict(sizes)]
    if gone:
        _print_prose(console, Text(f"not in this width: {', '.join(gone)}", style="dim"))


def _print_row(console: Console, table: Table, sizes: list[tuple[int, int]], row: Sequence[str], style: str) -> None:
    cells = [_wrapped(console, row[index], size) for index, size in sizes]
    for number in range(max(map(len, cells))):
        parts = []
        for (index, size), lines in zip(sizes, cells, strict=True):
            text = lines[number] if number < len(lines) else ""
            blanks = " " * (size - cell_len(text))
            parts.append(blanks + text if table.columns[index].right else text + blanks)
        console.print(Text((" " * GAP).join(parts).rstrip(), style=style), soft_wrap=True)


def _wrapped(console: Console, cell: str, size: int) -> list[str]:
    # Text objects, never strings: rich would read `[red]` in a name as markup.
    return [line.plain.rstrip() for line in Text(clean(cell)).wrap(console, size, overflow="fold")] or [""]


def _print_cards(console: Console, table: Table) -> None:
    """A block of `title: value` lines a row: everything is there, in one piece."""
    for number, row in enumerate(table.rows):
        if number:
            console.print()
        for column, cell in zip(table.columns, row, strict=True):
            if cell:
                _print_prose(console, Text.assemble((f"{column.title}: ", "bold"), clean(cell)))


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") not in {"utf8", "utf16", "utf32"}
