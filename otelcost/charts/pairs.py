"""What was promised beside what came: an open bar and a full one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otelcost.charts.svg import WIDE, Chart, box, fit, room, text
from otelcost.display import common_places, money

ROW = 56


class Pair(NamedTuple):
    """A promise and what became of it, pico-dollars; None: not known yet."""

    label: str
    promised: int | None
    realised: int | None
    note: str = ""


def pairs(data: Sequence[Pair], title: str, summary: str, width: int = WIDE) -> Chart:
    """Two rows a pair: the promise as an outline, what was realised filled."""
    amounts = [amount for pair in data for amount in (pair.promised, pair.realised)]
    places = common_places(amounts)
    most = max([1, *(amount for amount in amounts if amount)])
    words = [f"{money(amount, places)} realised" for amount in amounts]
    scale = (width - max(map(room, words), default=0) - 14) / most
    parts = []
    for row, pair in enumerate(data):
        y = row * ROW
        parts.append(text(0, y + 12, fit(pair.label, width - room(pair.note) - 16), "oc-ink oc-strong"))
        parts.append(text(width, y + 12, pair.note, "oc-muted", "end"))
        rows = ((pair.promised, "promised", "oc-open"), (pair.realised, "realised", "oc-less"))
        for position, (amount, word, colour) in enumerate(rows):
            top = y + 17 + position * 17
            said = f"{money(amount, places)} {word}"
            parts.append(box(0.5, top + 0.5, (amount or 0) * scale, 13, colour, f"{pair.label}: {said}"))
            parts.append(text((amount or 0) * scale + 7, top + 11, said, "oc-muted"))
    return Chart(title, summary, width, len(data) * ROW, "".join(parts))
