"""What a set of changes does to the bills of the recorded calls, always in the order drop, trim, model, cache, tier.

`World` holds the recorded calls that some change touches. `World.after(plans)` is a pure function of a set of
plans: it never matters in which order they are listed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from otelcost.advise.arrivals import as_cached, as_sent
from otelcost.advise.cache_replay import Arrival, CacheRules, Input, Mark, misfit, replay
from otelcost.advise.finding import Finding
from otelcost.advise.recorded import Bill, Part, Recorded
from otelcost.advise.transforms import (
    STAGES,
    AnyTransform,
    Batch,
    DropCall,
    EnableCache,
    ServiceTier,
    SetEffort,
    SetModel,
    Transform,
)
from otelcost.advise.warmth import Sent, reads_at_risk

SUPPORTED: Final[tuple[type[Transform], ...]] = (DropCall, SetModel, SetEffort, EnableCache, ServiceTier, Batch)
"""What can be priced from the records alone. The others need a trial's tokens first."""

TOLERATED_MISFIT_PERCENT: Final = 5
"""How much of the input a replay of untouched traffic may bill otherwise than the provider did."""

_Group = tuple[str, str, str]
"""Provider, model and task: the calls that share a cache."""

Bills = dict[int, Bill | None]
"""Bills by the `n` of their call; None: the call is not made."""


class Plan(NamedTuple):
    """A finding ready to be priced: its change, fully decided, and the `n` of its priced calls."""

    id: str
    finding: Finding
    transform: AnyTransform
    numbers: frozenset[int]

    @property
    def order(self) -> tuple[bool, int, str]:
        """Where it stands when savings are attributed: what needs a trial last, then by stage."""
        return (self.finding.rule.class_ == "needs-trial", STAGES[type(self.transform)], self.id)


class World:
    """The recorded calls, their prompts and the cache rules of their models."""

    def __init__(
        self,
        calls: Iterable[Recorded],
        parts: Mapping[int, tuple[Part, ...]],
        rules: Mapping[tuple[str, str], CacheRules],
        automatic_minimums: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        self.calls: dict[int, Recorded] = {call.n: call for call in calls}
        self.parts = parts
        self.rules = rules
        self.automatic_minimums = automatic_minimums or {}  # by provider and model, also where no lifetime is promised
        self._after: dict[frozenset[tuple[str, AnyTransform, frozenset[int]]], Bills] = {}
        self._cached: dict[tuple[int, int, int | None], Arrival] = {}
        self._sent: dict[_Group, dict[int, Input]] = {}
        self._explained: dict[_Group, bool] = {}
        self._groups: dict[_Group, list[int]] = {}
        for call in self.calls.values():
            self._groups.setdefault((call.provider, call.model, call.task), []).append(call.n)

    def after(self, plans: Collection[Plan]) -> Bills:
        """The bill of every call that `plans` touch, also of those a dropped call leaves without a warm cache."""
        key = frozenset((plan.id, plan.transform, plan.numbers) for plan in plans)
        if key not in self._after:
            self._after[key] = self._compute(plans)
        return self._after[key]

    def _compute(self, plans: Collection[Plan]) -> Bills:
        bills: Bills = {n: self.calls[n].bill for plan in plans for n in plan.numbers}
        dropped = frozenset(n for plan in plans if isinstance(plan.transform, DropCall) for n in plan.numbers)
        bills |= self.without(dropped)
        for plan in sorted(plans, key=lambda plan: plan.order[1:]):
            self._apply(plan, bills, dropped)
        bills.update(dict.fromkeys(dropped))
        return bills

    def reproduces(self, numbers: Collection[int]) -> bool:
        """True where replaying these calls as they were sent gives the cache use their provider billed."""
        known = sorted(numbers)
        if any(n not in self.parts for n in known) or not known:
            return False
        rules = self.rules_of(known[0])
        if rules is None:
            return False
        billed = [_input(self.calls[n].bill) for n in known]
        wrong, total = misfit(replay([self._arrival(n, rules) for n in known], rules), billed)
        return wrong * 100 <= total * TOLERATED_MISFIT_PERCENT

    def rules_of(self, n: int) -> CacheRules | None:
        """The cache rules of the model that answered a call."""
        call = self.calls[n]
        return self.rules.get((call.provider, call.model))

    def _apply(self, plan: Plan, bills: Bills, dropped: frozenset[int]) -> None:
        change = plan.transform
        alive = sorted(plan.numbers - dropped)
        if isinstance(change, EnableCache):
            self._enable_cache(change, alive, bills)
            return
        for n in alive:
            bill = bills[n]
            if bill is not None:
                bills[n] = _changed(bill, change, self.calls[n].fixed_uncached)

    def _enable_cache(self, change: EnableCache, numbers: list[int], bills: Bills) -> None:
        if not numbers:
            return
        rules = self.rules_of(numbers[0])
        known = [n for n in numbers if n in self.parts]
        if rules is None:
            return
        arrivals = [self._cacheable(n, change) for n in known]
        if not rules.automatic:
            arrivals = [_marked(arrival, long=change.ttl == "1h") for arrival in arrivals]
        for n, billed in zip(known, replay(arrivals, rules), strict=True):
            bill = bills[n]
            if bill is not None:
                bills[n] = _with_input(bill, billed, self.calls[n].fixed_uncached)

    def _cacheable(self, n: int, change: EnableCache) -> Arrival:
        key = (n, change.breakpoint, change.move_volatile)
        if key not in self._cached:
            self._cached[key] = as_cached(self.calls[n], self.parts[n], change.breakpoint, change.move_volatile)
        return self._cached[key]

    def without(self, dropped: frozenset[int]) -> Bills:
        """What dropping calls that wrote, renewed or silently filled a cache costs the calls after them."""
        changed: Bills = {}
        for key in self._warmed(dropped):
            rules = self.rules.get(key[:2])
            if rules is not None and self._explains(key):
                changed |= self._replayed_without(key, rules, dropped)
            elif self._bounded(key):
                changed |= self._at_worst_without(key, dropped)
        return changed

    def unexplained(self, dropped: frozenset[int]) -> bool:
        """True where dropping calls may cost others their warm cache, and nobody can say how much at most."""
        return any(not self._explains(key) and not self._bounded(key) for key in self._warmed(dropped))

    def _warmed(self, dropped: frozenset[int]) -> set[_Group]:
        """The groups whose cache a dropped call may have filled. An automatic cache need not show it on the bill."""
        found = set()
        for n in dropped:
            key, bill = self._key(n), self.calls[n].bill
            rules, minimum = self.rules.get(key[:2]), self.automatic_minimums.get(key[:2])
            silent = rules is None if minimum is None else bill.input_tokens >= minimum
            if key not in found and (_uses_cache(bill) or (silent and self._caches(key))):
                found.add(key)
        return found

    def _caches(self, key: _Group) -> bool:
        return any(_uses_cache(self.calls[n].bill) for n in self._groups[key])

    def _explains(self, key: _Group) -> bool:
        if key not in self._explained:
            self._explained[key] = self.reproduces(self._groups[key])
        return self._explained[key]

    def _bounded(self, key: _Group) -> bool:
        return key[:2] in self.automatic_minimums and all(n in self.parts for n in self._groups[key])

    def _replayed_without(self, key: _Group, rules: CacheRules, dropped: frozenset[int]) -> Bills:
        sent = self._as_sent(key, rules)
        left = [n for n in self._groups[key] if n not in dropped]
        now = replay([self._arrival(n, rules) for n in left], rules)
        return {
            n: _with_input(self.calls[n].bill, billed, self.calls[n].fixed_uncached)
            for n, billed in zip(left, now, strict=True)
            if billed != sent[n]
        }

    def _at_worst_without(self, key: _Group, dropped: frozenset[int]) -> Bills:
        """Every read that may be owed to a dropped call becomes plain input."""
        group = self._groups[key]
        sent = [
            Sent(as_sent(self.calls[n], self.parts[n], automatic=True), self.calls[n].bill.read, n in dropped)
            for n in group
        ]
        changed: Bills = {}
        for n, lost in zip(group, reads_at_risk(sent, self.automatic_minimums[key[:2]]), strict=True):
            if lost:
                bill = self.calls[n].bill
                changed[n] = bill._replace(uncached=bill.uncached + lost, read=bill.read - lost)
        return changed

    def _key(self, n: int) -> _Group:
        call = self.calls[n]
        return call.provider, call.model, call.task

    def _as_sent(self, key: _Group, rules: CacheRules) -> dict[int, Input]:
        if key not in self._sent:
            group = self._groups[key]
            billed = replay([self._arrival(n, rules) for n in group], rules)
            self._sent[key] = dict(zip(group, billed, strict=True))
        return self._sent[key]

    def _arrival(self, n: int, rules: CacheRules) -> Arrival:
        return as_sent(self.calls[n], self.parts[n], automatic=rules.automatic)


def _marked(arrival: Arrival, *, long: bool) -> Arrival:
    """With one breakpoint, at the end of what is cacheable."""
    last = len(arrival.bounds) - 1
    return arrival._replace(marks=(Mark(last, long),)) if last >= 0 else arrival


def _uses_cache(bill: Bill) -> bool:
    return bill.read + bill.write_short + bill.write_long > 0


def _input(bill: Bill) -> Input:
    return Input(bill.uncached, bill.read, bill.write_short, bill.write_long)


def _with_input(bill: Bill, billed: Input, fixed_uncached: int) -> Bill:
    """The bill with its input divided as `billed` is, also where another model counts more tokens.

    Images and audio stay uncached tokens; a division that would cache them is not taken.
    """
    total, whole = bill.input_tokens, sum(billed)
    if whole != total and whole > 0:
        parts = [count * total // whole for count in billed[1:]]
        billed = Input(total - sum(parts), *parts)
    if billed.uncached < fixed_uncached:
        return bill
    return Bill(bill.price_key, *billed, bill.output, bill.reasoning)


def _changed(bill: Bill, change: AnyTransform, fixed_uncached: int) -> Bill:
    if isinstance(change, SetModel):
        return _on_model(bill, change, fixed_uncached)
    if isinstance(change, SetEffort):
        saved = (bill.reasoning or 0) * (1000 - min(change.reasoning_milli, 1000)) // 1000
        return bill._replace(
            output=None if bill.output is None else bill.output - saved,
            reasoning=None if bill.reasoning is None else bill.reasoning - saved,
        )
    if isinstance(change, ServiceTier):
        return bill._replace(price_key=_variant(bill.price_key, change.tier))
    if isinstance(change, Batch):
        # A queue of up to 24 hours outlives the cache: nothing is read, and nothing need be written.
        return bill._replace(
            price_key=_variant(bill.price_key, "batch"),
            uncached=bill.input_tokens, read=0, write_short=0, write_long=0,
        )  # fmt: skip
    return bill


def _on_model(bill: Bill, change: SetModel, fixed_uncached: int) -> Bill:
    provider, variant = bill.price_key.partition("/")[0], bill.price_key.rpartition("/")[2]
    longer = change.token_milli * change.output_milli
    return Bill(
        price_key=f"{provider}/{change.model}/{variant}",
        uncached=fixed_uncached + _scaled(bill.uncached - fixed_uncached, change.token_milli, 1000),
        read=_scaled(bill.read, change.token_milli, 1000),
        write_short=_scaled(bill.write_short, change.token_milli, 1000),
        write_long=_scaled(bill.write_long, change.token_milli, 1000),
        output=None if bill.output is None else _scaled(bill.output, longer, 1_000_000),
        reasoning=None if bill.reasoning is None else _scaled(bill.reasoning, longer, 1_000_000),
    )


def _scaled(tokens: int, numerator: int, denominator: int) -> int:
    """Rounded up: a saving is never claimed from rounding."""
    return -(-tokens * numerator // denominator)


def _variant(price_key: str, variant: str) -> str:
    """Another tier at the same price list, model and geography."""
    model, _, old = price_key.rpartition("/")
    _, plus, geography = old.partition("+")
    return f"{model}/{variant}{plus}{geography}"
