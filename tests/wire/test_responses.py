"""OpenAI responses, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

REQUEST = {"model": "gpt-6", "input": "Which orders are late?", "instructions": "Be short.", "max_output_tokens": 70}
USAGE = {
    "input_tokens": 1500,
    "input_tokens_details": {
        "cached_tokens": 1024,
        "cache_write_tokens": 300,
        "cache_write_tokens_details": {"ttl_30m_tokens": 100, "ttl_12h_tokens": 200},
    },
    "output_tokens": 80,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 1580,
}
TEXT = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Three."}]}
CALL = {"type": "function_call", "name": "find", "arguments": '{"city":"Bari"}', "call_id": "c"}


def response(output: list[Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    body = {"id": "resp_1", "object": "response", "model": "gpt-6-1", "status": status, "output": output}
    return body | {"usage": USAGE, "service_tier": "default", "error": None, "incomplete_details": None} | more


def test_a_whole_response(wire: Any) -> None:
    call = wire.responses(REQUEST | {"reasoning": {"effort": "low"}}, response([{"type": "reasoning"}, TEXT]))
    assert call.usage == Usage(
        input_uncached_tokens=176,
        cache_read_tokens=1024,
        cache_write_short_tokens=100,
        cache_write_long_tokens=200,
        output_tokens=80,
        reasoning_tokens=64,
        web_search_requests=0,
        file_search_requests=0,
        code_execution_requests=0,
        provider_total_tokens=1580,
    )
    assert (call.status, call.finish_reason, call.effort, call.service_tier) == ("ok", "completed", "low", "default")
    assert (call.response_id, call.response_model, call.max_output_tokens) == ("resp_1", "gpt-6-1", 70)
    assert (call.output_kind, call.output_bytes) == ("text", 6)
    assert [(s.role, s.kind) for s in call.segments] == [("system", "text"), ("user", "text")]


def test_billed_tool_items_are_counted(wire: Any) -> None:
    output = [
        {"type": "web_search_call", "action": {"type": "search", "query": "x"}},
        {"type": "web_search_call"},
        {"type": "web_search_call", "action": {"type": "open_page"}},
        {"type": "file_search_call"},
        {"type": "code_interpreter_call", "code": "1+1"},
        {"type": "mcp_call", "name": "wiki", "arguments": "{}"},
        CALL,
    ]
    call = wire.responses(REQUEST, response(output))
    usage = call.usage
    assert (usage.web_search_requests, usage.file_search_requests, usage.code_execution_requests) == (2, 1, 1)
    assert call.tools_called == (
        "web_search", "web_search", "web_search", "file_search", "code_interpreter", "wiki", "find",
    )  # fmt: skip
    assert (call.output_kind, call.output_bytes) == ("tool", len(CALL["arguments"]))


@pytest.mark.parametrize(
    ("told", "searches", "flags"),
    [
        ({}, 1, ("lower_bound",)),
        ({"image_gen": {"input_tokens": 100, "output_tokens": 4160, "total_tokens": 4260}}, 1, ("lower_bound",)),
        ({"image_gen": {"total_tokens": 0}, "web_search": {"num_requests": 3}}, 3, ()),
        ({"image_gen": {}, "web_search": {}}, 1, ("lower_bound",)),
    ],
)
def test_tools_the_provider_counts_itself(
    wire: Any, told: dict[str, Any], searches: int, flags: tuple[str, ...]
) -> None:
    """Pictures are drawn by another model, at prices that this model's buckets cannot carry."""
    output = [{"type": "web_search_call"}, {"type": "image_generation_call", "result": "AA"}, TEXT]
    body = response(output, tool_usage=told)
    for answer in (body, wire.sse([{"type": "response.completed", "response": body}])):
        call = wire.responses(REQUEST, answer)
        assert (call.usage.web_search_requests, call.flags) == (searches, flags)
    assert wire.responses(REQUEST, response([CALL | {"name": "image_generation"}])).flags == ()


def test_items_that_say_nothing(wire: Any) -> None:
    odd = {"type": "message", "content": [{"type": "output_text", "text": 5}, {"type": "refusal", "refusal": "No."}]}
    call = wire.responses(REQUEST, response([odd, {"type": "compaction"}, {}]))
    assert (call.output_bytes, call.tools_called) == (3, ())
    bare = wire.responses(REQUEST, {"id": "resp_1", "usage": {"input_tokens": 3, "output_tokens": 4}})
    assert (bare.status, bare.usage) == ("ok", Usage(input_uncached_tokens=3, output_tokens=4))


def test_a_stream_is_read_from_its_terminal_event(wire: Any) -> None:
    events = [
        {"type": "response.created", "response": response([], "in_progress", usage=None)},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Thr"},
        {"type": "response.completed", "response": response([TEXT])},
    ]
    streamed = wire.responses(REQUEST | {"stream": True}, wire.sse(events, named=True))
    whole = wire.responses(REQUEST, response([TEXT]))
    for name in set(whole.__struct_fields__) - {"stream", "request_bytes", "response_bytes", "usage_raw"}:
        assert getattr(streamed, name) == getattr(whole, name), name


def test_a_stream_that_was_closed_keeps_what_it_told(wire: Any) -> None:
    events = [
        {"type": "response.created", "response": response([], "in_progress", usage=None)},
        {"type": "response.output_item.added", "output_index": 0, "item": CALL | {"arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"city":'},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": 5},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "web_search_call"}},
        {"type": "response.output_text.delta", "output_index": 2, "delta": "Th"},
        {"type": "response.queued", "response": 7},
        {"type": "response.output_item.added", "item": "?"},
    ]
    call = wire.responses(REQUEST, wire.sse(events, named=True), ended="closed")
    assert (call.status, call.flags, call.usage) == ("aborted", ("lower_bound",), Usage(web_search_requests=1))
    assert (call.response_id, call.service_tier, call.output_bytes) == ("resp_1", "default", 10)
    assert call.tools_called == ("find", "web_search")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            response([TEXT], "incomplete", incomplete_details={"reason": "max_output_tokens"}),
            ("incomplete", "max_output_tokens", None),
        ),
        (response([], "failed", error={"code": "server_error", "message": "m"}), ("error", "failed", "server_error")),
        (response([], "cancelled"), ("error", "cancelled", "response_cancelled")),
    ],
)
def test_terminal_states(wire: Any, body: dict[str, Any], expected: tuple[str, ...]) -> None:
    state = str(body["status"])
    for answer in (body, wire.sse([{"type": f"response.{state}", "response": body}])):
        call = wire.responses(REQUEST, answer)
        if state != "cancelled" or isinstance(answer, dict):
            assert (call.status, call.finish_reason, call.error_type) == expected


def test_error_events(wire: Any) -> None:
    coded = wire.responses(REQUEST, wire.sse([{"type": "error", "code": "rate_limit_exceeded", "message": "m"}]))
    assert (coded.status, coded.error_type) == ("error", "rate_limit_exceeded")
    sentence = wire.responses(REQUEST, wire.sse([{"type": "error", "code": "you sent this", "message": "m"}]))
    assert sentence.error_type == "error"
    nested = wire.responses(REQUEST, wire.sse([{"error": {"type": "overloaded"}}]))
    assert nested.error_type == "overloaded"
    bare = wire.responses(REQUEST, wire.sse([{"type": "error"}]))
    assert bare.error_type == "error"
    failed = response([], "failed", error=None)
    both = wire.responses(
        REQUEST, wire.sse([{"type": "error", "code": "a"}, {"type": "response.failed", "response": failed}])
    )
    assert both.error_type == "response_failed"
    unread = wire.responses(REQUEST, wire.sse([{"type": "response.completed", "response": 7}]))
    assert unread.status == "aborted"


def test_an_events_member_of_another_type_costs_only_itself(wire: Any) -> None:
    events = [{"type": "response.completed", "response": response([TEXT]), "output_index": None}]
    call = wire.responses(REQUEST, wire.sse(events))
    assert (call.status, call.flags, call.output_bytes) == ("ok", ("response_undecodable",), 6)
    assert call.usage == wire.responses(REQUEST, response([TEXT])).usage


def test_an_unknown_event_is_flagged(wire: Any) -> None:
    events = [{"type": "session.weather"}, {"type": "response.completed", "response": response([TEXT])}]
    call = wire.responses(REQUEST, wire.sse(events))
    assert (call.status, call.flags) == ("ok", ("unknown_event",))


def test_a_background_response_runs_on(wire: Any) -> None:
    request = REQUEST | {"background": True, "background_options": {"completion_window": "8h"}}
    call = wire.responses(request, response([], "queued", usage=None))
    assert (call.status, call.finish_reason, call.flags) == ("ok", "queued", ("lower_bound",))
    assert (call.request_tier, call.usage) == ("background-8h", Usage())
    assert wire.responses(REQUEST | {"background_options": {}}, response([])).request_tier is None


def test_stored_turns_leave_the_sharing_unknown(wire: Any) -> None:
    call = wire.responses(REQUEST | {"previous_response_id": "resp_0"}, response([TEXT]))
    assert call.usage.input_uncached_tokens == 176
    assert {segment.tokens for segment in call.segments} == {None}


def test_every_kind_of_input_item(wire: Any) -> None:
    items = [
        {"role": "developer", "content": "Be kind."},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Look:"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "input_file", "file_id": "file_1"},
            {"type": "hologram", "hologram": 1},
            {"type": "input_text", "text": 5},
        ]},
        {"type": "reasoning", "summary": []},
        CALL,
        {"type": "function_call_output", "call_id": "c", "output": "none late"},
        {"type": "computer_call_output", "call_id": "d"},
        {"type": "local_shell_call", "action": {}},
        {"role": "user"},
        {"role": "user", "content": 12},
    ]  # fmt: skip
    call = wire.responses({"model": "m", "input": items}, response([TEXT]))
    assert [(s.role, s.kind, s.name, s.image_detail) for s in call.segments] == [
        ("system", "text", None, None),
        ("user", "text", None, None),
        ("user", "image", None, "low"),
        ("user", "audio", None, None),
        ("user", "document", None, None),
        ("user", "text", None, None),
        ("user", "text", None, None),
        ("assistant", "text", None, None),
        ("assistant", "tool_call", "find", None),
        ("tool", "tool_result", None, None),
        ("tool", "tool_result", None, None),
        ("assistant", "tool_call", "local_shell_call", None),
        ("user", "text", None, None),
    ]
    assert sum(segment.tokens or 0 for segment in call.segments) == 1500
    assert wire.responses({"model": "m"}, response([TEXT])).segments == ()


def test_breakpoints_and_their_time_to_live(wire: Any) -> None:
    def part(marker: dict[str, Any] | None) -> dict[str, Any]:
        return {"type": "input_text", "text": "x", "prompt_cache_breakpoint": marker}

    content = [part({"mode": "explicit"}), part({"mode": "explicit", "ttl": "30m"}), part(None)]
    request = {"model": "m", "input": [{"role": "user", "content": content}], "prompt_cache_options": {"ttl": "12h"}}
    call = wire.responses(request, response([TEXT]))
    assert [segment.cache for segment in call.segments] == ["12h", "30m", None]
    assert len({segment.hash for segment in call.segments}) == 1
    default = wire.responses(request | {"prompt_cache_options": {"ttl": "1y"}}, response([TEXT]))
    assert default.segments[0].cache == "30m"


def test_the_schema_stands_before_the_instructions(wire: Any) -> None:
    schema = {"type": "object", "properties": {"late": {"type": "integer"}}}
    request = REQUEST | {"text": {"format": {"type": "json_schema", "name": "late", "schema": schema}}}
    call = wire.responses(request, response([TEXT]))
    assert [s.kind for s in call.segments] == ["schema", "text", "text"]
    assert call.schema_hash == call.segments[0].hash
    plain = wire.responses(REQUEST | {"text": {"format": {"type": "text"}}}, response([TEXT]))
    assert plain.schema_hash is None
