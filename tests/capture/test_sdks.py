"""The real SDKs, unmodified, against the loopback provider: one record an attempt, whatever happens to it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest

from otelcost.demo.loopback import Loopback
from otelcost.model import Call

from .conftest import Captured

MODEL = "gpt-4o-mini"
CLAUDE = "claude-haiku-4-5"
ASK: list[Any] = [{"role": "user", "content": "How far is it to the moon?"}]


@pytest.fixture
def client(trusting: Loopback, captured: Captured) -> Any:
    with openai.OpenAI(api_key="sk-test", base_url=trusting.openai_url) as made:
        yield made


@pytest.fixture
def claude(trusting: Loopback, captured: Captured) -> Any:
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=trusting.url) as made:
        yield made


def _async(trusting: Loopback) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-test", base_url=trusting.openai_url)


def _scenario(name: str) -> dict[str, str]:
    return {"x-loopback-scenario": name}


def _spent(call: Call) -> tuple[int, int]:
    usage = call.usage
    parts = (usage.input_uncached_tokens, usage.cache_read_tokens, usage.cache_write_short_tokens)
    return sum(part or 0 for part in parts), usage.output_tokens or 0


def test_chat(client: Any, captured: Captured, trusting: Loopback) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASK)
    call = captured.one()
    assert (call.api, call.provider, call.status, call.http_status) == ("openai.chat", "openai", "ok", 200)
    assert _spent(call) == (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert call.response_id == answer.id
    assert (call.context.sdk, call.context.sdk_version) == ("openai", openai.__version__)
    assert call.context.call_site_function == "test_chat"
    assert call.context.call_site_file is not None
    assert call.context.call_site_file.endswith("test_sdks.py")
    assert call.flags == ()
    assert (call.context.attempt, call.context.operation_id) == (1, call.context.span_id)
    assert call.context.ttft_us is None
    assert call.context.duration_us is not None


@pytest.mark.parametrize("kind", ["responses", "embeddings"])
def test_other_openai_endpoints(client: Any, captured: Captured, kind: str) -> None:
    if kind == "responses":
        client.responses.create(model=MODEL, input="hello")
    else:
        client.embeddings.create(model="text-embedding-3-small", input="hello")
    assert captured.one().api == f"openai.{kind}"


def test_messages(claude: Any, captured: Captured) -> None:
    answer = claude.messages.create(model=CLAUDE, max_tokens=64, messages=ASK)
    call = captured.one()
    assert (call.api, call.provider) == ("anthropic.messages", "anthropic")
    assert _spent(call) == (answer.usage.input_tokens, answer.usage.output_tokens)
    assert call.context.sdk == "anthropic"


def test_stream_with_usage(client: Any, captured: Captured) -> None:
    chunks = list(
        client.chat.completions.create(model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True})
    )
    call = captured.one()
    assert (call.status, call.stream, call.flags) == ("ok", True, ())
    assert _spent(call) == (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens)
    assert call.context.ttft_us is not None
    assert call.context.duration_us is not None
    assert call.context.ttft_us <= call.context.duration_us


def test_stream_without_usage_is_estimated(client: Any, captured: Captured) -> None:
    for _ in client.chat.completions.create(model=MODEL, messages=ASK, stream=True):
        pass
    call = captured.one()
    assert call.status == "ok"
    assert call.flags == ("estimated",)
    spent = _spent(call)
    assert spent[0] > 0
    assert spent[1] > 0


def test_stream_closed_early(client: Any, captured: Captured) -> None:
    with client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as stream:
        next(stream)
    call = captured.one()
    assert call.status == "aborted"
    assert {"estimated", "lower_bound"} <= set(call.flags)


def test_stream_dropped_without_closing(client: Any, captured: Captured) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    next(stream)
    del stream
    gc.collect()
    assert captured.one().status == "aborted"


def test_stream_never_read(client: Any, captured: Captured) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del stream
        gc.collect()
    assert captured.one().status == "aborted"


def test_stream_of_messages(claude: Any, captured: Captured) -> None:
    with claude.messages.stream(model=CLAUDE, max_tokens=64, messages=ASK) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    call = captured.one()
    assert text
    assert (call.status, call.stream) in {("ok", True), ("incomplete", True)}
    assert _spent(call) == (final.usage.input_tokens, final.usage.output_tokens)


def test_messages_stream_closed_early_is_no_placeholder(claude: Any, captured: Captured) -> None:
    with claude.messages.stream(model=CLAUDE, max_tokens=64, messages=ASK) as stream:
        for count, _ in enumerate(stream.text_stream):
            if count == 2:
                break
    call = captured.one()
    assert call.status == "aborted"
    assert {"estimated", "lower_bound"} <= set(call.flags)
    assert call.usage.output_tokens is not None
    assert call.usage.output_tokens > 0


def test_raw_and_streaming_responses(client: Any, claude: Any, captured: Captured) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK)
    assert raw.parse().usage
    with client.chat.completions.with_streaming_response.create(model=MODEL, messages=ASK) as response:
        assert "".join(response.iter_lines())
    with claude.messages.with_streaming_response.create(model=CLAUDE, max_tokens=9, messages=ASK) as response:
        response.read()
    calls = captured.calls()
    assert len(calls) == 3
    assert all(call.http_status == 200 and _spent(call)[1] and not call.flags for call in calls)


@pytest.mark.parametrize("status", [400, 401, 500])
def test_http_errors(client: Any, captured: Captured, status: int) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.with_options(max_retries=0).chat.completions.create(
            model=MODEL, messages=ASK, extra_headers=_scenario(str(status))
        )
    call = captured.one()
    assert raised.value.status_code == status
    assert (call.status, call.http_status) == ("error", status)
    assert call.usage.output_tokens is None


def test_retries_are_attempts_of_one_operation(client: Any, captured: Captured, trusting: Loopback) -> None:
    trusting.arm("429;retry-after-ms=1", times=2)
    client.with_options(max_retries=3).chat.completions.create(model=MODEL, messages=ASK)
    first, second, third = captured.calls()
    assert [call.http_status for call in (first, second, third)] == [429, 429, 200]
    assert [call.context.attempt for call in (first, second, third)] == [1, 2, 3]
    assert {call.context.operation_id for call in (first, second, third)} == {first.context.span_id}
    assert len({call.context.span_id for call in (first, second, third)}) == 3


async def test_async_retries_side_by_side(trusting: Loopback, captured: Captured) -> None:
    trusting.arm("429;retry-after-ms=1", times=4)
    async with _async(trusting) as client:
        patient = client.with_options(max_retries=6)
        await asyncio.gather(*(patient.chat.completions.create(model=MODEL, messages=ASK) for _ in range(4)))
    operations: dict[str, list[int]] = {}
    for call in captured.calls():
        operations.setdefault(call.context.operation_id, []).append(call.context.attempt)
    assert len(operations) == 4
    assert all(attempts == list(range(1, len(attempts) + 1)) for attempts in operations.values())
    assert sum(len(attempts) for attempts in operations.values()) == 8


def test_retries_of_messages(claude: Any, captured: Captured, trusting: Loopback) -> None:
    trusting.arm("529;retry-after-ms=1")
    claude.with_options(max_retries=2).messages.create(model=CLAUDE, max_tokens=9, messages=ASK)
    first, second = captured.calls()
    assert (first.http_status, second.http_status) == (529, 200)
    assert second.context.operation_id == first.context.span_id


def test_two_operations_in_a_row_are_not_one(client: Any, captured: Captured) -> None:
    for _ in range(2):
        client.chat.completions.create(model=MODEL, messages=ASK)
    first, second = captured.calls()
    assert first.context.operation_id != second.context.operation_id


def test_connection_error(captured: Captured) -> None:
    with (
        openai.OpenAI(api_key="sk-test", base_url="http://127.0.0.1:9/v1", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.chat.completions.create(model=MODEL, messages=ASK)
    call = captured.one()
    assert (call.status, call.error_type, call.http_status) == ("error", "ConnectError", None)
    assert call.usage.input_uncached_tokens is None


def test_timeout(client: Any, captured: Captured) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(max_retries=0, timeout=0.05).chat.completions.create(
            model=MODEL, messages=ASK, extra_headers=_scenario("hang")
        )
    call = captured.one()
    assert (call.status, call.error_type) == ("timeout", "ReadTimeout")
    assert {"estimated", "lower_bound"} <= set(call.flags)
    assert call.usage.input_uncached_tokens
    assert call.usage.output_tokens is None


def test_timeout_in_the_middle_of_a_stream(client: Any, captured: Captured) -> None:
    with pytest.raises(openai.APITimeoutError):
        list(
            client.with_options(max_retries=0, timeout=0.2).chat.completions.create(
                model=MODEL, messages=ASK, stream=True, extra_headers=_scenario("pause;after=2")
            )
        )
    call = captured.one()
    assert call.status == "timeout"
    assert call.http_status == 200


def test_connection_broken_in_a_stream(client: Any, captured: Captured) -> None:
    with pytest.raises(openai.APIConnectionError):
        list(
            client.chat.completions.create(
                model=MODEL, messages=ASK, stream=True, extra_headers=_scenario("truncate;after=3")
            )
        )
    call = captured.one()
    assert (call.status, call.error_type) == ("error", "RemoteProtocolError")


@pytest.mark.parametrize("scenario", ["non-json", "wrong-type", "broken-json", "gzip"])
def test_odd_bodies(client: Any, captured: Captured, scenario: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, extra_headers=_scenario(scenario))
    assert raw.http_response.status_code == 200
    assert captured.one().http_status == 200


async def test_async_in_every_way(trusting: Loopback, captured: Captured) -> None:
    async with _async(trusting) as client:
        await client.chat.completions.create(model=MODEL, messages=ASK)
        async for _ in await client.chat.completions.create(model=MODEL, messages=ASK, stream=True):
            pass
        async with await client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as stream:
            await anext(aiter(stream))
        await client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK)
        async with client.chat.completions.with_streaming_response.create(model=MODEL, messages=ASK) as response:
            async for _ in response.iter_lines():
                pass
    assert [call.status for call in captured.calls()] == ["ok", "ok", "aborted", "ok", "ok"]
    assert {call.context.call_site_function for call in captured.calls()} == {"test_async_in_every_way"}


async def test_async_messages(trusting: Loopback, captured: Captured) -> None:
    async with anthropic.AsyncAnthropic(api_key="sk-ant-test", base_url=trusting.url) as client:
        await client.messages.create(model=CLAUDE, max_tokens=9, messages=ASK)
        async with client.messages.stream(model=CLAUDE, max_tokens=9, messages=ASK) as stream:
            async for _ in stream.text_stream:
                pass
        stream = await client.messages.create(model=CLAUDE, max_tokens=9, messages=ASK, stream=True)
        async for event in stream:
            if event.type == "message_stop":
                break  # as some clients do: never closed
        assert len(captured.calls()) == 3, "a stream is over at its terminal event"
        await stream.close()
    assert all(_spent(call)[1] and not call.flags for call in captured.calls())


async def test_async_cancellation(trusting: Loopback, captured: Captured) -> None:
    async with _async(trusting) as client:

        async def ask() -> None:
            await client.chat.completions.create(model=MODEL, messages=ASK, extra_headers=_scenario("hang"))

        running = asyncio.create_task(ask())
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    call = captured.one()
    assert (call.status, call.error_type) == ("cancelled", "CancelledError")
    assert "lower_bound" in call.flags


async def test_async_cancellation_in_a_stream(trusting: Loopback, captured: Captured) -> None:
    async with _async(trusting) as client:

        async def read() -> None:
            stream = await client.chat.completions.create(
                model=MODEL, messages=ASK, stream=True, extra_headers=_scenario("pause;after=2")
            )
            async for _ in stream:
                pass

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.3)
    assert captured.one().status == "cancelled"


def test_eight_threads(client: Any, captured: Captured) -> None:
    def ask(number: int) -> str:
        stream = number % 2 == 0
        answer = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"number {number}"}], stream=stream
        )
        return list(answer)[-1].id if stream else answer.id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(ask, range(64)))
    calls = captured.calls()
    assert sorted(call.response_id or "" for call in calls) == sorted(ids)
    assert len({call.context.span_id for call in calls}) == 64


async def test_fifty_at_once(trusting: Loopback, captured: Captured) -> None:
    async with _async(trusting) as client:
        answers = await asyncio.gather(*(client.chat.completions.create(model=MODEL, messages=ASK) for _ in range(50)))
    assert sorted(call.response_id or "" for call in captured.calls()) == sorted(one.id for one in answers)


def test_counting_tokens_costs_nothing(claude: Any, captured: Captured) -> None:
    counted = claude.messages.count_tokens(model=CLAUDE, messages=ASK).input_tokens
    call = captured.one()
    assert (call.flags, call.usage.provider_total_tokens, _spent(call)) == (("free",), counted, (0, 0))
