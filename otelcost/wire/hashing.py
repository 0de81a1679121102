"""Keyed hashes: equal inputs can be recognised, but nobody without the local key can test a guess."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final
from zlib import crc32

from blake3 import blake3

_KEY_BYTES: Final = 32
_MASK: Final = (1 << 64) - 1
_SIMHASH_WORDS: Final = 64
_SIMHASH_BYTES: Final = 32 * 1024
_JOINED_BYTES: Final = 4096
"""Up to this size copying is cheaper than another call of the hash."""
_LINKS: Final = 4096
_RUNS: Final = 256
_WORDS: Final = 2048
_ONES: Final = int.from_bytes(b"\x01" * 64, "big")
_BITS: Final = bytes.maketrans(b"\x00\x01", b"01")


class _Lanes(dict[int, int]):
    """Words' checksums and their 64 bits, each in a byte of its own; those met last, made when first asked for."""

    def __init__(self, multipliers: Sequence[int]) -> None:
        super().__init__()
        self._multipliers = multipliers

    def __missing__(self, word: int) -> int:
        # A checksum is linear and unkeyed; secret multiplications spread it over 64 bits and hide it.
        first, second, third = self._multipliers
        mixed = (word * first + second) & _MASK
        mixed = ((mixed ^ (mixed >> 29)) * third) & _MASK
        if len(self) >= _WORDS:
            self.clear()
        self[word] = lanes = _spread(mixed ^ (mixed >> 32))
        return lanes


class Hasher:
    """First 63 bits of a BLAKE3 keyed with the store's local key (63, so that a BIGINT holds them).

    Links of running hashes, hashes over hashes and words come again in the next call, so that the latest of them
    are remembered: numbers and names of roles, never text.
    """

    __slots__ = ("_key", "_lanes_of", "_of_run", "chain")

    def __init__(self, key: bytes) -> None:
        self._key = key if len(key) == _KEY_BYTES else blake3(key).digest()
        secret = blake3(b"simhash", key=self._key).digest()
        self.chain: Callable[[int, int, str], int] = lru_cache(_LINKS)(self._chain)
        """The next link of a running hash: everything before, one more item, and what it is."""
        self._of_run: Callable[[tuple[int, ...]], int] = lru_cache(_RUNS)(self._hash_run)
        multipliers = [int.from_bytes(secret[i : i + 8], "little") | 1 for i in (0, 8, 16)]
        self._lanes_of: Callable[[int], int] = _Lanes(multipliers).__getitem__

    def of(self, data: bytes | memoryview) -> int:
        """Hash of exactly these bytes."""
        return int.from_bytes(blake3(data, key=self._key).digest(8), "big") >> 1

    def of_all(self, parts: Iterable[bytes | memoryview]) -> int:
        """Hash of several byte strings, each framed by its length so that boundaries count."""
        state = blake3(key=self._key)
        joined: list[bytes | memoryview] = []
        for part in parts:
            joined += (b"%d:" % len(part), part)
            if len(part) > _JOINED_BYTES:
                state.update(b"".join(joined[:-1])).update(part)
                joined.clear()
        return int.from_bytes(state.update(b"".join(joined)).digest(8), "big") >> 1

    def of_hashes(self, hashes: Sequence[int]) -> int | None:
        """Hash over hashes in their order; None over none."""
        if not hashes:
            return None
        return self._of_run(tuple(hashes))

    def _hash_run(self, hashes: tuple[int, ...]) -> int:
        return self.of_all([hashed.to_bytes(8, "big") for hashed in hashes])

    def _chain(self, previous: int, item: int, label: str) -> int:
        return self.of(b"%016x%016x" % (previous, item) + label.encode())

    def simhash(self, text: bytes) -> int | None:
        """SimHash over the words of a text: near-equal texts differ in few bits. None without words.

        Of a long text the words with the smallest checksums stand for all: whichever place was edited,
        most of them stay the same, and the cost stays bounded.
        """
        words: Collection[int] = set(map(crc32, text[:_SIMHASH_BYTES].lower().split()))
        if len(words) > _SIMHASH_WORDS:
            words = sorted(words)[:_SIMHASH_WORDS]
        return _majority(sum(map(self._lanes_of, words)), len(words)) >> 1 if words else None


@lru_cache(maxsize=4)
def hasher_of(key: bytes) -> Hasher:
    """The hasher of a key, with what it remembers. A process has one key, or a few one after the other."""
    return Hasher(key)


def _spread(word: int) -> int:
    """The bits of a 64-bit word, each in a byte of its own: sums of such numbers count 64 bits at once."""
    return int.from_bytes(f"{word:064b}".encode(), "big") & _ONES


def _majority(total: int, count: int) -> int:
    """A word of 64 bits, each set where more than half of `count` (at most 255) words have it set.

    `total` is the sum of the words as `_spread` makes them: a count above the half carries into its byte's top bit.
    """
    above = (total + _ONES * (127 - count // 2)) >> 7 & _ONES
    return int(above.to_bytes(64, "big").translate(_BITS), 2)
