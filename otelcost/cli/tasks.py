"""`otelcost tasks`: what every job cost, and what its calls are like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.figures import costs, with_unpriced
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import reader
from otelcost.cli.render import Block, Column, Document, Table
from otelcost.cli.task_candidates import candidates_command
from otelcost.cli.task_edits import merge_command, rename_command, split_command, undo_command
from otelcost.display import change, count, percent, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.store.queries import TaskRow

FIELDS = (
    "task",
    "task_source",
    "call_site",
    "calls",
    "operations",
    "errors",
    "unpriced_calls",
    "cost_picousd",
    "previous_picousd",
    "input_tokens",
    "cache_read_tokens",
    "output_tokens",
    "models",
)

COLUMNS = (
    Column("task", flex=24),
    Column("cost", right=True),
    Column("change", right=True, drop=1),
    Column("calls", right=True, drop=2),
    Column("errors", right=True, drop=5),
    Column("in/call", right=True, drop=6),
    Column("out/call", right=True, drop=7),
    Column("cached", right=True, drop=4),
    Column("models", drop=3, flex=18),
)


@click.group(
    "tasks",
    invoke_without_command=True,
    epilog=options.examples("tasks", "tasks --window 30d --format csv > tasks.csv"),
)
@options.viewing
@click.pass_context
def command(context: click.Context, request: options.Reading) -> None:
    """List tasks, the most expensive first; rename, merge and split them.

    A task is named by the program, else recognised by its call site and root span, its prompt's template with its
    tools and schema, or texts that come often; the JSON form says by which.
    """
    if context.invoked_subcommand is None:
        _list(request)


for _command in (candidates_command, rename_command, merge_command, split_command, undo_command):
    command.add_command(_command)


def _list(request: options.Reading) -> None:
    from otelcost.store import queries  # noqa: PLC0415

    with reader(request) as found:
        rows = queries.tasks(found.connection, found.window)
        shown = table(rows) if rows else why_nothing(found)
        blocks = (windows.line(found), shown)
    options.show(document(rows, blocks, windows.head(found)), request.format)


def document(rows: Sequence[TaskRow], blocks: tuple[Block, ...], head: dict[str, Any]) -> Document:
    """Tasks as a document."""
    records = tuple({name: getattr(row, name) for name in FIELDS} for row in rows)
    return Document(
        envelope={**head, "tasks": [{**row, "models": list(row["models"])} for row in records]},
        blocks=blocks,
        fields=FIELDS,
        records=records,
    )


def table(rows: Sequence[TaskRow]) -> Table:
    """Tasks for people; token counts are means of a call."""
    amounts = costs([row.cost_picousd for row in rows])
    cells = tuple(_row(row, cost) for row, cost in zip(rows, amounts, strict=True))
    return with_unpriced(Table(COLUMNS, cells), [row.unpriced_calls for row in rows])


def _row(row: TaskRow, cost: str) -> tuple[str, ...]:
    return (
        row.task,
        cost,
        change(row.cost_picousd, row.previous_picousd) or "-",
        count(row.calls),
        count(row.errors),
        tokens(_per_call(row.input_tokens, row.calls)),
        tokens(_per_call(row.output_tokens, row.calls)),
        percent(row.cache_read_tokens, row.input_tokens),
        ", ".join(row.models),
    )


def _per_call(total: int | None, calls: int) -> int | None:
    return None if total is None or not calls else total // calls
