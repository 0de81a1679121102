"""How far a saving may be from what was found: a day-block bootstrap of its rate, seeded, in integers.

The window's traffic is known, so what is drawn anew is not how much was called but how much of the bill the
change would take away, which differs from day to day. A rate that never differs, such as half price, has no
width; and no bound is ever above the bill.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import mul
from typing import Final

SAMPLES: Final = 1000
LOW_PERMILLE: Final = 25
HIGH_PERMILLE: Final = 975
MINIMUM_DAYS: Final = 2


def day_blocks(saved: Mapping[int, int], billed: Mapping[int, int]) -> tuple[int, int] | None:
    """The central 95 % of the saving, were the window made of days drawn from it with replacement.

    Args:
        saved: pico-dollars by day number.
        billed: what the affected calls cost, by day number.

    Returns:
        Low and high in pico-dollars of the whole window, or None below `MINIMUM_DAYS` days with a bill: one
        day says nothing about another. The same days give the same bounds.
    """
    days = [day for day, cost in sorted(billed.items()) if cost > 0]
    if len(days) < MINIMUM_DAYS:
        return None
    gains, costs = [saved.get(day, 0) for day in days], [billed[day] for day in days]
    whole = sum(costs)
    if all(gain * whole == sum(gains) * cost for gain, cost in zip(gains, costs, strict=True)):
        return sum(gains), sum(gains)
    rates = sorted(_sum(draw, gains) * whole // _sum(draw, costs) for draw in _draws(len(days)))
    return rates[SAMPLES * LOW_PERMILLE // 1000], rates[SAMPLES * HIGH_PERMILLE // 1000 - 1]


def _sum(times: Sequence[int], amounts: Sequence[int]) -> int:
    return sum(map(mul, times, amounts))


@lru_cache(maxsize=64)
def _draws(days: int) -> tuple[tuple[int, ...], ...]:
    """How often each of so many days is drawn, for every sample: the same for all who ask, so drawn once."""
    draw = random.Random(days)  # noqa: S311  (a repeatable draw, not a secret)
    return tuple(_times(draw.choices(range(days), k=days), days) for _ in range(SAMPLES))


def _times(drawn: Sequence[int], days: int) -> tuple[int, ...]:
    times = [0] * days
    for day in drawn:
        times[day] += 1
    return tuple(times)
