"""Gemini and Vertex: usage beside and inside the prompt count, both ways to stream, embeddings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otelcost.model import Usage

GEMINI = "generativelanguage.googleapis.com"
VERTEX = "europe-west1-aiplatform.googleapis.com"
GENERATE = "/v1beta/models/gemini-3-flash:generateContent"
STREAM = "/v1beta/models/gemini-3-flash:streamGenerateContent"
PROJECT = "/v1/projects/p/locations/europe-west1/publishers/google/models/gemini-3-pro:generateContent"
ASK = {"contents": [{"role": "user", "parts": [{"text": "Where is my order?"}]}]}


def answer(**usage: Any) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "On its way."}]}, "finishReason": "STOP"}],
        "modelVersion": "gemini-3-flash-001",
        "responseId": "r1",
        "usageMetadata": usage,
    }


def test_thoughts_and_tool_prompts_stand_beside_the_counts(wire: Any) -> None:
    body = answer(
        promptTokenCount=100,
        cachedContentTokenCount=60,
        toolUsePromptTokenCount=7,
        candidatesTokenCount=20,
        thoughtsTokenCount=30,
        totalTokenCount=157,
    )
    call = wire.call(GENERATE, ASK, body, host=GEMINI)
    assert call.usage == Usage(
        input_uncached_tokens=47,
        cache_read_tokens=60,
        output_tokens=50,
        reasoning_tokens=30,
        provider_total_tokens=157,
    )
    assert (call.flags, call.status, call.finish_reason) == ((), "ok", "STOP")
    assert (call.provider, call.operation, call.api) == ("gcp.gemini", "generate_content", "gemini.generate")
    assert (call.request_model, call.response_model, call.response_id) == (
        "gemini-3-flash",
        "gemini-3-flash-001",
        "r1",
    )


def test_modalities_are_parts_of_their_buckets(wire: Any) -> None:
    def details(**counts: int) -> list[dict[str, object]]:
        return [{"modality": name, "tokenCount": count} for name, count in counts.items()]

    body = answer(
        promptTokenCount=100,
        cachedContentTokenCount=40,
        candidatesTokenCount=20,
        totalTokenCount=120,
        promptTokensDetails=[*details(TEXT=50, AUDIO=30, IMAGE=20), "odd", {"modality": 1}],
        cacheTokensDetails=details(AUDIO=10, IMAGE=5, TEXT=25),
        candidatesTokensDetails=details(AUDIO=4, IMAGE=16),
    )
    usage = wire.call(GENERATE, ASK, body, host=GEMINI).usage
    assert (usage.input_audio_tokens, usage.cache_read_audio_tokens, usage.output_audio_tokens) == (20, 10, 4)
    assert (usage.input_image_tokens, usage.cache_read_image_tokens, usage.output_image_tokens) == (15, 5, 16)


def test_an_output_of_nothing_is_left_out_and_known_by_the_total(wire: Any) -> None:
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
    }
    call = wire.call(GENERATE, ASK, blocked, host=GEMINI)
    assert (call.usage.output_tokens, call.status, call.finish_reason) == (0, "incomplete", "SAFETY")
    assert wire.call(GENERATE, ASK, answer(promptTokenCount=9), host=GEMINI).usage.output_tokens is None


def test_feedback_alone_is_an_answer(wire: Any) -> None:
    call = wire.call(GENERATE, ASK, {"promptFeedback": {}}, host=GEMINI)
    assert (call.status, call.flags, call.output_kind) == ("ok", (), "none")


@pytest.mark.parametrize(
    ("counts", "header", "tier"),
    [
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, None, "provisioned"),
        ({"serviceTier": "priority"}, None, "priority"),
        ({"serviceTier": "priority"}, "standard", "standard"),
        ({}, "paid", None),
        ({}, None, None),
    ],
)
def test_the_tier_that_was_served(wire: Any, counts: dict[str, Any], header: str | None, tier: str | None) -> None:
    headers = {} if header is None else {"x-gemini-service-tier": header}
    call = wire.call(GENERATE, ASK, answer(promptTokenCount=9, **counts), host=GEMINI, response_headers=headers)
    assert call.service_tier == tier


@pytest.mark.parametrize("array", [False, True])
def test_both_ways_to_stream(wire: Any, array: bool) -> None:
    chunks = [
        {"candidates": [{"content": {"parts": [{"text": "On its "}]}}], "usageMetadata": {"promptTokenCount": 9}},
        {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}]}}, {"index": 1}, {}]},
        answer(promptTokenCount=9, candidatesTokenCount=4, totalTokenCount=13)
        | {"candidates": [{"content": {"parts": [{"text": "way."}]}, "finishReason": "STOP"}]},
    ]
    body = json.dumps(chunks, indent=1).encode() if array else wire.sse(chunks)
    call = wire.call(STREAM, ASK, body, host=GEMINI, response_headers={"x-gemini-service-tier": "flex"})
    whole = wire.call(GENERATE, ASK, answer(promptTokenCount=9, candidatesTokenCount=4), host=GEMINI)
    assert (call.stream, call.status, call.service_tier) == (True, "ok", "flex")
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (9, 4)
    assert call.output_hash == whole.output_hash
    for cut in range(1, len(body.rstrip()) - 80):
        early = wire.call(STREAM, ASK, body[:cut], host=GEMINI, ended="closed")
        assert (early.status, early.flags) == ("aborted", ("lower_bound",))


def test_an_array_of_nonsense_is_flagged(wire: Any) -> None:
    call = wire.call(STREAM, ASK, b"[1, 2]", host=GEMINI)
    assert (call.status, call.flags) == ("error", ("response_undecodable",))
    assert wire.call(STREAM, ASK, b'[{"candidates": []}], [', host=GEMINI).flags == ("lower_bound",)


def test_errors(wire: Any) -> None:
    error = {"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED"}}
    call = wire.call(GENERATE, ASK, error, host=GEMINI, status=429)
    assert (call.status, call.error_type) == ("error", "RESOURCE_EXHAUSTED")
    listed = wire.call(STREAM, ASK, [error], host=GEMINI, status=429)
    assert (listed.status, listed.error_type) == ("error", "RESOURCE_EXHAUSTED")
    late = wire.call(STREAM, ASK, wire.sse([{"candidates": []}, error]), host=GEMINI)
    assert (late.status, late.error_type, late.flags) == ("error", "RESOURCE_EXHAUSTED", ("lower_bound",))


@pytest.mark.parametrize(
    ("host", "path", "provider", "flags"),
    [
        (VERTEX, PROJECT, "gcp.vertex_ai", ()),
        ("aiplatform.googleapis.com", PROJECT, "gcp.vertex_ai", ()),
        ("proxy.internal", PROJECT, "gcp.vertex_ai", ("provider_assumed",)),
        ("proxy.internal", GENERATE, "gcp.gemini", ("provider_assumed",)),
    ],
)
def test_whose_it_is(wire: Any, host: str, path: str, provider: str, flags: tuple[str, ...]) -> None:
    body = answer(promptTokenCount=9, candidatesTokenCount=4, totalTokenCount=13, trafficType="ON_DEMAND_PRIORITY")
    call = wire.call(path, ASK, body, host=host)
    assert (call.provider, call.flags, call.service_tier) == (provider, flags, "priority")


def test_the_anatomy_of_a_request(wire: Any) -> None:
    request = {
        "system_instruction": {"parts": {"text": "Be short."}},
        "tools": [{"functionDeclarations": [{"name": "find"}, {"name": "buy"}]}, {"googleSearch": {}}],
        "contents": [
            {"parts": [{"text": "a"}, {"inlineData": {"mimeType": "audio/wav", "data": "AA"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {}}}]},
            {"role": "function", "parts": [{"functionResponse": {"name": "find", "response": {}}}]},
            {
                "role": "user",
                "parts": [
                    {"fileData": {"mimeType": "application/pdf"}},
                    {"file_data": {"mime_type": "video/mp4"}},
                    {"executableCode": {}},
                ],
            },
        ],
        "generationConfig": {
            "maxOutputTokens": 5,
            "temperature": 0.5,
            "candidateCount": 2,
            "responseSchema": {"type": "OBJECT"},
            "thinkingConfig": {"thinkingLevel": "low"},
        },
        "serviceTier": "SERVICE_TIER_FLEX",
    }
    call = wire.call(GENERATE, request, answer(promptTokenCount=100, candidatesTokenCount=1), host=GEMINI)
    assert [(segment.role, segment.kind, segment.name) for segment in call.segments] == [
        ("tool", "tool", "find"),
        ("tool", "tool", "buy"),
        ("tool", "tool", "googleSearch"),
        ("system", "schema", None),
        ("system", "text", None),
        ("user", "text", None),
        ("user", "audio", None),
        ("assistant", "tool_call", "find"),
        ("tool", "tool_result", None),
        ("user", "document", None),
        ("user", "image", None),
        ("user", "text", None),
    ]
    assert sum(segment.tokens or 0 for segment in call.segments) == 100
    assert (call.max_output_tokens, call.temperature, call.choices, call.effort, call.request_tier) == (
        5,
        0.5,
        2,
        "low",
        "flex",
    )
    assert call.schema_hash is not None


@pytest.mark.parametrize(
    ("thinking", "effort"), [({"thinkingBudget": 0}, "budget-0"), ({"includeThoughts": True}, None)]
)
def test_thinking_budgets(wire: Any, thinking: dict[str, Any], effort: str | None) -> None:
    call = wire.call(GENERATE, ASK | {"generationConfig": {"thinkingConfig": thinking}}, answer(), host=GEMINI)
    assert call.effort == effort


def test_cached_content_hides_part_of_the_prompt(wire: Any) -> None:
    request = ASK | {"cachedContent": "cachedContents/x"}
    call = wire.call(GENERATE, request, answer(promptTokenCount=100, candidatesTokenCount=1), host=GEMINI)
    assert [segment.tokens for segment in call.segments] == [None]


def test_tool_calls_are_told_by_name(wire: Any) -> None:
    parts = [{"functionCall": {"name": "find", "args": {"a": 1}}}, {"functionCall": {}}, {"executableCode": {}}]
    call = wire.call(
        GENERATE, ASK, {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}, host=GEMINI
    )
    assert (call.tools_called, call.output_kind, call.usage) == (("find",), "tool", Usage())


EMBED = "/v1beta/models/gemini-embedding-001:embedContent"
BATCH = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
PREDICT = "/v1/projects/p/locations/us/publishers/google/models/text-embedding-005:predict"


@pytest.mark.parametrize(
    ("path", "request_body", "response", "tokens", "segments"),
    [
        (EMBED, {"content": {"parts": [{"text": "a"}]}}, {"embedding": {"values": [0.5]}}, None, 1),
        (
            EMBED,
            {"content": {"parts": [{"text": "a"}]}},
            {"embedding": {}, "usageMetadata": {"promptTokenCount": 3}},
            3,
            1,
        ),
        (
            BATCH,
            {"requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}}] * 2},
            {"embeddings": [{}, {}]},
            None,
            2,
        ),
        (
            PREDICT,
            {"instances": [{"content": "a"}, {"image": "b"}]},
            {"predictions": [{"embeddings": {"statistics": {"token_count": 2}}}] * 2},
            4,
            2,
        ),
        (PREDICT, {"instances": []}, {"predictions": [{"embeddings": {}}, {}]}, None, 0),
        (PREDICT, {"instances": []}, {"predictions": []}, None, 0),
    ],
)
def test_embeddings(
    wire: Any, path: str, request_body: object, response: object, tokens: int | None, segments: int
) -> None:
    call = wire.call(path, request_body, response, host=VERTEX if path == PREDICT else GEMINI)
    assert (call.status, call.flags, call.operation, call.output_kind) == ("ok", (), "embeddings", "vector")
    assert call.usage.input_uncached_tokens == tokens
    assert call.usage.output_tokens == (None if tokens is None else 0)
    assert len(call.segments) == segments
    assert call.request_model == path.rpartition("/")[2].partition(":")[0]


def test_an_embedding_is_never_a_stream(wire: Any) -> None:
    assert wire.call(EMBED, {}, wire.sse([{"a": 1}]), host=GEMINI).flags == ("response_undecodable",)


def test_claude_and_mistral_on_vertex(wire: Any) -> None:
    claude = "/v1/projects/p/locations/us/publishers/anthropic/models/claude-sonnet-5@20260101:streamRawPredict"
    ask = {"anthropic_version": "vertex-2023-10-16", "messages": [{"role": "user", "content": "a"}], "stream": True}
    events = [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    ]
    call = wire.call(claude, ask, wire.sse(events, named=True), host=VERTEX)
    assert (call.provider, call.api, call.request_model) == (
        "gcp.vertex_ai",
        "anthropic.messages",
        "claude-sonnet-5@20260101",
    )
    assert (call.usage.input_uncached_tokens, call.usage.output_tokens, call.status) == (9, 4, "ok")
    mistral = "/v1/projects/p/locations/us/publishers/mistralai/models/codestral-2:rawPredict"
    body = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}
    call = wire.call(mistral, {"model": "codestral-2", "messages": []}, body, host=VERTEX)
    assert (call.api, call.usage.output_tokens) == ("openai.chat", 2)


def test_the_resolution_of_media(wire: Any) -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    own = image | {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}
    request = {
        "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
        "contents": [{"parts": [image, own, {"text": "x"}]}],
    }
    call = wire.call(GENERATE, request, {}, host=GEMINI)
    assert [segment.image_detail for segment in call.segments] == ["low", "high", None]


def grounded(model: str, *queries: object, **more: Any) -> dict[str, Any]:
    body = answer(promptTokenCount=10, candidatesTokenCount=5, totalTokenCount=15) | {"modelVersion": model}
    body["candidates"][0]["groundingMetadata"] = {"webSearchQueries": list(queries)} | more
    return body


@pytest.mark.parametrize(
    ("model", "queries", "searches"),
    [
        ("gemini-3.5-flash", ("late orders", "", "carrier strike", "late orders", 7), 2),
        ("gemini-4-pro", ("late orders", "carrier strike"), 2),
        ("gemini-2.5-flash", ("late orders", "carrier strike"), 1),
        ("gemini-1.5-flash", ("late orders",), 1),
        ("gemini-2.5-flash", ("",), None),
        ("gemini-3.5-flash", (), None),
    ],
)
def test_searches_are_billed_by_the_query_or_once_a_prompt(
    wire: Any, model: str, queries: tuple[object, ...], searches: int | None
) -> None:
    assert wire.call(GENERATE, ASK, grounded(model, *queries), host=GEMINI).usage.web_search_requests == searches


def test_a_stream_tells_the_same_search_more_than_once(wire: Any) -> None:
    chunks = [grounded("gemini-3.5-flash", *told) for told in (("a",), ("a", "b"), ())]
    chunks.append(grounded("gemini-3.5-flash", webSearchQueries="odd"))
    call = wire.call(STREAM, ASK, wire.sse(chunks), host=GEMINI)
    assert call.usage.web_search_requests == 2
