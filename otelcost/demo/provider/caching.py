"""Prompt caching as the two providers bill it, on a clock the caller gives.

Anthropic: explicit breakpoints, per-model minimum prefix, 5-minute and 1-hour lifetimes that a hit renews,
a lookback of 20 blocks. OpenAI: automatic, from 1,024 tokens on, in steps of 128; writes are free before
GPT-5.6 and billed as `cache_write_tokens` from then on.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from otelcost.demo.provider.prompt import Block, Ttl
from otelcost.demo.provider.tokens import BYTES_PER_TOKEN, claude_version, count_tokens

_SECOND_US: Final = 1_000_000
_LIFETIME_US: Final = {"5m": 300 * _SECOND_US, "1h": 3600 * _SECOND_US}
_LOOKBACK_BLOCKS: Final = 20

OPENAI_MINIMUM_TOKENS: Final = 1024
OPENAI_STEP_TOKENS: Final = 128
_OPENAI_BILLED_LIFETIME_US: Final = 1800 * _SECOND_US
_OPENAI_FREE_LIFETIME_US: Final = 600 * _SECOND_US
_GPT_VERSION: Final = re.compile(r"(?:ft:)?gpt-(\d+)(?:\.(\d+))?")


class Input(NamedTuple):
    """How the input tokens of one request divide; the four parts are disjoint."""

    uncached: int
    read: int = 0
    write_short: int = 0
    write_long: int = 0

    @property
    def total(self) -> int:
        """All input tokens."""
        return self.uncached + self.read + self.write_short + self.write_long


def anthropic_minimum(model: str) -> int:
    """The shortest prefix Anthropic caches for `model`, in tokens. Shorter ones are silently not cached."""
    family, version = model.split("-")[1:2], claude_version(model) or (4, 0)
    if family in (["fable"], ["mythos"]):
        return 512
    if family == ["opus"]:
        return {(4, 5): 4096, (4, 6): 4096, (4, 7): 2048, (4, 8): 1024}.get(version, 512 if version >= (5, 0) else 1024)
    if family == ["haiku"]:
        return 512 if version >= (5, 5) else 4096
    return 512 if version >= (5, 5) else 1024


def openai_bills_writes(model: str) -> bool:
    """Whether cache writes of this model cost more than plain input (GPT-5.6 and later)."""
    found = _GPT_VERSION.match(model)
    return found is not None and (int(found[1]), int(found[2] or 0)) >= (5, 6)


class PromptCache:
    """Cached prefixes of both providers: digest of the prefix -> when it expires, in microseconds."""

    def __init__(self) -> None:
        self._expires: dict[bytes, int] = {}
        self._lifetime: dict[bytes, int] = {}

    def anthropic(self, model: str, blocks: list[Block], now_us: int) -> Input:
        """Bill the input of a Messages request and remember what it wrote."""
        digests, ends = _block_chain(model, blocks)
        minimum = anthropic_minimum(model)
        marks = [i for i, block in enumerate(blocks) if block.cache and ends[i] >= minimum]
        hit = self._longest_hit(digests, marks, now_us)
        read = ends[hit] if hit is not None else 0
        written: dict[Ttl, int] = {"5m": 0, "1h": 0}
        at = read
        for mark in marks:
            ttl = blocks[mark].cache or "5m"
            if ends[mark] > at:
                written[ttl] += ends[mark] - at
                at = ends[mark]
                self._keep(digests[mark], now_us, _LIFETIME_US[ttl])
            else:
                self._renew(digests[mark], now_us)
        if hit is not None:
            self._renew(digests[hit], now_us)
        total = ends[-1] if ends else 0
        return Input(total - at, read, written["5m"], written["1h"])

    def openai(self, model: str, blocks: list[Block], now_us: int, *, enabled: bool = True) -> Input:
        """Bill the input of an OpenAI request and remember its prefixes."""
        data = b"".join(block.data for block in blocks)
        total = count_tokens(len(data), model)
        if total < OPENAI_MINIMUM_TOKENS or not enabled:
            return Input(total)
        billed = openai_bills_writes(model)
        steps = _step_chain(model, data)
        read = max((end for end, digest in steps if self._alive(digest, now_us)), default=0)
        for end, digest in steps:
            if end <= read:
                self._renew(digest, now_us)
            else:
                self._keep(digest, now_us, _OPENAI_BILLED_LIFETIME_US if billed else _OPENAI_FREE_LIFETIME_US)
        written = steps[-1][0] - read if billed and steps else 0
        return Input(total - read - written, read, written)

    def _longest_hit(self, digests: list[bytes], marks: list[int], now_us: int) -> int | None:
        for mark in reversed(marks):
            for index in range(mark, max(mark - _LOOKBACK_BLOCKS, -1), -1):
                if self._alive(digests[index], now_us):
                    return index
        return None

    def _alive(self, digest: bytes, now_us: int) -> bool:
        return self._expires.get(digest, 0) > now_us

    def _keep(self, digest: bytes, now_us: int, lifetime_us: int) -> None:
        self._lifetime[digest] = lifetime_us
        self._expires[digest] = now_us + lifetime_us

    def _renew(self, digest: bytes, now_us: int) -> None:
        if self._alive(digest, now_us):
            self._expires[digest] = now_us + self._lifetime[digest]


def _block_chain(model: str, blocks: list[Block]) -> tuple[list[bytes], list[int]]:
    """The digest and the token count of the prefix that ends with each block."""
    running = hashlib.sha256(model.encode())
    digests, ends, total = [], [], 0
    for block in blocks:
        running.update(len(block.data).to_bytes(8, "big") + block.data)
        total += count_tokens(len(block.data), model)
        digests.append(running.digest())
        ends.append(total)
    return digests, ends


def _step_chain(model: str, data: bytes) -> list[tuple[int, bytes]]:
    """`(tokens, digest)` of every prefix that ends on a step of 128 tokens, from the minimum on."""
    running = hashlib.sha256(model.encode())
    width = OPENAI_STEP_TOKENS * BYTES_PER_TOKEN
    steps = []
    for start in range(0, len(data) - width + 1, width):
        running.update(data[start : start + width])
        end = (start + width) // BYTES_PER_TOKEN
        if end >= OPENAI_MINIMUM_TOKENS:
            steps.append((end, running.digest()))
    return steps
