"""`otelcost tasks rename|merge|split|undo`: what the user decides about tasks, kept beside the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from otelcost.cli import options, reader, terminal
from otelcost.display import clean

if TYPE_CHECKING:
    from otelcost.store.task_decisions import Maker, Split

SPLITS = ("schema", "tools", "template", "model", "line", "root", "feature", "output")
MOST_TOKENS = 10**9
"""As in the store's decisions, which are too heavy to load for a help text."""


@click.command("rename", epilog=options.examples("tasks rename triage.triage_ticket triage"))
@click.argument("old")
@click.argument("new")
@options.debug_option
def rename_command(old: str, new: str) -> None:
    """Call the task OLD by the name NEW from now on, in every list, screen and recommendation."""
    from otelcost.store import task_decisions  # noqa: PLC0415

    _decide(task_decisions.rename(old, new))


@click.command("merge", epilog=options.examples("tasks merge faq.answer_question chat.continue_chat --into support"))
@click.argument("tasks", nargs=-1, required=True)
@click.option(
    "--into", required=True, metavar="NAME", help="What they are called together; one of them, or a new name."
)
@options.debug_option
def merge_command(tasks: tuple[str, ...], into: str) -> None:
    """Count several TASKS as one."""
    from otelcost.store import task_decisions  # noqa: PLC0415

    _decide(task_decisions.merge(tasks, into))


@click.command("split", epilog=options.examples("tasks split triage.triage_ticket --by output --at 500"))
@click.argument("task")
@click.option(
    "--by", type=click.Choice(SPLITS), required=True, help="What the parts differ in; line: of the call site."
)
@click.option(
    "--at",
    "at_tokens",
    type=click.IntRange(1, MOST_TOKENS),
    metavar="TOKENS",
    help="With --by output: where long begins.",
)
@options.debug_option
def split_command(task: str, by: str, at_tokens: int | None) -> None:
    """Count the calls of TASK as several tasks, called TASK/PART.

    `otelcost context TASK` proposes a split where the answers are of two lengths.
    """
    from otelcost.store import task_decisions  # noqa: PLC0415

    _decide(task_decisions.split(task, cast("Split", by), at_tokens))


@click.command("undo", epilog=options.examples("tasks rename triage.triage_ticket triage", "tasks undo"))
@options.debug_option
def undo_command() -> None:
    """Take back the last rename, merge or split."""
    from otelcost.store import task_decisions  # noqa: PLC0415

    _decide(task_decisions.undo)


def _decide(make: Maker) -> None:
    from otelcost import settings  # noqa: PLC0415
    from otelcost.store import task_decisions  # noqa: PLC0415

    reader.drain_spool()
    change = task_decisions.decide(settings.store_path(), make)
    if len(change.after) < len(change.before):
        terminal.data(f"undone: {clean(change.before[-1].words())}\n")
    else:
        terminal.data(f"{clean(change.after[-1].words())} (take it back: otelcost tasks undo)\n")
