"""The OpenAI SDK, unmodified, parses everything the loopback provider says."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from otelcost.demo.loopback import Loopback

MODEL = "gpt-6.1-sol"
ASK: list[Any] = [{"role": "user", "content": "Say it in about 30 words."}]
WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}


class Forecast(BaseModel):
    city: str
    days: int


def buckets(provider: Loopback) -> dict[str, int]:
    usage: dict[str, int] = provider.log()[-1]["usage"]
    return usage


def test_chat_completion_has_text_usage_and_tier(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    completion = gpt.chat.completions.create(model=MODEL, messages=ASK)

    assert len((completion.choices[0].message.content or "").split()) == 30
    assert completion.choices[0].finish_reason == "stop"
    assert completion.service_tier == "default"
    assert completion.usage is not None
    # "<user>" and 25 characters: 31 bytes, 8 tokens
    assert completion.usage.prompt_tokens == 8 == buckets(loopback_provider)["input_uncached"]
    assert completion.usage.completion_tokens == buckets(loopback_provider)["output"]


def test_chat_stream_helper_adds_up_to_the_whole_answer(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    whole = gpt.chat.completions.create(model=MODEL, messages=ASK, temperature=0)
    with gpt.chat.completions.stream(
        model=MODEL, messages=ASK, temperature=0, stream_options={"include_usage": True}
    ) as stream:
        streamed = stream.get_final_completion()

    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage is not None
    assert streamed.usage.completion_tokens == buckets(loopback_provider)["output"]


def test_stream_without_include_usage_has_none(gpt: openai.OpenAI) -> None:
    chunks = list(gpt.chat.completions.create(model=MODEL, messages=ASK, stream=True))

    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_include_usage_comes_in_a_chunk_without_choices(gpt: openai.OpenAI) -> None:
    chunks = list(
        gpt.chat.completions.create(model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True})
    )

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert all("usage" in chunk.model_fields_set for chunk in chunks)


@pytest.mark.parametrize("streamed", [False, True])
def test_chat_calls_the_tool_it_is_told_to(gpt: openai.OpenAI, streamed: bool) -> None:
    tool: Any = {"type": "function", "function": {"name": "forecast", "parameters": WEATHER}}
    choice: Any = {"type": "function", "function": {"name": "forecast"}}
    asked: dict[str, Any] = {"model": MODEL, "messages": ASK, "tools": [tool], "tool_choice": choice}
    if streamed:
        with gpt.chat.completions.stream(**asked) as stream:
            completion: Any = stream.get_final_completion()
    else:
        completion = gpt.chat.completions.create(**asked)

    (call,) = completion.choices[0].message.tool_calls
    assert completion.choices[0].finish_reason == "tool_calls"
    assert set(json.loads(call.function.arguments)) == {"city", "days"}


def test_tools_left_to_the_model_are_called_where_the_prompt_names_them(gpt: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "forecast", "parameters": WEATHER}}

    plain = gpt.chat.completions.create(model=MODEL, messages=ASK, tools=[tool])
    named = gpt.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Use forecast please."}], tools=[tool]
    )

    assert plain.choices[0].message.tool_calls is None
    assert named.choices[0].message.tool_calls is not None


def test_parsed_completion_follows_the_schema(gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.parse(model=MODEL, messages=ASK, response_format=Forecast)

    assert isinstance(completion.choices[0].message.parsed, Forecast)


def test_several_choices_are_billed_together(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    completion = gpt.chat.completions.create(model=MODEL, messages=ASK, n=3)

    texts = [choice.message.content for choice in completion.choices]
    assert len(set(texts)) == 3
    assert buckets(loopback_provider)["output"] == sum(-(-len(text or "") // 4) for text in texts)


def test_a_cap_ends_the_answer_early(gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.create(model=MODEL, messages=ASK, max_completion_tokens=5)

    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 5


def test_reasoning_is_part_of_the_output(gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.create(model=MODEL, messages=ASK, reasoning_effort="low")

    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None
    assert completion.usage.completion_tokens_details.reasoning_tokens == 64
    assert completion.usage.completion_tokens > 64


@pytest.mark.parametrize(("asked", "served"), [("auto", "default"), ("flex", "flex"), ("priority", "priority")])
def test_tier_is_echoed_as_served(gpt: openai.OpenAI, loopback_provider: Loopback, asked: Any, served: str) -> None:
    completion = gpt.chat.completions.create(model=MODEL, messages=ASK, service_tier=asked)

    assert completion.service_tier == served == loopback_provider.log()[-1]["tier"]


def test_tier_may_be_served_otherwise_than_asked(gpt: openai.OpenAI) -> None:
    completion = gpt.chat.completions.create(
        model=MODEL,
        messages=ASK,
        service_tier="priority",
        extra_headers={"x-loopback-scenario": "tier;served=default"},
    )

    assert completion.service_tier == "default"


def test_response_has_text_and_usage(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    response = gpt.responses.create(model=MODEL, input="Say it in about 12 words.", instructions="Be kind.")

    assert len(response.output_text.split()) == 12
    assert response.status == "completed"
    assert response.usage is not None
    # "<system>Be kind." and "<user>Say it in about 12 words.": 16 + 31 bytes, 12 tokens
    assert response.usage.input_tokens == 12 == buckets(loopback_provider)["input_uncached"]


def test_responses_stream_helper_adds_up(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    with gpt.responses.stream(model=MODEL, input="Say it in about 50 words.") as stream:
        deltas = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()

    assert final.output_text == deltas
    assert final.usage is not None
    assert final.usage.output_tokens == buckets(loopback_provider)["output"]


def test_responses_stream_numbers_its_events(gpt: openai.OpenAI) -> None:
    events = list(gpt.responses.create(model=MODEL, input="hello", stream=True, reasoning={"effort": "low"}))

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")


def test_responses_call_functions(gpt: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "name": "forecast", "parameters": WEATHER, "strict": True}
    with gpt.responses.stream(model=MODEL, input="hello", tools=[tool], tool_choice="required") as stream:
        (item,) = stream.get_final_response().output

    assert item.type == "function_call"
    assert set(json.loads(item.arguments)) == {"city", "days"}


def test_responses_parse_follows_the_schema(gpt: openai.OpenAI) -> None:
    response = gpt.responses.parse(model=MODEL, input="hello", text_format=Forecast)

    assert isinstance(response.output_parsed, Forecast)


def test_response_that_hits_its_cap_is_incomplete(gpt: openai.OpenAI) -> None:
    events = list(gpt.responses.create(model=MODEL, input="hello", max_output_tokens=16, stream=True))

    assert events[-1].type == "response.incomplete"
    assert events[-1].response.incomplete_details is not None
    assert events[-1].response.incomplete_details.reason == "max_output_tokens"


def test_a_kept_response_is_retrieved_and_not_billed_again(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    made = gpt.responses.create(model=MODEL, input="hello")
    again = gpt.responses.retrieve(made.id)

    assert again.output_text == made.output_text
    assert len(loopback_provider.log()) == 1


def test_counting_input_tokens_is_free(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    counted = gpt.responses.input_tokens.count(model=MODEL, input="hello")

    assert counted.input_tokens == 3  # "<user>hello" is 11 bytes
    assert loopback_provider.log() == []


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings_are_the_same_numbers_in_both_encodings(gpt: openai.OpenAI, encoding: Any) -> None:
    default = gpt.embeddings.create(model="text-embedding-3-small", input=["one", "two"], dimensions=8)
    asked = gpt.embeddings.create(
        model="text-embedding-3-small", input=["one", "two"], dimensions=8, encoding_format=encoding
    )

    assert default.usage.prompt_tokens == 2
    assert [len(row.embedding) for row in default.data] == [8, 8]
    if encoding == "float":
        assert asked.data[1].embedding == pytest.approx(default.data[1].embedding, abs=1e-6)


@pytest.mark.parametrize("streamed", [False, True])
def test_legacy_completions(gpt: openai.OpenAI, streamed: bool) -> None:
    asked: dict[str, Any] = {"model": "gpt-3.5-turbo-instruct", "prompt": "Say it in about 9 words.", "temperature": 0}
    whole = gpt.completions.create(**asked)
    if streamed:
        chunks = gpt.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        parts = [choice.text for chunk in chunks for choice in chunk.choices]
        assert "".join(parts) == whole.choices[0].text
    assert len(whole.choices[0].text.split()) == 9
    assert whole.usage is not None


async def test_async_chat_and_responses(async_gpt: openai.AsyncOpenAI) -> None:
    stream = await async_gpt.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    async with async_gpt.responses.stream(model=MODEL, input="hello") as events:
        final = await events.get_final_response()

    assert len(text.split()) == 30
    assert final.output_text


def test_azure_paths_and_deployments(loopback_provider: Loopback) -> None:
    with openai.AzureOpenAI(
        api_key="test", azure_endpoint=loopback_provider.url, api_version="2025-01-01-preview"
    ) as azure:
        completion = azure.chat.completions.create(model="my-deployment", messages=ASK)

    assert completion.model == "my-deployment"


def test_request_id_header_reaches_the_sdk(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    completion = gpt.chat.completions.create(model=MODEL, messages=ASK)

    assert completion._request_id == loopback_provider.log()[-1]["request_id"]
    assert completion.id == loopback_provider.log()[-1]["response_id"]
