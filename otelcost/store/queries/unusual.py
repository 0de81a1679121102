"""Which hours or days of a series cost far more than the same ones usually do. Pure, integers.

An hour is compared with the same hour of the week, from three weeks behind it on; with the same hour of the day
from seven days on; a whole day with the days behind it from five on. Where most of the money was spent in hours
that usually cost nothing, hours say nothing, and the next coarser is taken.

Usual is the median of those behind. What is far is told by how far those behind lie from the median of the others:
1.4826 times the median distance, of the same hour and, scaled by the square root of the cost, of all hours; the
greater of both, for three weeks alone say little of an hour's spread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date, datetime
from statistics import median_low
from typing import Final, Literal

import msgspec

Level = Literal["hour of week", "hour of day", "day"]

DEVIATIONS: Final = 6
"""Robust standard deviations above the usual from which a cost is unusual."""

MIN_GROWTH: Final = 2
"""The usual's multiple that an unusual cost is at least: 1 + 1 / MIN_GROWTH."""

_ROBUST = (14826, 10000)
_NEEDED_DAYS: Final[dict[Level, int]] = {"hour of week": 21, "hour of day": 7, "day": 5}
_REGULAR_PERCENT: Final = 80


class Unit(msgspec.Struct, frozen=True):
    """An hour or a day on the zone's clocks: `number` counts them, `start` is naive UTC."""

    number: int
    start: datetime
    end: datetime
    day: date
    hour: int


class Unusual(msgspec.Struct, frozen=True):
    """A unit that cost too much, and those behind whose median is the usual: one, or two that count a half each."""

    unit: Unit
    cost_picousd: int
    usual_picousd: int
    reference: tuple[Unit, ...]


class Found(msgspec.Struct, frozen=True):
    """What was found in a series, and how it was looked at; no level where it is too short or too irregular."""

    level: Level | None
    unusual: tuple[Unusual, ...] = ()


Costs = Mapping[int, int]
"""Pico-dollars by the number of a unit; units without calls are left out."""


def find(hours: Sequence[Unit], days: Sequence[Unit], costs: Costs, day_costs: Costs, since: datetime) -> Found:
    """Look at a series from its first cost on.

    Args:
        hours: every hour, oldest first, behind and after `since`.
        days: every whole day.
        costs: of the hours.
        day_costs: of the days.
        since: units that start here or later are judged; those before it are what they are judged by.
    """
    for level, key in _LEVELS.items():
        units, values = (days, day_costs) if level == "day" else (hours, costs)
        found = _look(level, units, values, key, since)
        if found is not None:
            return Found(level, found)
    return Found(None)


def _hour_of_week(unit: Unit) -> Hashable:
    return unit.day.weekday(), unit.hour


def _hour_of_day(unit: Unit) -> Hashable:
    return unit.hour


def _any_day(_unit: Unit) -> Hashable:
    return None


_LEVELS: Final[dict[Level, Callable[[Unit], Hashable]]] = {
    "hour of week": _hour_of_week,
    "hour of day": _hour_of_day,
    "day": _any_day,
}


def _look(
    level: Level, units: Sequence[Unit], costs: Costs, key: Callable[[Unit], Hashable], since: datetime
) -> tuple[Unusual, ...] | None:
    """The unusual units at a level; None where the level has nothing to say."""
    first = min(costs, default=None)
    if first is None:
        return None
    known = [unit for unit in units if unit.number >= first]
    behind = [unit for unit in known if unit.start < since]
    if not behind or (behind[-1].end - behind[0].start).days < _NEEDED_DAYS[level]:
        return None
    groups: dict[Hashable, list[Unit]] = {}
    for unit in behind:
        groups.setdefault(key(unit), []).append(unit)
    usual = {name: _median([costs.get(unit.number, 0) for unit in group]) for name, group in groups.items()}
    if not _regular(groups, usual, costs):
        return None
    spreads = _Spreads(groups, costs)
    after = [unit for unit in known if unit.start >= since and key(unit) in groups]
    return tuple(
        _unusual(unit, groups[key(unit)], costs)
        for unit in after
        if _is_unusual(costs.get(unit.number, 0), usual[key(unit)], spreads.of(key(unit), usual[key(unit)]))
    )


def _is_unusual(cost: int, usual: int, spread: int) -> bool:
    return spread > 0 and cost - usual > DEVIATIONS * spread and (cost - usual) * MIN_GROWTH >= usual


def _regular(groups: Mapping[Hashable, Sequence[Unit]], usual: Mapping[Hashable, int], costs: Costs) -> bool:
    """Whether most of the money was spent where money usually is."""
    sums = {name: sum(costs.get(unit.number, 0) for unit in group) for name, group in groups.items()}
    inside = sum(cost for name, cost in sums.items() if usual[name])
    return inside * 100 >= _REGULAR_PERCENT * sum(sums.values()) > 0


class _Spreads:
    """How far units lie from what the others of their group say."""

    def __init__(self, groups: Mapping[Hashable, Sequence[Unit]], costs: Costs) -> None:
        values = {name: [costs.get(unit.number, 0) for unit in group] for name, group in groups.items()}
        self._own = {name: _distances(group) for name, group in values.items()}
        total, units = sum(map(sum, values.values())), sum(map(len, values.values()))
        self._mean = max(total // units, 1)
        squares = [
            distance * distance // max(_median(values[name]), self._mean)
            for name, distances in self._own.items()
            for distance in distances
        ]
        self._pooled = _median(squares)

    def of(self, name: Hashable, usual: int) -> int:
        """A robust standard deviation; at least a fiftieth of the usual, for what never differed may yet a little."""
        pooled = math.isqrt(self._pooled * max(usual, self._mean))
        own = max(_median(self._own[name]), pooled) * _ROBUST[0] // _ROBUST[1]
        return max(own, usual // 50)


def _distances(values: Sequence[int]) -> list[int]:
    if len(values) == 1:
        return [0]
    return [abs(value - _median([*values[:place], *values[place + 1 :]])) for place, value in enumerate(values)]


def _median(values: Sequence[int]) -> int:
    """The median; between two integers the lower half."""
    if not values:
        return 0
    low = median_low(values)
    return low if len(values) % 2 else int((low + sorted(values)[len(values) // 2]) // 2)


def _unusual(unit: Unit, group: Sequence[Unit], costs: Costs) -> Unusual:
    ordered = sorted(group, key=lambda one: (costs.get(one.number, 0), one.number))
    middle = len(ordered) // 2
    reference = ordered[middle : middle + 1] if len(ordered) % 2 else ordered[middle - 1 : middle + 1]
    usual = _median([costs.get(one.number, 0) for one in group])
    return Unusual(unit, costs.get(unit.number, 0), usual, tuple(reference))
