"""Whether what a contender saw is what was billed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from cases import Truth
from reading import Seen

Verdict = Literal["right", "wrong", "part", "missing", "twice"]


def verdict(truth: Truth, seen: Sequence[Seen]) -> Verdict:
    """Judge the records of one case.

    `part`: the totals are right, but a part that was asked for (cached, written, for an hour, reasoning) is left out.
    Input with and without cached tokens is accepted, where the parts are given too. What broke off is right where
    the record says so itself, or claims no output; an estimate is right where it is called one.
    """
    return _JUDGES[truth.kind](truth, seen)


def _exact(truth: Truth, seen: Sequence[Seen]) -> Verdict:
    counting = [one for one in seen if one.counts]
    if not counting:
        return "missing"
    given, made = _total(counting, "input"), _total(counting, "output")
    read, written = _total(counting, "read"), _total(counting, "written")
    whole = {given, given + read + written} if truth.read is not None or truth.written is not None else {given}
    parts = (("read", truth.read), ("written", truth.written), ("long", truth.long), ("reasoning", truth.reasoning))
    asked = [(name, wanted) for name, wanted in parts if wanted is not None]
    told = [(name, wanted) for name, wanted in asked if any(getattr(one, name) is not None for one in counting)]
    if truth.input in whole and made == truth.output and all(_total(counting, name) == wanted for name, wanted in told):
        return "right" if told == asked else "part"
    times = given // truth.input if truth.input else 0
    if times > 1 and given == truth.input * times and made == truth.output * times:
        return "twice"
    return "wrong"


def _nothing(truth: Truth, seen: Sequence[Seen]) -> Verdict:
    return "wrong" if any(one.counts for one in seen) else "right"


def _bound(truth: Truth, seen: Sequence[Seen]) -> Verdict:
    if not seen:
        return "missing"
    if truth.input and _total(seen, "input") != truth.input:
        return "missing" if not _total(seen, "input") else "wrong"
    return "right" if all(one.marked or not one.output for one in seen) else "wrong"


def _unsaid(truth: Truth, seen: Sequence[Seen]) -> Verdict:
    counting = [one for one in seen if one.counts]
    if not counting:
        return "missing"
    return "right" if all(one.marked for one in counting) else "wrong"


def _total(seen: Sequence[Seen], name: str) -> int:
    return sum(getattr(one, name) or 0 for one in seen)


_JUDGES: Final[dict[str, Callable[[Truth, Sequence[Seen]], Verdict]]] = {
    "exact": _exact,
    "nothing": _nothing,
    "bound": _bound,
    "unsaid": _unsaid,
}
