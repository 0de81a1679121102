"""`otelcost tasks candidates`: which cheaper models are worth a trial on a task, point by point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.reader import reader, unknown
from otelcost.cli.render import Block, Column, Document, Heading, Name, Prose, Table
from otelcost.display import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.advise.suitability import Candidate

FIELDS = (
    "task", "provider", "model", "candidate", "score", "refused", "calls", "cost_picousd", "candidate_picousd",
)  # fmt: skip

_POINTS = (Column("part"), Column("points", right=True), Column("why", flex=24))


@click.command("candidates", epilog=options.examples("tasks candidates extract.extract_invoice"))
@click.argument("task")
@options.reading
def candidates_command(request: options.Reading, task: str) -> None:
    """Show the cheaper models worth a trial on TASK, each with the points of its score in words.

    A score ranks trials and promises nothing. A model that lacks what the task uses is refused with the reason.
    """
    from otelcost.advise.suitability import candidates  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415

    with reader(request) as found:
        known = [row.task for row in queries.tasks(found.connection, found.window)]
        if task not in known:
            raise unknown("no task in this window is called", task, known, "otelcost tasks")
        rows = candidates(found.connection, found.window, task)
        line = windows.line(found)
        shown = tuple(block for row in rows for block in _one(row)) or (_none(task),)
    options.show(_document(rows, (line, *shown), windows.envelope(found.window, found.label)), request.format)


def _document(rows: Sequence[Candidate], blocks: tuple[Block, ...], window: dict[str, Any]) -> Document:
    records = tuple({name: getattr(row, name) for name in FIELDS} for row in rows)
    scored = [
        {**record, "points": [{name: getattr(one, name) for name in one.__struct_fields__} for one in row.points]}
        for record, row in zip(records, rows, strict=True)
    ]
    return Document(envelope={"window": window, "candidates": scored}, blocks=blocks, fields=FIELDS, records=records)


def _none(task: str) -> Prose:
    return Prose((("no cheaper model of the same provider is known for the models of ", Name(task)),))


def _one(row: Candidate) -> tuple[Block, ...]:
    if row.refused is not None:
        return (Heading((Name(row.candidate), " for ", Name(row.model), ": refused")), Prose((row.refused,)))
    head = Heading((Name(row.candidate), " for ", Name(row.model), f": {row.score} of 100"))
    cells = tuple((one.part, f"{one.points}/{one.most}", one.words) for one in row.points)
    return (head, Prose((_costs(row),)), Table(_POINTS, cells))


def _costs(row: Candidate) -> str:
    if row.cost_picousd is None:
        return "what it would cost is not known: no price for it"
    return (
        f"{money(row.cost_picousd)} of calls would be {money(row.candidate_picousd)} there, with its own count of "
        "tokens and answers a tenth longer; a trial says whether they are as good"
    )
