"""Which cache reads may be owed to calls that a change drops, where a provider promises no lifetime to replay.

An automatic cache is warmed by every call, and where its writes cost nothing the bill does not show which call
did it. What can be said without a lifetime: a read is safe up to the longest prefix that a call which stays had
sent, and got answered, after the last dropped call with that prefix. All else of it counts as lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from otelcost.advise.cache_replay import Arrival


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
