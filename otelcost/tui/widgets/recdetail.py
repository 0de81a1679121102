"""One recommendation in full: why, the arithmetic, what to change, and whom it competes with."""

from __future__ import annotations

from textual.content import Content

from otelcost import display
from otelcost.tui import words
from otelcost.tui.snapshot import Decided, Recommendation, Snapshot
from otelcost.tui.text import line, pairs, rule, wrap
from otelcost.tui.widgets.history import events_of
from otelcost.tui.widgets.paint import Paint


class RecommendationDetail(Paint):
    """See the module."""

    def __init__(self) -> None:
        super().__init__(id="detail")
        self.recommendation: Recommendation | None = None
        self.spend_picousd: int | None = None
        self.decided: Decided | None = None

    def show(self, recommendation: Recommendation | None, snapshot: Snapshot | None) -> None:
        """Show another one, or the same with newer facts."""
        spend = snapshot.overview.spend_picousd if snapshot is not None else None
        decided = snapshot.advice.decided if snapshot is not None and snapshot.advice is not None else ()
        mine = next((row for row in decided if recommendation is not None and row.id == recommendation.id), None)
        if (recommendation, spend, mine) != (self.recommendation, self.spend_picousd, self.decided):
            self.recommendation, self.spend_picousd, self.decided = recommendation, spend, mine
            self.repaint()

    def paint(self, width: int) -> list[Content]:
        """All sections."""
        item = self.recommendation
        if item is None:
            return [line(("no recommendation here", "$text-muted"))]
        return [
            *[line((row, "bold")) for row in wrap(item.title, width)],
            words.fitted([words.basis(item.class_), *_notes(item)], width),
            Content(""),
            *self._why(item, width),
            Content(""),
            *self._math(item, width),
            Content(""),
            *_change(item, width),
            *_overlaps(item, width),
            *([] if self.decided is None else events_of(self.decided, width)),
        ]

    def _why(self, item: Recommendation, width: int) -> list[Content]:
        share = display.percent(item.cost_observed_picousd, self.spend_picousd)
        cost = display.money(item.cost_observed_picousd)
        facts = [("calls", f"{item.calls:,} of {item.task}, {cost} ({share} of spend)"), *item.facts]
        return [rule("WHY", width, item.rule), *pairs(facts, width)]

    def _math(self, item: Recommendation, width: int) -> list[Content]:
        saved, cost = item.standalone_picousd, item.cost_observed_picousd
        after = None if saved is None or cost is None else cost - saved
        places = display.common_places([cost, after])
        alone = display.with_range(saved, item.low_picousd, item.high_picousd, places)
        rows = [
            ("as billed", display.money(cost, places)),
            ("with the change", display.money(after, places)),
            ("saves alone", f"{alone}, {display.percent(saved, cost)} of these calls"),
            ("beside the others", f"{display.money(item.marginal_picousd, places)}: what it adds to the total"),
        ]
        monthly = item.monthly_picousd
        rows.append(
            ("a month, alone", display.money(monthly) if monthly is not None else "not from less than 7 days of calls")
        )
        if item.class_ == "needs-trial":
            rows.append(("not in the total", "what a cheaper model costs in quality is unknown before a trial"))
        return [rule("MATH", width, "observed window"), *pairs(rows, width)]


def _notes(item: Recommendation) -> list[words.Piece]:
    named = (
        ("", words.state(item.state)[0]),
        ("risk ", item.risk),
        ("effort ", item.effort),
        ("way back: ", item.reversibility),
    )
    return [(f" · {name}{display.clean(text)}", "$text-muted") for name, text in named if text]


def _change(item: Recommendation, width: int) -> list[Content]:
    place = [
        line(("at ", "$text-muted"), (row, "$text-primary")) for row in wrap(item.call_site or "", width - 3) if row
    ]
    text = [line(row) for row in wrap(item.change, width)]
    return [rule("CHANGE", width, "y copies it"), *place, *text]


def _overlaps(item: Recommendation, width: int) -> list[Content]:
    if not item.overlaps:
        return []
    note = f"{', '.join(item.overlaps)}: shares calls with this one; what both would save is counted once"
    return [Content(""), rule("OVERLAPS", width), *[line(row) for row in wrap(note, width)]]
