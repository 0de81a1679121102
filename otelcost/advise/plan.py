"""From findings to plans: decide what a rule left open, refuse what cannot be judged, lay the rest out as rows.

`w_plans` has a row for each plan `p` with its figures, `w_named_by` its priced calls, `w_key_map` the price each of
its prices becomes, `w_which` the segments it asks for, `w_cuts` those it takes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import duckdb
import msgspec

from otelcost.advise import cuts, replay, warmth
from otelcost.advise.change import KEYED
from otelcost.advise.finding import Finding
from otelcost.advise.ledger import Ledger
from otelcost.advise.report import Class, NotChecked
from otelcost.advise.rows import insert
from otelcost.advise.transforms import (
    STAGES,
    AnyTransform,
    Batch,
    ChangeTtl,
    DropCall,
    EnableCache,
    RemoveSegment,
    ServiceTier,
    SetModel,
    SetRegion,
    TrimHistory,
)

TOLERATED_MISFIT_PERCENT: Final = 5
"""How much of the input a replay of untouched traffic may bill otherwise than the provider did."""

REASON_REPLAY: Final = "the replay does not reproduce the billed cache reads"
REASON_WARMED: Final = "a call to be dropped may have filled a cache that others read, and its rules are not known"
REASON_SAME_ID: Final = "the rule gives two findings one identity, and only the first is priced"
REASON_UNPRICED: Final = "none of its calls has a known price"
REASON_RULES: Final = "the cache rules of its model are not known"
REASON_SIZES: Final = "needs segment sizes"

_PLANS: Final = """
CREATE OR REPLACE TEMP TABLE w_plans (
    p INTEGER, f INTEGER, kind VARCHAR, tokens BIGINT, token_milli BIGINT, output_milli BIGINT, reasoning_milli BIGINT,
    breakpoint INTEGER, move INTEGER, lasts_long BOOLEAN, queued BOOLEAN
);
CREATE OR REPLACE TEMP TABLE w_key_map (p INTEGER, k INTEGER, to_k INTEGER);
CREATE OR REPLACE TEMP TABLE w_which (
    p INTEGER, position SMALLINT, hash BIGINT, template_hash BIGINT, "name" VARCHAR
)
"""

_NAMED_BY: Final = """
CREATE OR REPLACE TEMP TABLE w_named_by AS
SELECT q.p, d.n, d.position, d.tokens
FROM w_plans q JOIN w_named d ON d.f = q.f JOIN w_bills b ON b.n = d.n
WHERE d.position IS NULL
UNION ALL
SELECT q.p, d.n, max(d.position), max(d.tokens)
FROM w_plans q JOIN w_named d ON d.f = q.f JOIN w_bills b ON b.n = d.n
WHERE d.position IS NOT NULL
GROUP BY q.p, d.n
"""

_FACTS: Final = """
SELECT d.f, bool_or(c.short_us IS NULL), coalesce(bool_or(c.automatic), false),
    coalesce(bool_or(c.long_us > c.short_us), false), bool_or(x.tokens_to IS NULL)
FROM (SELECT DISTINCT f, n FROM w_named WHERE f IN (SELECT unnest($f::INTEGER[]))) d
JOIN w_bills b ON b.n = d.n
LEFT JOIN w_cache c ON c.g = b.g
LEFT JOIN w_segments x ON x.n = b.n AND x.position = b.segments
GROUP BY d.f
"""

_SENT: Final = """
INSERT INTO w_arrivals
SELECT f, n, NULL, false, false, calls <= $sample OR began >= min(began) OVER (PARTITION BY f) + $warm_up
FROM (
    SELECT d.f, b.n, b.began, count(*) OVER (PARTITION BY d.f) AS calls,
        row_number() OVER (PARTITION BY d.f ORDER BY b.n DESC) AS back
    FROM (SELECT DISTINCT f, n FROM w_named WHERE f IN (SELECT unnest($f::INTEGER[]))) d
    JOIN w_bills b ON b.n = d.n
)
WHERE back <= $sample
"""
"""The newest calls of each finding; of a sample the first hour only fills the cache and is not judged."""

_WARM_UP_US: Final = 3_600_000_000


class Plan(NamedTuple):
    """A finding ready to be priced: its change, fully decided."""

    p: int
    id: str
    finding: Finding
    transform: AnyTransform
    class_: Class

    @property
    def order(self) -> tuple[bool, int, str]:
        """Where it stands when changes are applied: what needs a trial last, then by stage."""
        return (self.class_ == "needs-trial", STAGES[type(self.transform)], self.id)


def stable_id(rule: str, task: str, target: str) -> str:
    """The same advice has the same id in every report."""
    return "R-" + hashlib.sha256("\0".join((rule, task, target)).encode()).hexdigest()[:8]


def open_bills(connection: duckdb.DuckDBPyConnection, ledger: Ledger, findings: Sequence[Finding]) -> None:
    """Take into the ledger every call that a finding names, and those whose cache a dropped call may have warmed."""
    drops = [one.f for one in findings if isinstance(one.transform, DropCall)]
    families = ", ".join(map(str, warmth.families(connection, drops))) or "NULL"
    ledger.open(f"(c.n IN (SELECT n FROM w_named) OR c.g IN (SELECT g FROM w_groups WHERE family IN ({families})))")
    replay.prepare(connection, ledger)


def make_plans(
    connection: duckdb.DuckDBPyConnection, findings: Sequence[Finding]
) -> tuple[list[Plan], list[NotChecked]]:
    """Lay out a plan for every finding that can be judged, two where the replay is to choose between lifetimes."""
    usable, refused = _distinct(findings)
    facts = _cache_facts(connection, usable)
    counts = dict(connection.execute("SELECT f, count(*) FROM w_named JOIN w_bills USING (n) GROUP BY f").fetchall())
    plans: list[Plan] = []
    for finding in usable:
        reason = _refusal(finding, counts, facts)
        if reason is not None:
            refused.append(NotChecked(finding.rule.id, finding.task, reason))
            continue
        for change in _decided(finding.transform, facts.get(finding.f)):
            id_ = stable_id(finding.rule.id, finding.known_as, finding.target)
            plans.append(Plan(len(plans) + 1, id_, finding, change, finding.rule.class_))  # type: ignore[arg-type]
    _lay_out(connection, plans)
    return _after_warmth(connection, plans, refused)


def _distinct(findings: Sequence[Finding]) -> tuple[list[Finding], list[NotChecked]]:
    taken: set[str] = set()
    usable, refused = [], []
    for finding in findings:
        id_ = stable_id(finding.rule.id, finding.known_as, finding.target)
        if id_ in taken:
            named = f"{REASON_SAME_ID}: {finding.target or id_}"
            refused.append(NotChecked(finding.rule.id, finding.task, named))
        else:
            usable.append(finding)
        taken.add(id_)
    return usable, refused


class _CacheFacts(NamedTuple):
    unknown_rules: bool
    automatic: bool
    two_lifetimes: bool
    unknown_sizes: bool
    misfit: bool


def _cache_facts(connection: duckdb.DuckDBPyConnection, findings: Iterable[Finding]) -> dict[int, _CacheFacts]:
    """What the replay has to know of each finding that changes a cache, and whether it gives what was billed."""
    f = [one.f for one in findings if isinstance(one.transform, EnableCache | ChangeTtl)]
    if not f:
        return {}
    rows = connection.execute(_FACTS, {"f": f}).fetchall()
    known = [row[0] for row in rows if not row[1] and not row[4]]
    connection.execute(replay.ARRIVALS)
    connection.execute(_SENT, {"f": known, "sample": replay.SAMPLE, "warm_up": _WARM_UP_US})
    wrong = replay.misfits(connection)
    found = {}
    for row in rows:
        tokens, total = wrong.get(row[0], (0, 0))
        found[row[0]] = _CacheFacts(row[1], row[2], row[3], row[4], tokens * 100 > total * TOLERATED_MISFIT_PERCENT)
    return found


def _refusal(finding: Finding, counts: dict[int, int], facts: dict[int, _CacheFacts]) -> str | None:
    if not counts.get(finding.f):
        return REASON_UNPRICED
    known = facts.get(finding.f)
    if known is None:
        return None
    if known.unknown_rules:
        return REASON_RULES
    if known.unknown_sizes:
        return REASON_SIZES
    return REASON_REPLAY if known.misfit else None


def _decided(change: AnyTransform | None, facts: _CacheFacts | None) -> Iterator[AnyTransform]:
    """The change itself, or one for each lifetime a rule left to the replay."""
    if isinstance(change, EnableCache) and change.ttl == "auto" and facts is not None and not facts.automatic:
        for ttl in ("5m", "1h") if facts.two_lifetimes else ("5m",):
            yield msgspec.structs.replace(change, ttl=ttl)
    elif change is not None:
        yield change


def _lay_out(connection: duckdb.DuckDBPyConnection, plans: Sequence[Plan]) -> None:
    connection.execute(_PLANS)
    insert(connection, "w_plans", [_figures(plan) for plan in plans])
    insert(connection, "w_which", [row for plan in plans for row in _which(plan)])
    keys = dict(connection.execute("SELECT price_key, k FROM w_keys").fetchall())
    used = connection.execute("SELECT DISTINCT k, price_key FROM w_keys JOIN w_bills USING (k) ORDER BY k").fetchall()
    changed = [(plan.p, k, keys.get(_other_key(key, plan.transform))) for plan in plans
        if plan.transform.__struct_config__.tag in KEYED for k, key in used]  # fmt: skip
    insert(connection, "w_key_map", [row for row in changed if row[2] is not None])
    connection.execute(_NAMED_BY)
    cuts.find(connection)


def _figures(plan: Plan) -> tuple[Any, ...]:
    change = plan.transform
    return (
        plan.p, plan.finding.f, change.__struct_config__.tag,
        change.keep_turns if isinstance(change, TrimHistory) else getattr(change, "tokens", None),
        *(getattr(change, name, None) for name in ("token_milli", "output_milli", "reasoning_milli", "breakpoint")),
        getattr(change, "move_volatile", None), getattr(change, "ttl", None) == "1h",
        isinstance(change, ServiceTier) and change.tier.startswith("background"),
    )  # fmt: skip


def _which(plan: Plan) -> Iterator[tuple[Any, ...]]:
    change = plan.transform
    if isinstance(change, RemoveSegment):
        for place, values in enumerate((change.positions, change.hashes, change.template_hashes, change.tools)):
            for value in values:
                yield (plan.p, *(value if place == at else None for at in range(4)))


def _other_key(price_key: str, change: AnyTransform) -> str:
    """The price of the same call after a change of model, tier or region; the rest of its key stays."""
    place, _, tail = price_key.rpartition("/")
    variant, plus, region = tail.partition("+")
    if isinstance(change, SetModel):
        return f"{price_key.partition('/')[0]}/{change.model}/{tail}"
    if isinstance(change, ServiceTier | Batch):
        return f"{place}/{change.tier if isinstance(change, ServiceTier) else 'batch'}{plus}{region}"
    if isinstance(change, SetRegion):
        return f"{place}/{variant}" + (f"+{change.region}" if change.region else "")
    return price_key


def _after_warmth(
    connection: duckdb.DuckDBPyConnection, plans: list[Plan], refused: list[NotChecked]
) -> tuple[list[Plan], list[NotChecked]]:
    """A drop that costs other calls their warm cache is a simulation, and says how much it counted against itself."""
    found = warmth.lost(connection, [plan.p for plan in plans if isinstance(plan.transform, DropCall)])
    kept = []
    for plan in plans:
        if plan.p in found.unexplained:
            refused.append(NotChecked(plan.finding.rule.id, plan.finding.task, REASON_WARMED))
        elif plan.p in found.tokens and plan.class_ == "exact":
            calls, tokens = found.tokens[plan.p]
            counted = {"calls_that_lose_cache": calls, "cache_read_tokens_lost": tokens}
            finding = msgspec.structs.replace(plan.finding, evidence=plan.finding.evidence | counted)
            kept.append(plan._replace(finding=finding, class_="simulated"))
        else:
            kept.append(plan)
    return kept, refused
