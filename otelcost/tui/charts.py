"""Bars from blocks, with a baseline of zero. Pure: integers in, text out; an unknown value reads `?`."""

from __future__ import annotations

from collections.abc import Sequence

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
