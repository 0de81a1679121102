"""What varies in a prompt from call to call: find it, and hash what remains without it.

Every pattern starts with a literal character, because the regex engine then skips to it with a plain
byte search; what must stand before it is checked afterwards. That keeps a scan near one pass of memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

Span = tuple[int, int]
"""Start and end in bytes."""

_UUID_TAIL: Final = re.compile(rb"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![0-9a-fA-F])")
_UUID_HEAD: Final = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{8}\Z")
_DATE_TAIL: Final = re.compile(
    rb"-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
    rb"(?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-2][0-9]:?[0-5][0-9])?)?"
)
_DATE_HEAD: Final = re.compile(rb"(?<![0-9])(?:19|20)[0-9]{2}\Z")
_CLOCK_TAIL: Final = re.compile(rb":[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?![0-9:])")
_CLOCK_HEAD: Final = re.compile(rb"(?<![0-9:])[0-2]?[0-9]\Z")
_WRITTEN_TAIL: Final = re.compile(rb"20[0-9]{2}(?![0-9])")
_WRITTEN_HEAD: Final = re.compile(
    rb"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?(?:[0-3]?[0-9](?:st|nd|rd|th)? )?"
    rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?(?: [0-3]?[0-9](?:st|nd|rd|th)?,)? \Z"
)
_EPOCH_TAIL: Final = re.compile(rb"1[0-9]{9}(?:[0-9]{3}){0,3}(?![0-9A-Za-z_])(?!\.[0-9]{1,2}(?![0-9]))")
_EPOCH_HEAD: Final = re.compile(rb"(?<![0-9A-Za-z_.\-])\Z")
_COUNTER_TAIL: Final = re.compile(rb"#[0-9]{1,15}(?![0-9A-Za-z_])")
_COUNTER_HEAD: Final = re.compile(
    rb"\b(?:request|req|run|call|job|attempt|session|ticket|case|task|batch|message|turn|iteration|invocation)"
    rb"(?:[ _-](?:id|no|number))?[ :=]{0,2}\Z",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(rb'\\"[^"\\]{1,200}\\"')  # quotes of a text stand escaped in its JSON
_DIGITS: Final = b"0123456789"
_LOOK_BACK: Final = 40
_MAX_SPANS: Final = 4096  # a table of timestamps is volatile whether or not all of it is counted


class _Pattern(NamedTuple):
    name: str
    tail: re.Pattern[bytes]
    head: re.Pattern[bytes]


_PATTERNS: Final = (
    _Pattern("uuid", _UUID_TAIL, _UUID_HEAD),
    _Pattern("datetime", _DATE_TAIL, _DATE_HEAD),
    _Pattern("datetime", _CLOCK_TAIL, _CLOCK_HEAD),
    _Pattern("datetime", _WRITTEN_TAIL, _WRITTEN_HEAD),
    _Pattern("epoch", _EPOCH_TAIL, _EPOCH_HEAD),
    _Pattern("counter", _COUNTER_TAIL, _COUNTER_HEAD),
)


class Scan(NamedTuple):
    """Facts of one segment's bytes that do not depend on the call it stands in."""

    template_hash: int
    classes: tuple[str, ...]
    offset_bytes: int | None
    volatile_bytes: int | None


def find(data: bytes) -> list[tuple[Span, str]]:
    """Volatile values of a text with their class, in order, none overlapping another."""
    found = [hit for pattern in _PATTERNS for hit in _hits(pattern, data)]
    found.sort()
    kept: list[tuple[Span, str]] = []
    end = 0
    for (start, stop), name in found:
        if start >= end:
            kept.append(((start, stop), name))
            end = stop
    return kept


def _hits(pattern: _Pattern, data: bytes) -> list[tuple[Span, str]]:
    hits: list[tuple[Span, str]] = []
    for tail in pattern.tail.finditer(data):
        start = tail.start()
        head = pattern.head.search(data, max(0, start - _LOOK_BACK), start)
        if head is not None:
            hits.append(((head.start(), tail.end()), pattern.name))
            if len(hits) == _MAX_SPANS:
                break
    return hits


def template(data: bytes, found: list[tuple[Span, str]]) -> bytes:
    """The bytes with volatile values, quoted values and all digits taken out."""
    if found:
        pieces: list[bytes] = []
        at = 0
        for (start, stop), name in found:
            pieces += (data[at:start], b"\x00", name.encode())
            at = stop
        pieces.append(data[at:])
        data = b"".join(pieces)
    if b'\\"' in data:
        data = _QUOTED.sub(b"\x00", data)
    return data.translate(None, _DIGITS)


def scan(data: bytes, digest: Callable[[bytes], int]) -> Scan:
    """Template hash and volatile values of one segment."""
    found = find(data)
    hashed = digest(template(data, found))
    if not found:
        return Scan(hashed, (), None, None)
    return Scan(
        hashed,
        tuple(sorted({name for _, name in found})),
        found[0][0][0],
        sum(stop - start for (start, stop), _ in found),
    )
