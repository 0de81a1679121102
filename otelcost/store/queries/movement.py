"""What moved the bill between two windows, in parts that add up to the difference to the pico-dollar.

For every task: volume (its calls became more or fewer, at their old cost), mix (its calls moved between models),
tokens (its calls became longer) and rate (a token became dearer: another price, less read from the cache, more output
among it). A task that is new is all volume, a model that is new in a task all mix, priced as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

import duckdb
import msgspec

from otelcost.store.queries.cells import cells
from otelcost.store.queries.window import Window

PARTS: Final = ("volume", "tokens", "rate", "mix")

MIN_DAYS: Final = 4
"""Fewer days with calls than these say nothing about how much a task differs from day to day."""
SPREADS: Final = 3
"""A cost of a call beyond so many robust standard deviations of the days before is no ordinary day."""
_ROBUST: Final = Fraction(14826, 10000)
"""From the median absolute deviation to a standard deviation."""
_LEAST: Final = Fraction(5, 100)
"""What moves less than this share is never flagged, however quiet the days before were."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """The priced calls of one window, their tokens in and out and their cost; and how many had no price."""

    calls: int
    unpriced_calls: int
    tokens: int
    picousd: int


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A task, a model or everything. The four parts add up to `change_picousd`.

    `base` is as recorded. Where the windows are not equally long, the difference is to the base scaled to the
    length of the head, `compared_picousd`.
    """

    name: str | None
    base: Side
    head: Side
    compared_picousd: int
    volume_picousd: int
    tokens_picousd: int
    rate_picousd: int
    mix_picousd: int
    verdict: str | None = None  # see `verdict`; only of tasks and of everything
    usual_picousd: int | None = None  # the median over the base's days of what a call cost

    @property
    def change_picousd(self) -> int:
        """How much more the head cost."""
        return self.head.picousd - self.compared_picousd


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """Two windows compared, whatever moved most first."""

    base: Window
    head: Window
    scale: tuple[int, int]  # the base was multiplied by this fraction; (1, 1) where the windows are equally long
    base_days: int  # UTC days with calls
    head_days: int
    total: Moved
    by_task: tuple[Moved, ...]
    by_model: tuple[Moved, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The priced calls of one day, task and model; several may be of the same."""

    day: date
    task: str
    model: str | None
    calls: int
    unpriced_calls: int
    tokens: int
    picousd: int


def movement(connection: duckdb.DuckDBPyConnection, base: Window, head: Window) -> Movement:
    """Compare two windows."""
    return compared(_cells(connection, base), _cells(connection, head), base, head, _scale(base, head))


def _scale(base: Window, head: Window) -> Fraction:
    """By what the base is multiplied: a fraction that reads well, and exact where that would be nothing."""
    if base.whole or head.whole:
        return Fraction(1)
    lengths = [window.length // timedelta(microseconds=1) for window in (head, base)]
    return Fraction(*lengths).limit_denominator(10**6) or Fraction(*lengths)


def _cells(connection: duckdb.DuckDBPyConnection, window: Window) -> list[Cell]:
    return [
        Cell(
            day=found.day,
            task=found.task,
            model=found.model,
            calls=found.calls - found.unpriced_calls,
            unpriced_calls=found.unpriced_calls,
            tokens=found.priced_tokens or 0,
            picousd=found.cost_picousd or 0,
        )
        for found in cells(connection, window)[0]
    ]


def compared(
    base: Sequence[Cell], head: Sequence[Cell], base_window: Window, head_window: Window, scale: Fraction = Fraction(1)
) -> Movement:
    """The movement between two windows' cells; pure."""
    atoms = _atoms(base, head, scale)
    return Movement(
        base=base_window,
        head=head_window,
        scale=(scale.numerator, scale.denominator),
        base_days=len({cell.day for cell in base}),
        head_days=len({cell.day for cell in head}),
        total=_judged(_sum(None, atoms.values()), base),
        by_task=_grouped(atoms, lambda key: key[0], base, judged=True),
        by_model=_grouped(atoms, lambda key: key[1], base, judged=False),
    )


_Key = tuple[str, str | None]


def _atoms(base: Sequence[Cell], head: Sequence[Cell], scale: Fraction) -> dict[_Key, Moved]:
    before, after = _sides(base), _sides(head)
    growth = _growth(before, after, scale)
    keys = sorted({*before, *after}, key=lambda key: (key[0], key[1] or ""))
    return {key: _atom(before.get(key, _NOTHING), after.get(key, _NOTHING), growth[key[0]], scale) for key in keys}


_NOTHING: Final = Side(calls=0, unpriced_calls=0, tokens=0, picousd=0)


def _sides(cells: Sequence[Cell]) -> dict[_Key, Side]:
    groups: dict[_Key, list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.task, cell.model), []).append(cell)
    return {key: _side(members) for key, members in groups.items()}


def _side(cells: Iterable[Cell] | Iterable[Side]) -> Side:
    members = list(cells)
    return Side(**{name: sum(getattr(one, name) for one in members) for name in Side.__struct_fields__})


def _growth(before: dict[_Key, Side], after: dict[_Key, Side], scale: Fraction) -> dict[str, Fraction | None]:
    """By what the calls of each task became more; None where there were none before."""
    base, head = (_calls(sides) for sides in (before, after))
    return {task: head.get(task, 0) / (base[task] * scale) if base.get(task) else None for task in {*base, *head}}


def _calls(sides: dict[_Key, Side]) -> dict[str, int]:
    found: dict[str, int] = {}
    for (task, _), side in sides.items():
        found[task] = found.get(task, 0) + side.calls
    return found


def _atom(before: Side, after: Side, growth: Fraction | None, scale: Fraction) -> Moved:
    calls, spent, tokens = before.calls * scale, before.picousd * scale, before.tokens * scale
    cost = Fraction(after.picousd)
    if growth is None:
        exact = (cost, Fraction(0), Fraction(0), Fraction(0))
    elif not calls:
        exact = (Fraction(0), Fraction(0), Fraction(0), cost)
    else:
        same_calls = spent / calls * after.calls
        same_rate = spent / tokens * after.tokens if tokens else same_calls
        exact = ((growth - 1) * spent, same_rate - same_calls, cost - same_rate, same_calls - growth * spent)
    compared_ = round(spent)
    volume, tokens_, rate, mix = _whole(exact, after.picousd - compared_)
    return Moved(
        name=None,
        base=before,
        head=after,
        compared_picousd=compared_,
        volume_picousd=volume,
        tokens_picousd=tokens_,
        rate_picousd=rate,
        mix_picousd=mix,
    )


def _whole(exact: Sequence[Fraction], total: int) -> list[int]:
    """The parts as integers that add up; what rounding left goes where it shows least."""
    parts = [round(part) for part in exact]
    largest = max(range(len(parts)), key=lambda position: abs(parts[position]))
    parts[largest] += total - sum(parts)
    return parts


def _grouped(
    atoms: dict[_Key, Moved], key: Callable[[_Key], str | None], base: Sequence[Cell], *, judged: bool
) -> tuple[Moved, ...]:
    groups: dict[str | None, list[Moved]] = {}
    for atom_key, atom in atoms.items():
        groups.setdefault(key(atom_key), []).append(atom)
    rows = [_sum(name, members) for name, members in groups.items()]
    if judged:
        rows = [_judged(row, [cell for cell in base if cell.task == row.name]) for row in rows]
    return tuple(sorted(rows, key=lambda row: (-abs(row.change_picousd), -row.head.picousd, row.name or "")))


def _sum(name: str | None, members: Iterable[Moved]) -> Moved:
    found = list(members)
    money = ("compared_picousd", *(f"{part}_picousd" for part in PARTS))
    return Moved(
        name=name,
        base=_side(one.base for one in found),
        head=_side(one.head for one in found),
        **{field: sum(getattr(one, field) for one in found) for field in money},
    )


def _judged(row: Moved, base: Sequence[Cell]) -> Moved:
    by_day: dict[date, list[Cell]] = {}
    for cell in base:
        by_day.setdefault(cell.day, []).append(cell)
    days = [_side(cells) for cells in by_day.values()]
    costs = [Fraction(day.picousd, day.calls) for day in days if day.calls]
    said, usual = verdict(costs, row.head)
    if said == "new" and row.base.unpriced_calls:
        said = "unpriced"  # it was there, and nobody knows at what cost
    return msgspec.structs.replace(row, verdict=said, usual_picousd=usual)


def verdict(costs: Sequence[Fraction], head: Side) -> tuple[str, int | None]:
    """Whether what a call costs moved by more than it does from day to day.

    Args:
        costs: pico-dollars a call on each day before.
        head: the calls to judge.

    Returns `dearer`, `cheaper`, `within the usual`, `new`, `gone`, `unpriced` or `too few days to say`, and the
    median of `costs`.
    """
    usual = round(_median(costs)) if costs else None
    if not head.calls:
        return ("unpriced" if head.unpriced_calls else "gone"), usual
    if not costs:
        return "new", None
    if len(costs) < MIN_DAYS:
        return "too few days to say", usual
    middle = _median(costs)
    spread = _ROBUST * _median([abs(cost - middle) for cost in costs])
    moved = Fraction(head.picousd, head.calls) - middle
    if abs(moved) <= max(SPREADS * spread, _LEAST * middle):
        return "within the usual", usual
    return ("dearer" if moved > 0 else "cheaper"), usual


def _median(values: Sequence[Fraction]) -> Fraction:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
