"""`v`: a window, or one task in it, as pictures; enter shows the calls behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from otelcost.digest.outlook import Outlook
from otelcost.tui.host import Copy
from otelcost.tui.pages.call import ScrollPage
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.snapshot import Advice, Day, Pictures, Snapshot
from otelcost.tui.text import line
from otelcost.tui.widgets import pictures
from otelcost.tui.widgets.paint import Paint


class Gallery(Paint):
    """The pictures, or that they are being drawn."""

    def __init__(self) -> None:
        super().__init__(id="gallery")
        self.pictures: Pictures | None = None
        self.advice: Advice | None = None
        self.outlook: Outlook | None = None
        self.days: tuple[Day, ...] = ()

    def paint(self, width: int) -> list[Content]:
        """One below the other."""
        if self.pictures is None:
            return [line(("reading the store ...", "$text-muted"))]
        return pictures.paint(self.pictures, self.advice, self.outlook, width, self.days)


class PicturesPage(ScrollPage):
    """See the module."""

    KEYS = (("enter", "Calls"), ("j/k", "Scroll"), ("t", "Window"), ("y", "Copy"), ("?", "Help"), ("q", "Quit"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,l,right", "calls", "Its calls", show=False)]

    def __init__(self, crumbs: Sequence[str], task: str | None = None) -> None:
        super().__init__((*crumbs, "pictures") if task is None else (*crumbs, task, "pictures"))
        self.task_name = task

    def body(self) -> Iterable[Widget]:
        """The pictures, scrolling."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield Gallery()

    def show(self, snapshot: Snapshot) -> None:
        """New facts: ask for the pictures anew."""
        gallery = self.query_one(Gallery)
        gallery.advice, gallery.outlook = snapshot.advice, snapshot.outlook
        gallery.days = self._days(snapshot)
        gallery.repaint()
        period, task = snapshot.period, self.task_name
        self.host.ask(lambda source: source.pictures(period, task), self.receive, group="pictures")

    def _days(self, snapshot: Snapshot) -> tuple[Day, ...]:
        """What every day cost, or what of it the task did."""
        days = snapshot.overview.days
        if self.task_name is None:
            return days
        mine = next((row.days for row in snapshot.tasks if row.name == self.task_name), ())
        # Of a task nothing but its cost by day is known.
        return tuple(Day(day.day, cost, 0) for day, cost in zip(days, mine, strict=False))

    def receive(self, found: Pictures) -> None:
        """Show what was asked for."""
        if self.ready:
            gallery = self.query_one(Gallery)
            gallery.pictures = found
            gallery.repaint()

    def copyable(self) -> Copy | None:
        """The pictures, as text."""
        rows = self.query_one(Gallery).paint(self.query_one(Gallery).content_size.width)
        return Copy("the pictures", "\n".join(row.plain.rstrip() for row in rows))

    def action_calls(self) -> None:
        """The calls they are drawn from."""
        self.app.push_screen(CallsPage((*self.crumbs, "calls"), task=self.task_name))
