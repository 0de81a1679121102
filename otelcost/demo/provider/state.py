"""Everything one provider process remembers: its clock, caches, billing log and the scenarios waiting."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from typing import Any, Final

from otelcost.demo.provider.caching import Input, PromptCache
from otelcost.demo.provider.scenarios import Scenario

_KEPT_RESPONSES: Final = 256


class State:
    """The provider's memory. `seed` fixes every answer and id."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.reset()

    def reset(self) -> None:
        """Forget everything but the seed."""
        self.virtual_us: int | None = None
        self.cache = PromptCache()
        self.log: list[dict[str, Any]] = []
        self.waiting: deque[Scenario] = deque()
        self.asked: Counter[str] = Counter()
        self.responses: dict[str, dict[str, Any]] = {}
        self._issued = 0

    def now_us(self) -> int:
        """Microseconds since the epoch: the virtual clock where one was set."""
        return self.virtual_us if self.virtual_us is not None else time.time_ns() // 1000

    def next_scenario(self) -> Scenario:
        """The scenario armed for the next request through the control endpoint."""
        return self.waiting.popleft() if self.waiting else Scenario()

    def issue(self, prefix: str) -> str:
        """A new identifier; the same seed issues the same sequence."""
        self._issued += 1
        return prefix + hashlib.sha256(f"{self.seed}:{self._issued}".encode()).hexdigest()[:24]

    def repetition(self, digest: str) -> int:
        """How often this very request was answered before."""
        self.asked[digest] += 1
        return self.asked[digest] - 1

    def keep_response(self, response: dict[str, Any]) -> None:
        """Remember a Responses object for a later retrieve."""
        if len(self.responses) >= _KEPT_RESPONSES:
            self.responses.pop(next(iter(self.responses)))
        self.responses[str(response["id"])] = response


def bill(tokens: Input, output: int, reasoning: int) -> dict[str, int]:
    """The disjoint buckets the provider bills for one request."""
    return {
        "input_uncached": tokens.uncached,
        "cache_read": tokens.read,
        "cache_write_short": tokens.write_short,
        "cache_write_long": tokens.write_long,
        "output": output,
        "reasoning": reasoning,
    }
