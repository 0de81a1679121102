"""Round marks for axes, in whole units: no float decides where a figure stands."""

from __future__ import annotations

from collections.abc import Sequence

from otelcost.charts.svg import room
from otelcost.display import common_places, duration, money

_MILLISECOND = 1000

MARKS = 4
"""About how many marks an axis has."""


def ticks(largest: int) -> tuple[int, ...]:
    """Round amounts from 0 up to the first at or above `largest`; (0, 1) where there is nothing to show."""
    if largest <= 0:
        return (0, 1)
    step = _round_up(-(-largest // MARKS))
    return tuple(range(0, largest + step, step))


def _round_up(amount: int) -> int:
    """The next of 1, 2, 5 times a power of ten, at or above an amount of 1 or more."""
    power = int(10 ** (len(str(amount)) - 1))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= amount)


def money_labels(amounts: Sequence[int]) -> tuple[str, ...]:
    """Amounts in pico-dollars as the labels of an axis, all with the same decimals."""
    places = common_places(list(amounts))
    return tuple(money(amount, places) for amount in amounts)


def decades(values: Sequence[int]) -> tuple[int, ...]:
    """The powers of ten around some positive values, two at least; all of them stand between the ends."""
    if not values:
        return (1, 10)
    low = int(10 ** (len(str(min(values))) - 1))
    high = low * 10
    while high < max(values):
        high *= 10
    marks = [low]
    while marks[-1] < high:
        marks.append(marks[-1] * 10)
    return tuple(marks)


def money_mark(picousd: int) -> str:
    """A power of ten of dollars without the zeros behind its digit: `$0.01`, `$1`."""
    said = money(picousd)
    return said.rstrip("0").rstrip(".") if "." in said else said


def duration_mark(microseconds: int) -> str:
    """A power of ten of time, in microseconds where milliseconds would say nothing."""
    return duration(microseconds) if microseconds >= _MILLISECOND else f"{microseconds} us"


def spread(labels: Sequence[str], pixels: float) -> frozenset[int]:
    """Which of evenly placed labels can be written without touching: always the first."""
    if not labels:
        return frozenset()
    most = max(1, int(pixels // (max(map(room, labels)) + 16)))
    return frozenset(range(0, len(labels), -(-len(labels) // most)))
