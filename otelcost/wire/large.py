"""Hashes of prompt parts. Of large ones every byte counts, but only the ends are searched for changing values.

A large part is cut into its head, its middle and its tail, at ends of lines where there are some, so that a value in
the head that grows by a digit seldom moves the cuts. The hash is over the three hashes, and so is the template hash,
in which the two ends stand without their values: the middle is never searched.
"""

from __future__ import annotations

from typing import Final

from otelcost.wire.hashing import Hasher
from otelcost.wire.masks import Scan, scan

LARGE_BYTES: Final = 64 * 1024
"""Parts above this size are large."""

_END_BYTES: Final = 12 * 1024
_SEARCHED_BYTES: Final = 4 * 1024
_NEWLINE: Final = b"\\n"
"""The end of a line, as JSON writes it inside a string."""

_MIDDLES: Final = 256
_middles: dict[int, int] = {}
"""Hashes of the middles of large parts by those of the parts: the scan that follows needs them again."""


def of_part(raw: bytes, hasher: Hasher) -> int:
    """The hash of a prompt part: another one for other bytes."""
    return hasher.of(raw) if len(raw) <= LARGE_BYTES else _of_large(raw, hasher)


def scan_part(raw: bytes, hashed: int, hasher: Hasher) -> Scan:
    """Template hash and volatile values of a prompt part; in the middle of a large one they are not looked for.

    Args:
        raw: the part.
        hashed: what `of_part` said of it.
        hasher: the same as then.
    """
    return scan(raw, hasher.of, hashed) if len(raw) <= LARGE_BYTES else _scan_large(raw, hashed, hasher)


def _of_large(raw: bytes, hasher: Hasher) -> int:
    head, tail = _cuts(raw)
    view = memoryview(raw)
    middle = hasher.of(view[head:tail])
    hashed = hasher.of_hashes([hasher.of(view[:head]), middle, hasher.of(view[tail:])]) or 0
    if len(_middles) >= _MIDDLES:
        _middles.clear()
    _middles[hashed] = middle
    return hashed


def _scan_large(raw: bytes, hashed: int, hasher: Hasher) -> Scan:
    start, stop = _cuts(raw)
    middle = _middles.get(hashed)
    if middle is None:
        middle = hasher.of(memoryview(raw)[start:stop])
    head, tail = scan(raw[:start], hasher.of), scan(raw[stop:], hasher.of)
    template = hasher.of_hashes([head.template_hash, middle, tail.template_hash]) or 0
    if head.offset_bytes is None and tail.offset_bytes is None:
        return Scan(template, (), None, None)
    offset = head.offset_bytes if head.offset_bytes is not None else stop + (tail.offset_bytes or 0)
    size = (head.volatile_bytes or 0) + (tail.volatile_bytes or 0)
    return Scan(template, tuple(sorted({*head.classes, *tail.classes})), offset, size)


def _cuts(raw: bytes) -> tuple[int, int]:
    """Where the head ends and the tail begins."""
    head = raw.find(_NEWLINE, _END_BYTES, _END_BYTES + _SEARCHED_BYTES)
    last = len(raw) - _END_BYTES
    tail = raw.rfind(_NEWLINE, last - _SEARCHED_BYTES, last)
    return (head if head >= 0 else _END_BYTES), (tail if tail >= 0 else last)
