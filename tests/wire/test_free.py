"""What providers do for nothing: recorded, counted, and in no bucket that is billed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from otelcost.model import Usage
from otelcost.wire import texts_of

NOTHING = {
    "input_uncached_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_short_tokens": 0,
    "cache_write_long_tokens": 0,
    "output_tokens": 0,
}
MESSAGES = [{"role": "user", "content": "How far is the moon?"}]
CONTENTS = [{"role": "user", "parts": [{"text": "How far is the moon?"}]}]
VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict"
CASES = [
    (
        "/v1/responses/input_tokens",
        {"model": "m", "input": "x"},
        {"object": "response.input_tokens", "input_tokens": 95},
    ),
    ("/v1/messages/count_tokens", {"model": "m", "messages": MESSAGES}, {"input_tokens": 95}),
    (VERTEX, {"model": "m", "messages": MESSAGES}, {"input_tokens": 95}),
    ("/v1beta/models/m:countTokens", {"contents": CONTENTS}, {"totalTokens": 95, "cachedContentTokenCount": 20}),
    (
        "/model/m/count-tokens",
        {"input": {"converse": {"messages": [{"content": [{"text": "x"}]}]}}},
        {"inputTokens": 95},
    ),
]


@pytest.mark.parametrize(("path", "request_", "answer"), CASES, ids=[path for path, _, _ in CASES])
def test_counting_is_free_and_known(wire: Any, path: str, request_: Any, answer: Any) -> None:
    call = wire.call(path, request_, answer, trusted_host=True)
    assert (call.operation, call.request_model, call.status, call.flags) == ("count_tokens", "m", "ok", ("free",))
    assert call.usage == Usage(**NOTHING, provider_total_tokens=95)
    assert [segment.tokens for segment in call.segments] == [95]
    assert b"95" in bytes(call.usage_raw)
    assert texts_of(wire.exchange(path, request_, answer)) is None


@pytest.mark.parametrize(("path", "request_", "answer"), CASES, ids=[path for path, _, _ in CASES])
def test_counting_that_failed_costs_nothing_either(wire: Any, path: str, request_: Any, answer: Any) -> None:
    del answer
    late = wire.call(path, request_, b"", status=None, ended="timeout", error_type="ReadTimeout", trusted_host=True)
    assert (late.status, late.flags, late.usage) == ("timeout", ("free",), Usage(**NOTHING))
    refused = wire.call(path, request_, {"error": {"type": "rate_limit_error"}}, status=429, trusted_host=True)
    assert (refused.status, refused.error_type, refused.flags) == ("error", "rate_limit_error", ("free",))


def test_moderation_is_free_at_openai_and_billed_at_mistral(wire: Any) -> None:
    asked = {"input": ["a", {"type": "image_url", "image_url": {"url": "u"}}]}
    verdict = {"id": "modr-1", "model": "omni-moderation-latest", "results": [{"flagged": False}]}
    free = wire.call("/v1/moderations", asked, verdict)
    assert (free.operation, free.flags, free.usage) == ("moderation", ("free",), Usage(**NOTHING))
    assert [segment.kind for segment in free.segments] == ["text", "image"]
    usage = {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9}
    billed = wire.call("/v1/moderations", asked | {"model": "m"}, verdict | {"usage": usage}, host="api.mistral.ai")
    assert (billed.provider, billed.flags) == ("mistral_ai", ())
    assert (billed.usage.input_uncached_tokens, billed.usage.output_tokens) == (9, 0)
    turns = {"model": "m", "input": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}
    chat = wire.call("/v1/chat/moderations", turns, verdict | {"usage": usage}, host="api.mistral.ai")
    assert [(segment.role, segment.kind) for segment in chat.segments] == [("user", "text"), ("assistant", "text")]


@pytest.mark.parametrize(
    ("path", "host", "request_", "answer"),
    [
        (
            "/v1/batches",
            "api.openai.com",
            {"input_file_id": "f"},
            {"object": "batch", "id": "b", "status": "validating"},
        ),
        (
            "/v1/messages/batches",
            "api.anthropic.com",
            {"requests": [{"custom_id": "a", "params": {"model": "m", "messages": MESSAGES}}]},
            {"type": "message_batch", "id": "b", "processing_status": "in_progress"},
        ),
        ("/v1/batch/jobs", "api.mistral.ai", {"model": "m", "input_files": ["f"]}, {"object": "batch", "id": "b"}),
        (
            "/v1beta/models/m:batchGenerateContent",
            "generativelanguage.googleapis.com",
            {"batch": {"display_name": "x"}},
            {"name": "batches/b", "metadata": {"state": "BATCH_STATE_PENDING"}},
        ),
    ],
)
def test_creating_a_batch_is_free(wire: Any, path: str, host: str, request_: Any, answer: Any) -> None:
    call = wire.call(path, request_, answer, host=host)
    assert (call.api, call.operation, call.status, call.flags) == ("batch.create", "create_batch", "ok", ("free",))
    assert call.response_id in {"b", "batches/b"}
    assert (call.usage, call.segments) == (Usage(**NOTHING), ())


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/moderations", "/v1/decisions"])
def test_paths_that_others_have_too_are_theirs(wire: Any, path: str) -> None:
    call = wire.call(path, {"name": "x"}, {"id": 7}, host="kitchen.example")
    assert (call.api, call.flags) == ("unknown", ("request_undecodable",))


def test_decisions_are_billed_like_answers(wire: Any) -> None:
    asked = {
        "model": "gpt-6-astra",
        "input": [{"role": "user", "content": "My card was charged twice."}],
        "questions": [
            {"type": "predicate", "name": "urgent", "question": "Is it urgent?"},
            {"type": "choice", "name": "queue", "choices": [{"value": "billing"}, {"value": "tech"}]},
        ],
    }
    answer = {
        "model": "gpt-6-astra-2026-09-01",
        "answers": [{"type": "predicate", "name": "urgent", "probability": 0.8}],
        "usage": {
            "input_tokens": 90,
            "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
            "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 96,
        },
    }
    call = wire.call("/v1/decisions", asked, answer)
    assert (call.operation, call.status, call.flags, call.output_kind) == ("decision", "ok", (), "json")
    assert (call.usage.input_uncached_tokens, call.usage.cache_read_tokens, call.usage.output_tokens) == (26, 64, 6)
    assert [(segment.kind, segment.name) for segment in call.segments] == [
        ("text", None),
        ("schema", "urgent"),
        ("schema", "queue"),
    ]
    assert call.response_model == "gpt-6-astra-2026-09-01"


JUNE = 1_780_358_400_000_000
BEDROCK = "/model/us.anthropic.claude-fable-5/invoke"
AWS = "bedrock-runtime.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("path", "host", "start_us", "blocks", "free"),
    [
        ("/v1/messages", "api.anthropic.com", JUNE, [], True),
        ("/v1/messages", "api.anthropic.com", JUNE - 1, [], False),
        ("/v1/messages", "api.anthropic.com", JUNE, [{"type": "thinking", "thinking": ""}], False),
        (BEDROCK, AWS, JUNE, [], False),
        ("/v1/messages", "gateway.internal", JUNE, [], False),
    ],
)
def test_a_refusal_before_any_output_is_free_at_anthropic_itself(
    wire: Any, path: str, host: str, start_us: int, blocks: list[dict[str, Any]], free: bool
) -> None:
    counts = {"input_tokens": 200_000, "output_tokens": 1}
    asked = {"anthropic_version": "x", "model": "claude-fable-5", "messages": []}
    body = {"id": "m", "type": "message", "model": "claude-fable-5", "content": blocks, "usage": counts}
    events = [
        {"type": "message_start", "message": body | {"content": []}},
        *({"type": "content_block_start", "index": 0, "content_block": block} for block in blocks),
        {"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": counts},
        {"type": "message_stop"},
    ]
    whole = body | {"stop_reason": "refusal"}
    answers: list[Any] = [whole, wire.sse(events), whole | {"id": 1}]
    for answer in answers[:1] if host == AWS else answers:
        when = structs.replace(wire.context, start_unix_us=start_us)
        call = wire.call(path, asked, answer, host=host, context=when)
        assert (call.status, call.finish_reason, "free" in call.flags) == ("incomplete", "refusal", free)
        assert call.usage.input_uncached_tokens == (0 if free else 200_000)
        assert call.usage.provider_total_tokens == (200_000 if free else None)
