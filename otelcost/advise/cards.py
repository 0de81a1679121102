"""From a priced plan to what a reader sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import duckdb

from otelcost.advise import transforms
from otelcost.advise.interval import day_blocks
from otelcost.advise.joint import Marginal, Saving
from otelcost.advise.plan import Plan
from otelcost.advise.report import Period, Recommendation, Span
from otelcost.advise.text import fill

MONTHLY_FROM_DAYS: Final = 7
"""A monthly figure is told only where a change's own calls fall on so many UTC days, and as many were observed."""

SHOWN_IDS: Final = 1000
"""How many call ids a recommendation carries; `calls` counts them all."""

LIFETIMES: Final = {"5m": "5 minutes", "1h": '1 hour ("ttl": "1h")', "auto": "the provider's own"}
"""How a cache lifetime reads in a sentence."""

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)

_TRAFFIC: Final = """
SELECT coalesce(sum(cost_picousd), 0), count(DISTINCT start::DATE),
    (SELECT coalesce(min(epoch_us(start)), 0) FROM v_base)
FROM w_calls
"""

_IDS: Final = """
SELECT p, list(printf('%016x', c.span_id) ORDER BY c.n)
FROM (SELECT p, unnest(min(n, $most)) AS n FROM w_alone WHERE named GROUP BY p) a
JOIN w_calls c ON c.n = a.n
GROUP BY p
"""

_CHANGED: Final = """
SELECT c.start, printf('%016x', c.span_id)
FROM w_alone a
JOIN w_calls c ON c.n = a.n
WHERE a.named AND a.p = $p
ORDER BY c.n
"""

_FOUND: Final = """
SELECT c.start, printf('%016x', c.span_id)
FROM (SELECT DISTINCT n FROM w_named WHERE f IN (SELECT unnest($f::INTEGER[]))) JOIN w_calls c USING (n)
ORDER BY n
"""

_SITES: Final = """
SELECT p, arg_max(call_site, (calls, call_site)) FROM (
    SELECT a.p, g.call_site, count(*) AS calls
    FROM w_alone a JOIN w_bills b ON b.n = a.n JOIN w_groups g ON g.g = b.g
    WHERE a.named AND g.call_site IS NOT NULL
    GROUP BY a.p, g.call_site
)
GROUP BY p
"""

_REPLAYS: Final = """
SELECT a.p, count(*) FILTER (a.read > 0), count(*) FILTER (a.short + a.long > 0), sum(a.read)::BIGINT,
    sum(a.short + a.long)::BIGINT, sum(a.uncached)::BIGINT
FROM w_alone a JOIN w_plans q ON q.p = a.p
WHERE q.kind IN ('enable_cache', 'change_ttl')
GROUP BY a.p
"""

_REPLAY_WORDS: Final = ("calls_that_read", "calls_that_write", "read_tokens", "write_tokens", "uncached_tokens")


class Traffic(NamedTuple):
    """What the window holds: priced spend, and times in microseconds since 1970, UTC."""

    spend: int
    days_with_calls: int
    observed_us: int  # from the first call there ever was, or the window's start, to the window's end


class Details(NamedTuple):
    """What a card shows of a plan's calls besides money."""

    call_ids: tuple[str, ...]
    call_site: str | None
    replay: dict[str, int]  # what the cache would have done, so that the figure can be checked by hand


def traffic(connection: duckdb.DuckDBPyConnection, window: Period) -> Traffic:
    """The window's totals."""
    row = connection.execute(_TRAFFIC).fetchone() or (0, 0, 0)
    spend, days, first_ever = (int(value) for value in row)
    start, end = ((moment - _EPOCH) // timedelta(microseconds=1) for moment in (window.start, window.end))
    return Traffic(spend, days, end - max(start, first_ever))


def details(connection: duckdb.DuckDBPyConnection) -> Mapping[int, Details]:
    """By plan, for those of `w_alone`."""
    ids = connection.execute(_IDS, {"most": SHOWN_IDS}).fetchall()
    sites = dict(connection.execute(_SITES).fetchall())
    replays = {
        row[0]: dict(zip(_REPLAY_WORDS, row[1:], strict=True)) for row in connection.execute(_REPLAYS).fetchall()
    }
    return {p: Details(tuple(found), sites.get(p), replays.get(p, {})) for p, found in ids}


def calls_changed(connection: duckdb.DuckDBPyConnection, p: int) -> list[tuple[datetime, str]]:
    """Start and id of every call that a plan changes, oldest first."""
    return connection.execute(_CHANGED, {"p": p}).fetchall()


def calls_found(connection: duckdb.DuckDBPyConnection, findings: Sequence[int]) -> list[tuple[datetime, str]]:
    """Start and id of every call that these findings name, oldest first."""
    return connection.execute(_FOUND, {"f": list(findings)}).fetchall()


def card(
    plan: Plan,
    one: Saving,
    share: Marginal | None,
    more: Details,
    seen: Traffic,
    span: Span,
    state: str,
    overlaps: tuple[str, ...] = (),
) -> Recommendation:
    """One recommendation. `share` is None where it is not part of the joint saving."""
    rule = plan.finding.rule
    evidence = plan.finding.evidence | ({"replay": more.replay} if more.replay else {})
    words = _words(plan, one, evidence)
    low, high = _bounds(one)
    return Recommendation(
        id=plan.id,
        rule=rule.id,
        task=plan.finding.task,
        title=fill(rule.title, words),
        class_=plan.class_,
        calls=one.calls,
        call_ids=more.call_ids,
        window=span,
        cost_observed_picousd=sum(one.paid.values()),
        standalone_picousd=one.total,
        marginal_picousd=share.total if share is not None else 0,
        low_picousd=low,
        high_picousd=high,
        monthly_picousd=_monthly(plan, one, seen) if low is not None and high is not None else None,
        transform=transforms.as_dict(plan.transform),
        evidence=evidence,
        state=state,
        call_site=more.call_site,
        change=fill(rule.change, words),
        risk=evidence.get("risk") or rule.risk,
        effort=rule.effort,
        reversibility=rule.reversibility,
        overlaps=overlaps,
    )


def _words(plan: Plan, one: Saving, evidence: Mapping[str, Any]) -> dict[str, Any]:
    change = transforms.as_dict(plan.transform)
    fixed = {"task": plan.finding.task, "calls": one.calls, "lifetime": LIFETIMES.get(change.get("ttl", ""))}
    return {**change, **evidence, **fixed}


def _bounds(one: Saving) -> tuple[int | None, int | None]:
    """Low and high of the standalone saving. The low end leaves out calls whose bill is only estimated."""
    low, high = (day_blocks(amounts, one.paid) for amounts in (one.sure, one.saved))
    if low is None or high is None:
        # One day says nothing of the next; what was surely billed still bounds the window itself from below.
        known = max(0, sum(one.sure.values()))
        return (known, one.total) if known < one.total else (None, None)
    return max(0, min(low[0], one.total)), max(high[1], one.total)


def _monthly(plan: Plan, one: Saving, seen: Traffic) -> int | None:
    """Per 30 days of the observed time, as the overview scales spend; never from less than a week of such calls.

    A spike says nothing of a month, whatever else ran for how long beside it.
    """
    days = len(one.days)
    if days < MONTHLY_FROM_DAYS or seen.observed_us < MONTHLY_FROM_DAYS * _DAY_US:
        return None
    saved = sum(one.claim(plan).values())
    return saved * 30 * _DAY_US // seen.observed_us if saved > 0 else None
