"""A period's forecast in words and as records: the same in `otelcost forecast` and in `otelcost check`."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from otelcost import periods
from otelcost.display import UNKNOWN, common_places, iso, money, plural, range_text

if TYPE_CHECKING:
    from otelcost.store.queries import Forecast

FIELDS = (
    "name",
    "scope",
    "period",
    "start",
    "end",
    "calls",
    "unpriced_calls",
    "days_with_calls",
    "amount_picousd",
    "spent_picousd",
    "rest_picousd",
    "total_picousd",
    "low80_picousd",
    "high80_picousd",
    "low95_picousd",
    "high95_picousd",
    "above_permille",
)


def record(found: Forecast, name: str, scope: str, amount: int | None) -> dict[str, Any]:
    """A forecast for programs."""
    said = {"name": name, "scope": scope, "amount_picousd": amount}
    times = {"start": iso(found.start), "end": iso(found.end)}
    return {field: {**said, **times}.get(field, getattr(found, field, None)) for field in FIELDS}


def when(found: Forecast, zone: tzinfo) -> str:
    """The period's days on the zone's clocks: `November 2026`, `Mon 23 Nov to Sun 29 Nov`, `Sat 28 Nov`."""
    first = periods.local(found.start, zone).date()
    last = periods.local(found.end - timedelta(microseconds=1), zone).date()
    if found.period == "month":
        return f"{first:%B %Y}"
    return f"{first:%a} {first.day} {first:%b}" + ("" if first == last else f" to {last:%a} {last.day} {last:%b}")


def spent(found: Forecast, places: int | None = None) -> str:
    """What was spent; calls without a price are in no sum."""
    if found.spent_picousd is None:
        return UNKNOWN
    return f"{'at least ' if found.unpriced_calls else ''}{money(found.spent_picousd, places)}"


def ending(found: Forecast) -> str:
    """How the period is expected to end, or why that cannot be told."""
    if found.total_picousd is None:
        from otelcost.store.queries.projection import MINIMUM_DAYS  # noqa: PLC0415

        seen = plural(found.days_with_calls, "day")
        return f"too few days to foretell the end: {seen} with calls behind, of {MINIMUM_DAYS} needed"
    places = common_places([found.total_picousd, found.high95_picousd])
    spread = range_text(found.low80_picousd, found.high80_picousd, places)
    return f"expected at its end {money(found.total_picousd, places)}" + (f" [80% {spread}]" if spread else "")


def risk(found: Forecast, amount: int | None) -> str:
    """How likely the end is above an amount, in words; empty where that cannot be told."""
    if amount is not None and found.spent_picousd is not None and found.spent_picousd > amount:
        return "already"
    share = found.above_permille
    if share is None:
        return ""
    if share in {0, 1000}:
        return "almost surely" if share else "hardly"
    return f"{max(round(share / 10), 1)}% likely"
