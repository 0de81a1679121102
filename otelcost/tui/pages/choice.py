"""A line at the bottom that asks: for one of a few keys, or for a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from otelcost.tui.text import line
from otelcost.tui.widgets.paint import Paint

Choice = tuple[str, str, str]
"""Key, name, and the value it stands for."""

WINDOWS: Final[Sequence[Choice]] = (
    ("d", "day", "24h"),
    ("w", "week", "7d"),
    ("m", "month", "30d"),
    ("q", "quarter", "90d"),
    ("a", "all", "all"),
)
SNOOZES: Final[Sequence[Choice]] = (
    ("d", "a day", "1"),
    ("w", "a week", "7"),
    ("m", "30 days", "30"),
    ("q", "90 days", "90"),
)


class Choices(Paint):
    """The keys."""

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__(id="choices")
        self.title = title
        self.choices = tuple(choices)

    def paint(self, width: int) -> list[Content]:  # noqa: ARG002
        """One line."""
        parts: list[str | tuple[str, str]] = [(f"{self.title}: ", "bold")]
        for key, name, _ in self.choices:
            parts += [(f" {key} ", "bold reverse"), f" {name}  "]
        return [line(*parts, ("esc keeps", "$text-muted"))]


class ChoicePage(ModalScreen[str | None]):
    """One key chooses; the result is its value, None to leave things as they are."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,t", "keep", "Keep", show=False)]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self.title = title
        self.choices = tuple(choices)

    def compose(self) -> ComposeResult:
        """The line."""
        yield Choices(self.title or "", self.choices)

    def on_key(self, event: events.Key) -> None:
        """Take one."""
        for key, _, value in self.choices:
            if event.key == key:
                event.stop()
                self.dismiss(value)

    def action_keep(self) -> None:
        """Leave it."""
        self.dismiss(None)


class PromptPage(ModalScreen[str | None]):
    """A few words; the result is None where esc was pressed. Nothing is taken that is empty."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "keep", "Keep", show=False)]

    def __init__(self, title: str, hint: str) -> None:
        super().__init__()
        self.title = title
        self.hint = hint

    def compose(self) -> ComposeResult:
        """The line."""
        with Horizontal(id="prompt"):
            yield Label(f"{self.title}: ", id="prompt-title", markup=False)
            yield Input(placeholder=self.hint, id="prompt-text", compact=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss(event.value.strip())

    def action_keep(self) -> None:
        """Leave it."""
        self.dismiss(None)
