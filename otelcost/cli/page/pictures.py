"""The charts of a report: what is drawn, what is said of it in words, and the table with the same figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from otelcost import charts
from otelcost.charts import Chart
from otelcost.digest import phrases
from otelcost.display import common_places, count, duration, money, percent, plural, signed_money, tokens
from otelcost.document import Column, Line, Table

if TYPE_CHECKING:
    from datetime import date, datetime

    from otelcost.cli.page.facts import Facts
    from otelcost.store.queries import CacheRow, DayRow

MILLISECOND = 1000
TOP = 8
"""Bars of a chart of tasks or recommendations; the table below has them too."""

PARTS = (
    ("volume", "volume_picousd", "more or fewer calls"),
    ("tokens", "tokens_picousd", "longer or shorter calls"),
    ("rate", "rate_picousd", "dearer or cheaper tokens: prices, cache, share of output"),
    ("mix", "mix_picousd", "calls moved between models of a task"),
)


class Picture(NamedTuple):
    """A chart drawn for a page and for a phone, with its figures as a table and a line on how they are made."""

    wide: Chart
    narrow: Chart
    table: Table
    how: Line


def _picture(draw: Callable[[int], Chart], table: Table, how: Line) -> Picture:
    return Picture(draw(charts.WIDE), draw(charts.NARROW), table, how)


def spend(facts: Facts) -> Picture:
    """What every day cost."""
    days = facts.overview.by_day
    data = [charts.Column(_day(row.day), row.cost_picousd, _tip(row), bool(row.unpriced_calls)) for row in days]
    dearest = max(days, key=lambda row: row.cost_picousd or 0)
    summary = f"{plural(len(days), 'day')}; the dearest is {_day(dearest.day)} with {money(dearest.cost_picousd)}"
    places = common_places([row.cost_picousd for row in days])
    table = Table(
        (Column("day (UTC)"), Column("cost", right=True), Column("calls", right=True), Column("unpriced", right=True)),
        tuple(
            (row.day.isoformat(), money(row.cost_picousd, places), count(row.calls), count(row.unpriced_calls))
            for row in days
        ),
    )
    how = "Days are UTC. A ? marks a day with calls of unknown cost: its bar shows only what could be priced."
    return _picture(lambda width: charts.columns(data, "Spend by day", summary, width), table, how)


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _tip(row: DayRow) -> str:
    unknown = f", {row.unpriced_calls:,} unpriced" if row.unpriced_calls else ""
    return f"{row.day.isoformat()}: {money(row.cost_picousd)}, {plural(row.calls, 'call')}{unknown}"


def drivers(facts: Facts) -> Picture | None:
    """From the window before to this one, by volume, tokens, rate and mix."""
    moved = facts.movement
    if moved is None:
        return None
    total = moved.total
    parts = [(name, getattr(total, field), what) for name, field, what in PARTS]
    steps = [
        charts.Step("before", total.compared_picousd, total=True),
        *(charts.Step(name, amount, tip=f"{name}: {what}") for name, amount, what in parts),
        charts.Step("this window", total.head.picousd, total=True),
    ]
    places = common_places([step.amount for step in steps])
    largest = max(parts, key=lambda part: abs(part[1]))
    summary = (
        f"from {money(total.compared_picousd, places)} to {money(total.head.picousd, places)}; "
        f"most by {largest[0]}, {signed_money(largest[1], places)}"
    )
    table = Table(
        (Column("part"), Column("amount", right=True), Column("what it is", flex=20)),
        (
            ("before", money(total.compared_picousd, places), "the equally long window before"),
            *((name, signed_money(amount, places), what) for name, amount, what in parts),
            ("this window", money(total.head.picousd, places), "the priced calls"),
        ),
    )
    how = "Only priced calls count. The four parts add up to the difference exactly. A new task is all volume."
    return _picture(lambda width: charts.waterfall(steps, "What moved the bill", summary, width), table, how)


def savings(facts: Facts) -> Picture | None:
    """What each fix saves alone, what of it overlaps, and what all save together."""
    fixes = [fix for fix in phrases.open_fixes(facts.report) if fix.class_ != "needs-trial"]
    if not fixes or not facts.report.joint_picousd:
        return None
    alone = sum(fix.standalone_picousd for fix in fixes)
    rest = fixes[TOP:]
    steps = [charts.Step(fix.id, fix.standalone_picousd, tip=fix.title, colour="less") for fix in fixes[:TOP]]
    if rest:
        together = sum(fix.standalone_picousd for fix in rest)
        steps.append(charts.Step(f"{len(rest)} more", together, colour="less"))
    overlap = facts.report.joint_picousd - alone
    steps.append(charts.Step("overlap", overlap, tip="counted in more than one", colour="s7"))
    steps.append(charts.Step("together", facts.report.joint_picousd, total=True))
    places = common_places([step.amount for step in steps])
    summary = phrases.savings(facts.report)
    rows = [
        (fix.id, fix.title, money(fix.standalone_picousd, places), money(fix.marginal_picousd, places)) for fix in fixes
    ]
    table = Table(
        (
            Column("fix"),
            Column("what to change", flex=20),
            Column("alone", right=True),
            Column("of the joint saving", right=True),
        ),
        (
            *rows,
            ("overlap", "what more than one of them would save", signed_money(overlap, places), ""),
            ("together", "all applied to every call once", money(facts.report.joint_picousd, places), ""),
        ),
    )
    how = (
        "Savings are never added up: all fixes were applied to every recorded call once. The overlap is what several "
        "fixes would save of the same calls, and what rests on estimated bills. Fixes that need a trial are not in it."
    )
    return _picture(lambda width: charts.waterfall(steps, "What the fixes save together", summary, width), table, how)


def anatomy(facts: Facts) -> Picture | None:
    """Where the input tokens of the most expensive tasks go."""
    rows = [row for row in facts.context if row.input_tokens][:TOP]
    if not rows:
        return None
    data = [
        charts.Stack(
            row.task,
            f"{tokens(row.input_tokens // row.calls)} tokens a call",
            tuple(charts.Part(part.part, part.tokens) for part in row.parts),
        )
        for row in rows
    ]
    first = rows[0]
    largest = max(first.parts, key=lambda part: part.tokens)
    summary = f"{first.task}: {percent(largest.tokens, first.input_tokens)} of the input is {largest.part}"
    table = Table(
        (
            Column("task"), Column("part"), Column("tokens", right=True), Column("share", right=True),
            Column("never changes", right=True), Column("from cache", right=True), Column("billed", right=True),
        ),
        tuple(
            (
                row.task, part.part, count(part.tokens), percent(part.tokens, row.input_tokens),
                percent(part.static_tokens, part.tokens), percent(part.read_tokens, part.tokens), money(part.picousd),
            )
            for row in rows for part in row.parts
        ),
    )  # fmt: skip
    how = (
        "Counted by the provider as a whole and shared out by size among the parts. What could not be told apart is "
        "unknown."
    )
    return _picture(lambda width: charts.stacks(data, "Where the input goes", summary, width), table, how)


def cache(facts: Facts) -> Picture | None:
    """What of the input the provider's cache held, over time."""
    if not facts.cache:
        return None
    labels = ("read from cache", "written to cache", "neither")
    rows = [
        (_moment(row.start, facts.cache_step), (row.read_tokens, row.write_tokens, _neither(row)))
        for row in facts.cache
    ]
    data = [charts.Stack(label, "", tuple(map(charts.Part, labels, amounts))) for label, amounts in rows]
    read, whole = sum(row.read_tokens for row in facts.cache), sum(row.input_tokens for row in facts.cache)
    summary = f"{percent(read, whole)} of the input was read from a cache"
    table = Table(
        (Column("from (UTC)"), *(Column(label, right=True) for label in labels), Column("read", right=True)),
        tuple((label, *map(count, amounts), percent(amounts[0], sum(amounts))) for label, amounts in rows),
    )
    how = "Input tokens as the provider billed them, in three disjoint parts. Steps of time without calls are left out."
    return _picture(lambda width: charts.layers(data, "The prompt cache over time", summary, width), table, how)


def _neither(row: CacheRow) -> int:
    return row.input_tokens - row.read_tokens - row.write_tokens


def _moment(start: datetime, step: timedelta) -> str:
    """When a step starts: a day where steps are days or longer, else to the minute."""
    return _day(start.date()) if step >= timedelta(days=1) else f"{_day(start.date())} {start:%H:%M}"


def latency(facts: Facts) -> Picture | None:
    """Waiting against cost, by task and model."""
    rows = facts.latency
    if not rows:
        return None
    data = [
        charts.Point(number, row.median_us, row.mean_picousd, row.calls, f"{row.task} on {row.model or 'unknown'}")
        for number, row in enumerate(rows, start=1)
    ]
    slowest = max(rows, key=lambda row: row.median_us)
    summary = f"slowest is {slowest.task} on {slowest.model or 'unknown'} with {duration(slowest.median_us)}"
    across, up = (
        charts.Axis("median duration", charts.duration_mark),
        charts.Axis("mean cost of a call", charts.money_mark),
    )
    table = Table(
        (
            Column("point", right=True), Column("task"), Column("model"), Column("calls", right=True),
            Column("median", right=True), Column("95 of 100 within", right=True), Column("cost a call", right=True),
        ),
        tuple(
            (
                str(number), row.task, row.model or "unknown", count(row.calls), duration(row.median_us),
                duration(row.slow_us), money(row.mean_picousd),
            )
            for number, row in enumerate(rows, start=1)
        ),
    )  # fmt: skip
    how = "Answered and priced calls, without batches; both axes are logarithmic. A larger point has more calls."
    draw = lambda width: charts.scatter(data, across, up, "Waiting against cost", summary, width)  # noqa: E731
    return _picture(draw, table, how)


def realised(facts: Facts) -> Picture | None:
    """What applied changes were to save and did."""
    if not facts.measured:
        return None
    data = [
        charts.Pair(one.id, one.expected_picousd, one.realised_picousd, one.verdict or "too early")
        for one, _ in facts.measured
    ]
    verified = sum(one.verdict == "verified" for one, _ in facts.measured)
    summary = f"{plural(len(data), 'applied change')}, {verified:,} verified"
    table = Table(
        (
            Column("fix"), Column("verdict"), Column("could have saved", right=True), Column("saved", right=True),
            Column("days", right=True), Column("calls", right=True),
        ),
        tuple(
            (
                one.id, one.verdict or "too early", money(one.expected_picousd), money(one.realised_picousd),
                count(one.days), count(one.calls),
            )
            for one, _ in facts.measured
        ),
    )  # fmt: skip
    how = (
        "Since each change was applied, at the prices of each day. Fewer than three days with calls or twenty calls "
        "say nothing yet."
    )
    return _picture(lambda width: charts.pairs(data, "Realised against promised", summary, width), table, how)
