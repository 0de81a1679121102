"""What a provider's prompt cache does to a sequence of requests, one by one: the engine's replay must agree.

Two kinds of cache are known. *Explicit* (Anthropic): the request marks breakpoints; the longest prefix that an
earlier request stored is read, looking back 20 segments from each mark, and what lies between it and the last
mark is written. *Automatic* (OpenAI): every prefix is stored in fixed steps. In both, a prefix below the
model's minimum is not cached, a hit renews the lifetime, and an entry can be read only once the request that
wrote it has answered: requests that start before that write it again, each at its own cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

LOOKBACK_SEGMENTS: Final = 20


class Bound(NamedTuple):
    """The end of a cacheable prefix: what identifies its content, and its length."""

    identity: int
    tokens: int


class Mark(NamedTuple):
    """An explicit breakpoint at `bounds[bound]`."""

    bound: int
    long: bool


class Arrival(NamedTuple):
    """One request as its provider's cache sees it. `bounds` grow in tokens."""

    start_us: int
    end_us: int
    total_tokens: int
    bounds: tuple[Bound, ...]
    marks: tuple[Mark, ...] = ()


class Input(NamedTuple):
    """How the input of one request is billed: four disjoint counts of tokens."""

    uncached: int
    read: int
    write_short: int
    write_long: int


class CacheRules(NamedTuple):
    """The provider's rules for one model; lifetimes in microseconds."""

    minimum_tokens: int
    step_tokens: int
    automatic: bool
    short_us: int
    long_us: int
    writes_billed: bool  # automatic caches only: False means a write costs what plain input costs


class _Entry:
    __slots__ = ("available_us", "expires_us", "lifetime_us")

    def __init__(self, available_us: int, expires_us: int, lifetime_us: int) -> None:
        self.available_us = available_us
        self.expires_us = expires_us
        self.lifetime_us = lifetime_us

    def live(self, now_us: int) -> bool:
        return self.available_us <= now_us < self.expires_us

    def renew(self, now_us: int) -> None:
        expires_us = now_us + self.lifetime_us
        self.expires_us = max(self.expires_us, expires_us)


_Entries = dict[int, _Entry]


def replay(arrivals: Sequence[Arrival], rules: CacheRules) -> list[Input]:
    """Bill the input of every arrival, in the order given, starting from an empty cache.

    The arrivals are taken in order of their start, whatever order they come in.
    """
    entries: _Entries = {}
    billed: list[Input] = [Input(0, 0, 0, 0)] * len(arrivals)
    one = _automatic if rules.automatic else _explicit
    for index in sorted(range(len(arrivals)), key=lambda i: (arrivals[i].start_us, i)):
        billed[index] = one(arrivals[index], rules, entries)
    return billed


def _automatic(arrival: Arrival, rules: CacheRules, entries: _Entries) -> Input:
    stored = _in_steps(arrival.total_tokens, rules)
    read = 0
    for bound in arrival.bounds:
        found = entries.get(bound.identity)
        if found is not None and found.live(arrival.start_us):
            read = max(read, min(_in_steps(bound.tokens, rules), stored))
    for bound in arrival.bounds:
        if _in_steps(bound.tokens, rules) > 0:
            _store(entries, bound.identity, arrival, rules.short_us)
    written = stored - read if rules.writes_billed else 0
    return Input(arrival.total_tokens - read - written, read, written, 0)


def _in_steps(tokens: int, rules: CacheRules) -> int:
    return 0 if tokens < rules.minimum_tokens else tokens - tokens % rules.step_tokens


def _explicit(arrival: Arrival, rules: CacheRules, entries: _Entries) -> Input:
    bounds = arrival.bounds
    marks = [mark for mark in arrival.marks if bounds[mark.bound].tokens >= rules.minimum_tokens]
    if not marks:
        return Input(arrival.total_tokens, 0, 0, 0)
    hit = _longest_hit(bounds, marks, entries, arrival.start_us)
    at = read = bounds[hit].tokens if hit is not None else 0
    if hit is not None:
        entries[bounds[hit].identity].renew(arrival.start_us)
    written = {False: 0, True: 0}
    for mark in marks:
        written[mark.long] += max(0, bounds[mark.bound].tokens - at)
        at = max(at, bounds[mark.bound].tokens)
        _store(entries, bounds[mark.bound].identity, arrival, rules.long_us if mark.long else rules.short_us)
    return Input(arrival.total_tokens - at, read, written[False], written[True])


def _longest_hit(bounds: Sequence[Bound], marks: Sequence[Mark], entries: _Entries, now_us: int) -> int | None:
    for mark in reversed(marks):
        for index in range(mark.bound, max(mark.bound - LOOKBACK_SEGMENTS, -1), -1):
            found = entries.get(bounds[index].identity)
            if found is not None and found.live(now_us):
                return index
    return None


def _store(entries: _Entries, identity: int, arrival: Arrival, lifetime_us: int) -> None:
    """Renew a live entry; else write one, readable when this request, or one already writing it, is done."""
    old = entries.get(identity)
    if old is not None and old.live(arrival.start_us):
        old.renew(arrival.start_us)
        return
    available = arrival.end_us
    if old is not None and old.expires_us > arrival.start_us:
        available = min(available, old.available_us)
    entries[identity] = _Entry(available, arrival.start_us + lifetime_us, lifetime_us)


def misfit(replayed: Iterable[Input], billed: Iterable[Input]) -> tuple[int, int]:
    """Tokens of cache reads and writes on which two accounts differ, and the whole input of the second."""
    wrong = total = 0
    for mine, theirs in zip(replayed, billed, strict=True):
        wrong += abs(mine.read - theirs.read)
        wrong += abs(mine.write_short + mine.write_long - theirs.write_short - theirs.write_long)
        total += sum(theirs)
    return wrong, total


class Sent(NamedTuple):
    """A request, what it read from the cache, and whether it is to be dropped."""

    arrival: Arrival
    read_tokens: int
    dropped: bool


def reads_at_risk(sent: Sequence[Sent], minimum_tokens: int) -> list[int]:
    """How many of the tokens that each request read may be owed to a dropped one, in the order given."""
    lost = [0] * len(sent)
    warm_from: dict[int, int] = {}  # prefix -> when the first staying call since the last dropped one was done
    dropped_before = False
    for index in sorted(range(len(sent)), key=lambda i: (sent[i].arrival.start_us, i)):
        one = sent[index]
        if one.arrival.total_tokens < minimum_tokens:
            continue
        if one.dropped:
            dropped_before = True
            for bound in one.arrival.bounds:
                warm_from.pop(bound.identity, None)
            continue
        if dropped_before:
            lost[index] = max(0, one.read_tokens - _safe(one.arrival, warm_from))
        for bound in one.arrival.bounds:
            if bound.tokens >= minimum_tokens:
                warm_from[bound.identity] = min(warm_from.get(bound.identity, one.arrival.end_us), one.arrival.end_us)
    return lost


def _safe(arrival: Arrival, warm_from: dict[int, int]) -> int:
    """The length of the longest prefix that a staying call keeps warm."""
    return max(
        (
            bound.tokens
            for bound in arrival.bounds
            if warm_from.get(bound.identity, arrival.start_us + 1) <= arrival.start_us
        ),
        default=0,
    )
