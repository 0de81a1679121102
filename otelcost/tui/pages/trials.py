"""Page 5: what has to be tried before it may be done, and what it would save if the answers stay as good.

No trial was run, so none of it is in a total and nothing is said about quality.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual.content import Content
from textual.widget import Widget

from otelcost import display
from otelcost.tui import words
from otelcost.tui.columns import Cell, Column
from otelcost.tui.host import Copy
from otelcost.tui.pages.recommendation import RecommendationPage, copy_change
from otelcost.tui.pages.recommendations import DO, ID, TASK, fields
from otelcost.tui.pages.tablepage import TablePage
from otelcost.tui.snapshot import Advice, Recommendation, Snapshot
from otelcost.tui.text import MUTED, line, wrap
from otelcost.tui.widgets.paint import Paint

UNTRIED = "No trial has been run, so nothing is claimed about quality: whether answers stay as good is unknown."


def waiting(advice: Advice | None) -> tuple[Recommendation, ...]:
    """What is still to be done and needs a trial before."""
    return () if advice is None else tuple(row for row in words.still_open(advice) if row.class_ == "needs-trial")


def columns(among: Sequence[Recommendation]) -> tuple[Column[Recommendation], ...]:
    """The columns; amounts have the decimals that they have in the list of all recommendations, `among`."""
    places = display.common_places([row.marginal_picousd for row in among])

    def saves(row: Recommendation, _: int) -> Cell:
        return display.money(row.marginal_picousd, places), "$text-warning"

    return (
        ID,
        DO,
        TASK,
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
            key="saves",
            title="If it holds",
            width=13,
            align="right",
            cell=saves,
            sort=lambda row: row.marginal_picousd,
            money=True,
        ),
    )


class Untried(Paint):
    """That nothing was tried, and what is waiting for it."""

    def __init__(self) -> None:
        super().__init__(id="untried")
        self.advice: Advice | None = None
        self.troubled = False
        self.recorded = True

    def paint(self, width: int) -> list[Content]:
        """The sentence, then the sum that is in no total."""
        sentence = [line((row, "$text-warning")) for row in wrap(UNTRIED, width)]
        if self.advice is None:
            return [*sentence, line(words.waiting(self.troubled, recorded=self.recorded))]
        rows = waiting(self.advice)
        if not rows:
            return sentence
        places = display.common_places([self.advice.joint_picousd, self.advice.needs_trial_picousd])
        saved = display.money(self.advice.needs_trial_picousd, places)
        pieces: list[words.Piece] = [
            (f"{words.CLASS_GLYPHS['needs-trial']} {display.plural(len(rows), 'change')}", "bold"),
            (f" would save {saved} if quality holds", ""),
            ("; in no total", "$text-warning"),
            (", the other fixes done first", MUTED),
        ]
        return [*sentence, words.fitted(pieces, width)]


class TrialsPage(TablePage[Recommendation]):
    """See the module."""

    COLUMNS: ClassVar[Sequence[Column[Recommendation]]] = columns(())
    EMPTY = "none in this window"

    def __init__(self) -> None:
        super().__init__(("Trials",))

    def body(self) -> Iterable[Widget]:
        """What was tried, and the list."""
        yield Untried()
        yield from super().body()

    def show(self, snapshot: Snapshot) -> None:
        """Show new facts."""
        untried = self.query_one(Untried)
        untried.advice, untried.recorded = snapshot.advice, snapshot.overview.recorded_ever
        untried.troubled = self.host.state.problem is not None
        untried.repaint()
        self.nothing = nothing(snapshot, troubled=untried.troubled)
        rows = waiting(snapshot.advice)
        self.table.columns = columns(() if snapshot.advice is None else snapshot.advice.recommendations)
        self.set_rows(rows)

    def row_key(self, row: Recommendation) -> str:
        """Its id."""
        return row.id

    def fields(self, row: Recommendation) -> Mapping[str, str]:
        """Everything in its line."""
        return fields(row)

    def open_row(self, row: Recommendation) -> None:
        """Its detail, where one decides."""
        self.app.push_screen(RecommendationPage(self.crumbs, row))

    def copyable(self) -> Copy | None:
        """The change of the one under the cursor."""
        row = self.table.current
        return None if row is None else copy_change(row)


def nothing(snapshot: Snapshot, *, troubled: bool) -> str:
    """What an empty list says, and the key that helps."""
    if snapshot.advice is not None and snapshot.overview.calls:
        return "nothing in this window needs a trial: 2 shows every fix"
    return words.no_fixes(snapshot, troubled=troubled)
