"""Recorded traffic: everything decodes, and the buckets add up to the providers' own totals."""

from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import msgspec
import pytest

from otelcost.model import Call, Usage
from otelcost.wire import decode

SCRIPT = Path(__file__).parents[1] / "bench" / "recorded_table.py"
UNLISTED = ("localhost", "127.0.0.1")
NAMELESS = ("localhost", "amazonaws.com")
"""Hosts whose answers need not have an id."""


@pytest.fixture(scope="module")
def recorded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recorded_table", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pairs(recorded: ModuleType, recorded_traffic: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any]]:
    found = [(row, recorded.call_of(row)) for row in recorded_traffic]
    return [(row, call) for row, call in found if call is not None]


def test_every_interaction_is_claimed(recorded: ModuleType, recorded_traffic: list[dict[str, Any]]) -> None:
    missed = Counter(row["path"] for row in recorded_traffic if recorded.call_of(row) is None)
    assert missed == {}


def test_every_interaction_decodes(recorded: ModuleType, pairs: list[tuple[dict[str, Any], Any]]) -> None:
    assert len(pairs) > 930
    assert [row["id"] for row, call in pairs if not recorded.is_decoded(call, row)] == []


def test_buckets_add_up_to_the_providers_totals(recorded: ModuleType, pairs: list[tuple[dict[str, Any], Any]]) -> None:
    wrong = [row["id"] for row, call in pairs if not recorded.agrees(call, recorded.totals_of(row))]
    assert wrong == []


def test_errors_are_errors_and_only_they(pairs: list[tuple[dict[str, Any], Any]]) -> None:
    for row, call in pairs:
        failed = row["status"] != 200 or '"error": {' in row["response"][:40]
        assert (call.status == "error") is failed, row["id"]
        assert (call.error_type is not None) is failed


def test_only_unlisted_hosts_are_assumed(pairs: list[tuple[dict[str, Any], Any]]) -> None:
    for row, call in pairs:
        assert ("provider_assumed" in call.flags) is (row["host"] in UNLISTED)
        assert set(call.flags) <= {"provider_assumed"} or not row["request"]


def test_shares_add_up_to_the_input(pairs: list[tuple[dict[str, Any], Any]]) -> None:
    for row, call in pairs:
        shares = [segment.tokens for segment in call.segments]
        if shares and None not in shares:
            parts = (
                "input_uncached_tokens",
                "cache_read_tokens",
                "cache_write_short_tokens",
                "cache_write_long_tokens",
            )
            assert sum(shares) == sum(getattr(call.usage, name) or 0 for name in parts), row["id"]


def test_answers_have_an_output(pairs: list[tuple[dict[str, Any], Any]]) -> None:
    for row, call in pairs:
        if call.status in {"ok", "incomplete"} and call.operation not in {"embeddings", "image_generation"}:
            assert call.output_kind in {"text", "json", "tool", "none"}, row["id"]
            assert call.finish_reason, row["id"]
            assert call.response_id or row["host"].endswith(NAMELESS), row["id"]


def test_no_prompt_is_in_a_record(pairs: list[tuple[dict[str, Any], Any]]) -> None:
    for row, call in pairs:
        line = msgspec.json.encode(call).decode()
        request = msgspec.json.decode(row["request"].encode() or b"{}")
        for message in request.get("messages") or ():
            content = message.get("content")
            if isinstance(content, str) and len(content) > 24:
                assert content not in line, row["id"]


def test_damage_to_real_traffic_is_survived(recorded: ModuleType, recorded_traffic: list[dict[str, Any]]) -> None:
    draw = Random(20261122)
    bodies = [recorded.body_of(row) for row in recorded_traffic]

    def inserted(body: bytes) -> bytes:
        at = draw.randrange(len(body) + 1)
        return body[:at] + draw.randbytes(draw.randrange(4)) + body[at + draw.randrange(8) :]

    def truncated(body: bytes) -> bytes:
        return body[: draw.randrange(len(body) + 1)]

    def flipped(body: bytes) -> bytes:
        changed = bytearray(body)
        for _ in range(draw.randrange(1, 6) if body else 0):
            changed[draw.randrange(len(body))] ^= 1 << draw.randrange(8)
        return bytes(changed)

    def spliced(body: bytes) -> bytes:
        other = draw.choice(bodies)
        return truncated(body) + other[draw.randrange(len(other) + 1) :]

    for row in recorded_traffic:
        exchange = recorded.exchange_of(row)
        for damaged in (inserted, truncated, flipped, spliced):
            hurt = msgspec.structs.replace(
                exchange,
                request_body=damaged(exchange.request_body),
                response_body=damaged(exchange.response_body),
                ended=draw.choice(("complete", "closed", "timeout")),
            )
            call = decode(hurt, bytes(32))
            line = msgspec.json.encode(call)
            assert msgspec.json.encode(msgspec.json.decode(line, type=Call)) == line
            amounts = [getattr(call.usage, name) for name in Usage.__struct_fields__]
            assert all(amount is None or amount >= 0 for amount in amounts), row["id"]


def test_the_table_counts_no_mismatch(recorded: ModuleType, recorded_traffic: list[dict[str, Any]]) -> None:
    lines = recorded.table(recorded_traffic)
    assert lines
    assert all(line.decoded == line.total and line.mismatches == 0 for line in lines)
