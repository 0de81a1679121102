"""Bars from blocks, with a baseline of zero. Pure: integers in, text out; an unknown value reads `?`."""

from __future__ import annotations

from collections.abc import Sequence

from otelcost.charts import Step, drawn_steps
from otelcost.display import percent

_LOWER = " ▁▂▃▄▅▆▇█"
_LEFT = " ▏▎▍▌▋▊▉█"
UNKNOWN = "?"


def _eighths(value: int, largest: int, cells: int) -> int:
    """How many eighths of a cell a value fills; something that is not nothing fills at least one."""
    if value <= 0 or largest <= 0:
        return 0
    return max(1, (value * cells * 8 * 2 + largest) // (2 * largest))


def bar(value: int | None, largest: int, width: int) -> str:
    """A horizontal bar of exactly `width` cells."""
    if value is None:
        return UNKNOWN.ljust(width)[:width]
    full, rest = divmod(min(_eighths(value, largest, width), width * 8), 8)
    return (_LEFT[8] * full + (_LEFT[rest] if rest else "")).ljust(width)


def progress(part: int, whole: int, width: int) -> str:
    """A share as a bar of exactly `width` cells with its percentage behind: `██████▌     54%`."""
    share = percent(part, whole)
    room = max(1, width - 5)
    return bar(min(part, whole), whole, room) + share.rjust(5)[: width - room]


def columns(values: Sequence[int | None], height: int, bar_width: int = 1, gap: int = 0) -> list[str]:
    """Vertical bars, top row first, `height` rows of `len(values) * (bar_width + gap)` cells."""
    largest = max((value for value in values if value is not None), default=0)
    rows = []
    for row in range(height - 1, -1, -1):
        cells = (_cell(value, largest, height, row) for value in values)
        rows.append("".join(cell * bar_width + " " * gap for cell in cells))
    return rows


def _cell(value: int | None, largest: int, height: int, row: int) -> str:
    if value is None:
        return UNKNOWN if row == 0 else " "
    return _LOWER[max(0, min(8, _eighths(value, largest, height) - row * 8))]


def spark(values: Sequence[int | None]) -> str:
    """One row of bars, one cell a value: nothing is a dot, so that the line shows where it starts."""
    return "".join("·" if value == 0 else cell for value, cell in zip(values, columns(values, 1)[0], strict=True))


def bucketed(values: Sequence[int | None], most: int) -> tuple[list[int | None], int]:
    """Values summed in groups so that at most `most` remain, and the group's size. Unknown poisons its group
    only where nothing in it is known."""
    size = max(1, -(-len(values) // max(1, most)))
    groups = [values[start : start + size] for start in range(0, len(values), size)]
    return [_sum(group) for group in groups], size


def _sum(group: Sequence[int | None]) -> int | None:
    known = [value for value in group if value is not None]
    return sum(known) if known else None


def waterfall(steps: Sequence[Step], width: int) -> list[str]:
    """A bar of at most `width` cells for each step, on one axis that holds zero."""
    ends = [sorted((one.start, one.end)) for one in drawn_steps(steps)]
    low = min([0, *(begin for begin, _ in ends)])
    span = max([1, *(end - low for _, end in ends)])
    return [_floating(begin - low, end - low, span, width) for begin, end in ends]


def _floating(begin: int, end: int, span: int, width: int) -> str:
    """A bar from `begin` to `end`; what is not nothing has one cell at least."""
    first, last = begin * width // span, -(-end * width // span)
    if begin == end:
        return ""
    first = min(first, width - 1)
    return " " * first + _LEFT[8] * max(1, last - first)


_DENSITY = "·░▒▓█"


def density(count: int, most: int) -> str:
    """A mark for how many fell into a cell: nothing is blank, and each mark further stands for four times as many."""
    if count <= 0:
        return " "
    step, level = most, len(_DENSITY) - 1
    while level > 0 and count * 2 <= step:
        step, level = step // 4, level - 1
    return _DENSITY[level]


Span = tuple[int, int]
"""Where an axis begins, and where it ends."""


def grid(points: Sequence[tuple[int, int, int]], across: Span, up: Span, width: int, height: int) -> list[str]:
    """Points (x, y, count) on a grid of `width` times `height` between the ends of both axes, the top row first."""
    cells: dict[tuple[int, int], int] = {}
    for x, y, count in points:
        place = placed(x, across, width), placed(y, up, height)
        cells[place] = cells.get(place, 0) + count
    most = max(cells.values(), default=0)
    return [
        "".join(density(cells.get((column, row), 0), most) for column in range(width))
        for row in range(height - 1, -1, -1)
    ]


def placed(value: int, span: Span, cells: int) -> int:
    """The cell that a value falls into; what is on the end is in the last."""
    return min(cells - 1, (value - span[0]) * cells // max(1, span[1] - span[0]))
