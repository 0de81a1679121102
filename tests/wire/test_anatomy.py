"""Segments, hashes and the sharing of tokens."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.model import Call
from otelcost.wire import anatomy, decode
from otelcost.wire.anatomy import MAX_SEGMENTS, share

TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "late", "schema": {"type": "object"}}}
TURNS = [
    {"role": "system", "content": "Be short."},
    {"role": "user", "content": "Which orders are late?"},
]
REQUEST = {"model": "gpt-4o", "tools": [TOOL], "response_format": SCHEMA, "messages": TURNS}
ANSWER = {"choices": [], "usage": {"prompt_tokens": 101, "completion_tokens": 1, "total_tokens": 102}}


def chat(wire: Any, **changes: Any) -> Call:
    call: Call = wire.chat(REQUEST | changes, ANSWER)
    return call


def test_openai_order_is_tools_schema_messages(wire: Any) -> None:
    call = chat(wire, functions=[{"name": "old"}])
    assert [(s.role, s.kind, s.name) for s in call.segments] == [
        ("tool", "tool", "find"),
        ("tool", "tool", "old"),
        ("system", "schema", None),
        ("system", "text", None),
        ("user", "text", None),
    ]
    assert sum(segment.tokens or 0 for segment in call.segments) == 101
    assert call.segments[-1].bytes == len("Which orders are late?")


def test_messages_of_every_kind(wire: Any) -> None:
    call_one = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "Be short."},
        {"role": "user", "content": [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "file", "file": {"file_id": "f"}},
            {"type": "refusal", "refusal": "no"},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [call_one, {"id": "d"}]},
        {"role": "tool", "tool_call_id": "c", "content": "none late"},
        {"role": "assistant", "content": "None.", "function_call": {"name": "old", "arguments": "{}"}},
        {"role": "function", "name": "old", "content": [{"type": "text", "text": "ok"}]},
        {"content": [4]},
        "not a message",
    ]  # fmt: skip
    call = wire.chat({"model": "m", "messages": messages}, ANSWER)
    assert [(s.role, s.kind, s.name, s.image_detail) for s in call.segments] == [
        ("system", "text", None, None),
        ("user", "text", None, None),
        ("user", "image", None, "high"),
        ("user", "audio", None, None),
        ("user", "document", None, None),
        ("user", "text", None, None),
        ("assistant", "tool_call", "find", None),
        ("assistant", "tool_call", None, None),
        ("tool", "tool_result", None, None),
        ("assistant", "text", None, None),
        ("assistant", "tool_call", "old", None),
        ("tool", "tool_result", None, None),
        ("user", "text", None, None),
    ]


def test_media_weigh_by_what_they_are_not_by_their_bytes(wire: Any) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:," + "A" * 90_000, "detail": "low"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "x" * 3400}, image]}]
    call = wire.chat({"model": "m", "messages": messages}, ANSWER)
    assert [segment.tokens for segment in call.segments] == [92, 9]
    assert call.segments[1].template_hash == call.segments[1].hash
    auto = wire.chat({"model": "m", "messages": [{"role": "user", "content": [{"type": "input_image"}]}]}, ANSWER)
    assert auto.segments[0].tokens == 101


def test_equal_text_hashes_equal_wherever_it_stands(wire: Any) -> None:
    as_text = chat(wire, messages=[{"role": "user", "content": "Hi"}])
    as_part = chat(wire, messages=[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}])
    as_system = chat(wire, messages=[{"role": "system", "content": "Hi"}])
    hashes = {c.segments[-1].hash for c in (as_text, as_part, as_system)}
    assert len(hashes) == 1
    assert as_text.segments[-1].prefix_hash == as_part.segments[-1].prefix_hash
    assert as_text.segments[-1].prefix_hash != as_system.segments[-1].prefix_hash


def test_a_prefix_hash_covers_everything_before(wire: Any) -> None:
    one = chat(wire)
    longer = chat(wire, messages=[*TURNS, {"role": "assistant", "content": "Three."}])
    assert [s.prefix_hash for s in longer.segments[:-1]] == [s.prefix_hash for s in one.segments]
    other = chat(wire, tools=[])
    assert one.segments[-1].hash == other.segments[-1].hash
    assert one.segments[-1].prefix_hash != other.segments[-1].prefix_hash


def test_moving_a_cache_marker_changes_no_prefix(wire: Any) -> None:
    def request(marked: int) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = [
            {"type": "text", "text": "a"},
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "b"}]},
        ]
        blocks[marked]["cache_control"] = {"type": "ephemeral"}
        if marked:
            blocks[1]["content"][0] |= {"cache_control": {"type": "ephemeral"}}
        return {"model": "m", "messages": [{"role": "user", "content": blocks}]}

    first, second = wire.messages(request(0), {"content": []}), wire.messages(request(1), {"content": []})
    assert [s.prefix_hash for s in first.segments] == [s.prefix_hash for s in second.segments]
    assert [s.cache for s in first.segments] == ["5m", None]
    assert [s.cache for s in second.segments] == [None, "5m"]


def test_the_request_hash_is_of_the_job(wire: Any) -> None:
    base = chat(wire).request_hash
    delivery = {"stream": True, "stream_options": {"include_usage": True}, "user": "u", "metadata": {"a": "b"}}
    assert chat(wire, **delivery).request_hash == base
    reordered = dict(reversed(REQUEST.items()))
    assert wire.chat(reordered, ANSWER).request_hash == base
    assert chat(wire, temperature=0.5).request_hash != base
    assert chat(wire, model="gpt-4o-mini").request_hash != base


def test_hashes_of_what_a_task_keeps(wire: Any) -> None:
    base = chat(wire)
    numbered = [{"role": "system", "content": "Be short. Today is 2026-11-03."}, TURNS[1]]
    later = [{"role": "system", "content": "Be short. Today is 2026-12-24."}, TURNS[1]]
    one, two = chat(wire, messages=numbered), chat(wire, messages=later)
    assert one.system_template_hash == two.system_template_hash != base.system_template_hash
    assert one.segments[2].hash != two.segments[2].hash
    assert one.segments[2].template_hash == two.segments[2].template_hash
    assert (one.segments[2].volatile, one.segments[2].volatile_offset_bytes) == (("datetime",), 19)
    assert one.segments[2].volatile_bytes == 10
    assert base.tools_hash != chat(wire, tools=[TOOL, TOOL]).tools_hash
    assert base.schema_hash != chat(wire, response_format=SCHEMA | {"json_schema": {"name": "x"}}).schema_hash
    bare = wire.chat({"model": "m", "messages": []}, ANSWER)
    assert (bare.tools_hash, bare.schema_hash, bare.system_template_hash, bare.simhash) == (None, None, None, None)


def test_system_texts_with_other_values_in_them_have_near_fingerprints(wire: Any) -> None:
    rules = " ".join(f"rule{n} says that colleague {'abcdefghij'[n % 10]}{n} waits" for n in range(120))
    texts = [f"You help {name}, customer {n}. {rules}" for n, name in enumerate(("Ada", "Bo", "Cy"))]
    prints = [
        chat(wire, messages=[{"role": "system", "content": text}, TURNS[1]]).system_simhash
        for text in (*texts, "Write a poem about autumn leaves, harbours, cranes and rain in the style of a telegram.")
    ]
    near = [(prints[0] ^ other).bit_count() for other in prints]
    assert max(near[:3]) <= 8 < 16 < near[3]
    bare = wire.chat({"model": "m", "messages": []}, ANSWER)
    assert bare.system_simhash is None


def test_hashes_need_the_key_and_fit_a_bigint(wire: Any) -> None:
    exchange = wire.exchange("/v1/chat/completions", REQUEST, ANSWER)
    calls = [decode(exchange, key) for key in (b"a" * 32, b"b" * 32, b"short", b"")]
    assert len({call.request_hash for call in calls}) == 4
    assert len({call.simhash for call in calls}) == 4
    for call in calls:
        numbers = [n for s in call.segments for n in (s.hash, s.template_hash, s.prefix_hash)]
        numbers += [call.request_hash or 0, call.simhash or 0, call.tools_hash or 0, call.schema_hash or 0]
        assert all(0 <= number < 1 << 63 for number in numbers)


def test_no_text_is_in_a_record(wire: Any) -> None:
    line = msgspec.json.encode(chat(wire))
    for word in (b"orders", b"late?", b"short."):
        assert word not in line


def test_long_prompts_have_their_middle_merged(wire: Any) -> None:
    turns: list[dict[str, Any]] = [{"role": "user", "content": f"turn {n}"} for n in range(1000)]
    call = wire.chat({"model": "m", "messages": turns}, ANSWER)
    assert len(call.segments) == MAX_SEGMENTS
    assert sum(segment.tokens or 0 for segment in call.segments) == 101
    assert sum(segment.bytes for segment in call.segments) == sum(len(turn["content"]) for turn in turns)
    extended = wire.chat({"model": "m", "messages": [*turns, turns[0]]}, ANSWER)
    assert [s.prefix_hash for s in extended.segments[:192]] == [s.prefix_hash for s in call.segments[:192]]
    assert extended.segments[-2].prefix_hash == call.segments[-1].prefix_hash
    marked = {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
    turns[500] = marked
    assert wire.messages({"model": "m", "messages": turns}, {"content": []}).segments[192].cache == "5m"


def test_the_memo_changes_no_result_and_is_bounded(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    anatomy.forget()
    cold, warm = chat(wire), chat(wire)
    assert cold == warm
    monkeypatch.setattr(anatomy, "_MEMO_LIMIT", 3)
    assert chat(wire, messages=[{"role": "user", "content": str(n)} for n in range(20)]).segments
    assert chat(wire) == cold


@given(total=st.integers(0, 10**9), weights=st.lists(st.integers(0, 10**7), max_size=50))
def test_shares_add_up_and_follow_the_weights(total: int, weights: list[int]) -> None:
    shares = share(total, weights)
    assert sum(shares) == (total if weights else 0)
    assert len(shares) == len(weights)
    whole = sum(weights)
    if whole:
        for part, weight in zip(shares, weights, strict=True):
            assert abs(part - total * weight / whole) <= 1.001
