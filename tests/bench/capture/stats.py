"""Medians and bootstrap intervals of paired samples. The resampling is seeded: the same samples, the same interval."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

RESAMPLES: Final = 1000
_T = TypeVar("_T")


class Estimate(NamedTuple):
    """A figure and its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def shown(self, digits: int = 1) -> str:
        """`12.3 [11.0, 13.9]`."""
        return f"{self.value:,.{digits}f} [{self.low:,.{digits}f}, {self.high:,.{digits}f}]"


def estimate(samples: Sequence[_T], of: Callable[[Sequence[_T]], float]) -> Estimate:
    """A statistic of independent samples (blocks of calls, pairs of them), resampled with replacement."""
    chance = random.Random(7)
    made = sorted(of(chance.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    return Estimate(of(samples), made[int(RESAMPLES * 0.025)], made[int(RESAMPLES * 0.975)])


def median(samples: Sequence[float]) -> Estimate:
    """The median of plain numbers."""
    return estimate(samples, statistics.median)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; the largest where there are few."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
