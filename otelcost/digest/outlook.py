"""What is ahead and what was out of the usual, in the words of every surface.

The running month at its end comes from the forecast, hours and days that cost far more than they do from the
anomalies; both are told only where enough days lie behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Protocol

import msgspec

from otelcost import periods
from otelcost.display import UNKNOWN, common_places, money, plural, range_text, signed_money

if TYPE_CHECKING:
    from otelcost.store.queries import Anomalies, Anomaly, Forecast

EVERYTHING = "all tasks"
"""What is unusual of no single task."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """The month that is running: pico-dollars so far and at its end, None where that cannot be told.

    With `unpriced_calls`, all amounts are lower bounds.
    """

    period: str  # `November 2026`
    spent_picousd: int | None
    total_picousd: int | None
    low80_picousd: int | None
    high80_picousd: int | None
    unpriced_calls: int
    days_with_calls: int


class Unusual(msgspec.Struct, frozen=True, kw_only=True):
    """Hours or days in a row that cost far more than usual, on the clocks of the user's zone. Pico-dollars."""

    when: str
    task: str
    level: str  # what they were compared with: `day`, `hour of week`
    cost_picousd: int
    usual_picousd: int
    excess_picousd: int


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Both. What is unusual of all tasks together stands only where no single task explains half of it."""

    ahead: Ahead
    unusual: tuple[Unusual, ...] = ()

    @property
    def excess_picousd(self) -> int:
        """The largest sum above the usual."""
        return max((one.excess_picousd for one in self.unusual), default=0)


class Ending(Protocol):
    """The end of a period, as a forecast or as `Ahead` has it."""

    @property
    def total_picousd(self) -> int | None:
        """What it will have cost."""
        ...

    @property
    def low80_picousd(self) -> int | None:
        """The interval's lower end."""
        ...

    @property
    def high80_picousd(self) -> int | None:
        """The interval's upper end."""
        ...

    @property
    def days_with_calls(self) -> int:
        """Days behind with calls."""
        ...


def outlook(forecast: Forecast, found: Anomalies, zone: tzinfo) -> Outlook:
    """Put both together."""
    ahead = Ahead(
        period=period_name(forecast, zone),
        spent_picousd=forecast.spent_picousd,
        total_picousd=forecast.total_picousd,
        low80_picousd=forecast.low80_picousd,
        high80_picousd=forecast.high80_picousd,
        unpriced_calls=forecast.unpriced_calls,
        days_with_calls=forecast.days_with_calls,
    )
    return Outlook(ahead=ahead, unusual=tuple(_unusual(one, zone) for one in _told(found.anomalies)))


def _told(found: Sequence[Anomaly]) -> list[Anomaly]:
    tasks = [one for one in found if one.task is not None]
    return [one for one in found if one.task is not None or not _explained(one, tasks)]


def _explained(whole: Anomaly, tasks: Sequence[Anomaly]) -> bool:
    """Whether tasks at the same time make up half of it."""
    inside = (one.excess_picousd for one in tasks if one.start < whole.end and whole.start < one.end)
    return sum(inside) * 2 >= whole.excess_picousd


def _unusual(one: Anomaly, zone: tzinfo) -> Unusual:
    return Unusual(
        when=span_name(one.start, one.end, zone, whole_days=one.level == "day"),
        task=one.task or EVERYTHING,
        level=one.level,
        cost_picousd=one.cost_picousd,
        usual_picousd=one.usual_picousd,
        excess_picousd=one.excess_picousd,
    )


def period_name(found: Forecast, zone: tzinfo) -> str:
    """The period's days on the zone's clocks: `November 2026`, `Mon 23 Nov to Sun 29 Nov`, `Sat 28 Nov`."""
    first = periods.local(found.start, zone).date()
    last = periods.local(found.end - timedelta(microseconds=1), zone).date()
    if found.period == "month":
        return f"{first:%B %Y}"
    return f"{first:%a} {first.day} {first:%b}" + ("" if first == last else f" to {last:%a} {last.day} {last:%b}")


def span_name(start: datetime, end: datetime, zone: tzinfo, *, whole_days: bool) -> str:
    """A span of naive UTC on the zone's clocks: `2026-11-23, 5 days`, `2026-11-23 14:00-16:00`."""
    first, last = periods.local(start, zone), periods.local(end, zone)
    if whole_days:
        days = (end - start).days
        return f"{first:%Y-%m-%d}" + (f", {days} days" if days > 1 else "")
    return f"{first:%Y-%m-%d %H:%M}-{last:%H:%M}"


def ending(found: Ending) -> str:
    """How a period is expected to end, or why that cannot be told."""
    if found.total_picousd is None:
        from otelcost.store.queries.projection import MINIMUM_DAYS  # noqa: PLC0415

        seen = plural(found.days_with_calls, "day")
        return f"too few days to foretell the end: {seen} with calls behind, of {MINIMUM_DAYS} needed"
    places = common_places([found.total_picousd, found.high80_picousd])
    spread = range_text(found.low80_picousd, found.high80_picousd, places)
    return f"expected at its end {money(found.total_picousd, places)}" + (f" [80% {spread}]" if spread else "")


def so_far(spent_picousd: int | None, unpriced_calls: int, places: int | None = None) -> str:
    """What was spent; calls without a price are in no sum."""
    if spent_picousd is None:
        return UNKNOWN
    return f"{'at least ' if unpriced_calls else ''}{money(spent_picousd, places)}"


def month(ahead: Ahead) -> str:
    """`November 2026: $8.89 so far, expected at its end $10.53 [80% $9.74-$11.31]`."""
    return f"{ahead.period}: {so_far(ahead.spent_picousd, ahead.unpriced_calls)} so far, {ending(ahead)}"


def excess(one: Unusual) -> str:
    """`$2.30 on 2026-11-23, 5 days; usually $0.22 (+$2.08)`."""
    places = common_places([one.cost_picousd, one.usual_picousd])
    amounts = f"{money(one.cost_picousd, places)} on {one.when}; usually {money(one.usual_picousd, places)}"
    return f"{amounts} ({signed_money(one.excess_picousd, places)})"
