"""Page 1: what it cost, why, and what to change first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from otelcost import display
from otelcost.tui import charts, words
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.pages.deciding import DecidingPage
from otelcost.tui.pages.pictures import PicturesPage
from otelcost.tui.pages.recommendation import RecommendationPage
from otelcost.tui.pages.recommendations import columns as fix_columns
from otelcost.tui.snapshot import Recommendation, Slice, Snapshot
from otelcost.tui.widgets.daily import Daily
from otelcost.tui.widgets.empty import Empty
from otelcost.tui.widgets.headline import Headline
from otelcost.tui.widgets.keybar import KeyBar
from otelcost.tui.widgets.section import Section
from otelcost.tui.widgets.table import Table

_EMPTY_KEYS = (("r", "Look now"), ("?", "Help"), ("q", "Quit"))


class SliceTable(Table[Slice]):
    """Tasks or models by spend, with a bar from zero."""

    def __init__(self, id: str, title: str) -> None:  # noqa: A002  (Textual's own name for it)
        self.largest = 0
        self.total = 0
        self.places = 2
        super().__init__(self._columns(title), lambda row: row.name, headed=False, id=id)

    def show(self, slices: Sequence[Slice]) -> None:
        """Show new slices."""
        known = [row.picousd for row in slices if row.picousd is not None]
        self.largest, self.total = max(known, default=0), sum(known)
        self.places = display.common_places([*known])
        self.set_rows(slices)

    def _columns(self, title: str) -> tuple[Column[Slice], ...]:
        return (
            Column(key="name", title=title, width=20, flex=True, cell=lambda row, _: display.clean(row.name)),
            Column(key="bar", title="", width=8, flex=True, drop=2, cell=self._bar),
            Column(
                key="cost",
                title="$",
                width=11,
                align="right",
                cell=lambda row, _: words.spend(row.picousd, row.calls, row.unpriced_calls, self.places),
            ),
            Column(key="share", title="share", width=5, drop=1, align="right", cell=self._share),
        )

    def _bar(self, row: Slice, width: int) -> Cell:
        return charts.bar(row.picousd, self.largest, width), "$primary"

    def _share(self, row: Slice, _: int) -> Cell:
        return display.percent(row.picousd, self.total), "$text-muted"


def _fix_columns(rows: Sequence[Recommendation]) -> tuple[Column[Recommendation], ...]:
    return tuple(column for column in fix_columns(rows) if column.key not in ("id", "task"))


class OverviewPage(DecidingPage):
    """See the module."""

    KEYS = (
        ("enter", "Open"),
        ("v", "Pictures"),
        ("tab", "Next list"),
        ("t", "Window"),
        ("y", "Copy"),
        ("?", "Help"),
        ("q", "Quit"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [Binding("v", "pictures", "The window as pictures", show=False)]

    def __init__(self) -> None:
        super().__init__(("Overview",))

    def body(self) -> Iterable[Widget]:
        """Headline, then lists and bars; two columns where there is room."""
        yield Empty()
        yield Headline()
        yield Section("Fixes", id="fixes-title")
        yield Table[Recommendation](_fix_columns(()), lambda row: row.id, headed=False, id="fixes")
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield Section("By task", id="tasks-title")
                yield SliceTable("by-task", "task")
            with Vertical(id="right"):
                yield Daily()
                yield Section("By model", id="models-title")
                yield SliceTable("by-model", "model")

    def on_mount(self) -> None:
        """Start in the list of fixes."""
        self.query_one("#fixes", Table).focus()

    def on_resize(self) -> None:
        """Higher bars where there is room."""
        daily = self.query_one(Daily)
        daily.rows = max(3, min(10, self.size.height // 5 - 1))
        daily.repaint()

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        overview, advice = snapshot.overview, snapshot.advice
        self.set_class(not overview.recorded_ever, "-empty")
        self.query_one(KeyBar).show(self.KEYS if overview.recorded_ever else _EMPTY_KEYS)
        empty = self.query_one(Empty)
        empty.spool = snapshot.spool
        empty.repaint()
        troubled = self.host.state.problem is not None
        self.query_one(Headline).show(snapshot, troubled=troubled)
        fixes: Table[Recommendation] = self.query_one("#fixes", Table)
        fixes.empty = words.no_fixes(snapshot, troubled=troubled)
        rows = () if advice is None else words.still_open(advice)
        fixes.columns = _fix_columns(rows)
        fixes.set_rows(rows)
        self.query_one(Daily).show(overview.days)
        self.query_one("#by-task", SliceTable).show(overview.tasks)
        self.query_one("#by-model", SliceTable).show(overview.models)
        self.query_one("#tasks-title", Section).note(display.plural(len(overview.tasks), "task"))
        self.query_one("#models-title", Section).note(display.plural(len(overview.models), "model"))
        self.query_one("#fixes-title", Section).note("saving beside the others · basis")

    def tick(self) -> None:
        """Keep the sign of life moving."""
        super().tick()
        if self.has_class("-empty"):
            self.query_one(Empty).tick()

    def action_pictures(self) -> None:
        """The task under the cursor as pictures, in the list of tasks; elsewhere the whole window."""
        tasks = self.query_one("#by-task", SliceTable)
        row = tasks.current if tasks.has_focus else None
        self.app.push_screen(PicturesPage(self.crumbs, None if row is None else row.name))

    def decidable(self) -> str | None:
        """The fix under the cursor, where that is in the list of fixes."""
        fixes = self.query_one("#fixes", Table)
        row = fixes.current if fixes.has_focus else None
        return row.id if isinstance(row, Recommendation) else None

    def copyable(self) -> Copy | None:
        """The headline, as text."""
        return Copy("the headline", "\n".join(row.plain for row in self.query_one(Headline).paint(200)).strip())

    @on(Table.Opened, "#fixes")
    def _open_fix(self, event: Table.Opened) -> None:
        if isinstance(event.row, Recommendation):
            self.app.push_screen(RecommendationPage(self.crumbs, event.row))

    @on(Table.Opened, "#by-task")
    def _open_task(self, event: Table.Opened) -> None:
        if isinstance(event.row, Slice):
            self.app.push_screen(CallsPage((*self.crumbs, event.row.name), task=event.row.name))

    @on(Table.Opened, "#by-model")
    def _open_model(self, event: Table.Opened) -> None:
        if isinstance(event.row, Slice):
            self.app.push_screen(CallsPage((*self.crumbs, event.row.name), model=event.row.name))
