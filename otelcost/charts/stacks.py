"""Wholes and their parts: lying bars side by side with 100%, and layered columns over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otelcost.charts.bars import Plot, bar_width, frame
from otelcost.charts.scale import spread, ticks
from otelcost.charts.svg import WIDE, Chart, box, fit, room, text
from otelcost.charts.theme import LIGHT
from otelcost.display import percent, tokens

ROW = 48
_BAR = 22
_LEGEND = 20
LAYERS_HEIGHT = 200
REST = frozenset({"unknown", "neither"})
"""Parts that are what is left over."""


class Part(NamedTuple):
    """A part of a whole, in its unit (tokens)."""

    label: str
    amount: int


class Stack(NamedTuple):
    """A whole, what is said at its end, and its parts in order; parts with the same label have the same colour."""

    label: str
    note: str
    parts: tuple[Part, ...]


def stacks(data: Sequence[Stack], title: str, summary: str, width: int = WIDE) -> Chart:
    """A bar a whole, all of one length; a part wide enough says its share itself, the legend names the colours."""
    names = labels(data)
    legend, top = _legend(names, width)
    parts = [legend]
    for row, stack in enumerate(data):
        y = top + row * ROW
        note = room(stack.note)
        parts.append(text(0, y + 12, fit(stack.label, width - note - 16), "oc-ink oc-strong"))
        parts.append(text(width, y + 12, stack.note, "oc-muted", "end"))
        parts.append(_bar(stack, names, y + 18, width))
    return Chart(title, summary, width, int(top + len(data) * ROW), "".join(parts))


def labels(data: Sequence[Stack]) -> tuple[str, ...]:
    """The labels of all parts, in the order in which they first come."""
    return tuple(dict.fromkeys(part.label for stack in data for part in stack.parts))


def _legend(names: Sequence[str], width: int) -> tuple[str, float]:
    """The legend in as many lines as it needs, and where it ends."""
    x, y, parts = 0.0, 0.0, []
    for name in names:
        wide = room(name) + 30
        if x and x + wide > width:
            x, y = 0.0, y + _LEGEND
        parts.append(box(x, y + 3, 12, 12, f"oc-s{_place(names, name)}") + text(x + 17, y + 13, name))
        x += wide
    return "".join(parts), y + _LEGEND + 8


def _place(names: Sequence[str], name: str) -> int:
    """Which colour a part has: in order, and grey for what is left over."""
    return len(LIGHT.series) - 1 if name in REST else names.index(name) % len(LIGHT.series)


def _bar(stack: Stack, names: Sequence[str], y: float, width: int) -> str:
    whole = sum(part.amount for part in stack.parts)
    x, drawn = 0.0, []
    for part in stack.parts:
        wide = width * part.amount / max(whole, 1)
        share = percent(part.amount, whole)
        tip = f"{stack.label}: {part.label} {share}, {tokens(part.amount)} tokens"
        place = _place(names, part.label)
        drawn.append(box(x, y, wide, _BAR, f"oc-s{place} oc-edge", tip))
        if room(share) + 10 < wide:
            drawn.append(text(x + wide / 2, y + 15, share, f"oc-on{place} oc-strong", "middle"))
        x += wide
    return "".join(drawn)


def layers(data: Sequence[Stack], title: str, summary: str, width: int = WIDE) -> Chart:
    """A column a stack from a zero line, its parts upon each other, the first at the bottom."""
    names = labels(data)
    legend, top = _legend(names, width)
    marks = ticks(max((sum(part.amount for part in stack.parts) for stack in data), default=0))
    said = [tokens(amount) for amount in marks]
    plot = Plot(max(map(room, said)) + 10, width - 4, top + LAYERS_HEIGHT - 26, top + 8, marks[-1])
    parts = [legend, *frame(plot, marks, said)]
    slot = (plot.right - plot.left) / max(len(data), 1)
    shown = spread([stack.label for stack in data], plot.right - plot.left)
    for position, stack in enumerate(data):
        x = plot.left + position * slot
        parts.append(_layer(stack, names, x, slot, plot))
        if position in shown:
            parts.append(text(x + slot / 2, plot.bottom + 18, stack.label, "oc-muted", "middle"))
    return Chart(title, summary, width, int(top + LAYERS_HEIGHT), "".join(parts))


def _layer(stack: Stack, names: Sequence[str], x: float, slot: float, plot: Plot) -> str:
    wide = bar_width(slot)
    level, drawn = 0, []
    for part in stack.parts:
        top = plot.y(level + part.amount)
        tip = f"{stack.label}: {part.label}, {tokens(part.amount)} tokens"
        colour = f"oc-s{_place(names, part.label)}"
        drawn.append(box(x + (slot - wide) / 2, top, wide, plot.y(level) - top, colour, tip))
        level += part.amount
    return "".join(drawn)
