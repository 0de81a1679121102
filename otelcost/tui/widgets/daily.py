"""Spend by day as bars from zero, with the largest day named."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content

from otelcost import display
from otelcost.tui import charts
from otelcost.tui.snapshot import Day
from otelcost.tui.text import fit, line, rule
from otelcost.tui.widgets.paint import Paint

_WIDEST = 9


class Daily(Paint):
    """The days of the window, oldest first."""

    def __init__(self) -> None:
        super().__init__(id="daily")
        self.days: tuple[Day, ...] = ()
        self.rows = 3

    def show(self, days: tuple[Day, ...]) -> None:
        """Show new days."""
        self.days = days
        self.repaint()

    def paint(self, width: int) -> list[Content]:
        """Heading, bars, dates."""
        room = max(1, width - 2)
        values, size = charts.bucketed([day.picousd for day in self.days], room)
        name = "Daily spend" if size == 1 else f"Spend by {size} days"
        if not values:
            return [rule(name, width), line(("  no calls in this window", "$text-muted"))]
        pitch = max(1, min(_WIDEST, room // len(values)))
        gap = 1 if pitch > 1 else 0
        bars = charts.columns(values, self.rows, pitch - gap, gap)
        return [
            rule(name, width, self._note(values, size, width - cell_len(name) - 5)),
            *[line("  ", (row, "$primary")) for row in bars],
            line(("  " + self._dates(len(values), pitch, size), "$text-muted")),
        ]

    def _note(self, values: list[int | None], size: int, room: int) -> str:
        """The largest day, and where there is room how many calls no bar holds."""
        known = [(value, index) for index, value in enumerate(values) if value is not None]
        value, index = max(known, key=lambda pair: pair[0], default=(0, 0))
        if not value and any(day.picousd is None for day in self.days):
            return "no priced call"  # the other days had none at all
        unpriced = sum(day.unpriced_calls for day in self.days)
        doubt = f" · {unpriced:,} unpriced" if unpriced else ""
        top = f"top {display.money(value)} on {self.days[index * size].day:%d %b}"
        return top + doubt if cell_len(top + doubt) <= room else top

    def _dates(self, bars: int, pitch: int, size: int) -> str:
        step = max(1, -(-7 // pitch))
        return "".join(
            fit(f"{self.days[index * size].day:%d %b}", min(step, bars - index) * pitch)
            for index in range(0, bars, step)
        )
