"""The line in which a filter is typed. It stays visible while a filter holds, so that nothing hides silently."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label


class FilterBar(Horizontal):
    """`/` opens it, enter keeps the filter, esc drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "drop", "Drop", show=False)]

    class Changed(Message):
        """The filter's text is another."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """The user is done typing."""

    def compose(self) -> ComposeResult:
        """`/ [input] n of m`."""
        yield Label("/", id="filter-mark")
        yield Input(placeholder="words · !without · model:haiku", id="filter-text", compact=True)
        yield Label("", id="filter-count", markup=False)

    @property
    def text(self) -> str:
        """The filter as typed."""
        return self.query_one(Input).value

    def open(self) -> None:
        """Show and type."""
        self.add_class("-open")
        self.query_one(Input).focus()

    def count(self, text: str) -> None:
        """Say how many rows are left."""
        self.query_one("#filter-count", Label).update(text)

    def action_drop(self) -> None:
        """No filter any more."""
        self.query_one(Input).value = ""
        self._leave()

    def _leave(self) -> None:
        self.set_class(bool(self.text.strip()), "-open")
        self.post_message(self.Left())

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._leave()
