"""OpenAI chat completions, whole and streamed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from otelcost.model import Usage

REQUEST = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Which orders are late?"}]}
USAGE = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 192,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 7,
        "rejected_prediction_tokens": 3,
    },
}


def answer(message: dict[str, Any], reason: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": reason}
    return {"id": "chatcmpl-7", "model": "gpt-4o-2024-08-06", "choices": [choice], "usage": USAGE} | more


def chunk(delta: dict[str, Any] | None, reason: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": reason}]
    return {"id": "chatcmpl-7", "model": "gpt-4o-2024-08-06", "choices": choices, "usage": None} | more


def test_a_whole_answer(wire: Any) -> None:
    call = wire.chat(
        REQUEST | {"service_tier": "auto", "n": 1, "temperature": 0, "max_completion_tokens": 400},
        answer({"content": "Three."}, service_tier="default"),
        response_headers={"x-request-id": "req_9"},
    )
    assert call.usage == Usage(
        input_uncached_tokens=86,
        cache_read_tokens=1920,
        output_tokens=300,
        reasoning_tokens=192,
        input_audio_tokens=0,
        output_audio_tokens=0,
        accepted_prediction_tokens=7,
        rejected_prediction_tokens=3,
        provider_total_tokens=2306,
    )
    assert (call.provider, call.api, call.operation) == ("openai", "openai.chat", "chat")
    assert (call.request_model, call.response_model) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (call.response_id, call.request_id) == ("chatcmpl-7", "req_9")
    assert (call.request_tier, call.service_tier) == ("auto", "default")
    assert (call.status, call.finish_reason, call.stream, call.flags) == ("ok", "stop", False, ())
    assert (call.max_output_tokens, call.temperature, call.choices) == (400, 0.0, 1)
    assert (call.output_kind, call.output_bytes) == ("text", 6)
    assert call.segments[0].tokens == 2006


def test_the_raw_usage_is_kept_on_one_line(wire: Any) -> None:
    pretty = msgspec.json.format(msgspec.json.encode(answer({"content": "x"})), indent=2)
    raw = wire.chat(REQUEST, pretty).usage_raw
    assert b"\n" not in bytes(raw)
    assert msgspec.json.decode(raw) == USAGE


def test_a_stream_gives_the_same_as_the_whole_answer(wire: Any) -> None:
    events = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Thr"}),
        chunk({"content": "ee."}, service_tier="default"),
        chunk({}, "stop"),
        chunk(None, usage=USAGE),
    ]
    streamed = wire.chat(REQUEST | {"stream": True}, wire.sse(events, done=True))
    whole = wire.chat(REQUEST, answer({"content": "Three."}, service_tier="default"))
    assert streamed.stream
    for name in set(whole.__struct_fields__) - {"stream", "request_bytes", "response_bytes", "usage_raw"}:
        assert getattr(streamed, name) == getattr(whole, name), name
    assert msgspec.json.decode(streamed.usage_raw) == USAGE


def test_a_stream_without_include_usage_has_no_usage(wire: Any) -> None:
    call = wire.chat(REQUEST, wire.sse([chunk({"content": "Hi"}), chunk({}, "stop")], done=True))
    assert (call.status, call.usage, bytes(call.usage_raw)) == ("ok", Usage(), b"")
    assert call.segments[0].tokens is None


def test_a_usage_told_in_every_chunk_is_not_summed(wire: Any) -> None:
    counts = [{"prompt_tokens": 5, "completion_tokens": n, "total_tokens": 5 + n} for n in (1, 2, 3)]
    call = wire.chat(REQUEST, wire.sse([chunk({"content": "a"}, usage=c) for c in counts], done=True))
    assert call.usage.output_tokens == 3


def test_groq_hides_usage_in_its_own_member(wire: Any) -> None:
    counts = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    events = [chunk({"content": "a"}, x_groq={"id": "r"}), chunk({}, "stop", x_groq={"id": "r", "usage": counts})]
    call = wire.chat(REQUEST, wire.sse(events, done=True), host="api.groq.com")
    assert (call.provider, call.usage.output_tokens) == ("groq", 4)


def test_tool_calls_whole_and_streamed(wire: Any) -> None:
    function = {"name": "find", "arguments": '{"city": "Bari", "limit": 2}'}
    whole = wire.chat(
        REQUEST,
        answer({"content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}, "tool_calls"),
    )
    pieces = [
        {"index": 0, "id": "c", "type": "function", "function": {"name": "find", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"limit":2,'}},
        {"index": 0, "function": {"arguments": '"city":"Bari"}'}},
        {"index": 1},
    ]
    events = [chunk({"tool_calls": [piece]}) for piece in pieces] + [chunk({}, "tool_calls"), chunk(None, usage=USAGE)]
    streamed = wire.chat(REQUEST, wire.sse(events, done=True))
    assert whole.output_kind == streamed.output_kind == "tool"
    assert whole.tools_called == streamed.tools_called == ("find",)
    assert whole.output_hash == streamed.output_hash
    assert whole.output_bytes == len(function["arguments"])


def test_other_shapes_of_tool_calls(wire: Any) -> None:
    legacy = wire.chat(REQUEST, answer({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"))
    streamed = wire.chat(
        REQUEST,
        wire.sse(
            [chunk({"function_call": {"name": "f"}}), chunk({"function_call": {"arguments": "{}"}}), chunk({}, "stop")],
            done=True,
        ),
    )
    assert legacy.tools_called == streamed.tools_called == ("f",)
    assert legacy.output_hash == streamed.output_hash
    custom = wire.chat(REQUEST, answer({"tool_calls": [{"type": "custom", "custom": {"name": "sql", "input": "x"}}]}))
    assert custom.tools_called == ("sql",)
    as_object = wire.chat(REQUEST, answer({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}))
    as_text = wire.chat(REQUEST, answer({"tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]}))
    assert as_object.output_hash == as_text.output_hash


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("Plain words.", "text"),
        (' {"a": 1}\n', "json"),
        ("[1, 2]", "json"),
        ('{"a": 1', "text"),
        ("7", "text"),
        ("", "none"),
        (None, "none"),
    ],
)
def test_output_kinds(wire: Any, content: str | None, kind: str) -> None:
    assert wire.chat(REQUEST, answer({"content": content})).output_kind == kind


def test_typed_parts_and_refusals_are_output(wire: Any) -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Yes"}]
    plain = wire.chat(REQUEST, answer({"content": "Yes"}))
    assert wire.chat(REQUEST, answer({"content": parts})).output_hash == plain.output_hash
    streamed = wire.chat(REQUEST, wire.sse([chunk({"content": parts}), chunk({}, "stop")], done=True))
    assert streamed.output_hash == plain.output_hash
    assert wire.chat(REQUEST, answer({"content": 5})).output_kind == "none"
    refused = wire.chat(REQUEST, wire.sse([chunk({"refusal": "Yes"})], done=True))
    assert refused.output_hash == wire.chat(REQUEST, answer({"refusal": "Yes"})).output_hash == plain.output_hash


def test_several_choices_interleave(wire: Any) -> None:
    bare: dict[str, Any] = {"choices": [{"index": 0}]}
    events = [bare, chunk({"content": "b"}, index=1), chunk({"content": "a"}, "stop"), chunk({}, "length", index=1)]
    call = wire.chat(REQUEST | {"n": 2}, wire.sse(events, done=True))
    both = answer({"content": "a"})
    both["choices"].append({"index": 1, "message": {"content": "b"}, "finish_reason": "length"})
    assert call.output_hash == wire.chat(REQUEST, both).output_hash
    assert (call.status, call.finish_reason) == ("incomplete", "stop")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_stopped_early_is_incomplete(wire: Any, reason: str) -> None:
    assert wire.chat(REQUEST, answer({"content": "Th"}, reason)).status == "incomplete"


def test_a_stream_may_hold_an_error(wire: Any) -> None:
    events = [chunk({"content": "Th"}), {"error": {"message": "overloaded", "type": "server_error", "code": None}}]
    call = wire.chat(REQUEST, wire.sse(events))
    assert (call.status, call.error_type, call.flags) == ("error", "server_error", ("lower_bound",))


def test_a_200_may_hold_an_error(wire: Any) -> None:
    call = wire.chat(REQUEST, {"error": {"code": 502, "message": "no upstream"}})
    assert (call.status, call.error_type) == ("error", "502")
    assert wire.chat(REQUEST, {"error": "boom"}).error_type == "boom"
    assert wire.chat(REQUEST, {"error": {}}).error_type == "error"
    assert wire.chat(REQUEST, {"error": [1]}).error_type == "error"


def test_effort_and_limits(wire: Any) -> None:
    assert wire.chat(REQUEST | {"reasoning_effort": "low"}).effort == "low"
    assert wire.chat(REQUEST | {"reasoning": {"effort": "high"}}).effort == "high"
    assert wire.chat(REQUEST | {"max_tokens": 5}).max_output_tokens == 5
    assert wire.chat(REQUEST | {"max_tokens": -1, "temperature": "hot", "n": True}).max_output_tokens is None


def test_azure_names_the_model_in_the_path(wire: Any) -> None:
    request = {"messages": [{"role": "user", "content": "Hi"}]}
    call = wire.call(
        "/openai/deployments/cheap-one/chat/completions", request, answer({"content": "Hi"}), host="a.openai.azure.com"
    )
    assert (call.provider, call.request_model, call.response_model) == (
        "azure.ai.openai",
        "cheap-one",
        "gpt-4o-2024-08-06",
    )
    assert wire.chat(request).request_model is None


def test_an_odd_chunk_costs_only_itself(wire: Any) -> None:
    events = [chunk({"content": "a"}), {"id": 7, "choices": "none"}, chunk({"content": "b"}), chunk(None, usage=USAGE)]
    call = wire.chat(REQUEST, wire.sse(events, done=True))
    assert call.flags == ("response_undecodable",)
    assert (call.status, call.output_bytes, call.usage.output_tokens) == ("ok", 2, 300)


def test_a_member_of_another_type_costs_only_itself(wire: Any) -> None:
    events = [event | {"id": 1} for event in (chunk({"content": "a"}), chunk(None, usage=USAGE))]
    call = wire.chat(REQUEST, wire.sse(events, done=True))
    assert (call.status, call.flags, call.response_id) == ("ok", ("response_undecodable",), None)
    assert (call.output_bytes, call.usage.output_tokens) == (1, 300)


def test_blanks_around_the_end_of_a_stream(wire: Any) -> None:
    body = wire.sse([chunk({"content": "a"}), chunk(None, usage=USAGE)]) + b"data:  [DONE] \n\n"
    call = wire.chat(REQUEST, body)
    assert (call.status, call.flags, call.usage.output_tokens) == ("ok", (), 300)
