"""Bedrock: Converse, and InvokeModel with the bodies of every maker."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
NOVA = "/model/us.amazon.nova-lite-v1:0"
CLAUDE = "/model/global.anthropic.claude-sonnet-4-5-20250929-v1:0"
STREAM = "/invoke-with-response-stream"
ASK = {"messages": [{"role": "user", "content": [{"text": "Where is my order?"}]}]}
COUNTS = {"inputTokens": 9, "outputTokens": 4, "totalTokens": 13}
EVENTS = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockStart": {"start": {}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"text": "On its way."}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "hm"}}, "contentBlockIndex": 0}},
    {"contentBlockStart": {"start": {"toolUse": {"name": "find"}}, "contentBlockIndex": 1}},
    {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"a":'}}, "contentBlockIndex": 1}},
    {"contentBlockDelta": {"delta": {"toolUse": {"input": "1}"}}, "contentBlockIndex": 1}},
    {"contentBlockDelta": {"contentBlockIndex": 1}},
    {"contentBlockStart": {}},
    {"contentBlockStop": {"contentBlockIndex": 1}},
    {"messageStop": {}},
    {"messageStop": {"stopReason": "tool_use"}},
    {"metadata": {"usage": COUNTS, "metrics": {"latencyMs": 1}, "serviceTier": {"type": "flex"}}},
]
BLOCKS = [{"text": "On its way."}, {"reasoningContent": {}}, {"toolUse": {"name": "find", "input": {"a": 1}}}]
WHOLE = {"output": {"message": {"content": BLOCKS}}, "stopReason": "tool_use", "usage": COUNTS}


def test_converse_whole_and_streamed(wire: Any) -> None:
    whole = wire.call(NOVA + "/converse", ASK, WHOLE | {"serviceTier": {"type": "flex"}}, host=HOST)
    streamed = wire.call(NOVA + "/converse-stream", ASK, wire.named(EVENTS), host=HOST)
    for call in (whole, streamed):
        assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (9, 4)
        assert (call.status, call.finish_reason, call.flags) == ("ok", "tool_use", ())
        assert (call.provider, call.api, call.operation) == ("aws.bedrock", "bedrock.converse", "chat")
        assert (call.request_model, call.response_model) == ("us.amazon.nova-lite-v1:0", None)
        assert (call.tools_called, call.service_tier) == (("find",), "flex")
    assert (whole.stream, streamed.stream) == (False, True)
    assert whole.output_hash == streamed.output_hash


def test_the_cache_stands_beside_the_input_with_its_times_to_live(wire: Any) -> None:
    counts = {
        "inputTokens": 10,
        "outputTokens": 4,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 20}, {"ttl": "1h", "inputTokens": 10}],
    }
    for total in (14, 144):
        call = wire.call(CLAUDE + "/converse", ASK, WHOLE | {"usage": counts | {"totalTokens": total}}, host=HOST)
        assert call.flags == ()
        assert call.usage == Usage(
            input_uncached_tokens=10,
            cache_read_tokens=100,
            cache_write_short_tokens=20,
            cache_write_long_tokens=10,
            output_tokens=4,
            provider_total_tokens=total,
        )
    odd = wire.call(CLAUDE + "/converse", ASK, WHOLE | {"usage": counts | {"totalTokens": 15}}, host=HOST)
    assert odd.flags == ("usage_mismatch",)


def test_the_anatomy_of_a_conversation(wire: Any) -> None:
    request = {
        "system": [{"cachePoint": {}}, {"text": "Be short."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "find"}}, {"systemTool": {"name": "web"}}, {"cachePoint": {}}, {"x": {}}]
        },
        "messages": [
            {"role": "user", "content": [{"text": "a"}, {"image": {}}, {"document": {}}, {"guardContent": {}}]},
            {"role": "assistant", "content": [{"toolUse": {"name": "find", "input": {}}}]},
            {"role": "user", "content": [{"toolResult": {"content": []}}, {"audio": {}}]},
        ],
        "inferenceConfig": {"maxTokens": 5, "temperature": 0.5},
        "serviceTier": {"type": "priority"},
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}},
    }
    call = wire.call(NOVA + "/converse", request, WHOLE, host=HOST)
    assert [(segment.role, segment.kind, segment.name, segment.cache) for segment in call.segments] == [
        ("tool", "tool", "find", None),
        ("tool", "tool", "web", "5m"),
        ("tool", "tool", None, None),
        ("system", "schema", None, None),
        ("system", "text", None, "1h"),
        ("user", "text", None, None),
        ("user", "image", None, None),
        ("user", "document", None, None),
        ("user", "text", None, None),
        ("assistant", "tool_call", "find", None),
        ("tool", "tool_result", None, None),
        ("user", "audio", None, None),
    ]
    assert (call.max_output_tokens, call.temperature, call.request_tier) == (5, 0.5, "priority")
    assert sum(segment.tokens or 0 for segment in call.segments) == 9


@pytest.mark.parametrize(
    ("extra", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "budget-2048"),
        ({"reasoning_config": {"type": "adaptive"}}, "adaptive"),
        ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, "low"),
        ({}, None),
    ],
)
def test_efforts(wire: Any, extra: dict[str, Any], effort: str | None) -> None:
    call = wire.call(NOVA + "/converse", ASK | {"additionalModelRequestFields": extra}, WHOLE, host=HOST)
    assert call.effort == effort


def test_optimized_latency_has_a_price_of_its_own(wire: Any) -> None:
    told = wire.call(NOVA + "/converse", ASK, WHOLE | {"performanceConfig": {"latency": "optimized"}}, host=HOST)
    headers = {"x-amzn-bedrock-performanceconfig-latency": "optimized"}
    by_header = wire.call(NOVA + "/invoke", ASK, WHOLE, host=HOST, response_headers=headers)
    plain = wire.call(NOVA + "/converse", ASK, WHOLE | {"performanceConfig": {"latency": "standard"}}, host=HOST)
    assert (told.service_tier, by_header.service_tier, plain.service_tier) == ("optimized", "optimized", None)


def test_errors_before_and_inside_a_stream(wire: Any) -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.example/", "x-amzn-requestid": "q1"}
    call = wire.call(NOVA + "/converse", ASK, {"message": "no"}, host=HOST, status=429, response_headers=headers)
    assert (call.status, call.error_type, call.request_id) == ("error", "ThrottlingException", "q1")
    bare = wire.call(NOVA + "/converse", ASK, {"message": "no"}, host=HOST, status=400)
    assert (bare.status, bare.error_type) == ("error", "400")
    failure = wire.frame(b"{}", message_type="exception", exception_type="modelStreamErrorException")
    for path, body in (
        ("/converse-stream", wire.named(EVENTS[:3])),
        (STREAM, wire.chunks(EVENTS[:3])),
        (STREAM, wire.chunks([{"outputText": "a"}])),
        (STREAM, b""),
    ):
        late = wire.call(NOVA + path, ASK, body + failure, host=HOST)
        assert (late.status, late.error_type) == ("error", "modelStreamErrorException")
        assert late.flags == ("lower_bound",)


def test_an_event_nobody_knows_is_flagged(wire: Any) -> None:
    call = wire.call(NOVA + "/converse-stream", ASK, wire.named([*EVENTS, {"news": {}}]), host=HOST)
    assert (call.status, call.flags) == ("ok", ("unknown_event",))


def test_nova_has_the_events_of_converse(wire: Any) -> None:
    last = {"metadata": {"usage": COUNTS}, "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9}}
    call = wire.call(NOVA + STREAM, ASK, wire.chunks([*EVENTS[:-1], last]), host=HOST)
    assert (call.api, call.status, call.flags, call.tools_called) == ("bedrock.invoke", "ok", (), ("find",))
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (9, 4)


CLAUDE_ASK = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, **ASK}
CLAUDE_EVENTS = [
    {"type": "message_start", "message": {"id": "m", "model": "claude-x", "usage": {"input_tokens": 9}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "é"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 4}},
]


@pytest.mark.parametrize("left_out", [None, 2])
def test_claude_streams_with_metrics_at_the_end(wire: Any, left_out: int | None) -> None:
    events = [event for position, event in enumerate(CLAUDE_EVENTS) if position != left_out]
    call = wire.call(CLAUDE + STREAM, CLAUDE_ASK, wire.chunks(events), host=HOST)
    assert (call.status, call.usage.input_uncached_tokens, call.usage.output_tokens) == ("ok", 9, 4)
    assert (call.response_id, call.max_output_tokens, call.flags) == ("m", 9, ())


@pytest.mark.parametrize(
    ("path", "request_model", "response_model"),
    [
        (CLAUDE, "global.anthropic.claude-sonnet-4-5-20250929-v1:0", None),
        ("/model/arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc1", "abc1", "claude-x"),
        ("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aimported-model%2Fabc2", "abc2", "claude-x"),
    ],
)
def test_the_path_says_what_is_billed(wire: Any, path: str, request_model: str, response_model: str | None) -> None:
    body = {"type": "message", "model": "claude-x", "content": [], "usage": {"input_tokens": 1, "output_tokens": 2}}
    call = wire.call(path + "/invoke", CLAUDE_ASK, body, host=HOST)
    assert (call.request_model, call.response_model) == (request_model, response_model)


def test_a_path_on_the_servers_disk_is_no_model(wire: Any) -> None:
    body = {"object": "text_completion", "model": "/opt/ml/model", "choices": [{"text": "a", "finish_reason": "stop"}]}
    call = wire.call("/model/abc/invoke", {"prompt": "a"}, body, host=HOST)
    assert (call.response_model, call.output_bytes, call.operation) == (None, 1, "text_completion")


@pytest.mark.parametrize(
    ("request_body", "response", "usage", "size", "status"),
    [
        (
            {"prompt": "a", "max_gen_len": 5},
            {"generation": "yes", "prompt_token_count": 9, "generation_token_count": 4, "stop_reason": "length"},
            (9, 4),
            3,
            "incomplete",
        ),
        (
            {"inputText": "a", "textGenerationConfig": {"maxTokenCount": 5}},
            {
                "inputTextTokenCount": 9.0,
                "results": [{"tokenCount": 4.0, "outputText": "yes", "completionReason": "FINISH"}, {}],
            },
            (9, 4),
            3,
            "ok",
        ),
        (
            {"message": "a", "max_tokens": 5, "chat_history": [{"role": "CHATBOT", "message": "b"}]},
            {"response_id": "r", "text": "yes", "finish_reason": "COMPLETE"},
            (None, None),
            3,
            "ok",
        ),
        (
            {"prompt": "a", "max_tokens": 5},
            {"id": "i", "generations": [{"text": "yes", "finish_reason": "MAX_TOKENS"}]},
            (None, None),
            3,
            "incomplete",
        ),
        (
            {"prompt": "a", "max_tokens": 5},
            {"outputs": [{"text": "yes", "stop_reason": "stop"}]},
            (None, None),
            3,
            "ok",
        ),
        (
            {"prompt": "a", "maxTokens": 5},
            {"completions": [{"data": {"text": "yes"}, "finishReason": {"reason": "endoftext"}}]},
            (None, None),
            3,
            "ok",
        ),
        (
            {"prompt": "a", "max_tokens_to_sample": 5},
            {"type": "completion", "completion": "yes", "stop_reason": "stop_sequence"},
            (None, None),
            3,
            "ok",
        ),
        (
            {"messages": [{"role": "user", "content": "a"}], "max_tokens": 5},
            {
                "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
            },
            (9, 4),
            3,
            "ok",
        ),
    ],
)
def test_every_makers_body(
    wire: Any, request_body: Any, response: object, usage: tuple[int | None, int | None], size: int, status: str
) -> None:
    call = wire.call("/model/x.y/invoke", request_body, response, host=HOST)
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == usage
    assert (call.output_bytes, call.status, call.max_output_tokens, call.flags) == (size, status, 5, ())
    headers = {
        "x-amzn-bedrock-input-token-count": "7",
        "x-amzn-bedrock-output-token-count": "3",
        "x-amzn-bedrock-cache-read-input-token-count": "odd",
        "x-amzn-bedrock-cache-write-input-token-count": "9" * 5000,
    }
    counted = wire.call("/model/x.y/invoke", request_body, response, host=HOST, response_headers=headers)
    expected = usage if usage[0] is not None else (7, 3)
    assert (counted.usage.input_uncached_tokens, counted.usage.output_tokens) == expected
    assert counted.usage.cache_read_tokens is None


@pytest.mark.parametrize(
    ("events", "status", "reason"),
    [
        (
            [
                {"outputText": "a", "totalOutputTextTokenCount": None, "inputTextTokenCount": 9},
                {"outputText": "b", "totalOutputTextTokenCount": 4.0, "completionReason": "FINISH"},
            ],
            "ok",
            "FINISH",
        ),
        (
            [{"outputText": "a", "inputTextTokenCount": 9, "totalOutputTextTokenCount": 4,
              "amazon-bedrock-guardrailAction": "INTERVENED"}],
            "incomplete",
            "guardrail_intervened",
        ),
        (
            [{"outputs": [{"text": "a", "stop_reason": None}]},
             {"outputs": [{"text": "b", "stop_reason": "stop"}],
              "amazon-bedrock-invocationMetrics": {"inputTokenCount": 9, "outputTokenCount": 4}}],
            "ok",
            "stop",
        ),
        (
            [{"choices": [{"delta": {"content": "a"}}]},
             {"choices": [{"delta": {}, "finish_reason": "stop"}],
              "usage": {"prompt_tokens": 9, "completion_tokens": 4}}],
            "ok",
            "stop",
        ),
        (
            [{"text": "a", "is_finished": False},
             {"finish_reason": "COMPLETE", "usage": {"inputTokens": 9, "outputTokens": 4}}],
            "ok",
            "COMPLETE",
        ),
    ],
)  # fmt: skip
def test_every_makers_stream(wire: Any, events: list[Any], status: str, reason: str) -> None:
    call = wire.call("/model/x.y" + STREAM, {"prompt": "a"}, wire.chunks(events), host=HOST)
    assert (call.status, call.finish_reason) == (status, reason)
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens, call.stream) == (9, 4, True)


@pytest.mark.parametrize(
    ("request_body", "response", "tokens"),
    [
        ({"inputText": "a", "inputImage": "AA"}, {"embedding": [1], "inputTextTokenCount": 3}, 3),
        ({"texts": ["a", "b"], "input_type": "x"}, {"embeddings": [[1], [2]], "id": "i"}, None),
    ],
)
def test_embeddings(wire: Any, request_body: object, response: object, tokens: int | None) -> None:
    call = wire.call("/model/x.y/invoke", request_body, response, host=HOST)
    assert (call.operation, call.output_kind, call.usage.input_uncached_tokens) == ("embeddings", "vector", tokens)
    assert len(call.segments) == 2


def test_an_abandoned_request_still_asked_for_a_stream(wire: Any) -> None:
    call = wire.call(CLAUDE + STREAM, CLAUDE_ASK, b"", host=HOST, ended="closed")
    assert (call.stream, call.status, call.flags) == (True, "aborted", ("lower_bound",))
    unread = wire.call(CLAUDE + STREAM, b"", {"message": "no"}, host=HOST, status=400)
    assert (unread.stream, unread.status, unread.flags) == (True, "error", ("request_undecodable",))


def test_openais_format_counts_cached_tokens_inside_the_prompt(wire: Any) -> None:
    counts = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    choice = {"index": 0, "message": {"content": "On its way."}, "finish_reason": "stop"}
    body = {"id": "i", "choices": [choice], "usage": counts | {"prompt_tokens_details": {"cached_tokens": 60}}}
    path = "/model/openai.gpt-oss-120b-1:0/invoke"
    call = wire.call(path, {"messages": []}, body, host="bedrock-runtime.us-east-1.amazonaws.com")
    assert call.usage == Usage(
        input_uncached_tokens=40, cache_read_tokens=60, output_tokens=20, provider_total_tokens=120
    )
    assert call.flags == ()
