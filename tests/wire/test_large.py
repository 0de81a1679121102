"""Large prompt parts: every byte is in the hash, and values at either end are in no template."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.wire.hashing import Hasher
from otelcost.wire.large import LARGE_BYTES, of_part, scan_part
from otelcost.wire.masks import Scan

HASHER = Hasher(b"k" * 32)
LINE = b"a line of some report, of which there are a great many, all told\\n"
BODY = LINE * (LARGE_BYTES // len(LINE) + 20)


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(33, 126))
@settings(deadline=None)
def test_any_other_byte_is_another_hash(place: int, byte: int) -> None:
    other = BODY[:place] + bytes([byte]) + BODY[place + 1 :]
    assert (of_part(other, HASHER) == of_part(BODY, HASHER)) == (other == BODY)


@given(cut=st.integers(1, 200))
@settings(deadline=None)
def test_bytes_moved_across_a_cut_do_not_cancel(cut: int) -> None:
    assert of_part(BODY[cut:] + BODY[:cut], HASHER) != of_part(BODY, HASHER) or cut % len(LINE) == 0


def _with(head: bytes = b"", middle: bytes = b"", tail: bytes = b"") -> bytes:
    half = BODY[: len(LINE) * (len(BODY) // len(LINE) // 2)]
    return head + half + middle + half + half + tail


def _scan(raw: bytes) -> Scan:
    return scan_part(raw, of_part(raw, HASHER), HASHER)


def test_values_at_either_end_are_in_no_template() -> None:
    dated = [_with(b"It is 2026-11-%02d 10:00:00. " % day, tail=b" request #%d" % day) for day in (10, 17, 28)]
    scans = [_scan(raw) for raw in dated]
    assert len({found.template_hash for found in scans}) == 1
    assert len({of_part(raw, HASHER) for raw in dated}) == 3
    assert scans[0].classes == ("counter", "datetime")
    assert scans[0].offset_bytes == 6
    assert scans[0].volatile_bytes == len("2026-11-10 10:00:00") + len("request #10")


def test_a_value_that_grows_does_not_move_the_cuts() -> None:
    few, many = (_scan(_with(b"job %s: " % count)) for count in (b"#7", b"#70000"))
    assert few.template_hash == many.template_hash


def test_other_text_in_the_middle_is_another_template() -> None:
    one, two = (_scan(_with(middle=text)) for text in (b"this", b"that"))
    assert one.template_hash != two.template_hash
    assert _scan(_with(tail=b" 2026-11-09")).offset_bytes == len(_with()) + 1


def test_a_scan_does_not_depend_on_what_was_hashed_before() -> None:
    raw, others = _with(b"job #7: "), [_with(middle=b"%d" % number) for number in range(300)]
    hashed, known = of_part(raw, HASHER), _scan(raw)
    for other in others:
        of_part(other, HASHER)
    assert scan_part(raw, hashed, HASHER) == known
