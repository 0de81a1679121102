"""Keyed hashes: equal inputs can be recognised, but nobody without the local key can test a guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from zlib import crc32

from blake3 import blake3

_KEY_BYTES: Final = 32
_MASK: Final = (1 << 64) - 1
_SIMHASH_WORDS: Final = 64
_SIMHASH_BYTES: Final = 32 * 1024


class Hasher:
    """First 63 bits of a BLAKE3 keyed with the store's local key (63, so that a BIGINT holds them)."""

    __slots__ = ("_key", "_multipliers")

    def __init__(self, key: bytes) -> None:
        self._key = key if len(key) == _KEY_BYTES else blake3(key).digest()
        secret = blake3(b"simhash", key=self._key).digest()
        self._multipliers = tuple(int.from_bytes(secret[i : i + 8], "little") | 1 for i in (0, 8, 16))

    def of(self, data: bytes | memoryview) -> int:
        """Hash of exactly these bytes."""
        return int.from_bytes(blake3(data, key=self._key).digest(8), "big") >> 1

    def of_all(self, parts: Iterable[bytes]) -> int:
        """Hash of several byte strings, each framed by its length so that boundaries count."""
        return self.of(b"".join([b"%d:%b" % (len(part), part) for part in parts]))

    def chain(self, previous: int, item: int, label: str) -> int:
        """The next link of a running hash: everything before, one more item, and what it is."""
        return self.of(b"%016x%016x" % (previous, item) + label.encode())

    def simhash(self, text: bytes) -> int | None:
        """SimHash over the words of a text: near-equal texts differ in few bits. None without words.

        Of a long text the words with the smallest checksums stand for all: whichever place was edited,
        most of them stay the same, and the cost stays bounded.
        """
        words = sorted(set(map(crc32, text[:_SIMHASH_BYTES].lower().split())))[:_SIMHASH_WORDS]
        return _majority(self._spread(words), len(words)) >> 1 if words else None

    def _spread(self, words: list[int]) -> Iterator[int]:
        # A checksum is linear and unkeyed; secret multiplications spread it over 64 bits and hide it.
        first, second, third = self._multipliers
        for word in words:
            mixed = (word * first + second) & _MASK
            mixed = ((mixed ^ (mixed >> 29)) * third) & _MASK
            yield mixed ^ (mixed >> 32)


def _majority(hashes: Iterable[int], count: int) -> int:
    """A word of 64 bits, each set where more than half of the hashes have it set.

    The 64 counters are kept as bit planes, so that one addition updates all of them at once.
    """
    planes: list[int] = [0] * count.bit_length()
    for item in hashes:
        carry, level = item, 0
        while carry:
            planes[level], carry = planes[level] ^ carry, planes[level] & carry
            level += 1
    greater, equal, half = 0, _MASK, count // 2
    for level in reversed(range(len(planes))):
        if not half >> level & 1:
            greater |= equal & planes[level]
            equal &= ~planes[level]
        else:
            equal &= planes[level]
    return greater
