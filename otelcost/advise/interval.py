"""How far a saving may be from what was found: a day-block bootstrap of its rate, seeded, in integers.

The window's traffic is known, so what is drawn anew is not how much was called but how much of the bill the
change would take away, which differs from day to day. A rate that never differs, such as half price, has no
width; and no bound is ever above the bill.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

SAMPLES: Final = 1000
LOW_PERMILLE: Final = 25
HIGH_PERMILLE: Final = 975
MINIMUM_DAYS: Final = 2


def day_blocks(saved: Mapping[int, int], billed: Mapping[int, int], seed: str) -> tuple[int, int] | None:
    """The central 95 % of the saving, were the window made of days drawn from it with replacement.

    Args:
        saved: pico-dollars by day number.
        billed: what the affected calls cost, by day number.
        seed: makes the draw repeatable.

    Returns:
        Low and high in pico-dollars of the whole window, or None below `MINIMUM_DAYS` days with a bill: one
        day says nothing about another.
    """
    days = [(saved.get(day, 0), cost) for day, cost in sorted(billed.items()) if cost > 0]
    if len(days) < MINIMUM_DAYS:
        return None
    whole = sum(cost for _, cost in days)
    draw = random.Random(seed)  # noqa: S311  (a repeatable draw, not a secret)
    rates = sorted(_scaled(draw.choices(days, k=len(days)), whole) for _ in range(SAMPLES))
    return rates[SAMPLES * LOW_PERMILLE // 1000], rates[SAMPLES * HIGH_PERMILLE // 1000 - 1]


def _scaled(days: list[tuple[int, int]], whole: int) -> int:
    """The saving of these days, scaled to the whole bill."""
    return sum(saving for saving, _ in days) * whole // sum(cost for _, cost in days)
