"""From findings to plans: load the calls, decide what a rule left open, refuse what cannot be priced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import duckdb
import msgspec

from otelcost.advise.apply import SUPPORTED, Plan, World
from otelcost.advise.cache_replay import CacheRules
from otelcost.advise.finding import Finding
from otelcost.advise.joint import Saving, prime_all, saving
from otelcost.advise.recorded import Recorded, load, load_parts
from otelcost.advise.report import NotChecked
from otelcost.advise.reprice import Pricer
from otelcost.advise.transforms import Batch, DropCall, EnableCache

_SECOND_US: Final = 1_000_000

REASON_REPLAY: Final = "the replay does not reproduce the billed cache reads"

REASON_WARMED: Final = "a call to be dropped may have filled a cache that others read, and its rules are not known"
REASON_SAME_ID: Final = "the rule gives two findings one identity, and only the first is priced"

_CACHE_RULES: Final = """
SELECT provider, model, cache_minimum_tokens, cache_step_tokens, cache_automatic, cache_short_s, cache_long_s
FROM w_models WHERE cache_minimum_tokens IS NOT NULL AND cache_short_s IS NOT NULL
"""

_GROUPS: Final = """
SELECT printf('%016x', span_id) FROM w_calls
WHERE (provider, model, task) IN (
        SELECT (provider, model, task) FROM w_calls WHERE printf('%016x', span_id) IN (SELECT unnest($ids::VARCHAR[])))
    AND (provider, model, task) IN (
        SELECT (provider, model, task) FROM w_calls
        WHERE coalesce(cache_read_tokens, 0) + coalesce(cache_write_short_tokens, 0)
            + coalesce(cache_write_long_tokens, 0) > 0)
"""
"""The calls that share a cache in use with a dropped one, which need not show on its bill that it filled it."""

_AUTOMATIC: Final = """
SELECT provider, model, cache_minimum_tokens FROM w_models
WHERE cache_automatic AND cache_minimum_tokens IS NOT NULL
"""


class Priced(NamedTuple):
    """A plan and what it saves alone: never nothing."""

    plan: Plan
    alone: Saving


def stable_id(rule: str, task: str, target: str) -> str:
    """The same advice has the same id in every report."""
    return "R-" + hashlib.sha256("\0".join((rule, task, target)).encode()).hexdigest()[:8]


def build_world(connection: duckdb.DuckDBPyConnection, pricer: Pricer, findings: Sequence[Finding]) -> World:
    """Load every call that a finding names, and those whose cache a dropped call may have kept warm."""
    ids = {call_id for finding in findings for call_id in finding.call_ids}
    dropped = {c for finding in findings if isinstance(finding.transform, DropCall) for c in finding.call_ids}
    around = {row[0] for row in connection.execute(_GROUPS, {"ids": list(dropped)}).fetchall()}
    calls = load(connection, ids | around)
    caching = {c for finding in findings if isinstance(finding.transform, EnableCache) for c in finding.call_ids}
    parts = load_parts(connection, (calls[c].n for c in caching | around if c in calls))
    minimums = {(row[0], row[1]): row[2] for row in connection.execute(_AUTOMATIC).fetchall()}
    return World(calls.values(), parts, _cache_rules(connection, pricer, calls.values()), minimums)


def _cache_rules(
    connection: duckdb.DuckDBPyConnection, pricer: Pricer, calls: Iterable[Recorded]
) -> dict[tuple[str, str], CacheRules]:
    price_keys = {(call.provider, call.model): call.bill.price_key for call in calls}
    rules = {}
    for provider, model, minimum, step, automatic, short_s, long_s in connection.execute(_CACHE_RULES).fetchall():
        if (provider, model) in price_keys:
            rules[provider, model] = CacheRules(
                minimum_tokens=minimum,
                step_tokens=step,
                automatic=automatic,
                short_us=short_s * _SECOND_US,
                long_us=(long_s or short_s) * _SECOND_US,
                writes_billed=pricer.has_price(price_keys[provider, model], "cache_write_short_picousd"),
            )
    return rules


def make_plans(world: World, pricer: Pricer, findings: Sequence[Finding]) -> tuple[list[Priced], list[NotChecked]]:
    """Price every finding alone. What saves nothing is silent, what cannot be judged is named."""
    plans: list[Plan] = []
    refused: list[NotChecked] = []
    by_id = {call.call_id: call.n for call in world.calls.values()}
    taken: set[str] = set()
    for finding in findings:
        numbers = frozenset(by_id[call_id] for call_id in finding.call_ids if call_id in by_id)
        reason = _refusal(world, finding, numbers)
        if reason is not None:
            refused.append(NotChecked(finding.rule.id, finding.task, reason))
            continue
        id_ = stable_id(finding.rule.id, finding.known_as, finding.target)
        if id_ in taken:
            refused.append(NotChecked(finding.rule.id, finding.task, f"{REASON_SAME_ID}: {finding.target or id_}"))
            continue
        taken.add(id_)
        certain = _as_certain_as(world, finding, numbers)
        plans += [Plan(id_, certain, change, numbers) for change in _decided(world, finding, numbers)]
    prime_all(world, pricer, plans)
    best: dict[str, Priced] = {}
    for plan in plans:
        priced = _alone(world, pricer, plan)
        if priced is not None and (plan.id not in best or priced.alone.total > best[plan.id].alone.total):
            best[plan.id] = priced
    return list(best.values()), refused


def _refusal(world: World, finding: Finding, numbers: frozenset[int]) -> str | None:
    if not isinstance(finding.transform, SUPPORTED):
        return f"{type(finding.transform).__name__} cannot be priced from records alone"
    if not numbers:
        return "none of its calls has a known price"
    if isinstance(finding.transform, EnableCache):
        return _refused_cache(world, numbers)
    return _refused_drop(world, numbers) if isinstance(finding.transform, DropCall) else None


def _refused_cache(world: World, numbers: frozenset[int]) -> str | None:
    if world.rules_of(min(numbers)) is None:
        return "the cache rules of its model are not known"
    if not all(n in world.parts for n in numbers):
        return "needs segment sizes"
    return None if world.reproduces(numbers) else REASON_REPLAY


def _refused_drop(world: World, numbers: frozenset[int]) -> str | None:
    """A dropped call may have kept a cache warm: then what that is worth has to be known first."""
    return REASON_WARMED if world.unexplained(numbers) else None


def _as_certain_as(world: World, finding: Finding, numbers: frozenset[int]) -> Finding:
    """A drop that costs other calls their warm cache is a simulation, and says how much it counted against itself."""
    changed = world.without(numbers) if isinstance(finding.transform, DropCall) else {}
    lost = [world.calls[n].bill.read - bill.read for n, bill in changed.items() if bill is not None]
    if not lost or finding.rule.class_ != "exact":
        return finding
    return msgspec.structs.replace(
        finding,
        rule=msgspec.structs.replace(finding.rule, class_="simulated"),
        evidence=finding.evidence | {"calls_that_lose_cache": len(lost), "cache_read_tokens_lost": sum(lost)},
    )


def _decided(world: World, finding: Finding, numbers: frozenset[int]) -> list[EnableCache] | list[DropCall | Batch]:
    """The change itself, or one for each lifetime a rule left to the replay."""
    change = finding.transform
    if isinstance(change, EnableCache) and change.ttl == "auto":
        rules = world.rules_of(min(numbers))
        if rules is not None and not rules.automatic:
            lifetimes = ("5m", "1h") if rules.long_us > rules.short_us else ("5m",)
            return [msgspec.structs.replace(change, ttl=ttl) for ttl in lifetimes]
    return [change]  # type: ignore[return-value]


def _alone(world: World, pricer: Pricer, plan: Plan) -> Priced | None:
    """Price a plan alone, without the calls whose changed bill has no price."""
    alone, unknown = saving(world, pricer, [plan])
    if unknown:
        plan = plan._replace(numbers=plan.numbers - unknown)
        if not plan.numbers:
            return None
        alone, unknown = saving(world, pricer, [plan])
        if unknown:
            return None
    return Priced(plan, alone) if alone.total > 0 else None
