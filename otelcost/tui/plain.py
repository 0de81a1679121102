"""The screens as lines of text, one after the other: for screen readers, pipes and files.

The same painters draw them, at a fixed width and without colour; the same store at the same moment gives the same
bytes. Nothing that passes, such as how old the last record is, stands in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec
from textual.content import Content

from otelcost import display
from otelcost.tui import words
from otelcost.tui.columns import Column, heading, layout, row_line
from otelcost.tui.host import Source
from otelcost.tui.pages import findings, recommendations, tasks, trials
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.snapshot import CallQuery, Period, Slice, Snapshot
from otelcost.tui.widgets import pictures
from otelcost.tui.widgets.daily import Daily
from otelcost.tui.widgets.empty import Empty
from otelcost.tui.widgets.headline import Headline
from otelcost.tui.widgets.paint import Paint
from otelcost.tui.widgets.recdetail import RecommendationDetail

Row = TypeVar("Row")

WIDTH: Final = 80
CALLS: Final = 20


def text(source: Source, period: Period) -> str:
    """Every screen of a window.

    Raises OtelcostError where the store cannot be read.
    """
    snapshot = source.refresh(period, force=True)
    assert snapshot is not None  # noqa: S101  (forced)
    if snapshot.overview.recorded_ever:
        snapshot = msgspec.structs.replace(snapshot, outlook=source.outlook(period), advice=source.advise(period))
    lines = [row.plain.rstrip() for row in _screens(source, snapshot)]
    return "\n".join(lines).strip("\n") + "\n"


def _screens(source: Source, snapshot: Snapshot) -> Iterator[Content]:
    yield Content(f"otelcost, window {snapshot.label}{_dates(snapshot)}")
    for warning in snapshot.warnings:
        yield Content(f"! {display.clean(warning)}")
    if not snapshot.overview.recorded_ever:
        yield from Empty().guide(WIDTH)
        return
    yield from _titled("1 Overview", _overview(snapshot))
    yield from _titled("2 Recommendations", _recommendations(snapshot))
    yield from _titled("3 Tasks", _table(tasks.columns(snapshot.tasks), snapshot.tasks))
    query = CallQuery(period=snapshot.period, limit=CALLS)
    yield from _titled(f"4 Calls, the newest {CALLS}", _table(CallsPage.COLUMNS, source.calls(query).rows))
    yield from _titled("5 Trials", _trials(snapshot))
    drawn = source.pictures(snapshot.period, None)
    yield from _titled("Pictures", pictures.paint(drawn, snapshot.advice, snapshot.outlook, WIDTH))


def _dates(snapshot: Snapshot) -> str:
    if snapshot.start is None or snapshot.end is None:
        return ""
    return f", {snapshot.start:%Y-%m-%d %H:%M} to {snapshot.end:%Y-%m-%d %H:%M} UTC"


def _titled(title: str, lines: Iterable[Content]) -> Iterator[Content]:
    yield from (Content(""), Content(title), Content("=" * len(title)), *lines)


def _overview(snapshot: Snapshot) -> Iterator[Content]:
    headline, daily = Headline(), Daily()
    headline.snapshot, daily.days = snapshot, snapshot.overview.days
    yield from headline.paint(WIDTH)
    yield from _painted(daily)
    for name, slices in (("By task", snapshot.overview.tasks), ("By model", snapshot.overview.models)):
        yield from (Content(""), Content(name), *_table(_slices(slices), slices))


def _slices(rows: Sequence[Slice]) -> tuple[Column[Slice], ...]:
    places = display.common_places([row.picousd for row in rows if row.picousd is not None])
    total = sum(row.picousd or 0 for row in rows)

    def share(row: Slice, _: int) -> str:
        return display.percent(row.picousd, total)

    def cost(row: Slice, _: int) -> str:
        return words.spend(row.picousd, row.calls, row.unpriced_calls, places)

    return (
        Column(key="name", title="name", width=20, flex=True, cell=lambda row, _: display.clean(row.name)),
        Column(
            key="calls", title="calls", width=9, align="right", cell=lambda row, width: words.count(row.calls, width)
        ),
        Column(key="cost", title="$", width=14, align="right", cell=cost),
        Column(key="share", title="share", width=6, align="right", cell=share),
    )


def _recommendations(snapshot: Snapshot) -> Iterator[Content]:
    advice = snapshot.advice
    if advice is None:
        return
    yield from (*words.answer(advice, WIDTH), Content(""))
    yield from _table(recommendations.columns(advice.recommendations), advice.recommendations)
    for item in advice.recommendations:
        detail = RecommendationDetail()
        detail.recommendation, detail.spend_picousd = item, snapshot.overview.spend_picousd
        detail.decided = next((row for row in advice.decided if row.id == item.id), None)
        yield from (Content(""), Content(f"-- {display.clean(item.id)}"), *detail.paint(WIDTH))
    named: tuple[tuple[str, Any, Sequence[Any]], ...] = (
        ("Insights", findings.InsightsPage.COLUMNS, advice.insights),
        ("Not checked, which is not the same as clean", findings.UncheckedPage.COLUMNS, advice.not_checked),
        ("Decided", findings.DecidedPage.COLUMNS, advice.decided),
    )
    for title, columns, rows in named:
        if rows:
            yield from (Content(""), Content(title), *_table(columns, rows))


def _trials(snapshot: Snapshot) -> Iterator[Content]:
    untried, rows = trials.Untried(), trials.waiting(snapshot.advice)
    untried.advice = snapshot.advice
    yield from (*untried.paint(WIDTH), Content(""))
    among = () if snapshot.advice is None else snapshot.advice.recommendations
    yield from _table(trials.columns(among), rows) if rows else [Content(trials.nothing(snapshot, troubled=False))]


def _table(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> Iterator[Content]:
    sizes = layout(columns, WIDTH)
    if not rows:
        yield Content("none in this window")
        return
    yield heading(sizes, None, True)
    for row in rows:
        yield row_line(sizes, row)


def _painted(widget: Paint) -> Sequence[Content]:
    return (Content(""), *widget.paint(WIDTH))
