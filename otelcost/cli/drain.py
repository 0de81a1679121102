"""`otelcost drain`: load what applications have recorded, and say how much it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otelcost.cli import options, terminal
from otelcost.cli.render import Document, Prose
from otelcost.display import plural

if TYPE_CHECKING:
    from otelcost.store.drain import DrainReport


@click.command("drain", epilog=options.examples("drain"))
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
    options.show(Document(figures, (Prose((_loaded(report),)),), tuple(figures), (figures,)), format_)


def _loaded(report: DrainReport) -> str:
    """`loaded 3 calls and 0 spans from 2 spool files`, with what could not be read."""
    if not report.calls and not report.spans and not report.rejects:
        return "nothing new to load"
    files = plural(report.segments, "spool file")
    loaded = f"loaded {plural(report.calls, 'call')} and {plural(report.spans, 'span')} from {files}"
    aside = f"; {plural(report.rejects, 'line')} could not be read and put aside" if report.rejects else ""
    return loaded + aside
