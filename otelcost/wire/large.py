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


def of_part(raw: bytes, hasher: Hasher) -> int:
    """The hash of a prompt part: another one for other bytes."""
    return hasher.of(raw) if len(raw) <= LARGE_BYTES else _of_large(raw, hasher)


def scan_part(raw: bytes, hasher: Hasher) -> Scan:
    """Template hash and volatile values of a prompt part; in the middle of a large one they are not looked for."""
    return scan(raw, hasher.of) if len(raw) <= LARGE_BYTES else _scan_large(raw, hasher)


def _of_large(raw: bytes, hasher: Hasher) -> int:
    head, tail = _cuts(raw)
    view = memoryview(raw)
    return hasher.of_hashes([hasher.of(view[:head]), hasher.of(view[head:tail]), hasher.of(view[tail:])]) or 0


def _scan_large(raw: bytes, hasher: Hasher) -> Scan:
    start, stop = _cuts(raw)
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
