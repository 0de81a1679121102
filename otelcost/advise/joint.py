"""Alone and together: what each change saves by itself, and what all of them save without counting twice.

Alone, all plans are applied to the recorded bills in one pass (`w_alone`). Together, they are applied one after
another in `Plan.order`; as plans that share no call cannot disturb each other, as many as possible go in one pass.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import duckdb

from otelcost.advise import change, cuts, replay
from otelcost.advise.ledger import BILL, Ledger
from otelcost.advise.plan import Plan
from otelcost.advise.rows import insert

_PRICED: Final = ("p", "n", "named", *BILL, "cost", "paid", "day", "doubtful")

_SELECTED: Final = (
    "CREATE OR REPLACE TEMP TABLE w_pass AS SELECT * FROM w_plans WHERE p IN (SELECT unnest($p::INTEGER[]))"
)

_LOSE_WARMTH: Final = f"""
INSERT INTO w_changed
SELECT l.p, s.n, false, s.k, s.uncached + CASE WHEN l.written THEN 0 ELSE least(l.lost, s.read) END,
    s.read - least(l.lost, s.read),
    s.short + CASE WHEN l.written AND NOT l.lasts_long THEN least(l.lost, s.read) ELSE 0 END,
    s.long + CASE WHEN l.written AND l.lasts_long THEN least(l.lost, s.read) ELSE 0 END,
    {", ".join(f"s.{name}" for name in BILL[5:])}
FROM w_pass q
JOIN w_lost l ON l.p = q.p
JOIN {{bills}} s ON s.n = l.n
WHERE s.made
"""

_SURE: Final = "CASE WHEN doubtful AND saved > 0 THEN 0 ELSE saved END"

_BY_DAY: Final = f"""
SELECT p, day, sum(saved)::BIGINT, sum({_SURE})::BIGINT, sum(CASE WHEN named THEN paid ELSE 0 END)::BIGINT,
    count(*) FILTER (named)
FROM ({{rows}})
GROUP BY p, day
ORDER BY p, day
"""

_ALONE_ROWS: Final = "SELECT p, day, paid - cost AS saved, doubtful, named, paid FROM w_alone"

_GAINED: Final = f"""
CREATE OR REPLACE TEMP TABLE w_gained AS
SELECT {", ".join(f"x.{name}" for name in _PRICED)}, s.cost - x.cost AS saved
FROM ({{priced}}) x
JOIN w_state s ON s.n = x.n
JOIN w_alone a ON a.p = x.p AND a.n = x.n
WHERE x.cost IS NOT NULL
"""

_STATE: Final = """
CREATE OR REPLACE TEMP TABLE w_state AS
SELECT * FROM w_bills WHERE n IN (SELECT n FROM w_alone WHERE p IN (SELECT unnest($p::INTEGER[])))
"""

_TAKE: Final = f"""
UPDATE w_state SET {", ".join(f"{name} = x.{name}" for name in (*BILL, "cost"))}
FROM {{source}} x
WHERE x.n = w_state.n AND x.p IN (SELECT unnest($p::INTEGER[]))
"""

_TOUCHING: Final = """
SELECT DISTINCT a.p, b.p
FROM w_alone a
JOIN w_alone b ON b.n = a.n
JOIN w_rank x ON x.p = a.p
JOIN w_rank y ON y.p = b.p AND y.rank > x.rank
"""


class Saving(NamedTuple):
    """What a plan saves alone, in pico-dollars by UTC day since 1970; days without its calls are not there.

    `sure` leaves out what is saved on calls whose bill is only estimated; `paid` is what its calls cost; `days` are
    those with calls that it names.
    """

    total: int
    calls: int
    days: set[int]
    saved: dict[int, int]
    sure: dict[int, int]
    paid: dict[int, int]

    def claim(self, plan: Plan) -> dict[int, int]:
        """What the plan may claim: an exact one only what was surely billed as recorded."""
        return self.sure if plan.class_ == "exact" else self.saved


class Marginal(NamedTuple):
    """A change's share of the joint saving, and the days (since 1970, UTC) it falls on."""

    total: int
    by_day: dict[int, int]


class Together(NamedTuple):
    """By plan its share of the joint saving, and the plans that touch one of its calls."""

    shares: dict[int, Marginal]
    rivals: dict[int, set[int]]


def alone(connection: duckdb.DuckDBPyConnection, ledger: Ledger, plans: Sequence[Plan]) -> dict[int, Saving]:
    """What each plan saves by itself, by `p`, filling `w_alone`; plans without a priced change are not there."""
    _apply(connection, [plan.p for plan in plans], "w_bills", after_others=False)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE w_alone AS SELECT {', '.join(_PRICED)} "
        f"FROM ({ledger.price('w_changed')}) WHERE cost IS NOT NULL"
    )
    return _by_day(connection, _ALONE_ROWS)


def _apply(connection: duckdb.DuckDBPyConnection, p: Collection[int], bills: str, *, after_others: bool) -> None:
    """Fill `w_changed` with what the plans `p` make of `bills`."""
    connection.execute(_SELECTED, {"p": list(p)})
    connection.execute(change.CHANGED)
    kinds = {row[0] for row in connection.execute("SELECT DISTINCT kind FROM w_pass").fetchall()}
    for kind in sorted(kinds & change.EFFECTS.keys()):
        change.apply(connection, kind, bills)
    if kinds & cuts.KINDS:
        change.cut(connection, bills, after_others=after_others)
    if kinds & {"enable_cache", "change_ttl"}:
        replay.as_changed(connection, bills, after_others=after_others)
    if "drop_call" in kinds:
        connection.execute(_LOSE_WARMTH.format(bills=bills))


def _by_day(connection: duckdb.DuckDBPyConnection, rows: str) -> dict[int, Saving]:
    found: dict[int, Saving] = {}
    for p, day, saved, sure, paid, calls in connection.execute(_BY_DAY.format(rows=rows)).fetchall():
        one = found.get(p, Saving(0, 0, set(), {}, {}, {}))
        one.saved[day], one.sure[day], one.paid[day] = saved, sure, paid
        one.days.update({day} if calls else ())
        found[p] = one._replace(total=one.total + saved, calls=one.calls + calls)
    return found


def marginals(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, plans: Sequence[Plan], savings: Mapping[int, Saving]
) -> Together:
    """Each plan's share of what all of `plans` save together, and which plans it competes with, by `p`.

    A plan that would cost money after the ones before it is not applied and its share is 0; one that gains from
    its predecessors is credited at most with what it saves alone. So the shares add up to a saving that is never
    above the bill and never above the sum of the parts. An exact plan has no share in calls whose bill is a guess.
    """
    ordered = sorted(plans, key=lambda plan: plan.order)
    before = _touching(connection, ordered)
    shares = {plan.p: _first(plan, savings[plan.p]) for plan in ordered if not before[plan.p]}
    taken = [p for p, share in shares.items() if share.total > 0]
    later = _passes([plan for plan in ordered if before[plan.p]], before)
    if later:
        _begin(connection, [plan.p for plan in ordered], taken)
    for group in later:
        shares |= _pass(connection, ledger, group, savings)
    rivals = {p: before[p] | {other for other, those in before.items() if p in those} for p in before}
    return Together(shares, rivals)


def _touching(connection: duckdb.DuckDBPyConnection, ordered: Sequence[Plan]) -> dict[int, set[int]]:
    """For each plan those before it that touch one of its calls."""
    before: dict[int, set[int]] = {plan.p: set() for plan in ordered}
    connection.execute("CREATE OR REPLACE TEMP TABLE w_rank (p INTEGER, rank INTEGER)")
    insert(connection, "w_rank", [(one.p, rank) for rank, one in enumerate(ordered)])
    for earlier, later in connection.execute(_TOUCHING).fetchall():
        before[later].add(earlier)
    return before


def _passes(later: Sequence[Plan], before: Mapping[int, set[int]]) -> list[list[Plan]]:
    """Plans by how many others must have been applied before; those of one pass share no call."""
    depth: dict[int, int] = {}
    passes: list[list[Plan]] = []
    for plan in later:
        depth[plan.p] = 1 + max((depth.get(p, 0) for p in before[plan.p]), default=0)
        passes += [[] for _ in range(depth[plan.p] - len(passes))]
        passes[depth[plan.p] - 1].append(plan)
    return passes


def _first(plan: Plan, one: Saving) -> Marginal:
    """The share of a plan that nothing precedes: what it may claim of what it saves alone."""
    claim = one.claim(plan)
    total = sum(claim.values())
    return Marginal(total, claim) if total > 0 else Marginal(0, {})


def _begin(connection: duckdb.DuckDBPyConnection, p: Sequence[int], taken: Sequence[int]) -> None:
    """Lay out the bills that plans meet, with what nothing precedes already applied."""
    connection.execute(_STATE, {"p": list(p)})
    connection.execute("CREATE OR REPLACE TEMP TABLE w_removed (n INTEGER, position SMALLINT, tokens BIGINT)")
    connection.execute(_TAKE.format(source="w_alone"), {"p": list(taken)})
    _remove(connection, taken)


def _remove(connection: duckdb.DuckDBPyConnection, taken: Sequence[int]) -> None:
    connection.execute(
        "INSERT INTO w_removed SELECT n, position, tokens FROM w_cuts WHERE p IN (SELECT unnest($p::INTEGER[]))",
        {"p": list(taken)},
    )


def _pass(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, group: Sequence[Plan], savings: Mapping[int, Saving]
) -> dict[int, Marginal]:
    _apply(connection, [plan.p for plan in group], "w_state", after_others=True)
    connection.execute(_GAINED.format(priced=ledger.price("w_changed")))
    gains = _by_day(connection, "SELECT p, day, saved, doubtful, named, paid FROM w_gained")
    shares = {}
    for plan in group:
        gain = gains.get(plan.p, Saving(0, 0, set(), {}, {}, {})).claim(plan)
        most = sum(savings[plan.p].claim(plan).values())
        total = sum(gain.values())
        shares[plan.p] = _capped(total, gain, most) if total > 0 and most > 0 else Marginal(0, {})
    taken = [p for p, share in shares.items() if share.total > 0]
    connection.execute(_TAKE.format(source="w_gained"), {"p": taken})
    _remove(connection, taken)
    return shares


def _capped(gain: int, daily: dict[int, int], most: int) -> Marginal:
    if gain <= most:
        return Marginal(gain, daily)
    return Marginal(most, {day: amount * most // gain for day, amount in daily.items()})
