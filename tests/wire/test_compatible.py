"""Those who speak OpenAI's format, each with its own words for cached tokens, reasoning and money."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

GOOGLE = "generativelanguage.googleapis.com"
ASK = {"model": "m", "messages": [{"role": "user", "content": "Where is my order?"}]}


def answer(counts: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": {"content": "On its way."}, "finish_reason": "stop"}
    return {"id": "i", "model": "served", "choices": [choice], "usage": counts}


@pytest.mark.parametrize(
    ("host", "path", "provider", "counts", "expected"),
    [
        (
            "api.groq.com",
            "/openai/v1/chat/completions",
            "groq",
            {"prompt_tokens_details": {"cached_tokens": 60}, "queue_time": 0.01, "total_time": 0.2},
            Usage(input_uncached_tokens=40, cache_read_tokens=60, output_tokens=20, provider_total_tokens=120),
        ),
        (
            "api.deepseek.com",
            "/chat/completions",
            "deepseek",
            {
                "prompt_cache_hit_tokens": 64,
                "prompt_cache_miss_tokens": 36,
                "completion_tokens_details": {"reasoning_tokens": 15},
            },
            Usage(
                input_uncached_tokens=36,
                cache_read_tokens=64,
                output_tokens=20,
                reasoning_tokens=15,
                provider_total_tokens=120,
            ),
        ),
        (
            "api.x.ai",
            "/v1/chat/completions",
            "x_ai",
            {
                "total_tokens": 150,
                "completion_tokens_details": {"reasoning_tokens": 30},
                "num_sources_used": 0,
                "cost_in_usd_ticks": 37756000,
            },
            Usage(
                input_uncached_tokens=100,
                output_tokens=50,
                reasoning_tokens=30,
                provider_total_tokens=150,
                provider_cost_picousd=3_775_600_000,
            ),
        ),
        (
            "api.together.xyz",
            "/v1/chat/completions",
            "together",
            {"cached_tokens": 50},
            Usage(input_uncached_tokens=50, cache_read_tokens=50, output_tokens=20, provider_total_tokens=120),
        ),
        (
            "api.fireworks.ai",
            "/inference/v1/chat/completions",
            "fireworks",
            {"prompt_tokens_details": {"cached_tokens": 0}},
            Usage(input_uncached_tokens=100, cache_read_tokens=0, output_tokens=20, provider_total_tokens=120),
        ),
        (
            "api.cerebras.ai",
            "/v1/chat/completions",
            "cerebras",
            {"prompt_tokens_details": None},
            Usage(input_uncached_tokens=100, output_tokens=20, provider_total_tokens=120),
        ),
        (
            "openrouter.ai",
            "/api/v1/chat/completions",
            "openrouter",
            {
                "cost": 0.0123456789012,
                "is_byok": False,
                "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 10, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 5},
            },
            Usage(
                input_uncached_tokens=60,
                cache_read_tokens=30,
                cache_write_short_tokens=10,
                cache_write_long_tokens=0,
                output_tokens=20,
                reasoning_tokens=5,
                input_audio_tokens=0,
                provider_total_tokens=120,
                provider_cost_picousd=12_345_678_901,
            ),
        ),
        (
            "api.perplexity.ai",
            "/chat/completions",
            "perplexity",
            {"cost": {"total_cost": 0.006, "request_cost": 0.005}, "num_search_queries": 1},
            Usage(
                input_uncached_tokens=100,
                output_tokens=20,
                provider_total_tokens=120,
                provider_cost_picousd=6_000_000_000,
            ),
        ),
        (
            "api.mistral.ai",
            "/v1/agents/completions",
            "mistral_ai",
            {"num_cached_tokens": 0},
            Usage(input_uncached_tokens=100, output_tokens=20, provider_total_tokens=120),
        ),
        (
            "acme.services.ai.azure.com",
            "/models/chat/completions",
            "azure.ai.inference",
            {},
            Usage(input_uncached_tokens=100, output_tokens=20, provider_total_tokens=120),
        ),
    ],
)
def test_dialects(wire: Any, host: str, path: str, provider: str, counts: dict[str, Any], expected: Usage) -> None:
    body = answer({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} | counts)
    call = wire.call(path, ASK, body, host=host)
    assert (call.provider, call.api, call.flags, call.status) == (provider, "openai.chat", (), "ok")
    assert (call.request_model, call.response_model) == ("m", "served")
    assert call.usage == expected
    chunks = [{"id": "i", "model": "served", "choices": [{"index": 0, "delta": {"content": "On its way."}}]}]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": body["usage"]})
    streamed = wire.call(path, ASK | {"stream": True}, wire.sse(chunks, done=True), host=host)
    assert (streamed.usage, streamed.output_hash) == (expected, call.output_hash)


@pytest.mark.parametrize(
    ("cost", "picousd"),
    [
        (0.1, 100_000_000_000),
        (1e-12, 1),
        (4e-13, 0),
        (2.5e-12, 2),
        (3, 3 * 10**12),
        (123.456789012345, 123456789012345),
    ],
)
def test_money_is_taken_by_its_digits(wire: Any, cost: float, picousd: int) -> None:
    call = wire.call("/api/v1/chat/completions", ASK, answer({"cost": cost}), host="openrouter.ai")
    assert call.usage.provider_cost_picousd == picousd


@pytest.mark.parametrize("cost", [-0.5, 1e16, "0.5", True, None, 9e12])
def test_what_is_no_money_is_unknown(wire: Any, cost: object) -> None:
    call = wire.call("/api/v1/chat/completions", ASK, answer({"cost": cost}), host="openrouter.ai")
    assert call.usage.provider_cost_picousd is None


@pytest.mark.parametrize(
    ("told", "picousd", "flags"),
    [
        ({"cost": 0.003, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.065}}, 68_000_000_000, ()),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.065}}, 65_000_000_000, ()),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None, ()),
        ({"cost": 0.003, "is_byok": True}, None, ("lower_bound",)),
        ({"cost": 0.065, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.065}}, 65_000_000_000, ()),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/chat/completions", "/api/v1/messages"])
def test_a_key_of_ones_own_is_billed_by_whose_it_is(
    wire: Any, path: str, told: dict[str, Any], picousd: int | None, flags: tuple[str, ...]
) -> None:
    """OpenRouter's own cost then is its fee alone."""
    if path.endswith("messages"):
        body = {"id": "i", "content": [], "usage": {"input_tokens": 5, "output_tokens": 3} | told}
    else:
        body = answer({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8} | told)
    call = wire.call(path, ASK, body, host="openrouter.ai")
    assert (call.usage.provider_cost_picousd, call.flags, call.usage.output_tokens) == (picousd, flags, 3)


@pytest.mark.parametrize(
    ("details", "host", "output", "reasoning", "flags"),
    [
        ({}, GOOGLE, 96, 93, ()),
        ({"completion_tokens_details": {"reasoning_tokens": 93}}, GOOGLE, 96, 93, ()),
        ({"completion_tokens_details": {"reasoning_tokens": 2}}, GOOGLE, 3, 2, ("usage_mismatch",)),
        ({"total_tokens": 12}, GOOGLE, 3, None, ()),
        ({"total_tokens": 5}, GOOGLE, 3, None, ("usage_mismatch",)),
        ({"prompt_tokens": None}, GOOGLE, 3, None, ("usage_mismatch",)),
        ({}, "us-central1-aiplatform.googleapis.com", 96, 93, ()),
        ({}, "api.openai.com", 3, None, ("usage_mismatch",)),
    ],
)
def test_gemini_counts_thoughts_in_the_total_alone(
    wire: Any, details: dict[str, Any], host: str, output: int, reasoning: int | None, flags: tuple[str, ...]
) -> None:
    told = {"completion_tokens": 3, "prompt_tokens": 9, "total_tokens": 105} | details
    chunks = [
        {"id": "i", "choices": [{"index": 0, "delta": {"content": "1"}}], "usage": told | {"total_tokens": 103}},
        {"id": "i", "choices": [{"index": 0, "delta": {"content": ","}, "finish_reason": "stop"}], "usage": told},
    ]
    path = "/v1beta/openai/chat/completions"
    for body in (answer(told), wire.sse(chunks, done=True)):
        call = wire.call(path, ASK, body, host=host)
        assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (told["prompt_tokens"], output)
        assert (call.usage.reasoning_tokens, call.flags) == (reasoning, flags)


@pytest.mark.parametrize(
    ("details", "short", "long"),
    [
        ({"cache_creation_tokens": 30}, 30, 0),
        ({"cache_creation_token_details": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}}, 10, 20),
    ],
)
def test_litellm_counts_claudes_cache_writes_inside_the_prompt(
    wire: Any, details: dict[str, Any], short: int, long: int
) -> None:
    parts = {"cached_tokens": 50, "cache_creation_tokens": 30, "text_tokens": 20} | details
    counts = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "prompt_tokens_details": parts}
    call = wire.call("/v1/chat/completions", ASK, answer(counts), host="litellm.internal")
    assert call.usage == Usage(
        input_uncached_tokens=20,
        cache_read_tokens=50,
        cache_write_short_tokens=short,
        cache_write_long_tokens=long,
        output_tokens=20,
        provider_total_tokens=120,
    )


@pytest.mark.parametrize(("seconds", "flagged"), [(203, True), (0.5, True), (0, False), (None, False), ({}, False)])
def test_mistrals_audio_is_billed_by_the_second_too(wire: Any, seconds: object, flagged: bool) -> None:
    """Its tokens are no prompt tokens: what is known is a lower bound."""
    counts = {"prompt_audio_seconds": seconds, "prompt_tokens": 4, "completion_tokens": 635, "total_tokens": 639}
    call = wire.call("/v1/chat/completions", ASK, answer(counts), host="api.mistral.ai")
    assert ("lower_bound" in call.flags, call.usage.input_uncached_tokens) == (flagged, 4)


def test_fill_in_the_middle_streams_like_a_chat(wire: Any) -> None:
    chunks = [
        {"id": "i", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
        {"id": "i", "choices": [{"index": 0, "delta": {"content": "return 1"}, "finish_reason": "stop"}],
         "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}},
    ]  # fmt: skip
    request = {"model": "codestral", "prompt": "def f():", "suffix": "", "stream": True}
    call = wire.call("/v1/fim/completions", request, wire.sse(chunks, done=True), host="codestral.mistral.ai")
    assert (call.provider, call.output_bytes, call.usage.output_tokens, call.status) == ("mistral_ai", 8, 3, "ok")


def test_makers_under_azures_roof(wire: Any) -> None:
    azure = "acme.services.ai.azure.com"
    body = {"id": "m", "content": [], "usage": {"input_tokens": 1, "output_tokens": 2}}
    claude = wire.call("/anthropic/v1/messages", {"model": "m", "messages": []}, body, host=azure)
    assert (claude.provider, claude.api) == ("azure.ai.inference", "anthropic.messages")
    answer_ = {"embeddings": [[1]], "meta": {"billed_units": {"input_tokens": 3}}}
    embed = wire.call("/providers/cohere/v2/embed", {"model": "embed-v4"}, answer_, host=azure)
    assert (embed.provider, embed.api, embed.usage.input_uncached_tokens) == ("azure.ai.inference", "cohere.embed", 3)
