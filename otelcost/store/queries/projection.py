"""What the days ahead will cost, judged by the days behind: seasonal-naive, with a block bootstrap. Pure, integers.

A day ahead is expected to cost the mean of the same weekday of the days behind, where each week counts twice as much
as the one before it, so that a bill that has grown is followed; from fewer than two weeks a weekday cannot be told
from chance, and the mean of all days is taken. How far days are from what was expected of
them, as a share of it, is drawn anew in blocks of days that follow each other, both for the days ahead and for the
days behind, whose mean is itself uncertain. The shares are widened by the square root of n / (n - k - 2), for n days
and k means: what so few days say of the spread, as Student's distribution has it. A series that never differs has
no width.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

MINIMUM_DAYS: Final = 7
"""Days with calls below which nothing is foretold."""

HISTORY_DAYS: Final = 28
SAMPLES: Final = 1000

_SEASONAL_FROM_DAYS: Final = 14
_BLOCK_DAYS: Final = 3
_WHOLE: Final = 1_000_000
_HALVINGS: Final = 16
"""The newest week's weight; older ones count half as much each."""


class Day(msgspec.Struct, frozen=True):
    """A whole day behind, and what it cost."""

    day: date
    cost_picousd: int


class Ahead(msgspec.Struct, frozen=True):
    """A day ahead, and how much of its cost is still to come, in millionths."""

    day: date
    share: int = _WHOLE


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of the days ahead: what is expected, and sorted draws of what may come."""

    expected_picousd: int
    draws: tuple[int, ...]

    def interval(self, percents: int) -> tuple[int, int]:
        """The central so many percent of the draws."""
        tail = len(self.draws) * (100 - percents) // 200
        return self.draws[tail], self.draws[-1 - tail]

    def above_permille(self, limit_picousd: int) -> int:
        """How many of a thousand draws cost more than a limit."""
        return sum(draw > limit_picousd for draw in self.draws) * 1000 // len(self.draws)


def project(history: Sequence[Day], ahead: Sequence[Ahead], seed: str, samples: int = SAMPLES) -> Projection:
    """Foretell days from at least `MINIMUM_DAYS` days that follow each other, oldest first.

    Args:
        history: every day, also those that cost nothing.
        ahead: the days to come, in order.
        seed: makes the draw repeatable.
        samples: how many draws.
    """
    seasonal = len(history) >= _SEASONAL_FROM_DAYS
    groups = [day.day.weekday() if seasonal else 0 for day in history]
    weights = [_HALVINGS >> min((len(history) - 1 - place) // 7, 4) for place in range(len(history))]
    means = _weighed([day.cost_picousd for day in history], groups, weights)
    misses = _misses(history, groups, means)
    coming = [(group, means[group] * one.share // _WHOLE) for one, group in _grouped(ahead, seasonal=seasonal)]
    random_ = random.Random(seed)  # noqa: S311  (a repeatable draw, not a secret)
    draws = sorted(_draw(random_, misses, groups, weights, coming) for _ in range(samples))
    return Projection(expected_picousd=sum(cost for _, cost in coming), draws=tuple(draws))


def _grouped(ahead: Sequence[Ahead], *, seasonal: bool) -> list[tuple[Ahead, int]]:
    return [(one, one.day.weekday() if seasonal else 0) for one in ahead]


def _weighed(values: Sequence[int], groups: Sequence[int], weights: Sequence[int]) -> dict[int, int]:
    """The weighted mean of each group."""
    sums: dict[int, int] = {}
    totals: dict[int, int] = {}
    for value, group, weight in zip(values, groups, weights, strict=True):
        sums[group] = sums.get(group, 0) + value * weight
        totals[group] = totals.get(group, 0) + weight
    return {group: sums[group] // totals[group] for group in sums}


def _misses(history: Sequence[Day], groups: Sequence[int], means: dict[int, int]) -> list[int]:
    """How far each day was from its mean, in widened millionths of the mean."""
    days = len(history)
    widened = math.isqrt(_WHOLE * _WHOLE * days // (days - len(means) - 2))
    return [
        (day.cost_picousd - means[group]) * widened // means[group] if means[group] else 0
        for day, group in zip(history, groups, strict=True)
    ]


def _draw(
    random_: random.Random,
    misses: Sequence[int],
    groups: Sequence[int],
    weights: Sequence[int],
    coming: Sequence[tuple[int, int]],
) -> int:
    """One possible cost of the days ahead."""
    drawn = _blocks(random_, misses, len(groups) + len(coming))
    errors = _weighed(drawn[: len(groups)], groups, weights)
    later = drawn[len(groups) :]
    return sum(
        max(cost * (_WHOLE + miss - errors[group]) // _WHOLE, 0)
        for (group, cost), miss in zip(coming, later, strict=True)
    )


def _blocks(random_: random.Random, misses: Sequence[int], length: int) -> list[int]:
    drawn: list[int] = []
    around = [*misses, *misses[:_BLOCK_DAYS]]
    while len(drawn) < length:
        first = int(random_.random() * len(misses))
        drawn += around[first : first + _BLOCK_DAYS]
    return drawn[:length]
