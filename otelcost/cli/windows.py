"""A window of time in words and in envelopes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from otelcost.cli.render import Name, Prose
from otelcost.display import instant, iso

if TYPE_CHECKING:
    from otelcost.store.queries import Window

EPOCH_YEAR = 1970
"""Where a window without a beginning starts."""

_UNITS = {"h": "hour", "d": "day", "w": "week"}


def in_words(label: str) -> str:
    """`last 7 days`, `everything recorded`, or the range as it was given."""
    match = re.fullmatch(r"(\d+)([hdw])", label.strip())
    if match:
        number, unit = int(match[1]), _UNITS[match[2]]
        return f"last {unit}" if number == 1 else f"last {number} {unit}s"
    return "everything recorded" if label.strip() == "all" else label


def bounds(window: Window) -> str:
    """Where the window starts and ends, to the minute, UTC."""
    if window.start.year == EPOCH_YEAR:
        return f"until {instant(window.end)}"
    return f"{instant(window.start)} to {instant(window.end)}"


def line(window: Window, label: str) -> Prose:
    """The window as a line of its own, over a table."""
    return Prose(((Name(in_words(label)), f": {bounds(window)}"),))


def envelope(window: Window, label: str) -> dict[str, Any]:
    """The window as JSON: `start` is included, `end` is not; a window over everything has no start."""
    return {
        "start": None if window.start.year == EPOCH_YEAR else iso(window.start),
        "end": iso(window.end),
        "label": label,
    }
