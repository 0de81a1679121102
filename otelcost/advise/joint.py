"""Alone and together: what each change saves by itself, and what all of them save without counting twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from otelcost.advise.apply import Bills, Plan, World
from otelcost.advise.recorded import Bill
from otelcost.advise.reprice import Priced, Pricer


class Saving(NamedTuple):
    """Pico-dollars saved, by call (`n`). Calls that only lose their warm cache count negatively."""

    by_call: dict[int, int]

    @property
    def total(self) -> int:
        """The sum."""
        return sum(self.by_call.values())


class Marginal(NamedTuple):
    """A change's share of the joint saving, and the days (since 1970, UTC) it falls on."""

    total: int
    by_day: dict[int, int]


def saving(world: World, pricer: Pricer, plans: Collection[Plan]) -> tuple[Saving, frozenset[int]]:
    """What `plans` save together, and the `n` of calls whose changed bill has no known price.

    Those calls are left out of the saving.
    """
    bills = world.after(plans)
    pricer.prime(_changed(world, bills))
    by_call: dict[int, int] = {}
    unknown: set[int] = set()
    for n, bill in bills.items():
        cost = _cost(world, pricer, n, bill)
        if cost is None:
            unknown.add(n)
        else:
            by_call[n] = world.calls[n].cost - cost
    return Saving(by_call), frozenset(unknown)


def prime_all(world: World, pricer: Pricer, plans: Iterable[Plan]) -> None:
    """Price what each plan does alone in one query for all of them."""
    pricer.prime(one for plan in plans for one in _changed(world, world.after([plan])))


def _changed(world: World, bills: Bills) -> Iterator[Priced]:
    for n, bill in bills.items():
        if bill is not None and bill != world.calls[n].bill:
            yield n, bill


def _cost(world: World, pricer: Pricer, n: int, bill: Bill | None) -> int | None:
    if bill is None:
        return 0
    call = world.calls[n]
    return call.cost if bill == call.bill else pricer.cost(n, bill)


def claimable(world: World, plan: Plan, by_call: Mapping[int, int]) -> dict[int, int]:
    """What a plan may claim of a saving: an exact one only that on calls which were surely billed as recorded."""
    if plan.finding.rule.class_ != "exact":
        return dict(by_call)
    return {n: amount for n, amount in by_call.items() if not world.calls[n].doubtful or amount < 0}


def marginals(world: World, pricer: Pricer, plans: Sequence[Plan], alone: Sequence[Saving]) -> list[Marginal]:
    """Each plan's share of what all save together, in the order of `plans`.

    Plans are added one after another in `Plan.order`. One that would then cost money is not added and its
    share is 0; one that gains from its predecessors is credited at most with what it saves alone. So the
    shares add up to a saving that is never above the bill and never above the sum of the parts. An exact plan
    has no share in calls whose bill is a guess (`claimable`).
    """
    claims = [claimable(world, plan, one.by_call) for plan, one in zip(plans, alone, strict=True)]
    shares: list[Marginal] = [Marginal(0, {}) for _ in plans]
    for group in _overlapping(alone):
        if len(group) == 1:
            only = group[0]
            if (claimed := sum(claims[only].values())) > 0:
                shares[only] = Marginal(claimed, by_day(world, claims[only]))
            continue
        applied: list[Plan] = []
        before = Saving({})
        for index in sorted(group, key=lambda i: plans[i].order):
            now, unknown = saving(world, pricer, [*applied, plans[index]])
            more = claimable(world, plans[index], _difference(now.by_call, before.by_call))
            most = sum(claims[index].values())
            if unknown or sum(more.values()) <= 0 or most <= 0:
                continue
            shares[index] = _capped(sum(more.values()), by_day(world, more), most)
            applied.append(plans[index])
            before = now
    return shares


def _difference(now: Mapping[int, int], before: Mapping[int, int]) -> dict[int, int]:
    return {n: now.get(n, 0) - before.get(n, 0) for n in now.keys() | before.keys()}


def by_day(world: World, by_call: Mapping[int, int]) -> dict[int, int]:
    """A saving by the UTC day of its calls."""
    days: Counter[int] = Counter()
    for n, amount in by_call.items():
        days[world.calls[n].day] += amount
    return dict(days)


def _capped(gain: int, daily: dict[int, int], most: int) -> Marginal:
    if gain <= most:
        return Marginal(gain, daily)
    return Marginal(most, {day: amount * most // gain for day, amount in daily.items()})


def _overlapping(alone: Sequence[Saving]) -> list[list[int]]:
    """Groups of plans that touch a common call, directly or through another plan."""
    parent = list(range(len(alone)))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    owner: dict[int, int] = {}
    for index, one in enumerate(alone):
        for n in one.by_call:
            parent[find(index)] = find(owner.setdefault(n, index))
    groups: dict[int, list[int]] = {}
    for index in range(len(alone)):
        groups.setdefault(find(index), []).append(index)
    return list(groups.values())
