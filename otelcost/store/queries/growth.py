"""Whether a window costs more than a baseline, beyond what days differ by anyway. Pure, integers, repeatable.

Three measures, for all tasks together and for each: spend a day, tokens a call, price a call. Each is a ratio of
sums over blocks (days, or hours of short windows). Windows of as many blocks are compared block by block, whole
weeks weekday by weekday, so that a weekend is compared with a weekend: pairs are drawn anew with replacement and
the ratio taken of each draw. Others are drawn from apart. The central 99 percent of the draws, widened by the
square root of n / (n - 3) for n blocks, is the interval. Fewer than five blocks on a side have none.

Where a side is all that was recorded, such as one run of a test suite, how long it took means nothing: spend is then
compared as it is, a run with a run.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

import msgspec

from otelcost.store.queries.baseline import Baseline, Block

Measure = Literal["spend", "tokens a call", "price a call"]
MEASURES: Final[tuple[Measure, ...]] = ("spend", "tokens a call", "price a call")

MIN_SHARE: Final = 20
"""A task is looked at by itself when it is a twentieth of either side's spend."""

_SAMPLES: Final = 999
_TAIL: Final = 4  # of the sorted draws, at each end
_MIN_BLOCKS: Final = 5
_MILLION: Final = 1_000_000
_WEEK_DAYS: Final = 7
_DAY_MINUTES: Final = 1440

_Pair = tuple[int, int]
"""What is measured and what it is measured by, of a block: pico-dollars and minutes, tokens and calls, ..."""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """A measure now against the baseline; changes in millionths, None where the baseline has none of it."""

    task: str | None  # None: all tasks
    measure: Measure
    each: Literal["day", "run", "call"]
    before: int  # by day, run or call of the baseline: pico-dollars or tokens
    now: int
    change: int | None
    low: int | None  # None where too few blocks say how much they differ
    high: int | None

    def exceeds(self, limit: int) -> bool:
        """Whether it grew by more than a limit in millionths, and not by chance."""
        return self.change is not None and self.change > limit and (self.low is None or self.low > 0)


def compare(before: Baseline, now: Baseline) -> list[Growth]:
    """Every measure of all tasks, then of each that matters, the most expensive first; none without a past."""
    if not before.calls:
        return []
    everything = [_growth(None, measure, before, now, _all(before), _all(now)) for measure in MEASURES]
    tasks = _material(before, now)
    return everything + [
        _growth(task, measure, before, now, before.tasks[task], now.tasks[task])
        for task in tasks
        for measure in MEASURES
    ]


def _all(measured: Baseline) -> list[Block]:
    return [block for blocks in measured.tasks.values() for block in blocks]


def _material(before: Baseline, now: Baseline) -> list[str]:
    old, new = _costs(before), _costs(now)
    least_old, least_new = sum(old.values()), sum(new.values())
    found = [
        task
        for task in old.keys() & new.keys()
        if old[task] * MIN_SHARE >= least_old > 0 or new[task] * MIN_SHARE >= least_new > 0
    ]
    return sorted(found, key=lambda task: (-new[task], task))


def _costs(measured: Baseline) -> dict[str, int]:
    return {task: sum(block.cost_picousd for block in blocks) for task, blocks in measured.tasks.items()}


def _growth(
    task: str | None,
    measure: Measure,
    before: Baseline,
    now: Baseline,
    old_blocks: Sequence[Block],
    new_blocks: Sequence[Block],
) -> Growth:
    each: Literal["day", "run", "call"] = "call"
    if measure == "spend":
        each = "run" if before.whole or now.whole else "day"
    old, new = _pairs(before, old_blocks, measure), _pairs(now, new_blocks, measure)
    if each == "run":
        old, new = [(_sums(old)[0], 1)], [(_sums(new)[0], 1)]
    change = _change(old, new)
    low, high = (None, None) if change is None else _interval(before, now, old, new, change, f"{task} {measure}")
    times = _DAY_MINUTES if each == "day" else 1
    return Growth(
        task=task,
        measure=measure,
        each=each,
        before=_ratio(old, times),
        now=_ratio(new, times),
        change=change,
        low=low,
        high=high,
    )


def _pairs(measured: Baseline, blocks: Sequence[Block], measure: Measure) -> list[_Pair]:
    """The measure's two sums for every block, the newest first, or by weekday where the blocks are whole weeks."""
    found = [(0, measured.block_minutes if measure == "spend" else 0)] * measured.length
    for block in blocks:
        above, below = found[block.block]
        if measure == "spend":
            found[block.block] = (above + block.cost_picousd, below)
        elif measure == "tokens a call":
            found[block.block] = (above + block.tokens, below + block.counted_calls)
        else:
            found[block.block] = (above + block.cost_picousd, below + block.priced_calls)
    if measured.block_minutes == _DAY_MINUTES and measured.length % _WEEK_DAYS == 0:
        turn = (measured.end - timedelta(days=1)).weekday() + 1
        found = [found[(place + turn) % len(found)] for place in range(len(found))]
    return found


def _sums(pairs: Sequence[_Pair]) -> _Pair:
    return sum(above for above, _ in pairs), sum(below for _, below in pairs)


def _ratio(pairs: Sequence[_Pair], times: int) -> int:
    above, below = _sums(pairs)
    return above * times // below if below else 0


def _change(old: Sequence[_Pair], new: Sequence[_Pair]) -> int | None:
    """The ratio of two ratios less one, in millionths."""
    (above0, below0), (above1, below1) = _sums(old), _sums(new)
    if not (above0 and below0 and below1):
        return None
    return above1 * below0 * _MILLION // (below1 * above0) - _MILLION


def _interval(
    before: Baseline, now: Baseline, old: Sequence[_Pair], new: Sequence[_Pair], change: int, seed: str
) -> tuple[int | None, int | None]:
    fewest = min(len(old), len(new))
    if fewest < _MIN_BLOCKS:
        return None, None
    random_ = random.Random(seed)  # noqa: S311  (a repeatable draw, not a secret)
    paired = len(old) == len(new) and before.block_minutes == now.block_minutes
    draws = []
    for _ in range(_SAMPLES):
        first = random_.choices(range(len(old)), k=len(old))
        second = first if paired else random_.choices(range(len(new)), k=len(new))
        drawn = _change([old[place] for place in first], [new[place] for place in second])
        if drawn is not None:
            draws.append(drawn)
    draws.sort()
    low, high = draws[min(_TAIL, len(draws) - 1)], draws[max(len(draws) - 1 - _TAIL, 0)]
    widened = math.isqrt(_MILLION * _MILLION * fewest // (fewest - 3))
    return change + (low - change) * widened // _MILLION, change + (high - change) * widened // _MILLION


def movers(before: Baseline, now: Baseline) -> tuple[tuple[str, int], ...]:
    """The three tasks whose spend grew most, and by how many pico-dollars, at the length of the window now."""
    old, new = _costs(before), _costs(now)
    microsecond = timedelta(microseconds=1)
    length0, length1 = ((side.end - side.start) // microsecond for side in (before, now))
    if before.whole or now.whole:
        length0 = length1 = 1
    grown = {task: new.get(task, 0) - old.get(task, 0) * length1 // length0 for task in {*old, *new}}
    ordered = sorted(grown.items(), key=lambda item: (-item[1], item[0]))
    return tuple(item for item in ordered[:3] if item[1] > 0)
