"""Page 2: what to change, what it saves beside the others, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Final

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget

from otelcost import display
from otelcost.tui import words
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.deciding import DecidingPage
from otelcost.tui.pages.findings import DecidedPage, InsightsPage, UncheckedPage
from otelcost.tui.pages.recommendation import RecommendationPage, copy_change
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import Advice, Recommendation, Snapshot
from otelcost.tui.text import line
from otelcost.tui.widgets.paint import Paint
from otelcost.tui.widgets.recdetail import RecommendationDetail
from otelcost.tui.widgets.table import Table


def _basis(row: Recommendation, _: int) -> Cell:
    return words.basis(row.class_)


def _id(row: Recommendation, _: int) -> Cell:
    return display.clean(row.id), "$text-muted"


def _title(row: Recommendation, _: int) -> Cell:
    return display.clean(row.title)


def _task(row: Recommendation, _: int) -> Cell:
    return display.clean(row.task), "$text-muted"


ID: Final = Column[Recommendation](key="id", title="ID", width=14, drop=4, cell=_id, sort=lambda row: row.id)
DO: Final = Column[Recommendation](
    key="title", title="Do", width=24, flex=True, cell=_title, sort=lambda row: row.title
)
TASK: Final = Column[Recommendation](key="task", title="Task", width=18, drop=3, cell=_task, sort=lambda row: row.task)
"""What every list of recommendations begins with."""


def columns(rows: Sequence[Recommendation]) -> tuple[Column[Recommendation], ...]:
    """The columns for these rows: their amounts share their decimals. The overview's list uses them too."""
    places = display.common_places([row.marginal_picousd for row in rows])

    def saves(row: Recommendation, _: int) -> Cell:
        return display.money(row.marginal_picousd, places), "bold"

    def state(row: Recommendation, _: int) -> tuple[str, str]:
        return ("", "") if row.state == "open" else words.state(row.state)

    def mark(row: Recommendation, _: int) -> Cell:
        text, style = state(row, 0)
        return text[:1], style

    closed = _any_closed(rows)
    return (
        *([Column(key="mark", title="", width=1, cell=mark)] if closed else []),
        ID,
        DO,
        TASK,
        Column(
            key="saves",
            title="Saves",
            width=9,
            align="right",
            cell=saves,
            sort=lambda row: row.marginal_picousd,
            money=True,
        ),
        Column(key="basis", title="Basis", width=13, drop=1, cell=_basis, sort=lambda row: row.class_),
        *([Column(key="state", title="State", width=11, drop=2, cell=state)] if closed else []),
    )


def _any_closed(rows: Sequence[Recommendation]) -> bool:
    return any(row.state != "open" for row in rows)


def fields(row: Recommendation) -> Mapping[str, str]:
    """What a filter looks at: everything in its line."""
    named = {"id": row.id, "rule": row.rule, "task": row.task, "title": row.title}
    return {key: value.lower() for key, value in {**named, "basis": row.class_, "state": row.state}.items()}


class Totals(Paint):
    """What all of them save together, in two lines, and what was not checked."""

    def __init__(self) -> None:
        super().__init__(id="totals")
        self.advice: Advice | None = None
        self.troubled = False
        self.recorded = True

    def paint(self, width: int) -> list[Content]:
        """Two lines and, where there is any, what was not checked."""
        advice = self.advice
        if advice is None:
            return [line(words.waiting(self.troubled, recorded=self.recorded)), Content("")]
        return words.answer(advice, width)


class Behind(Paint):
    """The last line: what stands behind the list, each with its key. What was not checked is not clean."""

    def __init__(self) -> None:
        super().__init__(id="behind")
        self.advice: Advice | None = None

    def paint(self, width: int) -> list[Content]:
        """One line."""
        if self.advice is None:
            return [Content("")]
        named = (
            ("i", display.plural(len(self.advice.insights), "insight")),
            ("n", f"{display.plural(len(self.advice.not_checked), 'check')} not made"),
            ("m", f"{len(self.advice.decided):,} decided"),
        )
        pieces: list[words.Piece] = []
        for key, text in named:
            pieces += [(f" {key} ", "bold $text-primary"), (f"{text}  ", "$text-muted")]
        return [words.fitted(pieces, width)]


class RecommendationsPage(DecidingPage, TablePage[Recommendation]):
    """See the module."""

    KEYS = (
        ("enter", "Open"),
        ("a", "Accept"),
        ("d", "Dismiss"),
        ("s", "Snooze"),
        ("z", "Undo"),
        ("/", "Filter"),
        ("?", "Help"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "insights", "Insights", show=False),
        Binding("n", "unchecked", "Not checked", show=False),
        Binding("m", "decided", "What became of decisions", show=False),
    ]

    COLUMNS: ClassVar[Sequence[Column[Recommendation]]] = columns(())
    EMPTY = "none in this window"

    def __init__(self) -> None:
        super().__init__(("Recommendations",))

    def body(self) -> Iterable[Widget]:
        """Totals, the list and, where there is room, the detail beside it."""
        yield Totals()
        with Horizontal(id="split"):
            with Vertical(id="list"):
                yield from super().body()
            with VerticalScroll(id="preview", can_focus=False):
                yield RecommendationDetail()
        yield Behind()

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        troubled = self.host.state.problem is not None
        self.query_one(Totals).recorded = snapshot.overview.recorded_ever
        self.query_one(Totals).troubled = troubled
        for widget in (self.query_one(Totals), self.query_one(Behind)):
            widget.advice = snapshot.advice
            widget.repaint()
        self.nothing = words.no_fixes(snapshot, troubled=troubled)
        rows = () if snapshot.advice is None else snapshot.advice.recommendations
        self.table.columns = columns(rows)
        self.set_rows(rows)
        self._preview()

    def row_key(self, row: Recommendation) -> str:
        """Its id."""
        return row.id

    def fields(self, row: Recommendation) -> Mapping[str, str]:
        """Everything in its line."""
        return fields(row)

    def open_row(self, row: Recommendation) -> None:
        """Its detail."""
        self.app.push_screen(RecommendationPage(self.crumbs, row))

    def copyable(self) -> Copy | None:
        """The change of the one under the cursor."""
        row = self.table.current
        return None if row is None else copy_change(row)

    @on(Table.Moved, "#table")
    def _preview(self) -> None:
        self.query_one(RecommendationDetail).show(self.table.current, self.host.snapshot)

    def decidable(self) -> str | None:
        """The one under the cursor."""
        return None if self.table.current is None else self.table.current.id

    def action_insights(self) -> None:
        """What is worth knowing without a saving."""
        self.app.push_screen(InsightsPage((*self.crumbs, "insights")))

    def action_unchecked(self) -> None:
        """What could not be checked."""
        self.app.push_screen(UncheckedPage((*self.crumbs, "not checked")))

    def action_decided(self) -> None:
        """What became of them."""
        self.app.push_screen(DecidedPage((*self.crumbs, "decided")))
