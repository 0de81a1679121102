"""How thoroughly an exit may read what still waits, so that all of it is written in time and keeps its money."""

from __future__ import annotations

import time
from typing import Final, Literal

Care = Literal["whole", "brief", "unread"]
"""Read both bodies; the answer and the request's parameters; neither."""

SPARE_SECONDS: Final = 0.2
"""Of the time that an exit may take: for what comes after the last record."""
_SHARE: Final = 1 / 16
_TRUSTED: Final = 0.7
"""Of the processor's time that is left as things go now: they may go slower."""
_GUESSES: Final[dict[Care, float]] = {"whole": 0.0002, "brief": 0.0001, "unread": 0.00003}


class Pace:
    """Weighs what waits against the time that is left. Belongs to the thread that makes the records.

    Args:
        deadline: when the exit's time ends, by `time.monotonic`.

    What a record costs is told in time of the processor; how much of that this thread gets on a busy machine is
    measured as it goes.
    """

    __slots__ = ("_began", "_care", "_costs", "_deadline", "_last", "_used")

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._costs = dict(_GUESSES)
        self._began, self._used = time.monotonic(), time.thread_time()
        self._care: Care | None = None
        self._last = self._used

    def choose(self, waiting: int) -> Care:
        """How to read the next record: so that those waiting behind it can at least be read the next best way."""
        now, used = time.monotonic(), time.thread_time()
        if self._care is not None:
            self._costs[self._care] += (used - self._last - self._costs[self._care]) * _SHARE
        slowness = max((now - self._began) / max(used - self._used, 1e-6), 1.0)
        left = (self._deadline - SPARE_SECONDS - now) / slowness * _TRUSTED
        self._care, self._last = self._affordable(left, waiting), used
        return self._care

    def _affordable(self, left: float, waiting: int) -> Care:
        costs = self._costs
        if left - costs["whole"] >= waiting * costs["brief"]:
            return "whole"
        return "brief" if left - costs["brief"] >= waiting * costs["unread"] else "unread"
