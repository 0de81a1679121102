"""`t`: which window, one key away."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen

from otelcost.tui.text import line
from otelcost.tui.widgets.paint import Paint

CHOICES: Final = (("d", "day", "24h"), ("w", "week", "7d"), ("m", "month", "30d"), ("a", "all", "all"))


class Choices(Paint):
    """The keys."""

    def paint(self, width: int) -> list[Content]:  # noqa: ARG002
        """One line."""
        parts: list[str | tuple[str, str]] = [("Window: ", "bold")]
        for key, name, _ in CHOICES:
            parts += [(f" {key} ", "bold reverse"), f" {name}   "]
        return [line(*parts, ("esc keeps", "$text-muted"))]


class WindowPage(ModalScreen[str | None]):
    """A line at the bottom; the result is the window's text, None to keep it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *[Binding(key, f"choose('{text}')", name, show=False) for key, name, text in CHOICES],
        Binding("escape,t,q", "keep", "Keep", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The line."""
        yield Choices(id="window-choices")

    def action_choose(self, text: str) -> None:
        """Take one."""
        self.dismiss(text)

    def action_keep(self) -> None:
        """Leave it."""
        self.dismiss(None)
