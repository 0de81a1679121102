"""What a terminal shows in which nothing useful fits."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from otelcost.tui.text import line, wrap
from otelcost.tui.widgets.paint import Paint

LEAST_WIDTH: Final = 72
LEAST_HEIGHT: Final = 22


class TooSmall(Paint):
    """Says the size there is, the size it takes, and the way out."""

    def __init__(self) -> None:
        super().__init__(id="too-small")

    def paint(self, width: int) -> list[Content]:
        """A few lines at any width."""
        size = self.app.size
        text = (
            f"Please enlarge this terminal: it is {size.width}x{size.height}, "
            f"otelcost needs {LEAST_WIDTH}x{LEAST_HEIGHT}."
        )
        rest = "Without one: otelcost --plain\nq quits"
        return [line((row, "bold")) for row in wrap(text, width)] + [
            line((row, "$text-muted")) for row in wrap(rest, width)
        ]
