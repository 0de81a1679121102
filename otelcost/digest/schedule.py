"""When a digest is due: a cron expression in a time zone, right where clocks are put forward or back.

A job at 02:30 runs once on the day that has no 02:30 (when the clock says 03:00) and once on the day that has two.
Of several missed periods only the newest is due.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from cronsim import CronSim, CronSimError

from otelcost.errors import UsageError
from otelcost.store.queries import Window

DEFAULT: Final = "30 7 * * 1"
"""Mondays, 07:30."""

_CALENDAR: Final = re.compile(r"(\d{1,5})([dw])")
_DAYS: Final = {"d": 1, "w": 7}
_MARGIN: Final = timedelta(days=2)
"""No clock is ever put back by as much."""


def check(expression: str, where: str) -> None:
    """Refuse what is no cron expression.

    Raises:
        UsageError: it is none, or it never comes.
    """
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise UsageError(
            f"{where}: schedule: {expression!r} cannot be used ({error or 'it never comes'})",
            f"write a cron expression of five fields such as {DEFAULT!r}",
        ) from error


def newest_due(expression: str, zone: tzinfo, now: datetime) -> datetime | None:
    """The newest time up to `now` that the schedule names; None where there is none in fifty years.

    Times are naive UTC. Going back finds only where to start from: the answer is the one that going forward gives.
    """
    local = now.replace(tzinfo=UTC).astimezone(zone)
    try:
        start = next(CronSim(expression, local - _MARGIN, reverse=True))
    except StopIteration:
        return None
    found = None
    for due in CronSim(expression, start - timedelta(minutes=1)):
        moment = _utc(due)
        if moment > now:
            break
        found = moment
    return found


def next_due(expression: str, zone: tzinfo, now: datetime) -> datetime:
    """The first time after `now` that the schedule names; naive UTC."""
    local = now.replace(tzinfo=UTC).astimezone(zone)
    return next(moment for due in CronSim(expression, local - timedelta(hours=3)) if (moment := _utc(due)) > now)


def window(text: str, end: datetime, zone: tzinfo) -> Window:
    """The window before `end`; days and weeks are the calendar's of the zone, so that neighbours touch.

    Args:
        text: as `--window` has it.
        end: naive UTC, when the digest is due.
        zone: where days begin and end.
    """
    calendar = _CALENDAR.fullmatch(text.strip())
    if calendar is None or calendar[1].strip("0") == "":
        return Window.parse(text, end)
    local = end.replace(tzinfo=UTC).astimezone(zone)
    start = local - timedelta(days=int(calendar[1]) * _DAYS[calendar[2]])  # wall-clock arithmetic
    return Window(_utc(start), end)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
