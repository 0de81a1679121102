"""The days ahead: exact where nothing differs, honest about its spread where something does."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.store.queries.projection import MINIMUM_DAYS, Ahead, Day, project

FIRST = date(2026, 9, 1)
OFFICE = (10, 11, 10, 9, 8, 2, 1)
FLAT = (5,) * 7
USD = 10**12


def days(costs: list[int], first: date = FIRST) -> list[Day]:
    return [Day(first + timedelta(days=place), cost) for place, cost in enumerate(costs)]


def ahead(behind: int, length: int) -> list[Ahead]:
    return [Ahead(FIRST + timedelta(days=behind + place)) for place in range(length)]


@settings(deadline=None)
@given(st.integers(0, 10**16), st.integers(MINIMUM_DAYS, 40), st.integers(0, 31))
def test_what_never_differs_has_no_width(cost: int, behind: int, length: int) -> None:
    found = project(days([cost] * behind), ahead(behind, length), "seed", samples=20)
    assert found.expected_picousd == cost * length
    assert set(found.draws) == {cost * length}


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**14), min_size=7, max_size=7), st.integers(2, 4), st.integers(0, 31))
def test_a_week_that_repeats_itself_is_foretold_exactly(week: list[int], weeks: int, length: int) -> None:
    found = project(days(week * weeks), ahead(7 * weeks, length), "seed", samples=20)
    assert set(found.draws) == {sum((week * 5)[:length])} == {found.expected_picousd}


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**14), min_size=MINIMUM_DAYS, max_size=35), st.integers(0, 31), st.text(max_size=3))
def test_draws_are_sorted_repeatable_and_never_below_nothing(costs: list[int], length: int, seed: str) -> None:
    found = project(days(costs), ahead(len(costs), length), seed, samples=30)
    assert found == project(days(costs), ahead(len(costs), length), seed, samples=30)
    assert list(found.draws) == sorted(found.draws)
    assert found.draws[0] >= 0
    (low95, high95), (low80, high80) = found.interval(95), found.interval(80)
    assert low95 <= low80 <= high80 <= high95
    assert found.above_permille(-1) == 1000
    assert found.above_permille(found.draws[-1]) == 0


@pytest.mark.parametrize("shape", [OFFICE, FLAT], ids=["office", "flat"])
@pytest.mark.parametrize(("behind", "length", "spread"), [(14, 7, 0.2), (28, 1, 0.2), (28, 7, 0.6), (28, 20, 0.2)])
def test_intervals_hold_what_they_promise(shape: tuple[int, ...], behind: int, length: int, spread: float) -> None:
    """Over many series whose future is known, about 80 and 95 of 100 lie inside, neither far fewer nor all."""
    series = 120
    inside80 = inside95 = 0
    for number in range(series):
        chance = random.Random(number)
        costs = [
            int(USD * shape[(FIRST + timedelta(days=place)).weekday()] * chance.lognormvariate(0, spread))
            for place in range(behind + length)
        ]
        found = project(days(costs[:behind]), ahead(behind, length), str(number), samples=200)
        truth = sum(costs[behind:])
        inside80 += found.interval(80)[0] <= truth <= found.interval(80)[1]
        inside95 += found.interval(95)[0] <= truth <= found.interval(95)[1]
    assert 0.70 <= inside80 / series <= 0.93
    assert inside95 / series >= 0.89


def test_a_bill_that_doubled_is_followed() -> None:
    found = project(days([USD] * 14 + [2 * USD] * 14), ahead(28, 7), "seed")
    assert 7 * USD * 17 // 10 < found.expected_picousd <= 14 * USD
    assert found.interval(95)[1] > found.expected_picousd
