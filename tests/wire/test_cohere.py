"""Cohere: what is billed against what is counted, three ways to send an answer, embed and rerank."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

ASK1 = {"model": "command-r", "message": "Where is my order?", "max_tokens": 9}
ASK2 = {"model": "command-r", "messages": [{"role": "user", "content": "Where is my order?"}], "max_tokens": 9}
COUNTS = {
    "billed_units": {"input_tokens": 5, "output_tokens": 4},
    "tokens": {"input_tokens": 70, "output_tokens": 6},
    "cached_tokens": 64,
}
CALL = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"a":1}'}}


def v2(**changes: Any) -> dict[str, Any]:
    message = {"content": [{"type": "text", "text": "On its way."}], "tool_calls": [CALL]}
    return {"id": "i", "message": message, "finish_reason": "COMPLETE", "usage": COUNTS} | changes


EVENTS2 = [
    {"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant"}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "On its "}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "way."}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {}}},
    {"type": "content-end", "index": 0},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "hm"}}},
    {"type": "tool-call-start", "delta": {"message": {"tool_calls": CALL | {"function": {"name": "find"}}}}},
    {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": '{"a":1}'}}}}},
    {"type": "tool-call-delta", "delta": {"message": {}}},
    {"type": "tool-call-end"},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COUNTS}},
]


def test_what_is_billed_counts(wire: Any) -> None:
    whole = wire.call("/v2/chat", ASK2, v2())
    streamed = wire.call("/v2/chat", ASK2 | {"stream": True}, wire.sse(EVENTS2, done=True))
    for call in (whole, streamed):
        assert call.usage == Usage(input_uncached_tokens=5, output_tokens=4)
        assert (call.status, call.finish_reason, call.flags, call.response_id) == ("ok", "COMPLETE", (), "i")
        assert (call.provider, call.operation, call.tools_called) == ("cohere", "chat", ("find",))
        assert sum(segment.tokens or 0 for segment in call.segments) == 5
    assert whole.output_hash == streamed.output_hash
    assert b"cached_tokens" in bytes(whole.usage_raw)
    unbilled = wire.call("/v2/chat", ASK2, v2(usage={"tokens": COUNTS["tokens"]}))
    assert (unbilled.usage.input_uncached_tokens, unbilled.usage.output_tokens) == (70, 6)


@pytest.mark.parametrize("lines", [True, False])
def test_version_1_whole_and_in_lines(wire: Any, lines: bool) -> None:
    answer = {
        "response_id": "r",
        "text": "On its way.",
        "finish_reason": "MAX_TOKENS",
        "meta": COUNTS,
        "tool_calls": [{"name": "find", "parameters": {"a": 1}}, {"name": "x", "parameters": 1}],
    }
    events = [
        {"event_type": "stream-start", "generation_id": "g"},
        {"event_type": "text-generation", "text": "On its way."},
        {"event_type": "tool-calls-generation", "tool_calls": answer["tool_calls"]},
        {"event_type": "stream-end", "response": answer, "finish_reason": "MAX_TOKENS"},
    ]
    if lines:
        call = wire.call("/v1/chat", ASK1 | {"stream": True}, wire.lines(events))
        assert (call.stream, call.response_id) == (True, "g")
        first = wire.call("/v1/chat", ASK1, wire.body(events[1]), ended="closed")
        assert first.status == "aborted"
    else:
        call = wire.call("/v1/chat", ASK1, answer)
        assert (call.stream, call.response_id) == (False, "r")
    assert call.usage == Usage(input_uncached_tokens=5, output_tokens=4)
    assert (call.status, call.finish_reason, call.tools_called) == ("incomplete", "MAX_TOKENS", ("find", "x"))
    assert call.output_bytes == len("On its way.") + len('{"a":1}')


def test_the_anatomy_of_both_versions(wire: Any) -> None:
    request = {
        "model": "m",
        "preamble": "Be short.",
        "documents": [{"text": "d"}],
        "chat_history": [
            {"role": "SYSTEM", "message": "a"},
            {"role": "USER", "message": "b"},
            {"role": "Chatbot", "message": "c"},
        ],
        "message": "d",
        "tool_results": [{"call": {}}],
        "tools": [{"name": "find"}],
        "conversation_id": "x",
        "response_format": {"type": "json_object", "schema": {"type": "object"}},
    }
    call = wire.call("/v1/chat", request, {"text": ""})
    assert [(segment.role, segment.kind) for segment in call.segments] == [
        ("tool", "tool"),
        ("system", "schema"),
        ("system", "text"),
        ("user", "document"),
        ("system", "text"),
        ("user", "text"),
        ("assistant", "text"),
        ("user", "text"),
        ("tool", "tool_result"),
    ]
    request = {
        "messages": [
            {"role": "assistant", "tool_plan": "p", "content": None, "tool_calls": [CALL, {}]},
            {"role": "tool", "content": [{"type": "document", "document": {}}]},
        ],
        "thinking": {"type": "enabled", "token_budget": 50},
    }
    call = wire.call("/v2/chat", request, v2())
    assert [(segment.role, segment.kind, segment.name) for segment in call.segments] == [
        ("assistant", "text", None),
        ("assistant", "tool_call", "find"),
        ("assistant", "tool_call", None),
        ("tool", "tool_result", None),
    ]
    assert call.effort == "budget-50"
    assert wire.call("/v2/chat", ASK2 | {"thinking": {"type": "disabled"}}, v2()).effort == "disabled"


def test_errors(wire: Any) -> None:
    call = wire.call("/v2/chat", ASK2, {"id": "x", "message": "model was removed"}, status=404)
    assert (call.status, call.error_type) == ("error", "404")
    late = wire.call("/v2/chat", ASK2, wire.sse([*EVENTS2[:3], {"error": "overloaded"}]))
    assert (late.status, late.error_type, late.flags) == ("error", "overloaded", ("lower_bound",))
    news = wire.call("/v2/chat", ASK2, wire.sse([{"type": "news"}, *EVENTS2]))
    assert news.flags == ("unknown_event",)


def test_an_embedding(wire: Any) -> None:
    request = {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "images": ["data:image/png;base64,AA", 1],
        "inputs": [{"content": [{"type": "text", "text": "c"}, {"type": "image_url", "image_url": {"url": "u"}}]}],
    }
    answer = {"id": "i", "embeddings": {"float": [[0.5]]}, "meta": {"billed_units": {"input_tokens": 3, "images": 1}}}
    call = wire.call("/v2/embed", request, answer)
    assert (call.usage, call.output_kind) == (Usage(input_uncached_tokens=3, output_tokens=0), "vector")
    assert [segment.kind for segment in call.segments] == ["text", "text", "image", "image", "text", "image"]
    pictures = wire.call("/v2/embed", request, answer | {"meta": {"billed_units": {"images": 1}}})
    assert pictures.usage == Usage()


def test_a_rerank_is_billed_by_the_search(wire: Any) -> None:
    request = {"model": "rerank-v4", "query": "a", "documents": ["b", {"text": "c"}]}
    call = wire.call("/v2/rerank", request, {"results": [], "meta": {"billed_units": {"search_units": 1}}})
    assert (call.api, call.operation, call.usage, call.status) == ("cohere.rerank", "rerank", Usage(), "ok")
    assert bytes(call.usage_raw) == b'{"billed_units":{"search_units":1}}'
    assert [segment.kind for segment in call.segments] == ["text", "document", "document"]
    assert wire.call("/v2/rerank", request, wire.sse([{}])).flags == ("response_undecodable",)


def test_a_shops_own_chat_is_not_cohere(wire: Any) -> None:
    assert wire.call("/v1/chat", {"message": "hi"}, {"reply": "hello"}, host="shop.internal").api == "unknown"
    assert wire.call("/v1/chat", ASK1, {"text": "hello"}, host="gateway.internal").api == "cohere.chat"
