"""The last line: the keys that matter here, seven at most. `?` shows all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.content import Content

from otelcost.tui.text import line
from otelcost.tui.widgets.paint import Paint

MOST: Final = 7
_NAMES: Final = {"?": "question_mark", "/": "slash", "esc": "escape"}


class KeyBar(Paint):
    """`keys` are (key, what it does)."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(id="keys")
        self.keys = tuple(keys[:MOST])

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show other keys."""
        self.keys = tuple(keys[:MOST])
        self.refresh()

    def paint(self, width: int) -> list[Content]:  # noqa: ARG002
        """One line."""
        parts: list[str | tuple[str, str]] = []
        for key, label in self.keys:
            parts += [(f" {key} ", "bold $text-primary"), (f"{label} ", "$text-muted")]
        return [line(*parts)]

    def on_click(self, event: events.Click) -> None:
        """A click on a key presses it."""
        position = 0
        for key, label in self.keys:
            position += len(key) + len(label) + 3
            if event.x < position:
                self.app.simulate_key(_NAMES.get(key, key))
                return
