"""A document on a terminal, with rich: the same words as plain text, in colour where that is wanted."""

from __future__ import annotations

import io
import shutil
import sys
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

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
        console.print(Text(plain_line(block.text), style="bold"))
    elif isinstance(block, Prose):
        mark = "- " if block.bullets else ""
        for line in block.lines:
            console.print(Text(mark + plain_line(line)))
    else:
        console.print(_table(block))


def _table(block: Table) -> RichTable:
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") not in {"utf8", "utf16", "utf32"}
    table = RichTable(box=box.ASCII2 if ascii_only else box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in block.columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
    for row in block.rows:
        # Text objects, never strings: rich would read `[red]` in a name as markup.
        table.add_row(*(Text(clean(cell)) for cell in row))
    return table
