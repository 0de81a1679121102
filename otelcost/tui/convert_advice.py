"""From reports of the advisor and the log of decisions to what screens show. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from otelcost import display
from otelcost.tui import evidence
from otelcost.tui.convert import like
from otelcost.tui.snapshot import Advice, Decided, Event, Insight, Measured, NotChecked, Recommendation

if TYPE_CHECKING:
    from otelcost import advise
    from otelcost.advise import life_cycle
    from otelcost.advise.measure import Measurement

_TELLING = 20
"""A fact of so many characters that the change quotes in full is not told twice."""


def advice(report: advise.Report, events: Sequence[life_cycle.Event], measured: Sequence[Measurement]) -> Advice:
    """The report with what was decided on it, and every recommendation's rivals: those that touch the same calls."""
    return like(
        Advice,
        report.headline,
        recommendations=tuple(
            like(Recommendation, item, facts=_facts(item.evidence, item.change)) for item in report.recommendations
        ),
        not_checked=tuple(NotChecked(row.rule, row.task or "all tasks", row.reason) for row in report.not_checked),
        spend_picousd=report.spend_picousd,
        joint_picousd=report.joint_picousd,
        insights=tuple(like(Insight, item, facts=_facts(item.evidence, item.change)) for item in report.insights),
        decided=_decided(report, events, measured),
    )


def _facts(found: Mapping[str, Any], change: str) -> tuple[tuple[str, str], ...]:
    return tuple(fact for fact in evidence.facts(found) if len(fact[1]) < _TELLING or fact[1] not in change)


def event(found: life_cycle.Event) -> Event:
    """One decision."""
    return like(Event, found, promised_picousd=(found.frozen or {}).get("standalone_picousd"))


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
                measured=like(Measured, results[id_]) if id_ in results else None,
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.newest.seq))
