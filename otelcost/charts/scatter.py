"""Numbered points on two logarithmic axes: what waits long, and what costs much."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from otelcost.charts.scale import decades
from otelcost.charts.svg import WIDE, Chart, element, escape, line, room, text

HEIGHT = 300
_BOTTOM, _TOP = 44, 12
RADII = (9.0, 20.0)
"""Of the rarest and the commonest point, in pixels: the number has to fit in."""


class Point(NamedTuple):
    """A numbered point. `x` and `y` are positive, in the units their formatters take; `weight` sets its size."""

    number: int
    x: int
    y: int
    weight: int
    tip: str = ""


class Axis(NamedTuple):
    """What an axis is called and how its marks are written."""

    title: str
    format: Callable[[int], str]


def scatter(data: Sequence[Point], x: Axis, y: Axis, title: str, summary: str, width: int = WIDE) -> Chart:
    """Points with their numbers in them; the larger are drawn first, so that none hides a smaller one."""
    down, along = decades([point.y for point in data]), decades([point.x for point in data])
    names = [y.format(mark) for mark in down]
    left = max(map(room, names)) + 10
    right, bottom = width - 14, HEIGHT - _BOTTOM
    place_x = _scale(along, left, right)
    place_y = _scale(down, bottom, _TOP + 14)
    parts = [text(0, _TOP, y.title, "oc-muted")]
    for mark, name in zip(down, names, strict=True):
        parts.append(line(left, place_y(mark), right, place_y(mark), "oc-grid"))
        parts.append(text(left - 6, place_y(mark) + 4, name, "oc-muted", "end"))
    for position, mark in enumerate(along):
        anchor = "end" if position == len(along) - 1 else "middle" if position else "start"
        parts.append(line(place_x(mark), _TOP + 14, place_x(mark), bottom, "oc-grid"))
        parts.append(text(place_x(mark), bottom + 18, x.format(mark), "oc-muted", anchor))
    parts.append(text(right, HEIGHT - 6, x.title, "oc-muted", "end"))
    most = max((point.weight for point in data), default=1)
    largest_first = sorted(data, key=lambda point: (-point.weight, point.number))
    parts += [_point(point, place_x(point.x), place_y(point.y), most) for point in largest_first]
    return Chart(title, summary, width, HEIGHT, "".join(parts))


def _point(point: Point, x: float, y: float, most: int) -> str:
    radius = RADII[0] + (RADII[1] - RADII[0]) * math.sqrt(point.weight / max(most, 1))
    tip = element("title", raw=escape(point.tip)) if point.tip else ""
    circle = element("circle", raw=tip, cx=x, cy=y, r=radius, class_="oc-total oc-edge", fill_opacity=0.85)
    return circle + text(x, y + 4, str(point.number), "oc-on oc-strong", "middle")


def _scale(marks: Sequence[int], start: float, end: float) -> Callable[[int], float]:
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    return lambda value: start + (end - start) * (math.log10(value) - low) / (high - low)
