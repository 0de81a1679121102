"""From prompt segments to what a cache sees of a request: as it was sent, and as a change would send it."""

from __future__ import annotations

from collections.abc import Sequence

from otelcost.advise.cache_replay import Arrival, Bound, Mark
from otelcost.advise.recorded import Part, Recorded, mixed


def as_sent(call: Recorded, parts: Sequence[Part], *, automatic: bool) -> Arrival:
    """The request as recorded.

    Where the cache works in steps, a segment whose values change is still stable up to the first of them, so
    that point is a bound too.
    """
    bounds: list[Bound] = []
    marks: list[Mark] = []
    tokens = previous = 0
    for part in parts:
        if automatic and part.volatile_offset_bytes:
            stable = tokens + _share(part, part.volatile_offset_bytes)
            bounds.append(Bound(mixed(previous, part.template_hash, part.volatile_offset_bytes), stable))
        tokens += part.tokens
        previous = part.prefix_hash
        bounds.append(Bound(part.prefix_hash, tokens))
        if part.mark is not None:
            marks.append(Mark(len(bounds) - 1, long=part.mark == "1h"))
    return _arrival(call, bounds, marks)


def as_cached(call: Recorded, parts: Sequence[Part], breakpoint_: int, move_volatile: int | None) -> Arrival:
    """The request up to segment `breakpoint_`, with the changing values of `move_volatile` below that.

    What follows is no bound: it is not cacheable, or in an automatic cache never met again. It has no marks.
    """
    bounds: list[Bound] = []
    tokens = identity = 0
    for position, part in enumerate(parts[:breakpoint_], start=1):
        moved = position == move_volatile
        identity = mixed(identity, part.template_hash if moved else part.hash)
        tokens += part.tokens - (_share(part, part.volatile_bytes) if moved else 0)
        bounds.append(Bound(identity, tokens))
    return _arrival(call, bounds, [])


def _arrival(call: Recorded, bounds: list[Bound], marks: list[Mark]) -> Arrival:
    """Cap at the billed input: shares of a total may round above it."""
    total = call.bill.input_tokens
    if bounds and bounds[-1].tokens > total:
        bounds = [Bound(bound.identity, min(bound.tokens, total)) for bound in bounds]
    return Arrival(call.start_us, call.end_us, total, tuple(bounds), tuple(marks))


def _share(part: Part, size_bytes: int) -> int:
    """The tokens of the first `size_bytes` of a segment; none where its size is unknown."""
    return part.tokens * min(size_bytes, part.bytes) // part.bytes if part.bytes else 0
