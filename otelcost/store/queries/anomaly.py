"""Hours and days that cost far more than usual, overall and by task, with what moved them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Final

import duckdb
import msgspec

from otelcost import periods
from otelcost.store.queries.movement import Cell, compared
from otelcost.store.queries.rows import fetch, sql
from otelcost.store.queries.scope import Scope
from otelcost.store.queries.slots import SlotRow, slots
from otelcost.store.queries.unusual import Costs, Level, Unit, Unusual, find
from otelcost.store.queries.window import Window

HISTORY: Final = timedelta(weeks=8)
MIN_SHARE: Final = 200
"""An excess is told from a two-hundredth of the window's spend on."""


NOT_JUDGED: Final = "not judged"
"""A task with too few days, or too irregular."""

TOO_SMALL: Final = "too small"
"""A task whose whole cost in the window is below that."""


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """Hours or days in a row that cost too much.

    The usual is the median; the parts (see `movement`) are of the change from the calls of the hours or days it was
    taken from, and add up to the excess.
    """

    task: str | None  # None: all tasks together; never add those to a task's
    level: Level
    start: datetime  # naive UTC
    end: datetime
    cost_picousd: int
    usual_picousd: int
    excess_picousd: int
    volume_picousd: int
    tokens_picousd: int
    rate_picousd: int
    mix_picousd: int


class Anomalies(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the greatest excess first, and how each series was looked at."""

    anomalies: tuple[Anomaly, ...]
    overall_level: Level | None
    levels: dict[str, int]  # how many tasks were compared by which, or not judged, or too small
    unpriced_calls: int  # of the window: in no cost

    @property
    def excess_picousd(self) -> int:
        """The dollars above the usual: of all together or of the tasks, whichever is more; never of both."""
        overall = sum(one.excess_picousd for one in self.anomalies if one.task is None)
        return max(overall, sum(one.excess_picousd for one in self.anomalies if one.task is not None))


class _Cell(Cell, frozen=True, kw_only=True):
    slot: datetime


_Episode = tuple[str | None, Level, list[Unusual]]


def anomalies(connection: duckdb.DuckDBPyConnection, window: Window, zone: tzinfo) -> Anomalies:
    """Judge the hours of a window by those of eight weeks before it. Hours, days and weeks are the zone's.

    The hour, and the day, that has not ended at the window's end is not judged.
    """
    since = max(window.start, window.end - HISTORY)
    begin = since - HISTORY
    minutes = periods.slot_minutes(zone, begin, window.end)
    rows = slots(connection, begin, window.end, minutes, Scope())
    if not rows:
        return Anomalies(anomalies=(), overall_level=None, levels={}, unpriced_calls=0)
    first = min(row.slot for row in rows)
    hours, days, hour_of, day_of = _units(first, window.end, minutes, zone)
    inside = [row for row in rows if row.slot >= since]
    least = sum(row.cost_picousd for row in inside) // MIN_SHARE
    found: list[_Episode] = []
    levels: dict[str, int] = {}
    overall: Level | None = None
    for task, series in _series(rows):
        if sum(row.cost_picousd for row in series if row.slot >= since) < least:
            levels[TOO_SMALL] = levels.get(TOO_SMALL, 0) + 1
            continue
        result = find(hours, days, _costs(series, hour_of), _costs(series, day_of), since)
        if task is None:
            overall = result.level
        else:
            name = result.level or NOT_JUDGED
            levels[name] = levels.get(name, 0) + 1
        if result.level is not None:
            found += [(task, result.level, run) for run in _runs(result.unusual)]
    large = [one for one in found if _excess(one[2]) >= least]
    told = _explained(connection, large, minutes)
    return Anomalies(
        anomalies=tuple(sorted(told, key=lambda one: (-one.excess_picousd, one.start, one.task or ""))),
        overall_level=overall,
        levels=dict(sorted(levels.items())),
        unpriced_calls=sum(row.unpriced_calls for row in inside),
    )


def _units(
    first: datetime, end: datetime, minutes: int, zone: tzinfo
) -> tuple[list[Unit], list[Unit], dict[datetime, int], dict[datetime, int]]:
    """Every whole hour and whole day of the zone, and which of them a slot is in."""
    step = timedelta(minutes=minutes)
    hours: list[Unit] = []
    hour_of: dict[datetime, int] = {}
    slot, last = first, None
    while slot < end:
        moment = periods.local(slot, zone)
        name = (moment.date(), moment.hour, moment.fold)
        if name != last:
            hours.append(Unit(len(hours), slot, slot + step, moment.date(), moment.hour))
            last = name
        else:
            hours[-1] = msgspec.structs.replace(hours[-1], end=slot + step)
        hour_of[slot] = len(hours) - 1
        slot += step
    days = [
        Unit(number, periods.midnight(day, zone), periods.midnight(day + timedelta(days=1), zone), day, 0)
        for number, day in enumerate(periods.days(hours[0].day, hours[-1].day + timedelta(days=1)))
    ]
    day_of = {slot: (hours[number].day - hours[0].day).days for slot, number in hour_of.items()}
    whole = [unit for unit in days if unit.start >= first and unit.end <= end]
    return [unit for unit in hours if unit.end <= end], whole, hour_of, day_of


def _series(rows: Sequence[SlotRow]) -> Iterator[tuple[str | None, list[SlotRow]]]:
    """All tasks together first, then each."""
    yield None, list(rows)
    by_task: dict[str, list[SlotRow]] = {}
    for row in rows:
        by_task.setdefault(row.task, []).append(row)
    yield from by_task.items()


def _costs(rows: Iterable[SlotRow], unit_of: dict[datetime, int]) -> Costs:
    costs: dict[int, int] = {}
    for row in rows:
        number = unit_of[row.slot]
        costs[number] = costs.get(number, 0) + row.cost_picousd
    return costs


def _runs(found: Sequence[Unusual]) -> list[list[Unusual]]:
    """Unusual units that follow each other, as one."""
    runs: list[list[Unusual]] = []
    for one in found:
        if runs and runs[-1][-1].unit.end == one.unit.start:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _excess(run: Sequence[Unusual]) -> int:
    return sum(one.cost_picousd - one.usual_picousd for one in run)


def _explained(connection: duckdb.DuckDBPyConnection, episodes: Sequence[_Episode], minutes: int) -> list[Anomaly]:
    """The episodes with what moved them: their calls against those of the units whose median is the usual."""
    if not episodes:
        return []
    units = [unit for _, _, run in episodes for one in run for unit in (one.unit, *one.reference)]
    step = timedelta(minutes=minutes)
    wanted = sorted({slot for unit in units for slot in _slots_of(unit, step)})
    parameters = {"start": wanted[0], "end": wanted[-1] + step, "minutes": minutes, "slots": wanted}
    cells: dict[datetime, list[_Cell]] = {}
    for cell in fetch(connection, sql("anomaly"), parameters, _Cell):
        cells.setdefault(cell.slot, []).append(cell)
    return [_anomaly(episode, cells, step) for episode in episodes]


def _slots_of(unit: Unit, step: timedelta) -> Iterator[datetime]:
    slot = unit.start
    while slot < unit.end:
        yield slot
        slot += step


def _anomaly(episode: _Episode, cells: dict[datetime, list[_Cell]], step: timedelta) -> Anomaly:
    task, level, run = episode
    now: list[Cell] = []
    before: list[Cell] = []
    for one in run:
        now += _cells_of(one.unit, task, cells, step)
        # A median between two hours is half of both: each counts once and the whole is halved.
        for unit in one.reference * (3 - len(one.reference)):
            before += _cells_of(unit, task, cells, step)
    whole = Window(run[0].unit.start, run[-1].unit.end)
    moved = compared(before, now, whole, whole, Fraction(1, 2)).total
    return Anomaly(
        task=task,
        level=level,
        start=whole.start,
        end=whole.end,
        cost_picousd=moved.head.picousd,
        usual_picousd=moved.compared_picousd,
        excess_picousd=moved.change_picousd,
        volume_picousd=moved.volume_picousd,
        tokens_picousd=moved.tokens_picousd,
        rate_picousd=moved.rate_picousd,
        mix_picousd=moved.mix_picousd,
    )


def _cells_of(unit: Unit, task: str | None, cells: dict[datetime, list[_Cell]], step: timedelta) -> Iterator[_Cell]:
    found = (cell for slot in _slots_of(unit, step) for cell in cells.get(slot, ()))
    return (cell for cell in found if task is None or cell.task == task)
