"""Recommendations as JSON, as flat records and in words: what `rec`, `overview`, `digest` and `demo` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otelcost.cli import windows
from otelcost.cli.figures import costs
from otelcost.display import common_places, with_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otelcost.advise import Insight, Recommendation, Report
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
    """`rec list` as JSON: the recommendations, what they save together, what else was found, what was not checked."""
    from msgspec import to_builtins  # noqa: PLC0415

    return {
        "window": windows.envelope(window, label),
        "coverage_days": round(report.coverage_days, 3),
        "spend_picousd": report.spend_picousd,
        "joint_picousd": report.joint_picousd,
        "headline": headline(report),
        "recommendations": [as_json(found, window, label) for found in report.recommendations],
        "insights": [to_builtins(row) for row in report.insights],
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
        "overlaps": list(found.overlaps),
        "call_site": found.call_site,
        "change": found.change,
    }


def records(report: Report, listed: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Rows of the CSV form: recommendations as in the JSON form, then insights, which have no saving and no state."""
    return (*listed, *(insight_record(row) for row in report.insights))


def insight_record(row: Insight) -> dict[str, Any]:
    """An insight among recommendations: of class information, unknown where those have figures."""
    known = {"id": row.id, "rule": row.rule, "task": row.task, "title": row.title, "class": "information"}
    counted = {"calls": row.calls, "cost_observed_picousd": row.cost_observed_picousd}
    return {**dict.fromkeys(FIELDS), **known, **counted}


def savings(rows: Sequence[Recommendation]) -> list[str]:
    """A column: each one's share of what all fixes save together, the only figure that may be added up."""
    return costs([row.marginal_picousd for row in rows])


def alone(rows: Sequence[Recommendation]) -> list[str]:
    """A column: what each one saves if nothing else is done, `$12.34 [$10.00-$14.00]` where days suffice."""
    places = common_places([row.standalone_picousd for row in rows])
    return [with_range(row.standalone_picousd, row.low_picousd, row.high_picousd, places) for row in rows]
