"""From reports of the advisor and the log of decisions to what screens show. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from otelcost import display
from otelcost.tui import evidence
from otelcost.tui.snapshot import Advice, Decided, Event, Insight, Measured, NotChecked, Recommendation

if TYPE_CHECKING:
    from otelcost import advise
    from otelcost.advise import life_cycle
    from otelcost.advise.measure import Measurement
    from otelcost.advise.report import Insight as InsightRow

_TELLING = 20
"""A fact of so many characters that the change quotes in full is not told twice."""


def advice(report: advise.Report, events: Sequence[life_cycle.Event], measured: Sequence[Measurement]) -> Advice:
    """The report with what was decided on it, and every recommendation's rivals: those that touch the same calls."""
    head = report.headline
    return Advice(
        recommendations=tuple(_recommendation(item) for item in report.recommendations),
        not_checked=tuple(NotChecked(row.rule, row.task or "all tasks", row.reason) for row in report.not_checked),
        spend_picousd=report.spend_picousd,
        joint_picousd=report.joint_picousd,
        exact_picousd=head.exact_picousd,
        simulated_picousd=head.simulated_picousd,
        simulated_low_picousd=head.simulated_low_picousd,
        simulated_high_picousd=head.simulated_high_picousd,
        needs_trial_picousd=head.needs_trial_picousd,
        insights=tuple(_insight(item) for item in report.insights),
        decided=_decided(report, events, measured),
    )


def _recommendation(item: advise.Recommendation) -> Recommendation:
    return Recommendation(
        id=item.id,
        rule=item.rule,
        task=item.task,
        title=item.title,
        class_=item.class_,
        state=item.state,
        calls=item.calls,
        call_ids=item.call_ids,
        cost_observed_picousd=item.cost_observed_picousd,
        standalone_picousd=item.standalone_picousd,
        marginal_picousd=item.marginal_picousd,
        low_picousd=item.low_picousd,
        high_picousd=item.high_picousd,
        monthly_picousd=item.monthly_picousd,
        call_site=item.call_site,
        change=item.change,
        risk=item.risk,
        effort=item.effort,
        reversibility=item.reversibility,
        facts=_facts(item.evidence, item.change),
        overlaps=item.overlaps,
    )


def _facts(found: Mapping[str, Any], change: str) -> tuple[tuple[str, str], ...]:
    return tuple(fact for fact in evidence.facts(found) if len(fact[1]) < _TELLING or fact[1] not in change)


def _insight(item: InsightRow) -> Insight:
    return Insight(
        id=item.id,
        rule=item.rule,
        task=item.task,
        title=item.title,
        calls=item.calls,
        cost_observed_picousd=item.cost_observed_picousd,
        change=item.change,
        facts=_facts(item.evidence, item.change),
    )


def event(found: life_cycle.Event) -> Event:
    """One decision."""
    return Event(
        seq=found.seq,
        id=found.id,
        state=found.state,
        changed_at=found.changed_at,
        actor=found.actor,
        reason=found.reason,
        until=found.until,
        promised_picousd=(found.frozen or {}).get("standalone_picousd"),
    )


def _decided(
    report: advise.Report, events: Sequence[life_cycle.Event], measured: Sequence[Measurement]
) -> tuple[Decided, ...]:
    """Every recommendation of the log, the one decided last first."""
    shown = {item.id: item for item in report.recommendations}
    results = {item.id: item for item in measured}
    by_id: dict[str, list[life_cycle.Event]] = {}
    for found in events:
        by_id.setdefault(found.id, []).append(found)
    rows = []
    for id_, mine in by_id.items():
        figures = [one.frozen for one in mine if one.frozen is not None and "title" in one.frozen]
        known = figures[-1] if figures else {}
        card = shown.get(id_)
        rows.append(
            Decided(
                id=id_,
                title=card.title if card is not None else str(known.get("title", display.UNKNOWN)),
                task=card.task if card is not None else str(known.get("task", display.UNKNOWN)),
                state=card.state if card is not None else mine[-1].state,
                events=tuple(event(one) for one in mine),
                measured=_measured(results[id_]) if id_ in results else None,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.newest.seq))


def _measured(found: Measurement) -> Measured:
    return Measured(
        verdict=found.verdict,
        since=found.since,
        days=found.days,
        calls=found.calls,
        expected_picousd=found.expected_picousd,
        realised_picousd=found.realised_picousd,
    )
