"""What varies in a prompt from call to call: find it, and hash what remains without it.

Every pattern starts with a literal character, because the regex engine then skips to it with a plain
byte search; what must stand before it is checked afterwards. A text without that character, which a search
for one byte tells thirty times faster, is not looked at. That keeps a scan near one pass of memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Final

import msgspec

from otelcost import native

Span = tuple[int, int]
"""Start and end in bytes."""

_QUOTED: Final = re.compile(rb'\\"[^"\\]{1,200}\\"')  # quotes of a text stand escaped in its JSON
_DIGITS: Final = b"0123456789"
_LOOK_BACK: Final = 40
_MAX_HITS: Final = 256  # of each class: a table of timestamps is volatile whether or not all are counted
_MAX_CANDIDATES: Final = 2048


class _Pattern:
    """One kind of value that varies. Compiled when a text first asks for it: most never have it."""

    def __init__(self, name: str, tail: bytes, head: bytes, width: int | None) -> None:
        self.name, self.width = name, width  # the width of the head, where it is fixed
        self.first = tail[:1]  # the literal character the tail starts with
        self._sources = (tail, head)

    @cached_property
    def tail(self) -> re.Pattern[bytes]:
        with native.giving_way():
            return re.compile(self._sources[0])

    @cached_property
    def head(self) -> re.Pattern[bytes]:
        """What must end where the tail starts."""
        with native.giving_way():
            return re.compile(self._sources[1] + rb"\Z", re.IGNORECASE)


_PATTERNS: Final = (
    _Pattern(
        "uuid",
        rb"-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![0-9a-fA-F])",
        rb"(?<![0-9a-f])[0-9a-f]{8}",
        8,
    ),
    _Pattern(
        "datetime",
        rb"-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
        rb"(?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-2][0-9]:?[0-5][0-9])?)?",
        rb"(?<![0-9])(?:19|20)[0-9]{2}",
        4,
    ),
    _Pattern(
        "datetime",
        rb":[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?![0-9:])",
        rb"(?<![0-9:])[0-2][0-9]",
        2,
    ),
    _Pattern(
        "datetime",
        rb"2(?<= 2)(?=0)0[0-9]{2}(?![0-9\-])(?:,? (?:at )?[0-2][0-9]:[0-5][0-9](?::[0-5][0-9])?)?",
        rb"(?:\b(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:[0-3]?[0-9](?:st|nd|rd|th)? )?"
        rb"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?(?: [0-3]?[0-9](?:st|nd|rd|th)?,?)? ",
        None,
    ),
    _Pattern(
        "epoch",
        rb"1[0-9]{9}(?:[0-9]{3}){0,3}(?![0-9A-Za-z_])(?!\.[0-9]{1,2}(?![0-9]))(?:\.[0-9]{3,9})?",
        rb"(?<![0-9A-Za-z_.\-])",
        0,
    ),
    _Pattern(
        "counter",
        rb"#[0-9]{1,15}(?![0-9A-Za-z_])",
        rb"\b(?:request|req|run|call|job|attempt|session|ticket|case|task|batch|message|turn|iteration|invocation)"
        rb"(?:[ _-](?:id|no|number))?[ :=]{0,2}",
        None,
    ),
)


class Scan(msgspec.Struct, frozen=True):
    """Facts of one segment's bytes that do not depend on the call it stands in."""

    template_hash: int
    classes: tuple[str, ...]
    offset_bytes: int | None
    volatile_bytes: int | None


def find(data: bytes) -> list[tuple[Span, str]]:
    """Volatile values of a text with their class, in order, none overlapping another."""
    found = [hit for pattern in _PATTERNS if pattern.first in data for hit in _hits(pattern, data)]
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
    for tail in islice(pattern.tail.finditer(data), _MAX_CANDIDATES):
        start = tail.start()
        if pattern.width is None:
            head = pattern.head.search(data, max(0, start - _LOOK_BACK), start)
        else:
            head = pattern.head.match(data, max(0, start - pattern.width), start)
        if head is not None:
            hits.append(((head.start(), tail.end()), pattern.name))
            if len(hits) == _MAX_HITS:
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
    if b'"' in data and b'\\"' in data:
        data = _QUOTED.sub(b"\x00", data)
    return data.translate(None, _DIGITS)


def scan(data: bytes, digest: Callable[[bytes], int], known: int | None = None) -> Scan:
    """Template hash and volatile values of one segment; `known` is the digest of the data itself."""
    found = find(data)
    masked = template(data, found)
    if not found:
        if known is None or len(masked) != len(data):  # something was taken out
            known = digest(masked)
        return Scan(known, (), None, None)
    hashed = digest(masked)
    return Scan(
        hashed,
        tuple(sorted({name for _, name in found})),
        found[0][0][0],
        sum(stop - start for (start, stop), _ in found),
    )
