"""A window of time in words and in envelopes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from otelcost.cli.render import Name, Prose
from otelcost.digest.phrases import EPOCH_YEAR, bounds, in_words
from otelcost.display import iso

if TYPE_CHECKING:
    from datetime import datetime

    from otelcost.cli.reader import Reader
    from otelcost.store.queries import Window

__all__ = ["EPOCH_YEAR", "boundary", "bounds", "envelope", "flags", "head", "in_words", "line", "scope", "title"]


def title(found: Reader) -> str:
    """`last 7 days`, and where only a part of the calls is looked at, which."""
    return ", ".join(filter(None, (in_words(found.label), found.scope.in_words())))


def line(found: Reader) -> Prose:
    """The window as a line of its own, over a table."""
    return Prose(((Name(title(found)), f": {bounds(found.window)}"),))


def head(found: Reader) -> dict[str, Any]:
    """What every JSON document of a window begins with."""
    return {"window": envelope(found.window, found.label), **scope(found)}


def scope(found: Reader) -> dict[str, Any]:
    """`scope` as JSON; nothing where all calls are looked at."""
    return {} if found.scope.everything else {"scope": _given(found)}


def flags(found: Reader) -> str:
    """The options that ask another command for the same calls."""
    asked = {"window": found.label, **_given(found)}
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in asked.items())


def _given(found: Reader) -> dict[str, str]:
    given = {name: getattr(found.scope, name) for name in found.scope.__struct_fields__}
    return {name: value for name, value in given.items() if value is not None}


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
