"""Unusual hours and days: found where they were planted, seldom where nothing was, and explained to the pico-dollar."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost import periods
from otelcost.model import Usage
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Anomalies, Window, anomalies
from otelcost.store.queries.unusual import Found, Unit, find

from . import make

NOW = datetime(2026, 11, 23)  # a Monday's midnight
WEEK = Window(NOW - timedelta(days=7), NOW)
USD = 10**12


def units(weeks: int) -> tuple[list[Unit], list[Unit]]:
    """The hours and days of so many weeks before `NOW`, in UTC."""
    first = NOW - timedelta(weeks=weeks)
    hours = [first + timedelta(hours=number) for number in range(weeks * 168)]
    days = [first + timedelta(days=number) for number in range(weeks * 7)]
    return (
        [Unit(n, start, start + timedelta(hours=1), start.date(), start.hour) for n, start in enumerate(hours)],
        [Unit(n, start, start + timedelta(days=1), start.date(), 0) for n, start in enumerate(days)],
    )


def looked_at(weeks: int, costs: list[int]) -> Found:
    hours, days = units(weeks)
    by_day = {day: sum(costs[day * 24 : day * 24 + 24]) for day in range(weeks * 7)}
    known = {number: cost for number, cost in enumerate(costs) if cost}
    return find(hours, days, known, {day: cost for day, cost in by_day.items() if cost}, WEEK.start)


def office(seed: int, weeks: int, calls: int = 60) -> list[int]:
    """Hourly costs of a team: busy in office hours, calm at night and at the weekend, by chance more or less."""
    chance = random.Random(seed)
    found = []
    for number in range(weeks * 168):
        day, hour = number // 24 % 7, number % 24
        mean = calls * (1 if 8 <= hour < 18 else 0.3) * (1 if day < 5 else 0.3)
        found.append(int(sum(chance.expovariate(1) for _ in range(int(mean))) * USD / 100))
    return found


def test_clean_traffic_is_seldom_called_unusual() -> None:
    hours = 0
    for seed in range(20):
        found = looked_at(9, office(seed, 9))
        assert found.level == "hour of week"
        hours += len(found.unusual)
    assert hours <= 20 * 168 // 500


@pytest.mark.parametrize("place", [3, 12, 130])  # Monday night, Monday noon, Saturday
def test_a_planted_hour_is_found_and_nothing_else(place: int) -> None:
    found_all = clean = 0
    for seed in range(10):
        costs = office(seed, 9)
        number = 8 * 168 + place
        costs[number] *= 4
        marked = [one.unit.number for one in looked_at(9, costs).unusual]
        found_all += number in marked
        clean += marked in ([number], [])
    assert found_all >= 9
    assert clean >= 9


@pytest.mark.parametrize(
    ("weeks_behind", "level"), [(8, "hour of week"), (3, "hour of week"), (2, "hour of day"), (1, "hour of day")]
)
def test_the_level_follows_the_length(weeks_behind: int, level: str) -> None:
    costs = [USD if number % 24 == 9 else USD // 10 for number in range((weeks_behind + 1) * 168)]
    assert looked_at(weeks_behind + 1, costs).level == level


def test_hours_that_mean_nothing_are_looked_at_by_day() -> None:
    """One call a day at no fixed hour: every hour is usually empty, but the days are alike."""
    chance = random.Random(7)
    costs = [0] * (9 * 168)
    for day in range(63):
        costs[day * 24 + chance.randrange(24)] = USD
    assert looked_at(9, costs) == Found("day", ())
    costs[60 * 24 + 5] += 3 * USD
    found = looked_at(9, costs)
    assert [(one.unit.day, one.usual_picousd) for one in found.unusual] == [(date(2026, 11, 20), USD)]


def test_what_has_no_pattern_is_not_judged() -> None:
    costs = [0] * (9 * 168)
    for number in (100, 700, 1111, 1400):
        costs[number] = USD
    assert looked_at(9, costs) == Found(None)
    assert looked_at(9, [0] * (9 * 168)) == Found(None)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 10**13), min_size=24, max_size=24), st.integers(1, 1000))
def test_a_day_that_repeats_itself_has_nothing_unusual_at_any_scale(day: list[int], scale: int) -> None:
    assert looked_at(9, [cost * scale for cost in day * 63]).unusual == ()


def at(moment: datetime, number: int, tokens: int = 1000, model: str = "gpt-4o", **context: Any) -> Any:
    start = int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000
    return make.call(
        number,
        context={"start_unix_us": start, "task": "triage", **context},
        usage=Usage(input_uncached_tokens=tokens, output_tokens=100),
        request_model=model,
        response_model=model,
    )


def regular(weeks: int, zone: ZoneInfo | None = None) -> Iterator[Any]:
    """Four calls at nine every day, by the zone's clocks."""
    for back in range(1, weeks * 7 + 1):
        day = (NOW - timedelta(days=back)).date()
        midnight = periods.midnight(day, zone or UTC)
        hours = 9 if zone is None else (datetime(day.year, day.month, day.day, 9, tzinfo=zone).astimezone(UTC)
            .replace(tzinfo=None) - midnight) / timedelta(hours=1)  # fmt: skip
        for call in range(4):
            yield at(midnight + timedelta(hours=hours, minutes=call), back * 10 + call)


def asked(spool: Path, records: list[Any], zone: Any = UTC) -> Anomalies:
    make.write(spool, b"".join(map(make.line, records)))
    drain()
    with session() as connection:
        return anomalies(connection, WEEK, zone)


SPIKE = datetime(2026, 11, 18, 9, 30)


@pytest.mark.parametrize(
    ("extra", "moved"),
    [
        ([at(SPIKE, 9000 + n) for n in range(8)], "volume"),
        ([at(SPIKE, 9000, tokens=200_000)], "tokens"),
        ([at(SPIKE, 9000 + n, model="gpt-4-turbo") for n in range(4)], "mix"),
    ],
    ids=["volume", "tokens", "mix"],
)
def test_a_spike_is_explained_and_its_parts_add_up(spool: Path, extra: list[Any], moved: str) -> None:
    found = asked(spool, [*regular(9), *extra])
    assert {(one.task, one.start) for one in found.anomalies} == {
        (None, datetime(2026, 11, 18, 9)),
        ("triage", datetime(2026, 11, 18, 9)),
    }
    one = found.anomalies[0]
    assert one.level == "hour of week"
    parts = {name: getattr(one, f"{name}_picousd") for name in ("volume", "tokens", "rate", "mix")}
    with session() as connection:
        hour, usual = (
            connection.execute(
                "SELECT sum(cost_picousd) FROM v_calls WHERE start >= $t AND start < $t + INTERVAL 1 HOUR",
                {"t": moment},
            ).fetchall()[0][0]
            for moment in (datetime(2026, 11, 18, 9), datetime(2026, 11, 11, 9))
        )
    assert (one.cost_picousd, one.usual_picousd) == (hour, usual)
    assert sum(parts.values()) == one.excess_picousd == hour - usual
    assert max(parts, key=lambda name: abs(parts[name])) == moved
    assert found.excess_picousd == one.excess_picousd  # all tasks and the only task are never added


def test_hours_are_the_zones_through_a_clock_change(spool: Path) -> None:
    """At nine in Berlin, before and after 25 October: one hour of the week there, two of UTC."""
    berlin = ZoneInfo("Europe/Berlin")
    found = asked(spool, list(regular(9, berlin)), berlin)
    assert (found.overall_level, found.anomalies, found.levels) == ("hour of week", (), {"hour of week": 1})


def test_an_hour_that_has_not_ended_is_not_judged(spool: Path) -> None:
    make.write(spool, b"".join(map(make.line, [*regular(9), *(at(SPIKE, 9000 + n) for n in range(40))])))
    drain()
    with session() as connection:
        running = anomalies(connection, Window(WEEK.start, SPIKE + timedelta(minutes=20)), UTC)
        ended = anomalies(connection, Window(WEEK.start, datetime(2026, 11, 18, 10)), UTC)
    assert [one.level for one in running.anomalies] == []
    assert [one.start for one in ended.anomalies] == [datetime(2026, 11, 18, 9)] * 2


def test_an_empty_store_has_nothing_to_judge(spool: Path) -> None:
    assert asked(spool, []) == Anomalies(anomalies=(), overall_level=None, levels={}, unpriced_calls=0)
