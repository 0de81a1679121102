"""Server-sent events, parsed once over the whole body: which bytes are JSON payloads, and in what order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from otelcost.wire.jsonview import BAD_JSON, Fields
from otelcost.wire.reply import Reply

BOM: Final = b"\xef\xbb\xbf"
_DATA: Final = b"data: "

T = TypeVar("T")


class Events(msgspec.Struct, frozen=True):
    """The `data` of every event of a body, in order."""

    payloads: list[bytes]
    tail_open: bool
    """Whether the last payload was not followed by a blank line: it may be cut in the middle."""


def looks_like_sse(body: bytes, content_type: str) -> bool:
    """Whether a body is a stream of events: by what it starts with, then by its declared type."""
    head = body[:64].removeprefix(BOM).lstrip()
    if head[:1] in {b"{", b"["}:
        return False
    return head.startswith((b"data:", b"event:", b"id:", b"retry:", b":")) or "event-stream" in content_type


def events_of(body: bytes, content_type: str) -> Events | None:
    """The events of a body, None where it is no stream of them."""
    return parse(body) if looks_like_sse(body, content_type) else None


def parse(body: bytes) -> Events:
    """Split a body into the payloads of its events.

    Lines may end in LF, CRLF or CR. Comments and fields other than `data` are dropped: every API here
    repeats the event's name inside its payload.
    """
    body = body.removeprefix(BOM)
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    blocks = body.split(b"\n\n")
    tail_open = bool(_payload(blocks[-1]))
    payloads = [  # nearly every block of nearly every stream is one line of data
        block[6:].strip() if block.startswith(_DATA) and b"\n" not in block else _payload(block) for block in blocks
    ]
    return Events([payload for payload in payloads if payload], tail_open)


def _payload(block: bytes) -> bytes:
    lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines).strip()


def objects(events: Events, reply: Reply) -> Iterator[Fields]:
    """The payloads that are JSON objects; others flag the reply, except a last one that was cut off."""
    for index, payload in enumerate(events.payloads):
        fields = Fields.parse(payload)
        if fields is not None:
            yield fields
        elif not (events.tail_open and index == len(events.payloads) - 1):
            reply.flags.add("response_undecodable")


def decode_all(decoder: msgspec.json.Decoder[list[T]], payloads: list[bytes], events: Events, reply: Reply) -> list[T]:
    """Decode payloads with a decoder of lists, all of them in one call.

    Only where that fails is each payload tried alone. One that is not of the expected shape flags the reply, except a
    last one that the end of the body cut off; of an object those members are taken that are of their expected types.
    """
    try:
        return decoder.decode(b"[" + b",".join(payloads) + b"]")
    except BAD_JSON:
        pass
    items: list[T] = []
    for index, payload in enumerate(payloads):
        try:
            items += decoder.decode(b"[" + payload + b"]")
        except BAD_JSON:
            members = Fields.members(payload)
            if members is not None or not (events.tail_open and index == len(payloads) - 1):
                reply.flags.add("response_undecodable")
            items += _known(decoder, members or {})
    return items


def _known(decoder: msgspec.json.Decoder[list[T]], members: dict[str, msgspec.Raw]) -> list[T]:
    """One item of the members that the decoder takes, none where it takes none of them."""
    known: dict[str, msgspec.Raw] = {}
    for name, raw in members.items():
        try:
            decoder.decode(msgspec.json.encode([{name: raw}]))
        except BAD_JSON:
            continue
        known[name] = raw
    return decoder.decode(msgspec.json.encode([known])) if known else []
