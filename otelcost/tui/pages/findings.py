"""Behind the recommendations: insights without a saving, what could not be checked, and what became of decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget

from otelcost import display
from otelcost.tui import charts, words
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.call import ScrollPage
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.pages.deciding import DecidingPage
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import Decided, Insight, NotChecked, Snapshot
from otelcost.tui.text import line, pairs, rule, wrap
from otelcost.tui.widgets.history import events_of
from otelcost.tui.widgets.paint import Paint

_BAR: Final = 12


class InsightText(Paint):
    """An insight in full."""

    def __init__(self, insight: Insight) -> None:
        super().__init__(id="insight")
        self.insight = insight

    def paint(self, width: int) -> list[Content]:
        """What, of which calls, and what to look at."""
        item = self.insight
        cost = f"{display.plural(item.calls, 'call')} of {item.task}, {display.money(item.cost_observed_picousd)}"
        return [
            *[line((row, "bold")) for row in wrap(item.title, width)],
            line(("information: no saving is claimed", "$text-muted")),
            Content(""),
            rule("WHY", width, item.rule),
            *pairs([("calls", cost), *item.facts], width),
            Content(""),
            rule("WHAT TO LOOK AT", width, "y copies it"),
            *[line(row) for row in wrap(item.change, width)],
        ]


class InsightPage(ScrollPage):
    """One insight."""

    KEYS = (("enter", "Its calls"), ("y", "Copy"), ("j/k", "Scroll"), ("?", "Help"), ("q", "Quit"))
    BINDINGS = [*ScrollPage.BINDINGS, ("enter,l,right,e", "calls", "Its calls")]  # noqa: RUF012

    def __init__(self, crumbs: Sequence[str], insight: Insight) -> None:
        super().__init__((*crumbs, insight.id))
        self.insight = insight

    def body(self) -> Iterable[Widget]:
        """The text, scrolling."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield InsightText(self.insight)

    def copyable(self) -> Copy | None:
        """What to look at."""
        return Copy(f"what {self.insight.id} says", f"{self.insight.title}\n{self.insight.change}")

    def action_calls(self) -> None:
        """The calls it was found in."""
        self.app.push_screen(CallsPage((*self.crumbs, "calls"), of=self.insight.id))


class InsightsPage(TablePage[Insight]):
    """What is worth knowing, though no saving is claimed for it."""

    EMPTY = "no insight in this window"
    COLUMNS: ClassVar[Sequence[Column[Insight]]] = (
        Column(key="id", title="ID", width=14, drop=3, cell=lambda row, _: (display.clean(row.id), "$text-muted")),
        Column(
            key="title",
            title="Worth knowing",
            width=30,
            flex=True,
            cell=lambda row, _: display.clean(row.title),
            sort=lambda row: row.title,
        ),
        Column(
            key="task",
            title="Task",
            width=18,
            drop=2,
            cell=lambda row, _: (display.clean(row.task), "$text-muted"),
            sort=lambda row: row.task,
        ),
        Column(
            key="calls",
            title="Calls",
            width=8,
            align="right",
            drop=1,
            cell=lambda row, width: words.count(row.calls, width),
            sort=lambda row: row.calls,
        ),
        Column(
            key="cost",
            title="They cost",
            width=10,
            align="right",
            cell=lambda row, _: display.money(row.cost_observed_picousd),
            sort=lambda row: row.cost_observed_picousd,
            money=True,
        ),
    )

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        self.set_rows(() if snapshot.advice is None else snapshot.advice.insights)

    def row_key(self, row: Insight) -> str:
        """Its id."""
        return row.id

    def fields(self, row: Insight) -> Mapping[str, str]:
        """Everything in its line."""
        return _lower({"id": row.id, "rule": row.rule, "task": row.task, "title": row.title})

    def open_row(self, row: Insight) -> None:
        """Its detail."""
        self.app.push_screen(InsightPage(self.crumbs, row))

    def copyable(self) -> Copy | None:
        """The one under the cursor."""
        row = self.table.current
        return None if row is None else Copy(f"what {row.id} says", f"{row.title}\n{row.change}")


class UncheckedPage(TablePage[NotChecked]):
    """What no rule could decide, and what it lacked: not the same as clean."""

    KEYS = (("/", "Filter"), ("o", "Sort"), ("y", "Copy"), ("?", "Help"), ("q", "Quit"))
    EMPTY = "everything could be checked"
    COLUMNS: ClassVar[Sequence[Column[NotChecked]]] = (
        Column(
            key="rule", title="Rule", width=6, cell=lambda row, _: display.clean(row.rule), sort=lambda row: row.rule
        ),
        Column(
            key="task",
            title="Task",
            width=18,
            cell=lambda row, _: (display.clean(row.task), "$text-muted"),
            sort=lambda row: row.task,
        ),
        Column(
            key="reason",
            title="Why not",
            width=24,
            flex=True,
            cell=lambda row, _: display.clean(row.reason),
            sort=lambda row: row.reason,
        ),
    )

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        self.set_rows(() if snapshot.advice is None else snapshot.advice.not_checked)

    def row_key(self, row: NotChecked) -> str:
        """Rule and task."""
        return f"{row.rule} {row.task} {row.reason}"

    def fields(self, row: NotChecked) -> Mapping[str, str]:
        """Everything in its line."""
        return _lower({"rule": row.rule, "task": row.task, "reason": row.reason})

    def open_row(self, row: NotChecked) -> None:
        """The reason is all there is."""

    def copyable(self) -> Copy | None:
        """The line."""
        row = self.table.current
        return None if row is None else Copy("why it was not checked", f"{row.rule} for {row.task}: {row.reason}")


def _money(amount: Callable[[Decided], int | None]) -> Callable[[Decided, int], Cell]:
    return lambda row, _: "-" if amount(row) is None else (display.money(amount(row)), "bold")


def _due(row: Decided) -> int | None:
    return None if row.measured is None else row.measured.expected_picousd


def _saved(row: Decided) -> int | None:
    return None if row.measured is None else row.measured.realised_picousd


def _kept(row: Decided, width: int) -> Cell:
    """What was saved of what was due, as a bar of its own."""
    due, saved = _due(row), _saved(row)
    if row.measured is None:
        return "", ""
    if due is None or saved is None:
        return "too early", "$text-muted"
    return charts.progress(saved, due, width), "$primary"


class DecidedPage(DecidingPage, TablePage[Decided]):
    """Every recommendation somebody decided on: what it promised, and what was measured since it was applied."""

    KEYS = (("enter", "History"), ("z", "Undo"), ("u", "Reopen"), ("A", "Applied"), ("?", "Help"), ("q", "Quit"))
    EMPTY = "nothing decided yet: a accepts, A applied, d dismisses, s snoozes a fix"
    COLUMNS: ClassVar[Sequence[Column[Decided]]] = (
        Column(
            key="state", title="State", width=11, cell=lambda row, _: words.state(row.state), sort=lambda row: row.state
        ),
        Column(
            key="title",
            title="What",
            width=20,
            flex=True,
            cell=lambda row, _: display.clean(row.title),
            sort=lambda row: row.title,
        ),
        Column(
            key="promised",
            title="Promised",
            width=9,
            align="right",
            drop=2,
            cell=_money(lambda row: row.promised_picousd),
            sort=lambda row: row.promised_picousd,
            money=True,
        ),
        Column(key="due", title="Due since", width=9, align="right", cell=_money(_due), sort=_due),
        Column(key="saved", title="Saved", width=9, align="right", cell=_money(_saved), sort=_saved),
        Column(key="kept", title="of what was due", width=_BAR + 4, drop=1, cell=_kept),
        Column(
            key="when",
            title="Decided",
            width=12,
            drop=3,
            cell=lambda row, _: (f"{row.newest.changed_at:%d %b %H:%M}", "$text-muted"),
            sort=lambda row: row.newest.changed_at,
        ),
    )

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        self.set_rows(() if snapshot.advice is None else snapshot.advice.decided)

    def row_key(self, row: Decided) -> str:
        """The recommendation's id."""
        return row.id

    def fields(self, row: Decided) -> Mapping[str, str]:
        """Everything in its line."""
        return _lower({"id": row.id, "task": row.task, "title": row.title, "state": row.state})

    def open_row(self, row: Decided) -> None:
        """Its history."""
        self.app.push_screen(HistoryPage(self.crumbs, row))

    def decidable(self) -> str | None:
        """The one under the cursor."""
        return None if self.table.current is None else self.table.current.id


class HistoryText(Paint):
    """All decisions on a recommendation, and what was measured."""

    def __init__(self) -> None:
        super().__init__(id="history")
        self.decided: Decided | None = None

    def paint(self, width: int) -> list[Content]:
        """The title, then the log."""
        if self.decided is None:
            return [Content("")]
        title = [line((row, "bold")) for row in wrap(self.decided.title, width)]
        return [
            *title,
            line((f"task {display.clean(self.decided.task)}", "$text-muted")),
            *events_of(self.decided, width),
        ]


class HistoryPage(DecidingPage, ScrollPage):
    """One recommendation's history, also where this window does not show it any more."""

    KEYS = (("u", "Reopen"), ("z", "Undo"), ("j/k", "Scroll"), ("?", "Help"), ("q", "Quit"))

    def __init__(self, crumbs: Sequence[str], decided: Decided) -> None:
        super().__init__((*crumbs, decided.id))
        self.decided = decided

    def body(self) -> Iterable[Widget]:
        """The log, scrolling."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield HistoryText()

    def show(self, snapshot: Snapshot) -> None:
        """The log as it is now."""
        known = () if snapshot.advice is None else snapshot.advice.decided
        self.decided = next((row for row in known if row.id == self.decided.id), self.decided)
        text = self.query_one(HistoryText)
        text.decided = self.decided
        text.repaint()

    def decidable(self) -> str | None:
        """This one."""
        return self.decided.id


def _lower(named: Mapping[str, str]) -> dict[str, str]:
    return {name: value.lower() for name, value in named.items()}
