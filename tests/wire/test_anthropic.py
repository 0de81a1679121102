"""Anthropic messages, whole and streamed, stable and beta."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from otelcost.model import Usage

REQUEST = {
    "model": "claude-sonnet-5",
    "max_tokens": 500,
    "messages": [{"role": "user", "content": "Which orders are late?"}],
}
USAGE = {
    "input_tokens": 40,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    "service_tier": "priority",
    "speed": "fast",
    "inference_geo": "us",
}
BUCKETS = Usage(
    input_uncached_tokens=40,
    cache_read_tokens=1000,
    cache_write_short_tokens=100,
    cache_write_long_tokens=200,
    output_tokens=50,
    reasoning_tokens=20,
    web_search_requests=2,
    web_fetch_requests=1,
)
USE = {"type": "tool_use", "id": "t", "name": "find", "input": {"city": "Bari", "limit": 2}}


def message(content: list[Any], usage: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-1", "content": content}
    return body | {"stop_reason": "end_turn", "usage": USAGE if usage is None else usage} | more


def start(**usage: Any) -> dict[str, Any]:
    counts = {"input_tokens": 40, "output_tokens": 2} | usage
    return {"type": "message_start", "message": message([], counts, stop_reason=None)}


def text_events(*texts: str, index: int = 0) -> list[dict[str, Any]]:
    deltas = [
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}} for text in texts
    ]
    block = {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    return [block, *deltas, {"type": "content_block_stop", "index": index}]


def end(usage: dict[str, Any], reason: str = "end_turn") -> list[dict[str, Any]]:
    return [{"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}, {"type": "message_stop"}]


def test_a_whole_message(wire: Any) -> None:
    call = wire.messages(
        REQUEST, message([{"type": "text", "text": "Three."}]), response_headers={"request-id": "req_1"}
    )
    assert call.usage == BUCKETS
    assert (call.provider, call.api, call.operation) == ("anthropic", "anthropic.messages", "chat")
    assert (call.service_tier, call.speed, call.inference_geo) == ("priority", "fast", "us")
    assert (call.request_id, call.response_id, call.response_model) == ("req_1", "msg_1", "claude-sonnet-5-1")
    assert (call.status, call.finish_reason, call.max_output_tokens, call.flags) == ("ok", "end_turn", 500, ())
    assert sum(segment.tokens or 0 for segment in call.segments) == 1340


def test_a_stream_gives_the_same_as_the_whole_message(wire: Any) -> None:
    first = {name: value for name, value in USAGE.items() if not name.startswith(("server", "output"))}
    last = {"output_tokens": 50, "server_tool_use": USAGE["server_tool_use"], "input_tokens": None}
    last["output_tokens_details"] = USAGE["output_tokens_details"]
    events = [start(**first), {"type": "ping"}, *text_events("Thr", "ee."), *end(last)]
    streamed = wire.messages(REQUEST | {"stream": True}, wire.sse(events, named=True))
    whole = wire.messages(REQUEST, message([{"type": "text", "text": "Three."}]))
    for name in set(whole.__struct_fields__) - {"stream", "request_bytes", "response_bytes", "usage_raw"}:
        assert getattr(streamed, name) == getattr(whole, name), name
    assert msgspec.json.decode(streamed.usage_raw) == USAGE


def test_cumulative_usage_is_never_summed_and_may_be_revised(wire: Any) -> None:
    deltas = [
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 10}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 30, "input_tokens": 90}},
    ]
    call = wire.messages(REQUEST, wire.sse([start(), *deltas, {"type": "message_stop"}]))
    assert call.usage == Usage(input_uncached_tokens=90, output_tokens=30)


def test_a_closed_stream_keeps_the_input_but_not_the_placeholder(wire: Any) -> None:
    counts = {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}}
    events = [start(cache_read_input_tokens=7, **counts), *text_events("Th")]
    call = wire.messages(REQUEST, wire.sse(events, named=True), ended="closed")
    assert (call.status, call.flags) == ("aborted", ("lower_bound",))
    assert call.usage == Usage(input_uncached_tokens=40, cache_read_tokens=7)
    assert (call.output_bytes, call.response_model) == (2, "claude-sonnet-5-1")
    assert call.segments[0].tokens == 47


def test_a_stream_closed_after_its_last_count_keeps_it(wire: Any) -> None:
    events = [start(), *text_events("Th"), *end({"output_tokens": 9})[:1]]
    call = wire.messages(REQUEST, wire.sse(events), ended="closed")
    assert (call.status, call.usage.output_tokens, call.flags) == ("aborted", 9, ("lower_bound",))


def test_an_error_event_inside_a_200(wire: Any) -> None:
    events = [start(), {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}]
    call = wire.messages(REQUEST, wire.sse(events, named=True))
    assert (call.status, call.http_status, call.error_type) == ("error", 200, "overloaded_error")
    assert call.usage.output_tokens is None
    assert wire.messages(REQUEST, wire.sse([{"type": "error"}])).error_type == "error"


def test_events_that_say_nothing(wire: Any) -> None:
    events = [
        {"type": "message_start", "message": 3},
        {"type": "content_block_start", "content_block": 3},
        {"type": "content_block_delta"},
        {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "message_delta"},
        {"type": "message_delta", "usage": {"output_tokens": None}},
        {"type": "weather"},
        {"type": "message_stop"},
    ]
    call = wire.messages(REQUEST, wire.sse(events))
    assert (call.status, call.usage, call.flags) == ("ok", Usage(), ("unknown_event",))


def test_tool_use_whole_and_streamed(wire: Any) -> None:
    searched = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    whole = wire.messages(REQUEST, message([USE, searched], stop_reason="tool_use"))
    events = [
        start(),
        {"type": "content_block_start", "index": 0, "content_block": USE | {"input": {}}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
            for piece in ("", '{"limit": 2', ', "city": "Bari"}')
        ),
        {"type": "content_block_start", "index": 1, "content_block": searched},
        *end({"output_tokens": 5}, "tool_use"),
    ]
    streamed = wire.messages(REQUEST, wire.sse(events))
    assert whole.tools_called == streamed.tools_called == ("find", "web_search")
    assert whole.output_kind == streamed.output_kind == "tool"
    assert whole.output_hash == streamed.output_hash
    thought = wire.messages(
        REQUEST, message([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": 5}, USE])
    )
    assert thought.output_hash == wire.messages(REQUEST, message([USE])).output_hash


@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "model_context_window_exceeded"])
def test_stopped_early(wire: Any, reason: str) -> None:
    assert wire.messages(REQUEST, message([], stop_reason=reason)).status == "incomplete"


def test_compaction_is_added_and_an_advisor_is_not(wire: Any) -> None:
    part = {"input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 4, "output_tokens": 8}
    iterations = [
        part | {"type": "message"},
        part
        | {"type": "compaction", "cache_creation": {"ephemeral_1h_input_tokens": 3, "ephemeral_5m_input_tokens": 1}},
        part | {"type": "advisor_message", "model": "claude-opus-5"},
        "odd",
    ]
    call = wire.messages(REQUEST, message([], USAGE | {"iterations": iterations}))
    assert call.flags == ("lower_bound", "hidden_iterations")
    assert call.usage == msgspec.structs.replace(
        BUCKETS,
        input_uncached_tokens=41,
        cache_read_tokens=1002,
        cache_write_short_tokens=101,
        cache_write_long_tokens=203,
        output_tokens=58,
    )
    assert call.segments[0].tokens == 1340, "the prompt itself is what the segments share"
    compacted = wire.messages(REQUEST, message([], USAGE | {"iterations": iterations[:2]}))
    assert (compacted.flags, compacted.usage) == (("hidden_iterations",), call.usage)
    plain = wire.messages(REQUEST, message([], USAGE | {"iterations": [part | {"type": "message"}]}))
    assert (plain.flags, plain.usage) == ((), BUCKETS)


@pytest.mark.parametrize(
    ("written", "flags"), [(3000, ("lower_bound", "hidden_iterations")), (0, ("hidden_iterations",))]
)
def test_a_fallback_is_the_model_that_answers(wire: Any, written: int, flags: tuple[str, ...]) -> None:
    """What another model wrote before it is billed too, at that model's price."""
    counts = {"input_tokens": 412, "output_tokens": 264}
    refused = {"type": "message", "model": "claude-fable-5", "input_tokens": 408, "output_tokens": written}
    counts["iterations"] = [refused, counts | {"type": "fallback_message", "model": "claude-opus-4-8"}]
    block = {"type": "fallback", "from": {"model": "claude-fable-5"}, "to": {"model": "claude-opus-4-8"}}
    events = [
        {"type": "message_start", "message": message([], {"input_tokens": 408}, model="claude-fable-5")},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_stop", "index": 0},
        *text_events("Three.", index=1),
        *end(counts),
    ]
    whole = message([block, {"type": "text", "text": "Three."}], counts, model="claude-opus-4-8")
    for body in (whole, wire.sse(events, named=True)):
        call = wire.messages(REQUEST, body)
        assert (call.response_model, call.flags, call.output_bytes) == ("claude-opus-4-8", flags, 6)
        assert call.usage == Usage(input_uncached_tokens=412, output_tokens=264)


def test_a_fallback_to_nobody_changes_nothing(wire: Any) -> None:
    call = wire.messages(
        REQUEST, wire.sse([start(), {"type": "content_block_start", "content_block": {"type": "fallback"}}])
    )
    assert call.response_model == "claude-sonnet-5-1"


def test_an_events_member_of_another_type_costs_only_itself(wire: Any) -> None:
    events = [start(), *text_events("Three."), *end({"output_tokens": 50})]
    odd = [event | {"index": "0"} if event["type"] == "message_delta" else event for event in events]
    call = wire.messages(REQUEST, wire.sse(odd))
    assert (call.status, call.flags) == ("ok", ("response_undecodable",))
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens, call.output_bytes) == (40, 50, 6)


def test_anatomy_in_cache_order(wire: Any) -> None:
    request = {
        "model": "claude-sonnet-5",
        "system": [
            {"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {"type": "text", "text": "Be kind."},
        ],
        "tools": [
            {"name": "find", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}},
            {"type": "web_search_20250305"},
        ],
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
                {"type": "document", "source": {"type": "text", "data": "x"}},
                {"type": "text", "text": 5},
            ]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, USE]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "none"}]},
            {"role": "user"},
        ],
    }  # fmt: skip
    call = wire.messages(request, message([]))
    assert [(s.role, s.kind, s.name, s.cache) for s in call.segments] == [
        ("tool", "tool", "find", "5m"),
        ("tool", "tool", "web_search_20250305", None),
        ("system", "schema", None, None),
        ("system", "text", None, "1h"),
        ("system", "text", None, None),
        ("user", "text", None, None),
        ("user", "image", None, None),
        ("user", "document", None, None),
        ("user", "text", None, None),
        ("assistant", "text", None, None),
        ("assistant", "tool_call", "find", None),
        ("user", "tool_result", None, None),
    ]
    assert call.effort == "high"
    assert None not in (call.tools_hash, call.system_template_hash, call.schema_hash, call.simhash)


def test_automatic_caching_marks_the_last_segment(wire: Any) -> None:
    control = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    call = wire.messages(REQUEST | control | {"system": "Be short."}, message([]))
    assert [segment.cache for segment in call.segments] == [None, "1h"]
    marked = [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}]
    assert wire.messages(REQUEST | control | {"messages": marked}, message([])).segments[0].cache == "5m"
    assert wire.messages({"model": "m"} | control, message([])).segments == ()


@pytest.mark.parametrize(
    ("marker", "split"),
    [({"type": "ephemeral", "ttl": "1h"}, (0, 300)), ({"type": "ephemeral"}, (300, 0)), (None, (300, 0))],
)
def test_writes_without_their_split_go_where_the_markers_say(wire: Any, marker: object, split: tuple[int, int]) -> None:
    usage = {"input_tokens": 1, "cache_creation_input_tokens": 300, "output_tokens": 1}
    call = wire.messages(REQUEST | {"cache_control": marker}, message([], usage))
    assert (call.usage.cache_write_short_tokens, call.usage.cache_write_long_tokens) == split


@pytest.mark.parametrize(
    ("parameters", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "budget-2048"),
        ({"thinking": {"type": "adaptive"}}, "adaptive"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"output_format": {"type": "json_schema", "schema": {}}}, None),
        ({}, None),
    ],
)
def test_effort(wire: Any, parameters: dict[str, Any], effort: str | None) -> None:
    assert wire.messages(REQUEST | parameters, message([])).effort == effort


def test_a_server_side_thread_leaves_the_sharing_unknown(wire: Any) -> None:
    call = wire.messages(REQUEST | {"thread": {"type": "continue"}}, message([]))
    assert call.segments[0].tokens is None
