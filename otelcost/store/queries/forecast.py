"""What a budget's period will have cost at its end: spent so far, and the rest with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

import duckdb
import msgspec

from otelcost import periods
from otelcost.store.queries.projection import HISTORY_DAYS, MINIMUM_DAYS, Ahead, Day, Projection, project
from otelcost.store.queries.scope import Scope
from otelcost.store.queries.slots import SlotRow, slots

_WHOLE = 1_000_000
_DAY = timedelta(days=1)


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """A period up to now, and at its end. The end is None where too few days had calls to tell.

    Costs are of the priced calls: with `unpriced_calls`, all of them are lower bounds.
    """

    period: periods.Period
    start: datetime  # naive UTC
    end: datetime
    now: datetime
    calls: int
    unpriced_calls: int
    spent_picousd: int | None  # None where calls exist and none has a price
    days_with_calls: int  # whole days behind, at most four weeks back
    rest_picousd: int | None
    total_picousd: int | None
    low80_picousd: int | None
    high80_picousd: int | None
    low95_picousd: int | None
    high95_picousd: int | None
    above_permille: int | None  # draws that end above the amount asked about
    tasks: tuple[tuple[str, int], ...]  # the most expensive of the period, and their cost


def forecast(
    connection: duckdb.DuckDBPyConnection,
    period: periods.Period,
    now: datetime,
    zone: tzinfo,
    *,
    scope: Scope | None = None,
    amount_picousd: int | None = None,
) -> Forecast:
    """Look at the period that a naive UTC moment is in, in a time zone.

    Args:
        connection: a store.
        period: day, week or month.
        now: calls from here on are not looked at.
        zone: where the period begins and ends.
        scope: which calls; all without one.
        amount_picousd: what the end is compared with.
    """
    start, end = periods.bounds(period, now, zone)
    today = periods.local(now, zone).date()
    since = today - timedelta(days=HISTORY_DAYS)
    begin = min(start, periods.midnight(since, zone))
    minutes = periods.slot_minutes(zone, begin, end)
    rows = slots(connection, begin, now, minutes, Scope() if scope is None else scope)
    inside = [row for row in rows if row.slot >= start]
    calls, unpriced = sum(row.calls for row in inside), sum(row.unpriced_calls for row in inside)
    spent = sum(row.cost_picousd for row in inside)
    history, with_calls = _history(rows, since, today, zone)
    found = None
    if with_calls >= MINIMUM_DAYS:
        # Of the day and the data, so that who looks twice is not told two ranges.
        seed = f"{start.isoformat()} {today.isoformat()} {spent}"
        found = project(history, _ahead(rows, history[0].day, now, end, zone, minutes), seed)
    return Forecast(
        period=period,
        start=start,
        end=end,
        now=now,
        calls=calls,
        unpriced_calls=unpriced,
        spent_picousd=None if calls and calls == unpriced else spent,
        days_with_calls=with_calls,
        tasks=_top(inside),
        **_end(found, spent, amount_picousd),
    )


def _end(found: Projection | None, spent: int, amount: int | None) -> dict[str, int | None]:
    names = ("low80_picousd", "high80_picousd", "low95_picousd", "high95_picousd")
    if found is None:
        return dict.fromkeys(("rest_picousd", "total_picousd", *names, "above_permille"))
    ends = (*found.interval(80), *found.interval(95))
    return {
        "rest_picousd": found.expected_picousd,
        "total_picousd": spent + found.expected_picousd,
        **{name: spent + end for name, end in zip(names, ends, strict=True)},
        "above_permille": None if amount is None else found.above_permille(amount - spent),
    }


def _history(rows: Sequence[SlotRow], since: date, today: date, zone: tzinfo) -> tuple[list[Day], int]:
    """The whole days behind, and how many of them had calls; the day recording began on is a part of one."""
    costs: Counter[date] = Counter()
    seen: set[date] = set()
    for row in rows:
        day = periods.local(row.slot, zone).date()
        costs[day] += row.cost_picousd
        seen.add(day)
    known = sorted(day for day in seen if since <= day < today)
    if not known:
        return [], 0
    began_inside = known[0] > since and min(seen) == known[0]
    first = known[0] + _DAY if began_inside and len(known) > MINIMUM_DAYS else known[0]
    return [Day(day, costs[day]) for day in periods.days(first, today)], sum(day >= first for day in known)


def _ahead(
    rows: Sequence[SlotRow], first: date, now: datetime, end: datetime, zone: tzinfo, minutes: int
) -> list[Ahead]:
    """The rest of today, by the hours that days behind cost what they cost in, and the days after it."""
    clock = periods.local(now, zone)
    today, last = clock.date(), periods.local(end - timedelta(microseconds=1), zone).date()
    minute = clock.hour * 60 + clock.minute
    past = [(periods.local(row.slot, zone), row.cost_picousd) for row in rows]
    past = [(moment, cost) for moment, cost in past if first <= moment.date() < today]
    whole = sum(cost for _, cost in past)
    later = sum(_later(moment.hour * 60 + moment.minute, minute, cost, minutes) for moment, cost in past)
    share = later * _WHOLE // whole if whole else 0
    return [Ahead(today, share), *(Ahead(day) for day in periods.days(today + _DAY, last + _DAY))]


def _later(slot: int, now: int, cost: int, minutes: int) -> int:
    """What of a slot's cost comes after a minute of the day; of the slot that is running, its share."""
    if slot >= now:
        return cost
    return cost * max(slot + minutes - now, 0) // minutes


def _top(rows: Sequence[SlotRow]) -> tuple[tuple[str, int], ...]:
    costs: Counter[str] = Counter()
    for row in rows:
        costs[row.task] += row.cost_picousd
    return tuple((task, cost) for task, cost in costs.most_common(3) if cost)
