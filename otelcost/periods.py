"""Days, weeks and months of a user's time zone as half-open spans of naive UTC. Pure.

A day may have 23, 24 or 25 hours; it begins at the first moment that the zone's clocks give its date to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

Period = Literal["day", "week", "month"]

_DAY = timedelta(days=1)


def local(moment: datetime, zone: tzinfo) -> datetime:
    """A naive UTC moment on the zone's clocks."""
    return moment.replace(tzinfo=UTC).astimezone(zone)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins: naive UTC. Where clocks skip midnight, the moment they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)


def first_day(period: Period, day: date) -> date:
    """The first day of the period that a day is in; weeks begin on Monday."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def after(period: Period, day: date) -> date:
    """The first day of the period after the one that a day is in."""
    begin = first_day(period, day)
    if period == "week":
        return begin + 7 * _DAY
    return first_day("month", begin + 31 * _DAY) if period == "month" else begin + _DAY


def bounds(period: Period, now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The period that a naive UTC moment is in: start (included) and end (not included), naive UTC."""
    today = local(now, zone).date()
    return midnight(first_day(period, today), zone), midnight(after(period, today), zone)


def days(first: date, end: date) -> Iterator[date]:
    """The days from `first` up to `end`, which is not one of them."""
    return (first + offset * _DAY for offset in range((end - first).days))


def slot_minutes(zone: tzinfo, start: datetime, end: datetime) -> int:
    """The longest slot of UTC that hours and days of the zone can be put together from: 60, 30 or 15 minutes."""
    moments = (start + 7 * _DAY * week for week in range((end - start).days // 7 + 1))
    offsets = ((local(moment, zone).utcoffset() or timedelta()).total_seconds() // 60 for moment in (*moments, end))
    return math.gcd(60, *(int(minutes) for minutes in offsets))
