"""A prompt's anatomy: which share each kind of part has, and where the cached prefix ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from otelcost.tui.snapshot import Part

GLYPHS: Final = {
    "tools": "▒",
    "system": "▓",
    "history": "░",
    "results": "▚",
    "media": "◫",
    "user": "·",
    "schema": "┼",
}
"""How each kind is drawn. Distinct without colour."""

STYLES: Final = {
    "tools": "$text-accent",
    "system": "$text-primary",
    "history": "$text-success",
    "results": "$text-warning",
    "media": "$text-error",
    "user": "$foreground",
    "schema": "$text-muted",
}
CACHED, BROKEN = "━", "┄"


class Share(msgspec.Struct, frozen=True):
    """A run of segments of one kind, in wire order, with its weight (tokens, or bytes where unknown)."""

    kind: str
    weight: int


class Anatomy(msgspec.Struct, frozen=True):
    """The prompt as runs. `exact` is False where the weights are bytes because tokens are unknown."""

    shares: tuple[Share, ...]
    exact: bool

    @property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(share.weight for share in self.shares)

    def by_kind(self) -> list[Share]:
        """The weight of each kind, in the order of first appearance."""
        weights: dict[str, int] = {}
        for share in self.shares:
            weights[share.kind] = weights.get(share.kind, 0) + share.weight
        return [Share(kind, weight) for kind, weight in weights.items()]


def anatomy(parts: Sequence[Part]) -> Anatomy:
    """Group a prompt's parts: what follows the last answer of the model is the user's turn, before is history."""
    exact = all(part.tokens is not None for part in parts)
    turn = _turn_start(parts)
    shares: list[Share] = []
    for position, part in enumerate(parts):
        kind, weight = _kind(part, position >= turn), _weight(part, exact=exact)
        if shares and shares[-1].kind == kind:
            shares[-1] = Share(kind, shares[-1].weight + weight)
        else:
            shares.append(Share(kind, weight))
    return Anatomy(tuple(shares), exact)


def _weight(part: Part, *, exact: bool) -> int:
    return part.tokens if exact and part.tokens is not None else part.bytes


def _turn_start(parts: Sequence[Part]) -> int:
    answers = [position for position, part in enumerate(parts) if part.role == "assistant"]
    return answers[-1] + 1 if answers else 0


def _kind(part: Part, current: bool) -> str:
    if part.kind == "schema":
        return "schema"
    if part.role == "tool" and part.kind == "tool":
        return "tools"
    if part.kind == "system" or part.role in ("system", "developer"):
        return "system"
    if part.kind in ("image", "audio", "document"):
        return "media"
    if part.kind == "tool_result":
        return "results"
    return "user" if current else "history"


def cells(weights: Sequence[int], width: int) -> list[int]:
    """Share `width` cells among weights: largest remainder, and one cell at least for what is not nothing."""
    total = sum(weights)
    if total <= 0 or width <= 0:
        return [0] * len(weights)
    sizes = [max(1, weight * width // total) if weight > 0 else 0 for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: -(weights[index] * width % total))
    while sum(sizes) < width:
        for index in order:
            if weights[index] > 0 and sum(sizes) < width:
                sizes[index] += 1
    while sum(sizes) > width:
        widest = max(range(len(sizes)), key=lambda index: sizes[index])
        sizes[widest] -= 1
    return sizes


def bar(shares: Iterable[Share], width: int) -> list[tuple[str, str]]:
    """The bar as (glyphs, style) runs, `width` cells together."""
    runs = list(shares)
    sizes = cells([run.weight for run in runs], width)
    return [(GLYPHS[run.kind] * size, STYLES[run.kind]) for run, size in zip(runs, sizes, strict=True) if size]


def rounding(tokens: int, step: int) -> int:
    """Differences up to this mean nothing: parts are counted to the percent, providers cache in steps."""
    return max(tokens // 100, step)


def cached_line(cached: int | None, total: int | None, width: int, step: int = 0) -> str:
    """`━━━━┄┄` : what the provider read from its cache, then where the prefix broke. Empty when unknown."""
    if cached is None or not total or width <= 0:
        return ""
    if cached and total - cached <= rounding(total, step):
        return CACHED * width
    solid = min(width, (cached * width * 2 + total) // (2 * total))
    if cached > 0:
        solid = max(1, solid)
    solid = min(width - 1, solid)
    return CACHED * solid + BROKEN * (width - solid)


class Break(msgspec.Struct, frozen=True):
    """The part in which the cached prefix ended, its position from 1; `whole` where it was the first not read."""

    position: int
    part: Part
    whole: bool


def break_at(parts: Sequence[Part], cached: int | None, step: int = 0) -> Break | None:
    """Where the cached prefix broke; None where all was cached, nothing was, or it cannot be known.

    Args:
        parts: the prompt.
        cached: tokens read from the cache.
        step: the cache holds prefixes of multiples of so many tokens.
    """
    if not cached or any(part.tokens is None for part in parts):
        return None
    reached, slack = 0, rounding(cached, step)
    for position, part in enumerate(parts, 1):
        before, reached = reached, reached + (part.tokens or 0)
        if reached > cached + slack:
            return Break(position, part, position > 1 and cached - before <= slack)
    return None


def volatile(parts: Sequence[Part]) -> tuple[int, Part] | None:
    """The first part that holds values which change from call to call."""
    return next(((position, part) for position, part in enumerate(parts, 1) if part.volatile), None)
