"""The calls that a recommendation or an insight is about: any number of them, page by page by key."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from otelcost.tui.snapshot import CallQuery, Period

if TYPE_CHECKING:
    from otelcost.store.queries import Window

Key = tuple[datetime, str]
"""A call's start, naive UTC, and its id."""

_INSTANT = timedelta(microseconds=1)


class Members:
    """Remembers whose calls were asked for last, until the advice they were found in is no longer the newest."""

    def __init__(self) -> None:
        self._of: tuple[object, Period, str] | None = None
        self._keys: Sequence[Key] = ()

    def keys(self, advice: object, query: CallQuery, find: Callable[[str], Sequence[Key]]) -> Sequence[Key]:
        """All of them, oldest first.

        Args:
            advice: what they belong to; another one has them found anew.
            query: says whose, in which window.
            find: finds them, which takes as long as working out the advice.
        """
        assert query.of is not None  # noqa: S101  (asked only then)
        of = (advice, query.period, query.of)
        if self._of is None or self._of[0] is not advice or self._of != of:
            self._keys, self._of = find(query.of), of
        return self._keys


def cut(keys: Sequence[Key], size: int, *, descending: bool, after: tuple[object, ...] | None) -> Sequence[Key]:
    """The keys of the next page in the order of time, `size` at most.

    Args:
        keys: all, oldest first.
        size: how many.
        descending: whether the newest come first.
        after: the key of the last row before; None for the first page.
    """
    if descending:
        end = len(keys) if after is None else bisect_left(keys, after)
        return keys[max(0, end - size) : end]
    start = 0 if after is None else bisect_right(keys, after)
    return keys[start : start + size]


def stretch(keys: Sequence[Key], span: Window) -> Window:
    """The part of a window that some keys are in, which is all of it that has to be read."""
    if not keys:
        return span
    return msgspec.structs.replace(span, start=keys[0][0], end=keys[-1][0] + _INSTANT)
