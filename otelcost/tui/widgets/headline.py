"""The answer in a few lines: what it cost, how that changed and why, what to do, what is not known."""

from __future__ import annotations

from textual.content import Content

from otelcost import display
from otelcost.tui import words
from otelcost.tui.snapshot import Advice, Snapshot
from otelcost.tui.text import line
from otelcost.tui.widgets.paint import Paint


class Headline(Paint):
    """The top of the overview."""

    def __init__(self) -> None:
        super().__init__(id="headline")
        self.snapshot: Snapshot | None = None
        self.troubled = False

    def show(self, snapshot: Snapshot, *, troubled: bool = False) -> None:
        """Show new facts; `troubled` where something could not be read since."""
        self.snapshot, self.troubled = snapshot, troubled
        self.repaint()

    def paint(self, width: int) -> list[Content]:
        """What it cost, what moved it where there is a past, of what, and what to do."""
        if self.snapshot is None:
            return [line(("reading the store ...", "$text-muted")), *[Content("")] * 3]
        snapshot = self.snapshot
        return [
            words.fitted(_spend(snapshot), width),
            *(
                []
                if snapshot.driver is None
                else [words.fitted(words.driver(snapshot.driver, _places(snapshot)), width)]
            ),
            words.fitted(words.volume(snapshot.overview), width),
            *self._fixes(snapshot.advice, width),
        ]

    def _fixes(self, advice: Advice | None, width: int) -> list[Content]:
        if advice is None:
            return [line(words.waiting(self.troubled)), Content("")]
        return words.answer(advice, width)


def _places(snapshot: Snapshot) -> int | None:
    """Decimals of all amounts of a line: those of the spend."""
    return display.places_for(snapshot.overview.spend_picousd) if snapshot.overview.spend_picousd else None


def _spend(snapshot: Snapshot) -> list[words.Piece]:
    overview = snapshot.overview
    places = _places(snapshot)
    total, more = words.spend_parts(overview.spend_picousd, overview.calls, overview.unpriced_calls, places)
    parts: list[words.Piece] = [(total, "bold"), (more or " spent", "")]
    if snapshot.start is not None:
        change, style = words.change(overview.spend_picousd, overview.previous_picousd, places)
        parts += [(f"  {change}", style), (" vs previous" if overview.previous_picousd else "", "$text-muted")]
    if overview.monthly_picousd is not None:
        parts.append((f"  ≈ {display.money(overview.monthly_picousd, places)}/month", "$text-accent"))
    elif overview.calls:
        seen = display.plural(overview.coverage_days, "day")
        parts.append((f"  {seen} seen: no monthly figure", "$text-muted"))
    return parts
