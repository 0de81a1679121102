"""Streams of JSON without server-sent events: an array that grows, or one value a line."""

from __future__ import annotations

import re
from typing import Final

from otelcost.wire import sse
from otelcost.wire.jsonview import decode_array
from otelcost.wire.sse import Events

_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
_LINED: Final = ("ndjson", "stream+json", "jsonl", "json-seq")
_NEXT_LINE: Final = re.compile(rb"\}[ \t\r]*\n\s*\{")


def array_or_sse(body: bytes, content_type: str) -> Events | None:
    """Google's two ways to stream: an array of the same objects that `alt=sse` sends as events."""
    if body.lstrip()[:1] == b"[":
        return items(body)
    return sse.events_of(body, content_type)


def lines_or_sse(body: bytes, content_type: str) -> Events | None:
    """One JSON object a line, or events. A single line is a stream only where its type says so."""
    if body.lstrip()[:1] != b"{":
        return sse.events_of(body, content_type)
    if not any(kind in content_type for kind in _LINED) and _NEXT_LINE.search(body) is None:
        return None
    payloads = [line.strip() for line in body.split(b"\n")]
    tail_open = bool(payloads[-1])
    return Events([payload for payload in payloads if payload], tail_open)


def items(body: bytes) -> Events:
    """The objects of an array, of one that was cut off too: its last object then is cut as well."""
    whole = decode_array(body.strip())
    if whole is not None:
        return Events([bytes(item) for item in whole], tail_open=False)
    found: list[bytes] = []
    depth = start = 0
    for token in _TOKENS.finditer(body):
        mark = token[0]
        if mark in {b"{", b"["}:
            depth += 1
            if depth == 2:
                start = token.start()
        elif mark in {b"}", b"]"}:
            depth -= 1
            if depth == 1:
                found.append(body[start : token.end()])
    if depth > 1:
        found.append(body[start:])
    return Events(found, tail_open=depth > 1)
