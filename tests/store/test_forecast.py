"""A period's spend so far and its end, from real calls in a real store."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from otelcost.model import Usage
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Forecast, Scope, forecast

from . import make

COST = 3_500_000_000  # what a call of make.call costs
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12)
DAY = timedelta(days=1)


def at(moment: datetime, number: int, **fields: Any) -> Any:
    start = int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000
    return make.call(number, context={"start_unix_us": start, **fields.pop("context", {})}, **fields)


def asked(spool: Path, records: list[Any], *, now: datetime = NOW, zone: tzinfo = UTC, **question: Any) -> Forecast:
    make.write(spool, b"".join(map(make.line, records)))
    drain()
    with session() as connection:
        return forecast(connection, question.pop("period", "month"), now, zone, **question)


def daily(count: int, hour: int = 9, *, last: datetime = NOW) -> list[Any]:
    """One call a day on so many days, the last of them on the day of `last`."""
    day = last.replace(hour=hour, minute=0)
    return [at(day - timedelta(days=back), back + 1) for back in range(count)]


def test_spent_is_what_lies_between_the_zones_midnights(spool: Path) -> None:
    moments = [
        datetime(2026, 10, 31, 22, 59, 59),  # still October in Berlin
        datetime(2026, 10, 31, 23, 0, 0),  # its first moment of November
        datetime(2026, 11, 20, 11, 59, 59),
        datetime(2026, 11, 20, 12, 0, 0),  # now is not over yet
    ]
    records = [at(moment, number) for number, moment in enumerate(moments, 1)]
    found = asked(spool, records, zone=BERLIN)
    assert (found.spent_picousd, found.calls) == (2 * COST, 2)
    assert (found.start, found.end) == (datetime(2026, 10, 31, 23), datetime(2026, 11, 30, 23))
    with session() as connection:
        assert forecast(connection, "month", NOW, UTC).spent_picousd == COST
        kolkata = forecast(connection, "month", NOW, ZoneInfo("Asia/Kolkata"))
    assert kolkata.spent_picousd == 3 * COST


@pytest.mark.parametrize(("behind", "told"), [(6, False), (7, True)])
def test_seven_whole_days_with_calls_or_nothing(spool: Path, behind: int, told: bool) -> None:
    found = asked(spool, daily(behind + 1))  # and today, which is not whole
    assert found.days_with_calls == behind
    assert (found.total_picousd is not None) is told
    assert (found.above_permille is not None) is False
    assert found.spent_picousd == (behind + 1) * COST


def test_a_constant_day_is_continued_exactly(spool: Path) -> None:
    found = asked(spool, daily(40), amount_picousd=29 * COST)
    # 20 days of November are spent; today's call came at nine, and ten days are to come.
    assert (found.spent_picousd, found.rest_picousd, found.total_picousd) == (20 * COST, 10 * COST, 30 * COST)
    assert found.low95_picousd == found.high95_picousd == 30 * COST
    assert found.above_permille == 1000


def test_what_is_left_of_today_follows_the_clock(spool: Path) -> None:
    evening = [at(NOW.replace(hour=20) - timedelta(days=back), 100 + back) for back in range(1, 20)]
    found = asked(spool, daily(20) + evening, period="day")
    assert (found.spent_picousd, found.rest_picousd) == (COST, COST)


def test_the_day_recording_began_on_is_no_whole_day(spool: Path) -> None:
    first = NOW - timedelta(days=10)
    part = [at(first.replace(hour=23), 900)]
    full = [at(first.replace(hour=9) + timedelta(days=day), 10 + day * 2 + n) for day in range(1, 10) for n in (0, 1)]
    found = asked(spool, part + full)
    assert found.days_with_calls == 9
    assert found.rest_picousd == 2 * COST * 10


@pytest.mark.parametrize(
    ("scope", "calls"),
    [
        (Scope(), 4),
        (Scope(task="support-*"), 2),
        (Scope(model="GPT-4O-2024*"), 3),
        (Scope(provider="anthropic"), 1),
        (Scope(feature="chat"), 1),
        (Scope(label="customer=acme"), 1),
        (Scope(label="customer=ac*"), 0),
        (Scope(task="support-*", label="customer=acme"), 1),
        (Scope(task="support-*", provider="anthropic"), 0),
        (Scope(task="'; DROP TABLE calls; --"), 0),
    ],
    ids=str,
)
def test_a_scope_is_what_matches_all_of_it(spool: Path, scope: Scope, calls: int) -> None:
    moment = NOW - timedelta(hours=2)
    records = [
        at(moment, 1, context={"task": "support-triage", "labels": {"customer": "acme"}}),
        at(moment, 2, context={"task": "support-reply", "feature": "chat", "labels": {"customer": "other"}}),
        at(moment, 3, context={"task": "draft"}),
        at(moment, 4, provider="anthropic", api="anthropic.messages", request_model="claude-sonnet-4-5",
           response_model="claude-sonnet-4-5"),
    ]  # fmt: skip
    assert asked(spool, records, scope=scope).calls == calls


def test_calls_without_a_price_are_counted_and_in_no_sum(spool: Path) -> None:
    nobody = {"request_model": "in-house-7b", "response_model": "in-house-7b", "usage": Usage(output_tokens=1)}
    found = asked(spool, [at(NOW - timedelta(hours=1), 1, **nobody)])
    assert (found.spent_picousd, found.unpriced_calls) == (None, 1)
    with session() as connection:
        assert forecast(connection, "month", NOW - timedelta(days=1), UTC).spent_picousd == 0


def test_who_looks_twice_is_told_the_same_range(spool: Path) -> None:
    uneven = [at(NOW - DAY * back, 100 * back + n) for back in range(1, 29) for n in range(back % 5 + 1)]
    before = asked(spool, uneven)
    with session() as connection:
        after = forecast(connection, "month", NOW + timedelta(seconds=40), UTC)
    assert before.low80_picousd != before.high80_picousd
    assert msgspec.structs.replace(after, now=before.now) == before
