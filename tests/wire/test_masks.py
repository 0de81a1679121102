"""Volatile values, templates and fingerprints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.wire.hashing import Hasher
from otelcost.wire.masks import find, scan, template

UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    ("text", "value", "name"),
    [
        ("Today is 2026-11-03.", "2026-11-03", "datetime"),
        ("Now: 2026-11-03T10:11:12.5Z.", "2026-11-03T10:11:12.5Z", "datetime"),
        ("Now: 2026-11-03 10:11:12+02:00;", "2026-11-03 10:11:12+02:00", "datetime"),
        ("at 10:11:12 sharp", "10:11:12", "datetime"),
        ("Today is Tuesday, November 3, 2026.", "Tuesday, November 3, 2026", "datetime"),
        ("Since 3 Nov 2026 at 10:11", "3 Nov 2026 at 10:11", "datetime"),
        (f"session {UUID} begins", UUID, "uuid"),
        ("ts=1767225600,", "1767225600", "epoch"),
        ("ts=1767225600123,", "1767225600123", "epoch"),
        ("ts=1767225600.123456,", "1767225600.123456", "epoch"),
        ("This is Request #4711.", "Request #4711", "counter"),
        ("Attempt: #2", "Attempt: #2", "counter"),
        ("call id #9", "call id #9", "counter"),
    ],
)
def test_volatile_values(text: str, value: str, name: str) -> None:
    (span, found), *others = find(text.encode())
    assert (text.encode()[slice(*span)].decode(), found, others) == (value, name, [])


@pytest.mark.parametrize(
    "text",
    [
        "call 415-555-0100 or 555-12-34",
        "version 1.2.3, ratio 10:30, class #3 of colour #112233",
        "the years 2024 and 2026, pages 12-34-56",
        "1767225600.50 euro, order_1767225600, 21767225600",
        "550e8400-e29b-41d4-a716-4466554400001",
        "f550e8400-e29b-41d4-a716-446655440000",
        "99:99:99 and 2026-13-45",
        "",
    ],
)
def test_what_only_looks_volatile(text: str) -> None:
    assert find(text.encode()) == []


def test_overlaps_are_counted_once() -> None:
    digest = Hasher(b"k" * 32).of
    text = f"{UUID} at 2026-11-03T10:11:12Z, {UUID}".encode()
    found = scan(text, digest)
    assert found.classes == ("datetime", "uuid")
    assert (found.offset_bytes, found.volatile_bytes) == (0, 36 + 20 + 36)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Order 7 of 12", "Order 4711 of 3"),
        (f"id {UUID}", "id 00000000-0000-1000-8000-00000000000a"),
        ("on 2026-11-03", "on 2025-01-30"),
        ("on November 3, 2026", "on March 14, 2025"),
        ('name \\"Ada\\" is', 'name \\"Grace\\" is'),
    ],
)
def test_templates_forget_what_varies(one: str, two: str) -> None:
    first, second = (template(text.encode(), find(text.encode())) for text in (one, two))
    assert first == second


@pytest.mark.parametrize(
    ("one", "two"),
    [("Be short.", "Be kind."), ("on 2026-11-03", "on 4711"), ('say \\"a', 'say \\"b')],
)
def test_templates_keep_what_does_not(one: str, two: str) -> None:
    first, second = (template(text.encode(), find(text.encode())) for text in (one, two))
    assert first != second


def test_a_table_of_values_is_scanned_within_a_bound() -> None:
    found = find(b"2026-11-03 x " * 5000)
    assert len(found) == 256
    assert find(b"-11-03 " * 5000 + b"2026-11-03") == []


@given(st.binary(max_size=400))
def test_scanning_never_fails_and_stays_inside(data: bytes) -> None:
    result = scan(data, Hasher(b"").of)
    spans = [span for span, _ in find(data)]
    assert spans == sorted(spans)
    assert all(0 <= start < stop <= len(data) for start, stop in spans)
    assert (result.volatile_bytes or 0) <= len(data)


def test_simhash_is_near_for_near_texts() -> None:
    hasher = Hasher(b"k" * 32)
    words = [f"word{n}" for n in range(300)]
    base = hasher.simhash(" ".join(words).encode())
    near = hasher.simhash(" ".join([*words[:150], "Ada", *words[151:]]).encode())
    far = hasher.simhash(" ".join(f"other{n}" for n in range(300)).encode())
    assert base is not None
    assert near is not None
    assert far is not None
    assert (base ^ near).bit_count() <= 8
    assert (base ^ far).bit_count() >= 16
    assert hasher.simhash(b"  \n") is None
    assert hasher.simhash(b"one") == hasher.simhash(b"ONE one")


@given(st.sets(st.integers(0, (1 << 64) - 1), min_size=1, max_size=70))
def test_the_majority_of_bits(hashes: set[int]) -> None:
    from otelcost.wire.hashing import _majority, _spread

    expected = 0
    for bit in range(64):
        if 2 * sum(item >> bit & 1 for item in hashes) > len(hashes):
            expected |= 1 << bit
    assert _majority(sum(map(_spread, hashes)), len(hashes)) == expected


def test_framing_tells_boundaries_apart() -> None:
    hasher = Hasher(b"k" * 32)
    assert hasher.of_all([b"ab", b"c"]) != hasher.of_all([b"a", b"bc"])


@given(st.lists(st.integers(0, (1 << 63) - 1), max_size=5), st.binary(max_size=60), st.text(max_size=5))
def test_what_is_remembered_is_what_would_be_found(hashes: list[int], text: bytes, role: str) -> None:
    kept, fresh = Hasher(b"k" * 32), Hasher(b"k" * 32)
    for _ in range(2):
        assert kept.of_hashes(hashes) == (fresh.of_all([h.to_bytes(8, "big") for h in hashes]) if hashes else None)
        assert kept.simhash(text) == Hasher(b"k" * 32).simhash(text)
        for hashed in hashes:
            assert kept.chain(1, hashed, role) == Hasher(b"k" * 32).chain(1, hashed, role)


@given(st.lists(st.binary(max_size=12), max_size=4), st.integers(0, 4))
def test_large_parts_are_framed_like_small_ones(parts: list[bytes], place: int) -> None:
    hasher = Hasher(b"k" * 32)
    parts.insert(place, b"x" * 5000)
    framed = b"".join(b"%d:%b" % (len(part), part) for part in parts)
    assert hasher.of_all(parts) == hasher.of_all(map(memoryview, parts)) == hasher.of(framed)
