"""A window of time in words and in envelopes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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


def envelope(window: Window, label: str) -> dict[str, Any]:
    """The window as JSON: `start` is included, `end` is not."""
    return {"start": iso(window.start), "end": iso(window.end), "label": label}
