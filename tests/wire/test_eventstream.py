"""Amazon's binary framing: whole, cut, damaged, resumed."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.wire import eventstream
from otelcost.wire.sse import Events

TYPE = "application/vnd.amazon.eventstream"


def frames(wire: Any, count: int) -> list[bytes]:
    return [wire.frame(b'{"n":%d}' % n, event_type="x", message_type="event") for n in range(count)]


def test_messages_are_told_by_their_first_lengths(wire: Any) -> None:
    body = b"".join(frames(wire, 2))
    events = eventstream.events_of(body, "")
    assert events is not None
    assert events == Events([b'{"x":{"n":0}}', b'{"x":{"n":1}}'], tail_open=False)
    assert eventstream.events_of(b'{"message":"no"}', "application/json") is None
    assert eventstream.events_of(b"", "") is None
    assert eventstream.events_of(b"", TYPE) == Events([], tail_open=False)


def test_every_cut_leaves_whole_messages(wire: Any) -> None:
    one, two = frames(wire, 2)
    for cut in range(1, len(two)):
        events = eventstream.events_of(one + two[:cut], TYPE)
        assert events == Events([b'{"x":{"n":0}}', b""], tail_open=True)


@pytest.mark.parametrize("position", [0, 9, 20, -6, -1])
def test_a_damaged_message_is_left_out(wire: Any, position: int) -> None:
    one, two, three = frames(wire, 3)
    broken = bytearray(two)
    broken[position] ^= 0xFF
    events = eventstream.events_of(one + bytes(broken) + three, TYPE)
    assert events is not None
    assert events.payloads == [b'{"x":{"n":0}}', b"", b'{"x":{"n":2}}']
    assert not events.tail_open


def test_bytes_that_only_look_like_a_start_are_passed_over(wire: Any) -> None:
    (one,) = frames(wire, 1)
    events = eventstream.events_of(b"\x0b:event-type" * 3 + one + b"\x0b:event-type" * 3, TYPE)
    assert events == Events([b"", b'{"x":{"n":0}}', b""], tail_open=False)


def test_headers_of_every_type() -> None:
    values = {0: b"", 1: b"", 2: b"a", 3: b"ab", 4: b"abcd", 5: b"8" * 8, 6: b"\0\2ab", 8: b"8" * 8, 9: b"u" * 16}
    block = b"".join(b"\1k" + bytes([kind]) + value for kind, value in values.items())
    block += b"\x0b:event-type\7\0\1y"
    head = (16 + len(block)).to_bytes(4, "big") + len(block).to_bytes(4, "big")
    message = head + crc32(head).to_bytes(4, "big") + block
    events = eventstream.events_of(message + crc32(message).to_bytes(4, "big"), TYPE)
    assert events == Events([b'{"y":{}}'], tail_open=False)


@pytest.mark.parametrize(
    ("payload", "headers", "expected"),
    [
        (b'{"bytes":"eyJhIjoxfQ=="}', {"event_type": "chunk"}, b'{"a":1}'),
        (b'{"bytes":"A"}', {"event_type": "chunk"}, b""),
        (b'{"bytes":1}', {"event_type": "chunk"}, b""),
        (b"odd", {"event_type": "chunk"}, b""),
        (
            b'{"message":"slow down"}',
            {"message_type": "exception", "exception_type": "throttlingException"},
            b'{"error":{"type":"throttlingException"}}',
        ),
        (b"", {"message_type": "error", "error_code": "InternalError"}, b'{"error":{"type":"InternalError"}}'),
        (b"", {"message_type": "error"}, b'{"error":{"type":"error"}}'),
    ],
)
def test_payloads(wire: Any, payload: bytes, headers: dict[str, str], expected: bytes) -> None:
    events = eventstream.events_of(wire.frame(payload, **headers), TYPE)
    assert events == Events([expected], tail_open=False)


@given(st.binary(max_size=300), st.binary(max_size=40), st.integers(0, 200))
def test_any_bytes_are_read_to_their_end(junk: bytes, header: bytes, length: int) -> None:
    head = (16 + length).to_bytes(4, "big") + len(header).to_bytes(4, "big")
    framed = head + crc32(head).to_bytes(4, "big") + header + junk
    for body in (junk, framed, junk + framed):
        events = eventstream.events_of(body, TYPE)
        assert events is not None
        assert bool(events.payloads) is bool(body)
