"""The one engine: rules select, it prices. Nothing here knows a rule, nothing in a rule knows a dollar."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast

import duckdb
import msgspec

from otelcost.advise import transforms
from otelcost.advise.apply import World
from otelcost.advise.catalogue import Rule, load
from otelcost.advise.coverage import reads
from otelcost.advise.finding import NAMED, Finding, run, with_first_names, with_ids
from otelcost.advise.interval import day_blocks
from otelcost.advise.joint import Marginal, by_day, claimable, marginals
from otelcost.advise.life_cycle import OPEN, counts, read_states
from otelcost.advise.plan import Priced, build_world, make_plans, stable_id
from otelcost.advise.recorded import Recorded
from otelcost.advise.report import Class, Headline, Insight, NotChecked, Period, Recommendation, Report, Span
from otelcost.advise.reprice import Pricer
from otelcost.advise.text import fill
from otelcost.advise.transforms import EnableCache
from otelcost.advise.window import materialised
from otelcost.errors import RuleError

MONTHLY_FROM_DAYS: Final = 7
"""A monthly figure is told only where a change's own calls fall on so many UTC days, and as many were observed."""

LIFETIMES: Final = {"5m": "5 minutes", "1h": '1 hour ("ttl": "1h")', "auto": "the provider's own"}
"""How a cache lifetime reads in a sentence."""

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)

_TRAFFIC: Final = """
SELECT coalesce(sum(cost_picousd), 0), count(DISTINCT start::DATE),
    (SELECT coalesce(min(epoch_us(start)), 0) FROM v_base)
FROM w_calls
"""


class _Traffic(NamedTuple):
    """What the window holds: priced spend, and times in microseconds since 1970, UTC."""

    spend: int
    days_with_calls: int
    observed_us: int  # from the first call there ever was, or the window's start, to the window's end


def recommend(
    connection: duckdb.DuckDBPyConnection,
    window: Period,
    *,
    now: datetime,
    rules: Sequence[Rule] | None = None,
) -> Report:
    """All advice for the calls that started in `window`.

    Args:
        connection: an open store; reading suffices.
        window: naive UTC, the end not included.
        now: naive UTC; decides whether a snoozed recommendation is due again.
        rules: those to run; by default all that are installed.

    A rule that fails is named in `not_checked`, and the others run.
    """
    installed, broken = (tuple(rules), ()) if rules is not None else load()
    texts = [
        text
        for rule in installed
        for text in (rule.sql or rule.check or "", reads(rule.columns), "w_segments call_site")
    ]
    with materialised(connection, window, texts), _no_cycle_collection():
        connection.execute(NAMED)
        not_checked = [NotChecked(_first_word(error), None, str(error)) for error in broken]
        findings: list[Finding] = []
        for rule in installed:
            found, abstained = _guarded(connection, rule, len(findings))
            findings += found
            not_checked += abstained
        findings = with_first_names(connection, findings)
        insights = _insights(connection, [one for one in findings if one.transform is None])
        findings = with_ids(connection, [one for one in findings if one.transform is not None])
        pricer = Pricer(connection)
        world = build_world(connection, pricer, findings)
        priced, refused = make_plans(world, pricer, findings)
        states = read_states(connection, now)
        report = _report(window, _traffic(connection, window), world, pricer, priced, states, [*not_checked, *refused])
        return msgspec.structs.replace(report, insights=insights)


@contextmanager
def _no_cycle_collection() -> Iterator[None]:
    """Hundreds of thousands of small tuples and no cycle among them: looking for one costs a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _guarded(connection: duckdb.DuckDBPyConnection, rule: Rule, first: int) -> tuple[list[Finding], list[NotChecked]]:
    try:
        return run(connection, rule, first)
    except RuleError as error:
        return [], [NotChecked(rule.id, None, str(error))]


_OBSERVED: Final = """
SELECT f, count(*), coalesce(sum(cost_picousd), 0)::BIGINT
FROM (SELECT DISTINCT f, n FROM w_named) JOIN w_calls USING (n) GROUP BY f
"""


def _insights(connection: duckdb.DuckDBPyConnection, findings: Sequence[Finding]) -> tuple[Insight, ...]:
    """What rules of class information found, dearest first."""
    if not findings:
        return ()
    observed = {f: (calls, cost) for f, calls, cost in connection.execute(_OBSERVED).fetchall()}
    told = []
    for one in findings:
        calls, cost = observed.get(one.f, (0, 0))
        words = {**one.evidence, "task": one.task, "calls": calls}
        told.append(
            Insight(
                id=stable_id(one.rule.id, one.known_as, one.target),
                rule=one.rule.id,
                task=one.task,
                title=fill(one.rule.title, words),
                calls=calls,
                cost_observed_picousd=cost,
                evidence=one.evidence,
                change=fill(one.rule.change, words),
            )
        )
    return tuple(sorted(told, key=lambda card: (-card.cost_observed_picousd, card.id)))


def _first_word(error: RuleError) -> str:
    """The folder's name in `rule OC101_name: ...`."""
    return error.what.removeprefix("rule ").partition(":")[0]


def _traffic(connection: duckdb.DuckDBPyConnection, window: Period) -> _Traffic:
    row = connection.execute(_TRAFFIC).fetchone() or (0, 0, 0)
    spend, days, first_ever = (int(value) for value in row)
    start, end = ((moment - _EPOCH) // timedelta(microseconds=1) for moment in (window.start, window.end))
    return _Traffic(spend, days, end - max(start, first_ever))


def _report(
    window: Period,
    traffic: _Traffic,
    world: World,
    pricer: Pricer,
    priced: Sequence[Priced],
    states: Mapping[str, str],
    not_checked: Iterable[NotChecked],
) -> Report:
    counted = [one for one in priced if counts(states.get(one.plan.id, OPEN))]
    shares = marginals(world, pricer, [one.plan for one in counted], [one.alone for one in counted])
    share_of = {one.plan.id: share for one, share in zip(counted, shares, strict=True)}
    span = Span(window.start, window.end)
    cards = [
        _card(one, share_of.get(one.plan.id), world, traffic, span, states.get(one.plan.id, OPEN)) for one in priced
    ]
    headline = _headline(counted, shares, world)
    return Report(
        window=span,
        coverage_days=traffic.days_with_calls,
        spend_picousd=traffic.spend,
        recommendations=tuple(
            sorted(cards, key=lambda card: (-card.marginal_picousd, -card.standalone_picousd, card.id))
        ),
        joint_picousd=headline.exact_picousd + headline.simulated_picousd,
        headline=headline,
        not_checked=tuple(dict.fromkeys(not_checked)),
    )


def _headline(counted: Sequence[Priced], shares: Sequence[Marginal], world: World) -> Headline:
    totals: Counter[str] = Counter()
    daily: Counter[int] = Counter()
    simulated = [one for one in counted if one.plan.finding.rule.class_ == "simulated"]
    for one, share in zip(counted, shares, strict=True):
        totals[one.plan.finding.rule.class_] += share.total
        if one.plan.finding.rule.class_ == "simulated":
            daily.update(share.by_day)
    bounds = day_blocks(daily, _billed(world, simulated), "headline")
    return Headline(
        exact_picousd=totals["exact"],
        simulated_picousd=totals["simulated"],
        simulated_low_picousd=min(bounds[0], totals["simulated"]) if bounds else None,
        simulated_high_picousd=max(bounds[1], totals["simulated"]) if bounds else None,
        needs_trial_picousd=totals["needs-trial"],
    )


def _card(
    one: Priced, share: Marginal | None, world: World, traffic: _Traffic, span: Span, state: str
) -> Recommendation:
    plan, rule = one.plan, one.plan.finding.rule
    calls = [world.calls[n] for n in sorted(plan.numbers)]
    evidence = plan.finding.evidence | _replayed(one, world)
    words = _words(one, evidence)
    low, high = _bounds(one, world)
    return Recommendation(
        id=plan.id,
        rule=rule.id,
        task=plan.finding.task,
        title=fill(rule.title, words),
        class_=cast("Class", rule.class_),  # a rule of class information has no plan
        calls=len(calls),
        call_ids=tuple(call.call_id for call in calls),
        window=span,
        cost_observed_picousd=sum(call.cost for call in calls),
        standalone_picousd=one.alone.total,
        marginal_picousd=share.total if share is not None else 0,
        low_picousd=low,
        high_picousd=high,
        monthly_picousd=_monthly(one, world, traffic) if low is not None and high is not None else None,
        transform=transforms.as_dict(plan.transform),
        evidence=evidence,
        state=state,
        call_site=_call_site(calls),
        change=fill(rule.change, words),
        risk=evidence.get("risk") or rule.risk,
        effort=rule.effort,
        reversibility=rule.reversibility,
    )


def _words(one: Priced, evidence: Mapping[str, Any]) -> dict[str, Any]:
    change = transforms.as_dict(one.plan.transform)
    fixed = {
        "task": one.plan.finding.task,
        "calls": len(one.plan.numbers),
        "lifetime": LIFETIMES.get(change.get("ttl", "")),
    }
    return {**change, **evidence, **fixed}


def _replayed(one: Priced, world: World) -> dict[str, Any]:
    """What the cache would have done, so that the figure can be checked by hand."""
    if not isinstance(one.plan.transform, EnableCache):
        return {}
    bills = [bill for bill in world.after([one.plan]).values() if bill is not None]
    return {
        "replay": {
            "calls_that_read": sum(bill.read > 0 for bill in bills),
            "calls_that_write": sum(bill.write_short + bill.write_long > 0 for bill in bills),
            "read_tokens": sum(bill.read for bill in bills),
            "write_tokens": sum(bill.write_short + bill.write_long for bill in bills),
            "uncached_tokens": sum(bill.uncached for bill in bills),
        }
    }


def _bounds(one: Priced, world: World) -> tuple[int | None, int | None]:
    """Low and high of the standalone saving. The low end leaves out calls whose bill is only estimated."""
    sure = {n: amount for n, amount in one.alone.by_call.items() if not world.calls[n].doubtful or amount < 0}
    billed = _billed(world, [one])
    low = day_blocks(by_day(world, sure), billed, one.plan.id)
    high = day_blocks(by_day(world, one.alone.by_call), billed, one.plan.id)
    if low is None or high is None:
        # One day says nothing of the next; what was surely billed still bounds the window itself from below.
        known = max(0, sum(sure.values()))
        return (known, one.alone.total) if known < one.alone.total else (None, None)
    return max(0, min(low[0], one.alone.total)), max(high[1], one.alone.total)


def _billed(world: World, priced: Iterable[Priced]) -> dict[int, int]:
    """What the calls that these change cost, by day, each call once."""
    return by_day(world, {n: world.calls[n].cost for one in priced for n in one.plan.numbers})


def _monthly(one: Priced, world: World, traffic: _Traffic) -> int | None:
    """Per 30 days of the observed time, as the overview scales spend; never from less than a week of such calls.

    A spike says nothing of a month, whatever else ran for how long beside it.
    """
    days = {world.calls[n].day for n in one.plan.numbers}
    if len(days) < MONTHLY_FROM_DAYS or traffic.observed_us < MONTHLY_FROM_DAYS * _DAY_US:
        return None
    saved = sum(claimable(world, one.plan, one.alone.by_call).values())
    return saved * 30 * _DAY_US // traffic.observed_us if saved > 0 else None


def _call_site(calls: Sequence[Recorded]) -> str | None:
    sites = Counter(call.call_site for call in calls if call.call_site is not None)
    return min(sites, key=lambda site: (-sites[site], site)) if sites else None
