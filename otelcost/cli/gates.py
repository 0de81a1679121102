"""The gates of `otelcost check`: each measures one thing, compares it with its limit and says what drove it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from otelcost.cli import forecast_words
from otelcost.cli.forecast import of_budgets
from otelcost.digest import outlook
from otelcost.display import common_places, instant, money, percent, plural, signed_money, tokens
from otelcost.errors import EXIT_GATE, EXIT_OK, EXIT_STALE

if TYPE_CHECKING:
    from otelcost.cli.reader import Reader
    from otelcost.config import Check, Config
    from otelcost.store.queries import Baseline, Growth, Overview

Verdict = Literal["ok", "breached", "unpriced", "stale", "unknown"]
Unit = Literal["picousd", "ppm", "minutes"]

_PICOUSD: Final = 10**12
_PPM: Final = 10_000
"""Millionths of a percent's hundredth: one percent."""
_NOTHING: Final = "no calls recorded in the window"


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """One gate's outcome. `unpriced`, `stale` and `unknown` mean that the data do not allow an ok."""

    gate: str  # spend, budget, risk, growth, anomaly, unpriced, age
    name: str  # the budget's, the task's; empty for everything
    measured: int | None
    limit: int
    unit: Unit
    verdict: Verdict
    detail: str
    drivers: tuple[tuple[str, int], ...] = ()  # tasks, and pico-dollars of what was measured


def exit_code(gates: Sequence[Gate]) -> int:
    """3 where a gate is breached: calls without a price or not yet loaded could only make it worse. Then 4, then 0."""
    verdicts = {gate.verdict for gate in gates}
    if "breached" in verdicts:
        return EXIT_GATE
    return EXIT_OK if verdicts <= {"ok"} else EXIT_STALE


def judge(found: Reader, config: Config, limits: Check, past: Baseline | None, now: Baseline | None) -> list[Gate]:
    """Every gate that has a limit, and every budget.

    Args:
        found: an open store and its window.
        config: whose budgets are judged.
        limits: percents, dollars and an age; None is no gate.
        past: what growth is measured against; `now` the window. None where there is no such gate.
    """
    from otelcost.store import queries  # noqa: PLC0415

    overview = queries.overview(found.connection, found.window)
    gates = [*_spend(overview, limits), *_budgets(found, config, limits)]
    if limits.max_growth is not None and past is not None and now is not None:
        gates += _growth(past, now, _millionths(limits.max_growth))
    if limits.max_anomaly is not None:
        gates.append(_anomaly(found, config, _picousd(limits.max_anomaly)))
    return [*gates, *_unpriced(overview, limits), *_age(overview, found.now, limits)]


def _picousd(dollars: Decimal) -> int:
    return int(dollars * _PICOUSD)


def _millionths(percents: Decimal) -> int:
    return int(percents * _PPM)


def _verdict(measured: int | None, limit: int) -> Verdict:
    if measured is None:
        return "unknown"
    return "breached" if measured > limit else "ok"


def _spend(overview: Overview, limits: Check) -> Iterator[Gate]:
    if limits.max_spend is None:
        return
    limit, spend = _picousd(limits.max_spend), overview.spend_picousd if overview.calls else None
    detail = plural(overview.calls, "call") if overview.calls else _NOTHING
    if overview.unpriced_calls:
        detail += f", {plural(overview.unpriced_calls, 'call')} of them without a price: at least so much"
    drivers = tuple((row.name or "", row.cost_picousd) for row in overview.by_task[:3] if row.cost_picousd)
    yield Gate(
        gate="spend",
        name="",
        measured=spend,
        limit=limit,
        unit="picousd",
        verdict=_verdict(spend, limit),
        detail=detail,
        drivers=drivers,
    )


def _budgets(found: Reader, config: Config, limits: Check) -> Iterator[Gate]:
    """What was spent against each budget; with `max_risk`, how likely its end is above it as well."""
    for name, scope, amount, one in of_budgets(found.connection, config, found.now, config.zone):
        assert amount is not None  # noqa: S101  (a budget has one)
        when = outlook.period_name(one, config.zone)
        risk = forecast_words.risk(one, amount)
        detail = f"{when}, {scope}; {outlook.ending(one)}" + (f"; above it: {risk}" if risk else "")
        if one.unpriced_calls:
            detail += f"; {plural(one.unpriced_calls, 'call')} without a price not counted"
        yield _of_budget("budget", name, one.spent_picousd, amount, "picousd", detail, one.tasks)
        if limits.max_risk is not None:
            likely = None if one.above_permille is None else one.above_permille * 1000
            yield _of_budget("risk", name, likely, _millionths(limits.max_risk), "ppm", detail, one.tasks)


def _of_budget(
    gate: str,
    name: str,
    measured: int | None,
    limit: int,
    unit: Unit,
    detail: str,
    drivers: tuple[tuple[str, int], ...],
) -> Gate:
    return Gate(
        gate=gate,
        name=name,
        measured=measured,
        limit=limit,
        unit=unit,
        verdict=_verdict(measured, limit),
        detail=detail,
        drivers=drivers,
    )


def _growth(past: Baseline, now: Baseline, limit: int) -> list[Gate]:
    """Spend of everything always; the other measures, and tasks, where they grew beyond the limit and chance."""
    from otelcost.store import queries  # noqa: PLC0415

    found = queries.compare(past, now)
    moved = queries.movers(past, now)
    against = f"against {instant(past.start)} to {instant(past.end)}"
    if not found or found[0].change is None:
        why = f"no priced calls {against.removeprefix('against ')} to compare with"
        return [_grown("", None, limit, "unknown", why, ())]
    if not any(block.priced_calls for blocks in now.tasks.values() for block in blocks):
        why = "no priced calls in the window" if now.calls else _NOTHING
        return [_grown("", None, limit, "unknown", why, ())]
    gates = []
    for one in found:
        exceeds = one.exceeds(limit)
        if exceeds or one is found[0]:
            detail = f"{_moved(one)}, {against}"
            drivers = moved if one.task is None and one.measure == "spend" else ()
            name = one.measure if one.task is None else f"{one.task}: {one.measure}"
            gates.append(_grown(name, one.change, limit, "breached" if exceeds else "ok", detail, drivers))
    return gates


def _grown(
    name: str, change: int | None, limit: int, verdict: Verdict, detail: str, drivers: tuple[tuple[str, int], ...]
) -> Gate:
    return Gate(
        gate="growth",
        name=name,
        measured=change,
        limit=limit,
        unit="ppm",
        verdict=verdict,
        detail=detail,
        drivers=drivers,
    )


def _moved(one: Growth) -> str:
    if one.measure == "tokens a call":
        values = f"{tokens(one.before)} to {tokens(one.now)} tokens a call"
    else:
        places = common_places([one.before, one.now])
        values = f"{money(one.before, places)} to {money(one.now, places)} a {one.each}"
    if one.each == "run":
        return values
    if one.low is None or one.high is None:
        return f"{values}; too few days or hours to tell chance apart"
    spread = f"99% {points(one.low)} to {points(one.high)}"
    return f"{values} [{spread}]" + ("" if one.low > 0 else ", which may be chance")


def points(millionths: int) -> str:
    """A change in percent, with its sign."""
    text = percent(millionths, 1_000_000)
    return f"+{text}" if millionths > 0 else text


def _anomaly(found: Reader, config: Config, limit: int) -> Gate:
    from otelcost.store import queries  # noqa: PLC0415

    result = queries.anomalies(found.connection, found.window, config.zone)
    judged = result.overall_level is not None
    excess = result.excess_picousd if judged or result.anomalies else None
    detail = "too few days to know what is usual" if excess is None else "nothing unusual"
    if result.anomalies:
        top = result.anomalies[0]
        span = outlook.span_name(top.start, top.end, config.zone, whole_days=top.level == "day")
        named = (
            ("volume", top.volume_picousd),
            ("mix", top.mix_picousd),
            ("tokens", top.tokens_picousd),
            ("rate", top.rate_picousd),
        )
        moved = ", ".join(f"{name} {signed_money(amount)}" for name, amount in named if amount)
        detail = f"{top.task or outlook.EVERYTHING} on {span}: {moved}, beside the usual {top.level}"
    drivers = tuple((one.task, one.excess_picousd) for one in result.anomalies if one.task is not None)
    return Gate(
        gate="anomaly",
        name="",
        measured=excess,
        limit=limit,
        unit="picousd",
        verdict=_verdict(excess, limit),
        detail=detail,
        drivers=drivers[:3],
    )


def _unpriced(overview: Overview, limits: Check) -> Iterator[Gate]:
    if limits.max_unpriced is None:
        return
    limit, calls, lacking = _millionths(limits.max_unpriced), overview.calls, overview.unpriced_calls
    # Compared without the rounding that is shown.
    above = lacking * 1_000_000 > limit * calls
    counted = f"{plural(lacking, 'call')} of {calls:,}" + (": see otelcost prices check" if lacking else "")
    yield Gate(
        gate="unpriced",
        name="",
        measured=lacking * 1_000_000 // calls if calls else None,
        limit=limit,
        unit="ppm",
        verdict=("unpriced" if above else "ok") if calls else "unknown",
        detail=counted if calls else _NOTHING,
    )


def _age(overview: Overview, now: datetime, limits: Check) -> Iterator[Gate]:
    from otelcost.store.queries import Window  # noqa: PLC0415

    if limits.max_age is None:
        return
    limit = Window.parse(limits.max_age, now).length
    newest = overview.last_call
    age = None if newest is None else max(now - newest, timedelta())
    stale = age is None or age > limit
    minute = timedelta(minutes=1)
    yield Gate(
        gate="age",
        name="",
        measured=None if age is None else age // minute,
        limit=limit // minute,
        unit="minutes",
        verdict="stale" if stale else "ok",
        detail="no calls recorded" if newest is None else f"newest call {instant(newest)}",
    )
