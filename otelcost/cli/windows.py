"""A window of time in words and in envelopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otelcost.cli.render import Name, Prose
from otelcost.digest.phrases import EPOCH_YEAR, bounds, in_words
from otelcost.display import iso

if TYPE_CHECKING:
    from datetime import datetime

    from otelcost.store.queries import Window

__all__ = ["EPOCH_YEAR", "boundary", "bounds", "envelope", "in_words", "line"]


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


def boundary(moment: datetime | None) -> str | None:
    """When a price begins or ends, as JSON; None for one that always did, or never will."""
    from otelcost.pricing.rates import BEGIN, END  # noqa: PLC0415  (a help text needs no prices)

    return None if moment is None or moment in (BEGIN, END) else iso(moment)
