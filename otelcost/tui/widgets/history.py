"""The decisions on a recommendation, oldest first, and what was measured since it was applied."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from otelcost import display
from otelcost.tui import charts, words
from otelcost.tui.snapshot import Decided, Event, Measured
from otelcost.tui.text import fit, line, rule, wrap

_STATE = 12
_WHEN = 14
_WIDEST_BAR = 40


def events_of(decided: Decided, width: int) -> list[Content]:
    """The sections of a detail."""
    rows = [Content(""), rule("DECISIONS", width, "nothing is erased")]
    for event in decided.events:
        rows += _event(event, width)
    if decided.measured is not None:
        rows += [Content(""), rule("MEASURED", width, f"since {decided.measured.since:%d %b %H:%M} UTC")]
        rows += _measured(decided.measured, width)
    return rows


def _event(event: Event, width: int) -> Sequence[Content]:
    promised = "" if event.promised_picousd is None else f"promised {display.money(event.promised_picousd)}"
    until = "" if event.until is None else f"until {event.until:%d %b %Y %H:%M} UTC"
    told = ", ".join(
        part for part in (promised, until, event.reason or "", f"by {event.actor}" if event.actor else "") if part
    )
    text, style = words.state(event.state)
    head: list[str | tuple[str, str]] = [
        (fit(f"{event.changed_at:%d %b %H:%M}", _WHEN), "$text-muted"),
        (fit(text, _STATE), style),
    ]
    rows = []
    for row in wrap(told, max(8, width - _WHEN - _STATE - 1)):
        rows.append(line(*head, " ", row))
        head = [" " * (_WHEN + _STATE)]
    return rows


def _measured(found: Measured, width: int) -> list[Content]:
    seen = f"{display.plural(found.calls, 'call')} on {display.plural(found.days, 'day')}"
    due, saved = found.expected_picousd, found.realised_picousd
    if due is None or saved is None:
        text = f"too early: {seen}; a measurement takes 20 calls on 3 days"
        return [line((row, "$text-warning")) for row in wrap(text, width)]
    room = max(8, min(_WIDEST_BAR, width - 30))
    largest = max(due, saved, 1)
    places = display.common_places([due, saved])
    amounts = (("could be saved", due, "$text-muted"), ("was saved", saved, "$primary"))
    bars = [
        line(
            (fit(name, 15), "$text-muted"),
            (charts.bar(amount, largest, room), style),
            f" {display.money(amount, places)}",
        )
        for name, amount, style in amounts
    ]
    verdict = {"verified": "verified: at least half of it", "failed": "failed: less than half of it"}.get(
        found.verdict or "", "no verdict"
    )
    text = f"{verdict}; {seen} at the prices of their dates"
    return [*bars, *[line((row, "$text-muted")) for row in wrap(text, width)]]
