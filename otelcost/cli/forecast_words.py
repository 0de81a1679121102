"""A period's forecast as records, and its risk in words: the same in `otelcost forecast` and in `otelcost check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otelcost.display import iso

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
