"""The one rule by which an amount of a window is told as so much a month."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from otelcost.store.queries.window import Window

MONTH: Final = timedelta(days=30)
MONTHLY_FROM_DAYS: Final = 7
"""A monthly figure is told only where so many UTC days had calls."""


def monthly(amount: int | None, window: Window, coverage_days: int, first_ever: datetime | None) -> int | None:
    """An amount of a window per 30 days of the time that was observed, or None where that would be a guess.

    Seven days with calls are seven days, also where the first call came late on the first: the time is
    then counted as a week, which errs on the side of less.

    Args:
        amount: spend or a saving, in pico-dollars.
        window: what it is an amount of.
        coverage_days: UTC days of the window with a call.
        first_ever: the start of the first call there ever was: nothing was observed before.
    """
    if amount is None or first_ever is None or coverage_days < MONTHLY_FROM_DAYS:
        return None
    observed = max(window.end - max(window.start, first_ever), timedelta(days=MONTHLY_FROM_DAYS))
    microsecond = timedelta(microseconds=1)
    return amount * (MONTH // microsecond) // (observed // microsecond)
