"""Bugs that were filed against other instrumentations, each a test here by its number.

The SDKs are real; the provider is the loopback one, or a transport in memory where a body must be exact.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.util._once import Once

from otelcost.capture import span as spans
from otelcost.capture.attempt import Attempt, open_attempts
from otelcost.capture.worker import worker
from otelcost.demo.loopback import Loopback
from otelcost.spool.writer import Spool
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost_exporters.spool import OtelcostSpanExporter

from .conftest import Captured, read_calls

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"
ASK: list[Any] = [{"role": "user", "content": "How far is it to the moon?"}]
STREAM: dict[str, Any] = {"model": GPT, "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": CLAUDE, "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "384,400 km"}],
}  # fmt: skip


@pytest.fixture
def gpt(trusting: Loopback, captured: Captured) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-test", base_url=trusting.openai_url) as client:
        yield client


@pytest.fixture
def claude(trusting: Loopback, captured: Captured) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sk-ant-test", base_url=trusting.url) as client:
        yield client


class Watch(SpanProcessor):
    """Every span that began, and whether it ended."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.began.append(span.name)

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span.name)


@pytest.fixture
def watch(captured: Captured) -> Iterator[Watch]:
    """A pipeline of the user's, which also feeds the spool with what other instrumentations trace."""
    made, provider = Watch(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(made)
    provider.add_span_processor(SimpleSpanProcessor(OtelcostSpanExporter()))
    trace.set_tracer_provider(provider)
    yield made
    provider.shutdown()
    trace._TRACER_PROVIDER = None
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    spans._pipeline = None


def _serving(body: Any, kind: str = "application/json") -> httpx2.Client:
    """A client of the real SDKs' own HTTP library whose every request gets this body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = {"status_code": 200, "headers": {"content-type": kind}, "content": content}
    return httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(**answer)))


def _billed(captured: Captured) -> list[tuple[int, int | None, int | None]]:
    """What the store counts: calls, input and output tokens, one row a provider."""
    captured.calls()
    worker.move()  # seals the segment
    drain()
    with session() as connection:
        return connection.execute(
            "select count(*), sum(input_tokens), sum(output_tokens) from v_calls group by provider"
        ).fetchall()


def _program(home: Path, provider: Loopback, script: str) -> subprocess.CompletedProcess[str]:
    """A program of its own that asks the loopback provider through the OpenAI SDK."""
    preamble = f"""
        import os, sys, threading, openai, otelcost
        otelcost.instrument()
        def ask(number=0):
            asked = [{{"role": "user", "content": f"number {{number}}"}}]
            with openai.OpenAI(api_key="sk-x", base_url={provider.openai_url!r}, max_retries=0) as client:
                client.chat.completions.create(model="gpt-4o-mini", messages=asked)
    """
    source = textwrap.dedent(preamble) + textwrap.dedent(script)
    variables = {**os.environ, "OTELCOST_HOME": str(home), "OTELCOST_TRUSTED_HOSTS": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, "-c", source], env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def test_openlit_1454_a_stream_closed_early_is_recorded(gpt: openai.OpenAI, captured: Captured) -> None:
    """There, leaving a `with` block or calling `close()` before the last chunk lost the whole call."""
    with gpt.chat.completions.create(**STREAM) as stream:
        for _ in stream:
            break
    stream = gpt.chat.completions.create(**STREAM)
    next(stream)
    stream.close()
    for call in captured.calls():
        assert (call.status, call.http_status) == ("aborted", 200)
        assert "lower_bound" in call.flags
        assert call.usage.input_uncached_tokens


def test_openlit_1460_no_stream_leaves_a_span_that_never_ends(
    gpt: openai.OpenAI, captured: Captured, watch: Watch
) -> None:
    """There, every stream that was read to its end left one span recording for ever."""
    list(gpt.chat.completions.create(**STREAM))
    with gpt.chat.completions.create(**STREAM) as stream:
        next(stream)
    dropped = gpt.chat.completions.create(**STREAM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del dropped
        gc.collect()
    assert len(captured.calls()) == 3
    assert watch.began == watch.ended == ["chat gpt-4o-mini"] * 3


def test_opentelemetry_python_contrib_4002_and_logfire_62_raw_responses(
    gpt: openai.OpenAI, trusting: Loopback, captured: Captured
) -> None:
    """There, `with_raw_response` crashed the program after the provider had billed the call."""
    asked = {"model": GPT, "messages": ASK}
    whole = gpt.chat.completions.with_raw_response.create(**asked)
    assert whole.headers["x-request-id"]
    assert whole.parse().choices[0].message.content
    streamed = gpt.chat.completions.with_raw_response.create(**STREAM)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed.parse() if chunk.choices)

    async def later() -> None:
        async with openai.AsyncOpenAI(api_key="sk-test", base_url=trusting.openai_url) as client:
            raw = await client.chat.completions.with_raw_response.create(**asked)
            assert raw.parse().usage

    asyncio.run(later())
    calls = captured.calls()
    assert [call.usage.output_tokens for call in calls] == [line["usage"]["output"] for line in trusting.log()]
    assert len(calls) == 3


def test_openinference_2467_the_helpers_of_a_stream_stay(claude: anthropic.Anthropic, captured: Captured) -> None:
    """There, `messages.stream()` gave another object, without `get_final_message()`."""
    with claude.messages.stream(model=CLAUDE, max_tokens=64, messages=ASK) as stream:
        assert type(stream) is anthropic.MessageStream
        stream.until_done()
        final = stream.get_final_message()
        assert stream.get_final_text() == "".join(block.text for block in final.content if block.type == "text")
    assert captured.one().usage.output_tokens == final.usage.output_tokens


@pytest.mark.parametrize(
    ("scope", "name"),
    [("openinference.instrumentation.llama_index", "LLM"), ("openinference.instrumentation.openai", "ChatCompletion")],
)
@pytest.mark.usefixtures("watch")
def test_openinference_2101_and_phoenix_5590_nested_instrumentations_count_once(
    gpt: openai.OpenAI, captured: Captured, scope: str, name: str
) -> None:
    """There, a framework's span and an SDK's span of one call had their tokens added up."""
    framework = trace.get_tracer("openinference.instrumentation.llama_index")
    with framework.start_as_current_span("FunctionCallingAgent.chat", attributes={"openinference.span.kind": "LLM"}):
        with trace.get_tracer(scope).start_as_current_span(name, attributes={"openinference.span.kind": "LLM"}) as span:
            usage = gpt.chat.completions.create(model=GPT, messages=ASK).usage
            assert usage
            span.set_attribute("llm.token_count.prompt", usage.prompt_tokens)
            span.set_attribute("llm.token_count.completion", usage.completion_tokens)
        trace.get_current_span().set_attribute("llm.token_count.prompt", usage.prompt_tokens)
        trace.get_current_span().set_attribute("llm.token_count.completion", usage.completion_tokens)
    assert _billed(captured) == [(1, usage.prompt_tokens, usage.completion_tokens)]


@pytest.mark.usefixtures("watch")
def test_aggregates_on_agents_are_not_calls(gpt: openai.OpenAI, captured: Captured) -> None:
    """Elsewhere, the sum that an agent's span carries was added to the calls it sums."""
    agent = {"gen_ai.operation.name": "invoke_agent"}
    with trace.get_tracer("agents").start_as_current_span("invoke_agent x", attributes=agent) as span:
        usage = gpt.chat.completions.create(model=GPT, messages=ASK).usage
        assert usage
        span.set_attribute("gen_ai.usage.input_tokens", usage.prompt_tokens)
        span.set_attribute("gen_ai.aggregated_usage.output_tokens", usage.completion_tokens)
    assert _billed(captured) == [(1, usage.prompt_tokens, usage.completion_tokens)]


def test_openinference_3664_each_retry_is_seen(gpt: openai.OpenAI, captured: Captured, trusting: Loopback) -> None:
    """There, one span covered all attempts: no count, no status, and the waiting in its duration."""
    trusting.arm("429;retry-after-ms=150", times=2)
    gpt.with_options(max_retries=2).chat.completions.create(model=GPT, messages=ASK)
    calls = captured.calls()
    assert [(call.context.attempt, call.http_status) for call in calls] == [(1, 429), (2, 429), (3, 200)]
    assert len({call.context.operation_id for call in calls}) == 1
    ends = [call.context.start_unix_us + (call.context.duration_us or 0) for call in calls]
    starts = [call.context.start_unix_us for call in calls]
    assert all(after - before >= 100_000 for before, after in zip(ends, starts[1:], strict=False)), "waits are outside"


def test_tensorzero_5481_cumulative_usage_is_not_summed(captured: Captured) -> None:
    """There, `message_start` and every `message_delta` were added: 16 output tokens instead of 15."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None,
                                              "usage": {"input_tokens": 25, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello!"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 9}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 15}},
        {"type": "message_stop"},
    ]  # fmt: skip
    body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
    with anthropic.Anthropic(api_key="x", http_client=_serving(body, "text/event-stream")) as client:
        for _ in client.messages.create(model=CLAUDE, max_tokens=64, messages=ASK, stream=True):
            pass
    usage = captured.one().usage
    assert (usage.input_uncached_tokens, usage.output_tokens) == (25, 15)


def test_litellm_11789_cached_tokens_inside_and_beside_the_input(captured: Captured) -> None:
    """There, Anthropic's input, which excludes cached tokens, was treated as OpenAI's, which includes them."""
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 12304,
        "cache_read_input_tokens": 7,
        "output_tokens": 550,
    }
    with anthropic.Anthropic(api_key="x", http_client=_serving({**MESSAGE, "usage": usage})) as client:
        client.messages.create(model=CLAUDE, max_tokens=999, messages=ASK)
    choices = [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]
    counts = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    counts |= {"prompt_tokens_details": {"cached_tokens": 64}}  # type: ignore[dict-item]
    chat = {"id": "c", "object": "chat.completion", "created": 1, "model": GPT, "choices": choices, "usage": counts}
    with openai.OpenAI(api_key="x", http_client=_serving(chat)) as other:
        other.chat.completions.create(model=GPT, messages=ASK)
    beside, inside = (call.usage for call in captured.calls())
    assert (beside.input_uncached_tokens, beside.cache_read_tokens, beside.cache_write_short_tokens) == (3, 7, 12304)
    assert (inside.input_uncached_tokens, inside.cache_read_tokens) == (36, 64)


def test_logfire_1280_streams_without_usage(gpt: openai.OpenAI, captured: Captured, trusting: Loopback) -> None:
    """There, such a stream had no tokens at all. The remedy is an estimate, never another request."""
    text = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in gpt.chat.completions.create(model=GPT, messages=ASK, stream=True)
    )
    call = captured.one()
    assert call.flags == ("estimated",)
    assert call.usage.input_uncached_tokens
    (billed,) = trusting.log()
    assert 0.5 <= (call.usage.output_tokens or 0) / billed["usage"]["output"] <= 2, text
    assert len(text) > 20


def test_openllmetry_1689_batches_are_calls_at_the_batch_price(captured: Captured) -> None:
    """There, what ran in a batch was never seen. Results that are fetched again are not billed again."""
    message = {**MESSAGE, "usage": {"input_tokens": 9, "output_tokens": 4}}
    lines = [{"custom_id": one, "result": {"type": "succeeded", "message": {**message, "id": one}}} for one in "ab"]
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    batch = {"id": "b1", "type": "message_batch", "processing_status": "ended", "results_url":
             "https://api.anthropic.com/v1/messages/batches/b1/results"}  # fmt: skip

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/results"):
            return httpx2.Response(200, headers={"content-type": "application/x-jsonl"}, content=content)
        return httpx2.Response(200, json=batch)

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    with anthropic.Anthropic(api_key="x", http_client=http) as client:
        for _ in range(2):
            assert [one.custom_id for one in client.messages.batches.results("b1")] == ["a", "b"]
    calls = captured.calls()
    assert {(call.batch, call.usage.input_uncached_tokens, call.usage.output_tokens) for call in calls} == {
        (True, 9, 4)
    }
    assert _billed(captured) == [(2, 18, 8)]


def test_opentelemetry_python_3307_workers_forked_from_an_instrumented_master(home: Path, trusting: Loopback) -> None:
    """There, a worker forked after the exporter had begun had no thread of its own, and its spans were lost."""
    script = """
        ask()
        workers = []
        for number in range(4):
            worker = os.fork()
            if not worker:
                [ask(10 * number + call) for call in range(3)]
                sys.exit(0)
            workers.append(worker)
        codes = {os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) for worker in workers}
        print(codes)
        ask()
    """
    done = _program(home, trusting, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{0}\n", "")
    calls = read_calls(home)
    assert len(calls) == len(trusting.log()) == 14
    assert len({call.context.pid for call in calls}) == 5
    assert len({call.response_id for call in calls}) == 14


def test_opentelemetry_python_3886_a_writer_that_is_stuck_holds_nobody(
    gpt: openai.OpenAI, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, the exporting thread slept while it held the lock that every ending span needs."""
    stuck, go = threading.Event(), threading.Event()
    append = Spool.append

    def wait(self: Spool, *lines: bytes) -> None:
        stuck.set()
        assert go.wait(60)
        append(self, *lines)

    monkeypatch.setattr(Spool, "append", wait)
    gpt.chat.completions.create(model=GPT, messages=ASK)
    assert stuck.wait(60)
    for _ in range(20):
        gpt.chat.completions.create(model=GPT, messages=ASK)
    assert not worker.flush(0.01)
    go.set()
    assert len(captured.calls()) == 21


def test_opentelemetry_python_5568_nothing_is_lost_at_exit_beside_thread_pools(home: Path, trusting: Loopback) -> None:
    """There, pools are closed before exit handlers run, so that what waited in a processor was never written."""
    script = """
        from concurrent.futures import ThreadPoolExecutor
        from opentelemetry import trace
        from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from otelcost_exporters.spool import OtelcostSpanExporter
        provider = TracerProvider(active_span_processor=ConcurrentMultiSpanProcessor(2), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(OtelcostSpanExporter()))
        trace.set_tracer_provider(provider)
        pool = ThreadPoolExecutor(4)
        for number in range(12):
            pool.submit(ask, number)
    """
    done = _program(home, trusting, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len({call.response_id for call in read_calls(home)}) == len(trusting.log()) == 12


def test_openllmetry_2790_nothing_is_kept_of_calls_that_are_over(
    gpt: openai.OpenAI, captured: Captured, watch: Watch
) -> None:
    """There, a dictionary kept every span of every run."""

    def calls() -> None:
        with trace.get_tracer("chain").start_as_current_span("run"):
            gpt.chat.completions.create(model=GPT, messages=ASK)
            list(gpt.chat.completions.create(**STREAM))
            with gpt.chat.completions.create(**STREAM) as stream:
                next(stream)
            with suppress(openai.APIStatusError):
                gpt.with_options(max_retries=0).chat.completions.create(
                    model=GPT, messages=ASK, extra_headers={"x-loopback-scenario": "500"}
                )

    before = set(open_attempts)
    elsewhere = {id(one) for one in gc.get_objects() if isinstance(one, Attempt)}
    for _ in range(5):
        calls()
    assert len(captured.calls()) == 20
    assert len(watch.ended) == 25
    gc.collect()
    assert set(open_attempts) <= before
    assert not [one for one in gc.get_objects() if isinstance(one, ReadableSpan)]
    kept = [one for one in gc.get_objects() if isinstance(one, Attempt) and id(one) not in elsewhere]
    assert [(one.request, one.started) for one in kept] in ([], [(None, None)])  # the last, by its number alone
