"""From one amount to another, step by step: rows that lie, so that their names can be read on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otelcost.charts.svg import WIDE, Chart, box, fit, line, room, text
from otelcost.display import common_places, money, signed_money

ROW = 30
_BAR = 18


class Step(NamedTuple):
    """A row: an amount of its own (`total`) or a change from where the row before ended. Pico-dollars.

    Where more is not worse, as with savings, `colour` names another of the theme's colours.
    """

    label: str
    amount: int
    total: bool = False
    tip: str = ""
    colour: str = ""


class Drawn(NamedTuple):
    """Where a step starts and ends on the axis, in pico-dollars."""

    step: Step
    start: int
    end: int


def drawn_steps(steps: Sequence[Step]) -> tuple[Drawn, ...]:
    """Every step with where it stands: a total from zero, a change from the end of the row before."""
    found: list[Drawn] = []
    level = 0
    for step in steps:
        start, end = (0, step.amount) if step.total else (level, level + step.amount)
        found.append(Drawn(step, start, end))
        level = end
    return tuple(found)


def waterfall(steps: Sequence[Step], title: str, summary: str, width: int = WIDE) -> Chart:
    """Totals in one colour; changes by sign and colour, more to the right and less to the left."""
    drawn = drawn_steps(steps)
    places = common_places([step.amount for step in steps])
    words = [_words(step, places) for step in steps]
    label_room = min(max((room(step.label) for step in steps), default=0) + 10, width * 0.38)
    value_room = max(map(room, words), default=0) + 12
    low, high = min([0, *(one.end for one in drawn)]), max([1, *(one.end for one in drawn)])
    scale = (width - label_room - value_room) / (high - low)
    zero = label_room - low * scale
    parts = [line(zero, 2, zero, len(steps) * ROW + 2, "oc-axis")]
    for row, (one, said) in enumerate(zip(drawn, words, strict=True)):
        parts.append(_row(one, said, row * ROW + 4, zero, scale, label_room))
        if row + 1 < len(drawn):
            edge = zero + one.end * scale
            parts.append(line(edge, row * ROW + 4 + _BAR, edge, (row + 1) * ROW + 4, "oc-grid"))
    return Chart(title, summary, width, len(steps) * ROW + 6, "".join(parts))


def _words(step: Step, places: int) -> str:
    return money(step.amount, places) if step.total else signed_money(step.amount, places)


def _colour(step: Step) -> str:
    if step.total:
        return "total"
    return "more" if step.amount > 0 else "less"


def _row(one: Drawn, said: str, y: float, zero: float, scale: float, label_room: float) -> str:
    first, last = sorted((one.start, one.end))
    colour = f"oc-{one.step.colour or _colour(one.step)}"
    x, wide = zero + first * scale, (last - first) * scale
    tip = one.step.tip or f"{one.step.label}: {said}"
    bar = box(x, y, max(wide, 1.0 if one.step.amount else 0.0), _BAR, colour, tip)
    label = text(0, y + 13, fit(one.step.label, label_room - 8), "oc-ink oc-strong" if one.step.total else "oc-ink")
    return bar + label + text(x + wide + 6, y + 13, said)
