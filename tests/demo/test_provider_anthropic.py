"""The Anthropic SDK, unmodified, parses everything the loopback provider says."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from otelcost.demo.loopback import Loopback

MODEL = "claude-haiku-4-5"
ASK: list[Any] = [{"role": "user", "content": "Say it in about 30 words."}]
TOOL: Any = {
    "name": "forecast",
    "description": "Weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}


class Forecast(BaseModel):
    city: str
    days: int


def buckets(provider: Loopback) -> dict[str, int]:
    usage: dict[str, int] = provider.log()[-1]["usage"]
    return usage


def test_message_has_text_and_usage(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    message = claude.messages.create(model=MODEL, max_tokens=500, messages=ASK)

    (block,) = message.content
    assert block.type == "text"
    assert len(block.text.split()) == 30
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens == 8 == buckets(loopback_provider)["input_uncached"]
    assert message.usage.output_tokens == buckets(loopback_provider)["output"]
    assert message.usage.service_tier == "standard"
    assert message._request_id == loopback_provider.log()[-1]["request_id"]


def test_newer_tokenizers_make_more_tokens(claude: anthropic.Anthropic) -> None:
    older = claude.messages.create(
        model="claude-opus-4-6", max_tokens=9, messages=[{"role": "user", "content": "x" * 394}]
    )
    newer = claude.messages.create(
        model="claude-opus-5-5", max_tokens=9, messages=[{"role": "user", "content": "x" * 394}]
    )

    assert (older.usage.input_tokens, newer.usage.input_tokens) == (100, 130)


def test_stream_helper_adds_up_to_the_final_message(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    with claude.messages.stream(model=MODEL, max_tokens=500, messages=ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()

    assert final.content[0].type == "text"
    assert final.content[0].text == text
    assert final.usage.input_tokens == 8
    assert final.usage.output_tokens == buckets(loopback_provider)["output"]
    assert final.stop_reason == "end_turn"


def test_the_first_event_holds_only_a_placeholder_of_the_output(claude: anthropic.Anthropic) -> None:
    events = list(claude.messages.create(model=MODEL, max_tokens=500, messages=ASK, stream=True))

    assert events[0].type == "message_start"
    assert events[0].message.usage.output_tokens == 1
    assert events[-1].type == "message_stop"
    assert events[-2].type == "message_delta"
    assert events[-2].usage.output_tokens > 1


@pytest.mark.parametrize("streamed", [False, True])
def test_forced_tool_is_called(claude: anthropic.Anthropic, streamed: bool) -> None:
    asked: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 500,
        "messages": ASK,
        "tools": [TOOL],
        "tool_choice": {"type": "tool", "name": "forecast"},
    }
    if streamed:
        with claude.messages.stream(**asked) as stream:
            message: Any = stream.get_final_message()
    else:
        message = claude.messages.create(**asked)

    assert message.stop_reason == "tool_use"
    assert set(message.content[0].input) == {"city", "days"}


def test_thinking_comes_first_and_is_counted(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    with claude.messages.stream(
        model="claude-sonnet-4-6",
        max_tokens=4000,
        thinking={"type": "enabled", "budget_tokens": 2048},
        messages=ASK,
    ) as stream:
        message = stream.get_final_message()

    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens == 512 == buckets(loopback_provider)["reasoning"]


def test_parse_follows_the_schema(claude: anthropic.Anthropic) -> None:
    message = claude.messages.parse(model=MODEL, max_tokens=500, messages=ASK, output_format=Forecast)

    assert isinstance(message.parsed_output, Forecast)


def test_max_tokens_ends_the_answer_early(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model=MODEL, max_tokens=5, messages=ASK)

    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 5


@pytest.mark.parametrize("served", ["batch", "priority"])
def test_tier_as_served(claude: anthropic.Anthropic, served: str) -> None:
    message = claude.messages.create(
        model=MODEL,
        max_tokens=50,
        messages=ASK,
        extra_headers={"x-loopback-scenario": f"tier;served={served}"},
    )

    assert message.usage.service_tier == served


def test_beta_messages_are_the_same(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    message = claude.beta.messages.create(
        model="claude-opus-4-6", max_tokens=50, messages=ASK, speed="fast", betas=["fast-mode-2026-02-01"]
    )
    with claude.beta.messages.stream(model=MODEL, max_tokens=50, messages=ASK) as stream:
        final = stream.get_final_message()

    assert message.usage.speed == "fast"
    assert final.usage.output_tokens > 0
    assert [line["speed"] for line in loopback_provider.log()] == ["fast", None]


def test_geo_is_echoed(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model="claude-opus-4-6", max_tokens=50, messages=ASK, inference_geo="us")

    assert message.usage.inference_geo == "us"


def test_counting_tokens_is_free(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    counted = claude.messages.count_tokens(model=MODEL, messages=ASK)

    assert counted.input_tokens == 8
    assert loopback_provider.log() == []


async def test_async_message_and_stream(async_claude: anthropic.AsyncAnthropic) -> None:
    message = await async_claude.messages.create(model=MODEL, max_tokens=500, messages=ASK)
    async with async_claude.messages.stream(model=MODEL, max_tokens=500, messages=ASK) as stream:
        final = await stream.get_final_message()

    assert message.usage.input_tokens == final.usage.input_tokens == 8
