"""`otelcost overview`: the answer in a few lines, then where the money went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import movement, options, windows
from otelcost.cli.figures import costs, with_unpriced
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import Reader, reader
from otelcost.cli.recommendation import headline, savings
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.digest import phrases
from otelcost.display import count, iso, money, percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.advise import Report
    from otelcost.digest.content import Driver
    from otelcost.store.queries import DayRow, Overview, SliceRow

TOP = 10
"""Rows a breakdown shows before it points at the command that has all of them."""

TOP_FIXES = 3

FIELDS = ("section", "name", "calls", "unpriced_calls", "cost_picousd", "change_picousd")


@click.command(
    "overview",
    epilog=options.examples(
        "overview", "overview --since 24h --task 'nightly.*'", "overview --format md > overview.md"
    ),
)
@options.viewing
def command(request: options.Reading) -> None:
    """Say what was spent, what moved it, and what to change."""
    with reader(request) as found:
        shown = read(found)
    options.show(shown, request.format)


def read(found: Reader) -> Document:
    """The overview of an open store."""
    from otelcost.advise import recommend  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415

    overview = queries.overview(found.connection, found.window)
    report = recommend(found.connection, found.window, now=found.now)
    return document(overview, report, movement.read(found).drivers(), found)


def document(overview: Overview, report: Report, drivers: Sequence[Driver], found: Reader) -> Document:
    """Figures, what moved them and fixes as a document."""
    return Document(
        envelope=envelope(overview, report, drivers, found),
        blocks=blocks(overview, report, drivers, found),
        fields=FIELDS,
        records=(*_records(overview), *map(movement.record, drivers)),
    )


def envelope(overview: Overview, report: Report, drivers: Sequence[Driver], found: Reader) -> dict[str, Any]:
    """The overview as JSON; `unpriced_calls` are in no sum, and `null` money is unknown."""
    from msgspec import to_builtins  # noqa: PLC0415

    saved = phrases.saved(report)
    return {
        **windows.head(found),
        "totals": totals(overview),
        "fixes": saved.fixes,
        "needs_trial": saved.trials,
        "joint_picousd": report.joint_picousd,
        "headline": headline(report),
        "insights": len(report.insights),
        "drivers": movement.as_json(drivers),
        "by_task": [_slice(row) for row in overview.by_task],
        "by_model": [_slice(row) for row in overview.by_model],
        "by_day": to_builtins([_day(row) for row in overview.by_day]),
    }


def totals(overview: Overview) -> dict[str, Any]:
    """The window's totals as JSON."""
    return {
        "spend_picousd": overview.spend_picousd,
        "previous_picousd": overview.previous_picousd,
        "monthly_picousd": overview.monthly_picousd,
        "calls": overview.calls,
        "unpriced_calls": overview.unpriced_calls,
        "errors": overview.errors,
        "estimated_calls": overview.estimated_calls,
        "input_tokens": overview.input_tokens,
        "cache_read_tokens": overview.cache_read_tokens,
        "output_tokens": overview.output_tokens,
        "coverage_days": overview.coverage_days,
        "first_call": iso(overview.first_call),
        "last_call": iso(overview.last_call),
    }


def _slice(row: SliceRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "calls": row.calls,
        "unpriced_calls": row.unpriced_calls,
        "cost_picousd": row.cost_picousd,
    }


def _day(row: DayRow) -> dict[str, Any]:
    return {
        "name": row.day.isoformat(),
        "calls": row.calls,
        "unpriced_calls": row.unpriced_calls,
        "cost_picousd": row.cost_picousd,
    }


def _records(overview: Overview) -> list[dict[str, Any]]:
    total = {
        "name": "total",
        "calls": overview.calls,
        "unpriced_calls": overview.unpriced_calls,
        "cost_picousd": overview.spend_picousd,
    }
    sections = (
        ("total", [total]),
        ("task", [_slice(row) for row in overview.by_task]),
        ("model", [_slice(row) for row in overview.by_model]),
        ("day", [_day(row) for row in overview.by_day]),
    )
    return [{"section": section, **row} for section, rows in sections for row in rows]


def blocks(overview: Overview, report: Report, drivers: Sequence[Driver], found: Reader) -> tuple[Block, ...]:
    """The overview for people: answer, fixes, breakdowns; or what to do where there is nothing."""
    if not overview.calls:
        return (*_head(found), why_nothing(found))
    return (
        *_head(found, overview),
        Prose(answer(overview, report)),
        *movement.blocks(drivers),
        *_fixes(report),
        Heading("By task"),
        *breakdown("task", overview.by_task, overview.spend_picousd, "otelcost tasks"),
        Heading("By model"),
        *breakdown("model", overview.by_model, overview.spend_picousd, "otelcost overview --format csv"),
        Heading("By day (UTC)"),
        _days(overview.by_day),
    )


def _head(found: Reader, overview: Overview | None = None) -> tuple[Block, ...]:
    title: Line = ("LLM spend, ", Name(windows.title(found)))
    covered = f", data on {plural(overview.coverage_days, 'day')}" if overview else ""
    return Heading(title, level=1), Prose((f"{windows.bounds(found.window)}{covered}",))


def answer(overview: Overview, report: Report) -> tuple[Line, ...]:
    """The few lines that somebody reads who reads nothing else."""
    monthly = f"; about {money(overview.monthly_picousd)} a month" if overview.monthly_picousd else ""
    return (
        f"spend {phrases.spend(overview)}{monthly}",
        phrases.activity(overview),
        phrases.token_use(overview),
        *phrases.unknowns(overview),
        phrases.savings(report),
    )


def _fixes(report: Report) -> tuple[Block, ...]:
    fixes = phrases.open_fixes(report)[:TOP_FIXES]
    found = (Prose((_found(report),)),) if report.insights else ()
    if not fixes:
        return found
    rows = tuple((fix.id, fix.title, saved, fix.class_) for fix, saved in zip(fixes, savings(fixes), strict=True))
    columns = (
        Column("fix"),
        Column("what to change", flex=20),
        Column("saves", right=True),
        Column("basis", drop=1),
    )
    return Heading("Top fixes (all of them: otelcost rec list)"), Table(columns, rows), *found


def _found(report: Report) -> Line:
    """What is worth knowing beside the fixes, in one line: the dearest, and how many there are."""
    first, more = report.insights[0], len(report.insights) - 1
    rest = f", and {more:,} more in otelcost rec list" if more else ""
    return ("worth knowing: ", Name(first.title), rest)


def breakdown(what: str, rows: Sequence[SliceRow], spend: int | None, more: str) -> tuple[Block, ...]:
    """The parts of a spend, the largest first, and where the rest can be read."""
    shown = rows[:TOP]
    amounts = [row.cost_picousd for row in shown]
    table = Table(
        (
            Column(what, flex=16),
            Column("cost", right=True),
            Column("share", right=True, drop=2),
            Column("calls", right=True, drop=1),
        ),
        tuple(
            (row.name or "unknown", cost, percent(row.cost_picousd, spend), count(row.calls))
            for row, cost in zip(shown, costs(amounts), strict=True)
        ),
    )
    table = with_unpriced(table, [row.unpriced_calls for row in shown])
    left = len(rows) - len(shown)
    return (table, Prose((f"and {left:,} more: {more}",))) if left > 0 else (table,)


def _days(rows: Sequence[DayRow]) -> Table:
    amounts = costs([row.cost_picousd for row in rows])
    table = Table(
        (Column("day"), Column("cost", right=True), Column("calls", right=True)),
        tuple((row.day.isoformat(), cost, count(row.calls)) for row, cost in zip(rows, amounts, strict=True)),
    )
    return with_unpriced(table, [row.unpriced_calls for row in rows])
