"""`otelcost rec`: what to change, what it saves, and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import decision_text, decisions, evidence, insight, options, recommendation, terminal, windows
from otelcost.cli.figures import costs
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import Reader, reader, unknown
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.digest import phrases
from otelcost.display import count, money, plural, range_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.advise import Recommendation, Report
    from otelcost.advise.life_cycle import Event

SHOWN_CALLS = 5


@click.group("rec")
def command() -> None:
    """Recommendations: list them, show one with its evidence, decide on them, see what they saved."""


@command.command("list", epilog=options.examples("rec list", "rec list --window 14d --format json"))
@options.viewing
def list_command(request: options.Reading) -> None:
    """List recommendations, with what they save together, what else was found and what was not checked."""
    with reader(request) as found:
        shown = list_document(report_of(found), found)
    options.show(shown, request.format)


@command.command("show", epilog=options.examples("rec show R-65d46fa6"))
@click.argument("recommendation_id", metavar="ID")
@options.viewing
def show_command(request: options.Reading, recommendation_id: str) -> None:
    """Show one recommendation, or insight: why, the arithmetic, the change and the calls behind it."""
    from otelcost.advise.life_cycle import history  # noqa: PLC0415

    with reader(request) as found:
        report = report_of(found)
        events = history(found.connection, recommendation_id)
    by_id = {row.id: row for row in report.recommendations}
    told = {row.id: row for row in report.insights}
    if recommendation_id in told:
        options.show(insight.document(told[recommendation_id], found), request.format)
    elif recommendation_id in by_id:
        options.show(show_document(by_id[recommendation_id], found, events), request.format)
    else:
        raise unknown(insight.NO_SUCH, recommendation_id, {**by_id, **told}, "otelcost rec list")


def report_of(found: Reader) -> Report:
    """What is advised for the window."""
    from otelcost.advise import recommend  # noqa: PLC0415

    return recommend(found.connection, found.window, now=found.now)


def list_document(report: Report, found: Reader) -> Document:
    """All recommendations as a document."""
    envelope = recommendation.envelope(report, found.window, found.label)
    return Document(
        envelope=envelope | windows.head(found),
        blocks=list_blocks(report, found),
        fields=recommendation.FIELDS,
        records=recommendation.records(report, envelope["recommendations"]),
    )


def list_blocks(report: Report, found: Reader) -> tuple[Block, ...]:
    """The list for people: the honest total first, then each one, then what nobody could check."""
    return (
        Heading(("Recommendations, ", Name(windows.title(found))), level=1),
        Prose(_summary(report, found)),
        *(_table(report) if report.coverage_days or report.not_checked else (why_nothing(found),)),
        *_insights(report),
        *_not_checked(report),
    )


def _summary(report: Report, found: Reader) -> tuple[Line, ...]:
    return (
        f"{windows.bounds(found.window)}; spend {money(report.spend_picousd)}",
        phrases.savings(report),
    )


def _table(report: Report) -> tuple[Block, ...]:
    if not report.recommendations:
        return ()
    listed = report.recommendations
    rows = tuple(
        (row.id, row.task, row.title, saved, alone, row.class_, count(row.calls), row.state)
        for row, saved, alone in zip(listed, recommendation.savings(listed), recommendation.alone(listed), strict=True)
    )
    columns = (
        Column("id"),
        Column("task", drop=2, flex=20),
        Column("what to change", flex=24),
        Column("saves", right=True),
        Column("alone", right=True, drop=3),
        Column("basis", drop=1),
        Column("calls", right=True, drop=5),
        Column("state", drop=4),
    )
    return (Table(columns, rows), Prose((terminal.runnable("Evidence and the exact change: otelcost rec show ID"),)))


def _insights(report: Report) -> tuple[Block, ...]:
    if not report.insights:
        return ()
    observed = costs([row.cost_observed_picousd for row in report.insights])
    rows = tuple(
        (row.id, row.task, row.title, cost, count(row.calls))
        for row, cost in zip(report.insights, observed, strict=True)
    )
    columns = (
        Column("id", drop=2), Column("task", drop=1, flex=20), Column("what was found", flex=24),
        Column("its calls cost", right=True), Column("calls", right=True, drop=3),
    )  # fmt: skip
    return Heading("Worth knowing, with no saving claimed"), Table(columns, rows)


def _not_checked(report: Report) -> tuple[Block, ...]:
    if not report.not_checked:
        return ()
    rows = tuple((row.rule, row.task or "all tasks", row.reason) for row in report.not_checked)
    return Heading("Not checked, which is not the same as clean"), Table(
        (Column("rule"), Column("task", flex=10), Column("why not", flex=20)), rows
    )


def show_document(row: Recommendation, found: Reader, events: Sequence[Event] = ()) -> Document:
    """One recommendation as a document, with what was decided on it."""
    facts = recommendation.as_json(row, found.window, found.label)
    past = [decision_text.as_json(event) for event in events]
    return Document(
        envelope={**windows.head(found), "recommendation": facts, "history": past},
        blocks=show_blocks(row, facts, windows.flags(found), events),
        fields=(*recommendation.FIELDS, "call_ids"),
        records=(facts,),
    )


def show_blocks(
    row: Recommendation, facts: dict[str, Any], flags: str, events: Sequence[Event] = ()
) -> tuple[Block, ...]:
    """Why, math, change: in the order in which somebody decides; then what was decided.

    `facts` is the row as JSON, `flags` what asks for the same calls.
    """
    told, transform = facts["evidence"], facts["transform"]
    return (
        Heading((row.id, ": ", Name(row.title)), level=1),
        Prose((("task ", Name(row.task), f", rule {row.rule}, {row.state}"), *_place(row))),
        Heading("Why"),
        Prose(evidence.lines(told), bullets=True),
        Heading("Math"),
        Prose((*_math(row), evidence.repricing(transform), *evidence.replay(told)), bullets=True),
        Heading("Change"),
        Prose(tuple((Name(line),) for line in row.change.splitlines())),
        Heading("Calls"),
        Prose(_calls(row, flags)),
        *((Heading("Decided"), decision_text.table(events)) if events else ()),
    )


def _place(row: Recommendation) -> tuple[Line, ...]:
    return (("at ", Name(row.call_site)),) if row.call_site else ()


def _math(row: Recommendation) -> tuple[Line, ...]:
    monthly = f"about {money(row.monthly_picousd)} a month at this rate"
    return (
        f"{plural(row.calls, 'call')} cost {money(row.cost_observed_picousd)} as they were",
        f"alone it saves {money(row.standalone_picousd)} of that{_range(row)}",
        f"its share of what all fixes save together is {money(row.marginal_picousd)}",
        f"basis: {row.class_}; risk: {row.risk}; effort: {row.effort}; way back: {row.reversibility}",
        *((monthly,) if row.monthly_picousd is not None else ()),
    )


def _range(row: Recommendation) -> str:
    if row.low_picousd is None or row.high_picousd is None:
        return "; too few days for a range"
    spread = range_text(row.low_picousd, row.high_picousd)
    return f", range {spread}" if spread else ""


def _calls(row: Recommendation, flags: str) -> tuple[Line, ...]:
    shown = ",".join(row.call_ids[:SHOWN_CALLS])
    left = row.calls - SHOWN_CALLS
    if left <= 0:
        return (terminal.runnable(f"otelcost calls --ids {shown}"),)
    every = f"otelcost calls --rec {row.id} {flags} --format csv"
    return (
        terminal.runnable(f"otelcost calls --ids {shown}"),
        terminal.runnable(f"and {left:,} more, all of them: {every}"),
    )


decisions.install(command)
