"""One recommendation; enter shows the calls it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from otelcost.tui.host import Copy
from otelcost.tui.pages.call import ScrollPage
from otelcost.tui.pages.calls import CallsPage
from otelcost.tui.pages.deciding import DecidingPage
from otelcost.tui.snapshot import Recommendation, Snapshot
from otelcost.tui.widgets.recdetail import RecommendationDetail


class RecommendationPage(DecidingPage, ScrollPage):
    """The detail keeps showing the recommendation it was opened with where a later advice lacks it."""

    KEYS = (("enter", "Its calls"), ("a", "Accept"), ("A", "Applied"), ("d", "Dismiss"), ("y", "Copy"), ("?", "Help"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,l,right,e", "calls", "Its calls", show=False)]

    def __init__(self, crumbs: Sequence[str], recommendation: Recommendation) -> None:
        super().__init__((*crumbs, recommendation.id))
        self.recommendation = recommendation

    def body(self) -> Iterable[Widget]:
        """The detail, scrolling."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield RecommendationDetail()

    def show(self, snapshot: Snapshot) -> None:
        """The same recommendation with the newest figures."""
        if snapshot.advice is not None:
            found = [item for item in snapshot.advice.recommendations if item.id == self.recommendation.id]
            self.recommendation = found[0] if found else self.recommendation
        self.query_one(RecommendationDetail).show(self.recommendation, snapshot)

    def decidable(self) -> str | None:
        """This one."""
        return self.recommendation.id

    def copyable(self) -> Copy | None:
        """Where and what to change."""
        return copy_change(self.recommendation)

    def action_calls(self) -> None:
        """The calls it selects."""
        self.app.push_screen(CallsPage((*self.crumbs, "calls"), of=self.recommendation.id))


def copy_change(row: Recommendation) -> Copy:
    """What `y` copies of a recommendation: where and what to change."""
    text = "\n".join(part for part in (row.title, row.call_site or "", row.change) if part)
    return Copy(f"the change of {row.id}", text)
