"""A heading between lists."""

from __future__ import annotations

from textual.content import Content

from otelcost.tui.text import rule
from otelcost.tui.widgets.paint import Paint


class Section(Paint):
    """`Title ───── note`."""

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name for it)
        super().__init__(id=id)
        self.heading = title
        self._note = ""

    def note(self, text: str) -> None:
        """Change what stands at the right."""
        if text != self._note:
            self._note = text
            self.refresh()

    def paint(self, width: int) -> list[Content]:
        """One line."""
        return [rule(self.heading, width, self._note)]
