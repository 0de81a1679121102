"""Twelve ways in which others got the dollars wrong, each a test by its number: from an answer's bytes to its cost.

The expected dollars are computed by hand from the list prices beside each test, in millionths of a dollar.
"""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Call
from otelcost.pricing.book import Book

MESSAGE: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "stop_reason": "end_turn",
                           "content": [{"type": "text", "text": "hi"}]}  # fmt: skip
GEMINI = "/v1beta/models/gemini-2.5-flash:generateContent"


def _chat(wire: Any, model: str, usage: dict[str, Any], **more: Any) -> Call:
    choices = [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]
    asked = {"model": model, "messages": [], **more.pop("asked", {})}
    answer = {"id": "c", "object": "chat.completion", "model": model, "choices": choices, "usage": usage}
    call: Call = wire.chat(asked, {**answer, **more.pop("answered", {})}, **more)
    return call


def _claude(wire: Any, model: str, usage: dict[str, Any]) -> Call:
    call: Call = wire.messages({"model": model, "messages": []}, {**MESSAGE, "model": model, "usage": usage})
    return call


def test_langfuse_12306_cached_tokens_are_inside_openais_input(wire: Any, book: Book) -> None:
    """There, cached tokens were added to an input that includes them. $2.50, $1.25 cached, $10 out."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
    call = _chat(wire, "gpt-4o", {**usage, "prompt_tokens_details": {"cached_tokens": 800}})
    assert wire.microdollars(book, call) == 200 * 2.5 + 800 * 1.25 + 10 * 10


def test_litellm_9812_anthropics_cache_is_billed_once(wire: Any, book: Book) -> None:
    """There, $0.0913 for what the provider's console showed as $0.0544. $3, $3.75 to write, $15 out."""
    usage = {"input_tokens": 3, "cache_creation_input_tokens": 12304, "cache_read_input_tokens": 0}
    call = _claude(wire, "claude-3-7-sonnet-20250219", {**usage, "output_tokens": 550})
    assert wire.microdollars(book, call) == 3 * 3 + 12304 * 3.75 + 550 * 15


def test_litellm_14849_geminis_cache_is_counted_once(wire: Any, book: Book) -> None:
    """There, cached content was charged as input and as a cache read. $0.30, $0.03 cached, $2.50 out."""
    counts = {"promptTokenCount": 10_000, "cachedContentTokenCount": 8_000, "candidatesTokenCount": 100}
    answer = {"candidates": [], "modelVersion": "gemini-2.5-flash", "usageMetadata": counts}
    host = "generativelanguage.googleapis.com"
    call = wire.call(GEMINI, {"contents": []}, answer, host=host)
    assert wire.microdollars(book, call) == pytest.approx(2_000 * 0.3 + 8_000 * 0.03 + 100 * 2.5)


def test_litellm_35914_a_missing_price_is_not_zero(wire: Any, book: Book) -> None:
    """There, $185 of a model without a price were shown as $1.16."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
    assert wire.microdollars(book, _chat(wire, "gpt-99-nova", usage)) is None


def test_ccusage_938_usage_told_again_and_again_is_not_summed(wire: Any, book: Book) -> None:
    """There, the running count of every chunk was added up. $2.50 in, $10 out."""
    told = [{"prompt_tokens": 100, "completion_tokens": n, "total_tokens": 100 + n} for n in (1, 2, 3, 4)]
    chunks = [{"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "a"}}], "usage": one}
              for one in told]  # fmt: skip
    body = wire.sse(chunks, done=True)
    call = wire.chat({"model": "gpt-4o", "stream": True}, body, response_headers={"content-type": "text/event-stream"})
    assert wire.microdollars(book, call) == 100 * 2.5 + 4 * 10


@pytest.mark.parametrize(
    ("asked", "served", "factor"),
    [
        pytest.param("flex", "flex", 0.5, id="litellm_13810_flex_is_not_billed_at_the_standard_price"),
        pytest.param("priority", "default", 1, id="litellm_31837_what_was_served_and_not_what_was_asked_for"),
        pytest.param("auto", "priority", 2, id="litellm_31837_a_tier_nobody_asked_for_by_name"),
    ],
)
def test_tiers(wire: Any, book: Book, asked: str, served: str, factor: float) -> None:
    """There, the tier was left out, or the requested one taken. $1.25 in, $10 out at the standard tier."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
    call = _chat(wire, "gpt-5", usage, asked={"service_tier": asked}, answered={"service_tier": served})
    assert wire.microdollars(book, call) == (1000 * 1.25 + 10 * 10) * factor


@pytest.mark.parametrize(("uncached", "dear"), [(1_000, True), (0, False)])
def test_litellm_30135_a_long_context_costs_more(wire: Any, book: Book, uncached: int, dear: bool) -> None:
    """There, the price above 200k tokens was ignored. Cached tokens count towards it. $3, $0.30 cached, $15; or
    $6, $0.60, $22.50."""
    call = _claude(
        wire,
        "claude-sonnet-4-5",
        {"input_tokens": uncached, "cache_read_input_tokens": 200_000, "output_tokens": 10},
    )
    price = (6, 0.6, 22.5) if dear else (3, 0.3, 15)
    assert wire.microdollars(book, call) == uncached * price[0] + 200_000 * price[1] + 10 * price[2]


def test_litellm_35925_reasoning_is_charged_at_the_tier_of_its_call(wire: Any, book: Book) -> None:
    """There, reasoning had the standard price on every tier. It is a part of the output. $0.625, $5 out on flex."""
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    usage |= {"completion_tokens_details": {"reasoning_tokens": 40}}  # type: ignore[dict-item]
    call = _chat(wire, "gpt-5", usage, asked={"service_tier": "flex"}, answered={"service_tier": "flex"})
    assert wire.microdollars(book, call) == 100 * 0.625 + 50 * 5


def test_litellm_39501_a_resellers_price_is_its_own(wire: Any, book: Book) -> None:
    """There, half of the rows of resellers were wrong. Bedrock's regional Sonnet 4.5 is 10% dearer: $3.30, $16.50."""
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    answer = {"output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}}, "stopReason": "end_turn",
              "usage": {"inputTokens": 100, "outputTokens": 10, "totalTokens": 110}}  # fmt: skip
    call = wire.call(f"/model/{model}/converse", {"messages": []}, answer, host=host)
    assert call.provider == "aws.bedrock"
    assert wire.microdollars(book, call) == pytest.approx(100 * 3.3 + 10 * 16.5)


def test_genai_prices_455_a_deployment_is_priced_as_the_model_that_answered(wire: Any, book: Book) -> None:
    """There, the name of an Azure deployment had no price. The answer names the model. $2.50 in, $10 out."""
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    answer = {"id": "c", "object": "chat.completion", "model": "gpt-4o-2024-08-06", "choices": [], "usage": usage}
    path = "/openai/deployments/our-own-name/chat/completions"
    call = wire.call(path, {"messages": []}, answer, host="shop.openai.azure.com")
    assert (call.provider, call.request_model) == ("azure.ai.openai", "our-own-name")
    assert wire.microdollars(book, call) == 100 * 2.5 + 10 * 10


@pytest.mark.parametrize("model", ["gpt-5.9", "gpt-5-2029-01-01", "gpt-4.9-turbo", "gpt-4o-nova"])
def test_genai_prices_173_a_new_model_has_no_old_price(wire: Any, book: Book, model: str) -> None:
    """There, a model that nobody knew yet got the price of one whose name its own begins with."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
    assert wire.microdollars(book, _chat(wire, model, usage)) is None
