"""`otelcost drain`: load what applications have recorded, and say how much it was."""

from __future__ import annotations

import click

from otelcost.cli import options, terminal
from otelcost.cli.render import Document, Prose
from otelcost.display import plural


@click.command("drain")
@options.format_option
@options.debug_option
def command(format_: str) -> None:
    """Load the spool into the store. Every reading command does this first; a timer may do it too."""
    from otelcost.store.drain import drain  # noqa: PLC0415

    report = drain()
    for warning in report.warnings:
        terminal.warn(warning)
    figures = {
        "calls": report.calls,
        "spans": report.spans,
        "rejects": report.rejects,
        "segments": report.segments,
    }
    nouns = zip(("call", "span", "reject", "segment"), figures.values(), strict=True)
    line = ", ".join(plural(number, noun) for noun, number in nouns)
    options.show(Document(figures, (Prose((line,)),), tuple(figures), (figures,)), format_)
