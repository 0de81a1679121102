"""`otelcost context`: where the input tokens of every task go, and of one in detail, without a stored word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.context_words import BAR_KEY, bar, facts, two_lengths
from otelcost.cli.figures import costs
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import reader, unknown
from otelcost.cli.render import Block, Column, Document, Heading, Name, Prose, Table
from otelcost.display import count, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.store.queries import ContextRow, SplitProposal

FIELDS = (
    "task",
    "part",
    "tokens",
    "static_tokens",
    "repeated_tokens",
    "volatile_tokens",
    "read_tokens",
    "write_tokens",
    "picousd",
    "unpriced_tokens",
)

_TASKS = (
    Column("task", flex=24),
    Column("in/call", right=True),
    Column("billed", right=True),
    Column("static", right=True, drop=2),
    Column("cached", right=True, drop=3),
    Column("largest", drop=1, flex=24),
)
_PARTS = (
    Column("part"),
    Column("tokens/call", right=True),
    Column("share", right=True),
    Column("billed", right=True),
    Column("cached", right=True, drop=1),
    Column("of the input"),
)
_BLOCKS = (
    Column("the same", flex=16),
    Column("at", right=True, drop=2),
    Column("calls", right=True),
    Column("tokens", right=True),
    Column("of", right=True, drop=1),
    Column("billed", right=True),
)

_BILLED = (
    "Billed is what these tokens cost as they were sent, at the cache's rates where it held them: so much would have "
    "been saved without them. Whether the answers stay as good, only a trial says."
)


@click.command("context", epilog=options.examples("context", "context triage.triage_ticket"))
@click.argument("task_name", metavar="TASK", required=False)
@options.viewing
def command(request: options.Reading, task_name: str | None) -> None:
    """Show where the input tokens of every task go, or of TASK in detail.

    System prompt, tools, examples, context, history and the user's own words, as far as they never change, change in
    places or are new every time; what the cache held of them, and what each was billed.
    """
    from otelcost.store import queries  # noqa: PLC0415

    with reader(request) as found:
        rows = queries.context(found.connection, found.window, task_name)
        if task_name is not None and not rows:
            known = [row.task for row in queries.tasks(found.connection, found.window)]
            if known:
                raise unknown("no task with known input in this window is called", task_name, known, "otelcost tasks")
        proposal = queries.split_proposal(found.connection, found.window, task_name) if task_name else None
        shown = _blocks(rows, task_name, proposal) if rows else (why_nothing(found),)
        blocks = (windows.line(found), *shown)
    options.show(document(rows, blocks, windows.head(found), proposal), request.format)


def document(
    rows: Sequence[ContextRow], blocks: tuple[Block, ...], head: dict[str, Any], proposal: SplitProposal | None
) -> Document:
    """Contexts as a document; a record is one part of one task."""
    return Document(
        envelope={
            **head,
            "tasks": [envelope(row) for row in rows],
            "split": None if proposal is None else _fields(proposal),
        },
        blocks=blocks,
        fields=FIELDS,
        records=tuple(
            {"task": row.task, **{name: getattr(part, name) for name in FIELDS[1:]}}
            for row in rows
            for part in row.parts
        ),
    )


def envelope(row: ContextRow) -> dict[str, Any]:
    """A task's context for programs."""
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    return fields | {
        "models": list(row.models),
        "parts": [_fields(part) for part in row.parts],
        "blocks": [_fields(block) | {"hash": f"{block.hash:016x}"} for block in row.blocks],
        "tools": [_fields(tool) for tool in row.tools],
    }


def _fields(part: Any) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__struct_fields__}


def _blocks(rows: Sequence[ContextRow], task: str | None, proposal: SplitProposal | None) -> tuple[Block, ...]:
    if task is None:
        return _all(rows)
    return _one(rows[0]) if proposal is None else (*_one(rows[0]), Prose(two_lengths(proposal)))


def _all(rows: Sequence[ContextRow]) -> tuple[Block, ...]:
    amounts = costs([row.input_picousd for row in rows])
    cells = tuple(
        (
            row.task,
            count(row.input_tokens // row.calls),
            amount,
            percent(sum(part.static_tokens for part in row.parts), row.input_tokens),
            percent(row.cache_read_tokens, row.input_tokens),
            _largest(row),
        )
        for row, amount in zip(rows, amounts, strict=True)
    )
    return (Table(_TASKS, cells), Prose(("One in detail: otelcost context TASK",)))


def _largest(row: ContextRow) -> str:
    parts = [part for part in row.parts if part.part != "unknown"]
    if not parts:
        return "not recorded part by part"
    part = max(parts, key=lambda part: part.tokens)
    return f"{part.part} {percent(part.tokens, row.input_tokens)}"


def _one(row: ContextRow) -> tuple[Block, ...]:
    head = Heading((Name(row.task), f": {count(row.input_tokens // row.calls)} input tokens a call"), level=1)
    parts = (head, Prose(facts(row), bullets=True), _parts(row), Prose((BAR_KEY, _BILLED)))
    if not row.blocks:
        return parts
    return (*parts, Heading("The largest texts that come again"), _equal(row))


def _parts(row: ContextRow) -> Table:
    amounts = costs([part.picousd for part in row.parts])
    return Table(
        _PARTS,
        tuple(
            (
                part.part,
                count(part.tokens // row.calls),
                percent(part.tokens, row.input_tokens),
                amount,
                percent(part.read_tokens, part.tokens),
                bar(part, row.input_tokens),
            )
            for part, amount in zip(row.parts, amounts, strict=True)
        ),
    )


def _equal(row: ContextRow) -> Table:
    amounts = costs([block.picousd for block in row.blocks])
    return Table(
        _BLOCKS,
        tuple(
            (
                f"{block.part} {block.kind if block.name is None else block.name}",
                str(block.position),
                f"{count(block.calls)} ({percent(block.calls, row.known_calls)})",
                count(block.tokens // block.calls),
                count(block.call_tokens // block.calls),
                amount,
            )
            for block, amount in zip(row.blocks, amounts, strict=True)
        ),
    )
