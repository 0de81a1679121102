"""Recommendations as JSON, as flat records and in words: what `rec`, `overview`, `digest` and `demo` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otelcost.cli import windows
from otelcost.display import common_places, money

if TYPE_CHECKING:
    from otelcost.advise import Recommendation, Report
    from otelcost.store.queries import Window

FIELDS = (
    "id",
    "rule",
    "task",
    "title",
    "class",
    "state",
    "calls",
    "cost_observed_picousd",
    "standalone_picousd",
    "marginal_picousd",
    "low_picousd",
    "high_picousd",
    "monthly_picousd",
    "risk",
    "effort",
    "reversibility",
    "call_site",
)
"""Columns of the CSV form; the JSON form has these and more."""


def envelope(report: Report, window: Window, label: str) -> dict[str, Any]:
    """`rec list` as JSON: the recommendations, what they save together, and what could not be checked."""
    return {
        "window": windows.envelope(window, label),
        "coverage_days": report.coverage_days,
        "spend_picousd": report.spend_picousd,
        "joint_picousd": report.joint_picousd,
        "headline": headline(report),
        "recommendations": [as_json(found, window, label) for found in report.recommendations],
        "not_checked": [{"rule": row.rule, "task": row.task, "reason": row.reason} for row in report.not_checked],
    }


def headline(report: Report) -> dict[str, int | None]:
    """What all open fixes save, by how sure it is; pico-dollars."""
    from msgspec import to_builtins  # noqa: PLC0415

    figures: dict[str, int | None] = to_builtins(report.headline)
    return figures


def as_json(found: Recommendation, window: Window, label: str) -> dict[str, Any]:
    """One recommendation as JSON. `marginal` is its part of the joint saving, `standalone` its own alone."""
    from msgspec import to_builtins  # noqa: PLC0415

    return {
        "id": found.id,
        "rule": found.rule,
        "task": found.task,
        "title": found.title,
        "class": found.class_,
        "state": found.state,
        "calls": found.calls,
        "call_ids": list(found.call_ids),
        "window": windows.envelope(window, label),
        "cost_observed_picousd": found.cost_observed_picousd,
        "standalone_picousd": found.standalone_picousd,
        "marginal_picousd": found.marginal_picousd,
        "low_picousd": found.low_picousd,
        "high_picousd": found.high_picousd,
        "monthly_picousd": found.monthly_picousd,
        "transform": to_builtins(found.transform),
        "evidence": to_builtins(found.evidence),
        "risk": found.risk,
        "effort": found.effort,
        "reversibility": found.reversibility,
        "call_site": found.call_site,
        "change": found.change,
    }


def saving(found: Recommendation) -> str:
    """Its share of what all fixes save together: the only figure of a fix that may be added up."""
    return money(found.marginal_picousd)


def alone(found: Recommendation) -> str:
    """`$12.34 [$10.00-$14.00]`: what it saves if nothing else is done, with its range where days suffice."""
    amounts = [found.standalone_picousd, found.low_picousd, found.high_picousd]
    places = common_places(amounts)
    middle, low, high = (money(amount, places) for amount in amounts)
    if found.low_picousd is None or found.high_picousd is None or low == high:
        return middle
    return f"{middle} [{low}-{high}]"
