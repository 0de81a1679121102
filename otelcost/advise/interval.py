"""How far a window's saving may be from the next one's: a day-block bootstrap, seeded, in integers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

SAMPLES: Final = 1000
LOW_PERMILLE: Final = 25
HIGH_PERMILLE: Final = 975
MINIMUM_DAYS: Final = 2


def day_blocks(daily: Mapping[int, int], first_day: int, last_day: int, seed: str) -> tuple[int, int] | None:
    """The central 95 % of the saving of as many days, drawn with replacement from the days there were.

    Args:
        daily: pico-dollars saved by day number; days that are missing saved nothing and count as such.
        first_day, last_day: the covered days, both included.
        seed: makes the draw repeatable.

    Returns:
        Low and high, or None below `MINIMUM_DAYS` days: one day says nothing about another.
    """
    days = [daily.get(day, 0) for day in range(first_day, last_day + 1)]
    if len(days) < MINIMUM_DAYS:
        return None
    draw = random.Random(seed)  # noqa: S311  (a repeatable draw, not a secret)
    sums = sorted(sum(draw.choices(days, k=len(days))) for _ in range(SAMPLES))
    return sums[SAMPLES * LOW_PERMILLE // 1000], sums[SAMPLES * HIGH_PERMILLE // 1000 - 1]
