"""One call: its prompt's anatomy, tokens, cost and record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from otelcost.tui.host import Copy
from otelcost.tui.pages.page import Page
from otelcost.tui.pages.trace import TracePage
from otelcost.tui.snapshot import Call, CallDetail
from otelcost.tui.widgets.anatomy import AnatomyBar
from otelcost.tui.widgets.calldetail import CallBill, CallFigures

_ID_SHOWN = 8

SCROLL_KEYS: list[BindingType] = [
    Binding("j,down", "scroll(1)", "Down", show=False),
    Binding("k,up", "scroll(-1)", "Up", show=False),
    Binding("ctrl+d,pagedown", "scroll(12)", "Page down", show=False),
    Binding("ctrl+u,pageup", "scroll(-12)", "Page up", show=False),
    Binding("g,home", "scroll(-100000)", "Top", show=False),
    Binding("G,end", "scroll(100000)", "Bottom", show=False),
]
"""Moving in a page that is one long text."""


class ScrollPage(Page):
    """A page that is one long text."""

    BINDINGS: ClassVar[list[BindingType]] = SCROLL_KEYS

    def action_scroll(self, rows: int) -> None:
        """Scroll the text."""
        self.query_one("#scroll", VerticalScroll).scroll_relative(y=rows, animate=False)


class CallDetailPage(ScrollPage):
    """See the module."""

    KEYS = (("enter", "Its trace"), ("j/k", "Scroll"), ("y", "Copy id"), ("?", "Help"), ("q", "Quit"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,l,right", "trace", "Its trace", show=False)]

    def __init__(self, crumbs: Sequence[str], call: Call) -> None:
        super().__init__((*crumbs, call.id[:_ID_SHOWN]))
        self.call = call

    def body(self) -> Iterable[Widget]:
        """Figures, anatomy, bill."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield CallFigures()
            yield AnatomyBar()
            yield CallBill()

    def on_mount(self) -> None:
        """The row is there at once, the anatomy when it is read."""
        self.query_one(CallFigures).show(self.call)
        self.host.ask_call(self.call.id, self)

    def receive_call(self, detail: CallDetail | None) -> None:
        """Show what was asked for."""
        if not self.ready:
            return
        if detail is None:
            self.app.notify("This call is no longer in the store.", timeout=4)
            return
        self.call = detail.call
        self.query_one(CallFigures).show(detail.call)
        self.query_one(AnatomyBar).show(detail)
        self.query_one(CallBill).show(detail)

    def action_trace(self) -> None:
        """The calls around it."""
        if self.call.trace:
            self.app.push_screen(TracePage(self.crumbs, self.call.trace))

    def copyable(self) -> Copy | None:
        """The call's id."""
        return Copy("the call's id", self.call.id)
