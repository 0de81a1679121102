"""Amazon's binary event stream: length, headers and payload of every message, each guarded by a checksum."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final
from zlib import crc32

import msgspec

from otelcost.wire.jsonview import Fields
from otelcost.wire.sse import Events

_PRELUDE: Final = 12  # total length, length of the headers, checksum of these two
_TRAILER: Final = 4  # checksum of everything before it
_FIRST_HEADER: Final = re.compile(rb"[\x01-\x40]:[a-z]{1,62}-[a-z]")
_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_COUNTED: Final = frozenset({6, 7})  # bytes and strings carry their own length
_STRING: Final = 7


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message: its string headers and its payload. `damaged` says that a checksum is wrong."""

    headers: dict[str, str]
    payload: bytes
    damaged: bool = False


def events_of(body: bytes, content_type: str) -> Events | None:
    """The events as JSON payloads, None where the body is no such stream.

    The chunks of a model's own stream are unwrapped; other events stand under their name, exceptions
    under `error`. A damaged message is a payload of nothing.
    """
    if "amazon.eventstream" not in content_type and _lengths(body, 0) is None:
        return None
    found = list(_messages(body))
    tail_open = bool(found) and found[-1] is None
    return Events([b"" if message is None else _payload(message) for message in found], tail_open)


def _payload(message: Message) -> bytes:
    headers = message.headers
    if message.damaged:
        return b""
    if headers.get(":message-type") in {"exception", "error"}:
        name = headers.get(":exception-type") or headers.get(":error-code") or "error"
        return msgspec.json.encode({"error": {"type": name}})
    event = headers.get(":event-type", "")
    if event == "chunk":
        return _unwrapped(message.payload)
    return b"{%b:%b}" % (msgspec.json.encode(event), message.payload or b"{}")


def _unwrapped(payload: bytes) -> bytes:
    fields = Fields.parse(payload)
    encoded = fields.value("bytes") if fields else None
    if not isinstance(encoded, str):
        return b""
    try:
        return binascii.a2b_base64(encoded)
    except ValueError:
        return b""


def _messages(body: bytes) -> Iterator[Message | None]:
    """The messages in order; a last None stands for one that the end of the body cut off."""
    at = 0
    while at < len(body):
        lengths = _lengths(body, at)
        if lengths is None:
            if len(body) - at < _PRELUDE:
                yield None
                return
            yield Message({}, b"", damaged=True)
            at = _resume(body, at + 1)
            continue
        total, headers = lengths
        end = at + total
        if end > len(body):
            yield None
            return
        yield _message(body[at:end], headers)
        at = end


def _lengths(body: bytes, at: int) -> tuple[int, int] | None:
    """Total length and length of the headers of the message at an offset, None where none starts there."""
    prelude = body[at : at + _PRELUDE]
    if len(prelude) < _PRELUDE or crc32(prelude[:8]) != int.from_bytes(prelude[8:], "big"):
        return None
    total, headers = int.from_bytes(prelude[:4], "big"), int.from_bytes(prelude[4:8], "big")
    return (total, headers) if _PRELUDE + headers + _TRAILER <= total else None


def _resume(body: bytes, at: int) -> int:
    """Where the next whole message starts, after bytes that are none."""
    for header in _FIRST_HEADER.finditer(body, at):
        start = header.start() - _PRELUDE
        if start >= at and _lengths(body, start) is not None:
            return start
    return len(body)


def _message(frame: bytes, headers: int) -> Message:
    whole = crc32(frame[:-_TRAILER]) == int.from_bytes(frame[-_TRAILER:], "big")
    end = _PRELUDE + headers
    return Message(_headers(frame[_PRELUDE:end]), frame[end:-_TRAILER], damaged=not whole)


def _headers(block: bytes) -> dict[str, str]:
    """The headers that are strings."""
    found: dict[str, str] = {}
    at = 0
    while at < len(block):
        name_end = at + 1 + block[at]
        kind = int.from_bytes(block[name_end : name_end + 1], "big")
        name, at = block[at + 1 : name_end], name_end + 1
        size = _SIZES.get(kind, 0)
        if kind in _COUNTED:
            size, at = int.from_bytes(block[at : at + 2], "big"), at + 2
        if kind == _STRING:
            found[name.decode("utf-8", "replace")] = block[at : at + size].decode("utf-8", "replace")
        at += size
    return found
