"""The answer in a few lines: what it cost, how that changed and why, what to do, what is not known."""

from __future__ import annotations

from rich.cells import cell_len
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
        """What it cost and will cost, what moved it and what was unusual where that is known, and what to do."""
        if self.snapshot is None:
            return [line(("reading the store ...", "$text-muted")), *[Content("")] * 3]
        snapshot, places = self.snapshot, _places(self.snapshot)
        lines = [_spend(snapshot, width)]
        if snapshot.driver is not None:
            lines.append(words.driver(snapshot.driver, places))
        if snapshot.outlook is not None and snapshot.outlook.unusual:
            lines.append(words.unusual(snapshot.outlook, places))
        lines.append(words.volume(snapshot.overview))
        return [*(words.fitted(pieces, width) for pieces in lines), *self._fixes(snapshot.advice, width)]

    def _fixes(self, advice: Advice | None, width: int) -> list[Content]:
        if advice is None:
            return [line(words.waiting(self.troubled)), Content("")]
        return words.answer(advice, width)


def _places(snapshot: Snapshot) -> int | None:
    """Decimals of all amounts of a line: those of the spend."""
    return display.places_for(snapshot.overview.spend_picousd) if snapshot.overview.spend_picousd else None


def _spend(snapshot: Snapshot, width: int) -> list[words.Piece]:
    overview = snapshot.overview
    places = _places(snapshot)
    total, more = words.spend_parts(overview.spend_picousd, overview.calls, overview.unpriced_calls, places)
    parts: list[words.Piece] = [(total, "bold"), (more or " spent", "")]
    if snapshot.start is not None:
        change, style = words.change(overview.spend_picousd, overview.previous_picousd, places)
        parts.append((f"  {change}", style))
    beside = " vs previous" if snapshot.start is not None and overview.previous_picousd else ""
    if snapshot.outlook is not None and not snapshot.period.shift:
        room = width - sum(cell_len(text) for text, _ in parts)
        forecast = words.ahead(snapshot.outlook.ahead, places, room - cell_len(beside))
        if cell_len(forecast[0] + beside) > room:  # an arrow and a sign say it too
            beside, forecast = "", words.ahead(snapshot.outlook.ahead, places, room)
        parts += [(beside, "$text-muted"), forecast]
    else:
        parts.append((beside, "$text-muted"))
    if overview.monthly_picousd is not None:
        parts.append((f"  ≈ {display.money(overview.monthly_picousd, places)}/month", "$text-accent"))
    elif overview.calls:
        seen = display.plural(overview.coverage_days, "day")
        parts.append((f"  {seen} seen: no monthly figure", "$text-muted"))
    return parts
