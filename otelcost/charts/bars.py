"""Columns over time: what every day cost, with days nobody can price marked and not drawn as nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otelcost.charts.scale import money_labels, spread, ticks
from otelcost.charts.svg import WIDE, Chart, box, line, room, text

HEIGHT = 220
_TOP, _BOTTOM = 18, 26


class Column(NamedTuple):
    """One column. `value` in pico-dollars; None is unknown. `partial`: something of it could not be priced."""

    label: str
    value: int | None
    tip: str = ""
    partial: bool = False


def columns(data: Sequence[Column], title: str, summary: str, width: int = WIDE) -> Chart:
    """Columns from a zero line, oldest first. A `?` stands over what is not wholly known."""
    marks = ticks(max((column.value or 0 for column in data), default=0))
    names = money_labels(marks) if any(column.value for column in data) else ("$0", "")
    left = max(map(room, names)) + 10
    plot = Plot(left, width - 4, HEIGHT - _BOTTOM, _TOP, marks[-1])
    parts = [*frame(plot, marks, names)]
    slot = (plot.right - plot.left) / max(len(data), 1)
    shown = spread([column.label for column in data], plot.right - plot.left)
    for position, column in enumerate(data):
        x = plot.left + position * slot
        parts.append(_column(column, x, slot, plot))
        if position in shown:
            parts.append(text(x + slot / 2, HEIGHT - 8, column.label, "oc-muted", "middle"))
    return Chart(title, summary, width, HEIGHT, "".join(parts))


class Plot(NamedTuple):
    """Where a chart with a zero line is drawn, in pixels, and the amount at its top."""

    left: float
    right: float
    bottom: float
    top: float
    most: int

    def y(self, amount: int) -> float:
        """The height at which an amount stands."""
        return self.bottom - (self.bottom - self.top) * amount / max(self.most, 1)


def frame(plot: Plot, marks: Sequence[int], names: Sequence[str]) -> list[str]:
    """Grid lines with their labels, and the zero line."""
    found = []
    for amount, name in zip(marks, names, strict=True):
        y = plot.y(amount)
        found.append(line(plot.left, y, plot.right, y, "oc-axis" if not amount else "oc-grid"))
        found.append(text(plot.left - 6, y + 4, name, "oc-muted", "end"))
    return found


def bar_width(slot: float) -> float:
    """How wide a bar is in a slot: a gap as long as there is room for one."""
    return slot - min(slot / 4, 6) if slot > 3 else slot


def _column(column: Column, x: float, slot: float, plot: Plot) -> str:
    wide = bar_width(slot)
    start = x + (slot - wide) / 2
    top = plot.y(column.value or 0)
    drawn = box(start, top, wide, plot.bottom - top, "oc-total", column.tip) if column.value else ""
    if column.value is None or column.partial:
        drawn += text(x + slot / 2, top - 4, "?", "oc-more oc-strong", "middle")
    return drawn
