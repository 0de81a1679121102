"""The second line: the tabs, or where a drill-down has led."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.content import Content

from otelcost import display
from otelcost.tui.text import crop, line
from otelcost.tui.widgets.paint import Paint

TABS: Final = (
    ("1", "Overview"),
    ("2", "Recommendations"),
    ("3", "Tasks"),
    ("4", "Calls"),
    ("5", "Trials"),
    ("6", "Digests"),
)
_ARROW: Final = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


class Trail(Paint):
    """Tabs at the top of a stack, else the breadcrumb. `crumbs` starts with the tab's name."""

    def __init__(self, crumbs: Sequence[str]) -> None:
        super().__init__(id="trail")
        self.crumbs = tuple(crumbs)

    def paint(self, width: int) -> list[Content]:
        """One line."""
        return [self._tabs() if len(self.crumbs) < 2 else self._path(width)]

    def _tabs(self) -> Content:
        parts: list[str | tuple[str, str]] = [" "]
        for key, name in TABS:
            here = name == self.crumbs[0]
            parts.append((f" {key} {name} ", "bold underline $text-primary" if here else "$text-muted"))
        return line(*parts)

    def _path(self, width: int) -> Content:
        last = display.clean(self.crumbs[-1])
        before = _ARROW.join(display.clean(crumb) for crumb in self.crumbs[:-1])
        key = next((key for key, name in TABS if name == self.crumbs[0]), "")
        head = crop(f"  {key} {before}{_ARROW}", max(8, width - cell_len(last) - 1))
        return line((head, "$text-muted"), (crop(last, max(8, width - cell_len(head))), "bold $text-primary"))

    def on_click(self, event: events.Click) -> None:
        """A click on a tab is its key."""
        position = 1
        for key, name in TABS:
            size = len(key) + len(name) + 3
            if len(self.crumbs) < 2 and position <= event.x < position + size:
                self.app.simulate_key(key)
            position += size
