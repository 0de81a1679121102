"""The first run: what to type, and a live sign that we wait for the first call."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from otelcost import display
from otelcost.tui.text import crop, line, rule
from otelcost.tui.widgets.header import age
from otelcost.tui.widgets.paint import Paint

_TRIES: Final = (
    ("See it work, no key and no network needed", ("otelcost demo",)),
    (
        "Record your own application, unchanged",
        (
            "otelcost run -- python app.py",
            "opentelemetry-instrument --traces_exporter otelcost python app.py",
        ),
    ),
    ("Records should be here but are not", ("otelcost doctor",)),
)
_PULSE: Final = "◐◓◑◒"


class Empty(Paint):
    """Shown in the place of the overview while the store holds no call at all."""

    def __init__(self) -> None:
        super().__init__(id="empty")
        self.spool = ""
        self.waited = 0

    def tick(self) -> None:
        """A second has passed."""
        self.waited += 1
        self.refresh()

    def guide(self, width: int) -> list[Content]:
        """What to type."""
        room = max(20, width)
        lines = [Content(""), line(("No call recorded yet.", "bold")), Content("")]
        for title, commands in _TRIES:
            lines.append(rule(title, room))
            lines += [line("   ", (command, "bold $text-primary")) for command in commands]
            lines.append(Content(""))
        return lines

    def paint(self, width: int) -> list[Content]:
        """The page: what to type, and that we wait."""
        pulse = _PULSE[self.waited % len(_PULSE)]
        return [
            *self.guide(width),
            line((f"{pulse} waiting for the first call", "$text-warning"), f"  {age(self.waited)}"),
            line((crop(f"  watching {display.clean(self.spool)}", max(20, width)), "$text-muted")),
        ]
