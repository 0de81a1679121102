"""What a call is for, through the real SDKs: threads, pools, tasks, generators, streams, baggage from elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from opentelemetry import context, propagate, trace
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

import otelcost
from otelcost.demo.loopback import Loopback

from .conftest import Captured
from .telemetry import Telemetry, fresh

MODEL = "gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "How far is it to the moon?"}]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with fresh():
        yield


@pytest.fixture
def client(trusting: Loopback, captured: Captured) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-test", base_url=trusting.openai_url) as made:
        yield made


@pytest.fixture
async def later(trusting: Loopback, captured: Captured) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="sk-test", base_url=trusting.openai_url) as made:
        yield made


def ask(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model=MODEL, messages=ASK, **more)


async def ask_later(client: openai.AsyncOpenAI) -> Any:
    return await client.chat.completions.create(model=MODEL, messages=ASK)


def named(captured: Captured) -> list[str | None]:
    return [call.context.task for call in captured.calls()]


def test_every_column_and_any_label_nested(client: openai.OpenAI, captured: Captured, trusting: Loopback) -> None:
    claude = anthropic.Anthropic(api_key="sk-ant-test", base_url=trusting.url)
    outer = otelcost.label(customer="acme", session_id="s-1", user_id="u-1", region="eu")
    inner_labels = otelcost.label(customer="zeta", feature="inbox", prompt_name="p", prompt_version=2)
    with claude, otelcost.task("triage"), outer:
        ask(client)
        with otelcost.task("summary"), inner_labels:
            claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=ASK)
        ask(client)
    ask(client)
    first, inner, again, outside = (call.context for call in captured.calls())
    assert (first.task, first.session_id, first.user_id, first.feature) == ("triage", "s-1", "u-1", None)
    assert first.labels == again.labels == {"customer": "acme", "region": "eu"}
    assert (inner.task, inner.session_id, inner.feature) == ("summary", "s-1", "inbox")
    assert (inner.prompt_name, inner.prompt_version) == ("p", "2")
    assert inner.labels == {"customer": "zeta", "region": "eu"}
    assert (outside.task, outside.labels, outside.session_id) == (None, {}, None)


def test_a_thread_has_the_names_where_the_context_was_copied(client: openai.OpenAI, captured: Captured) -> None:
    with otelcost.task("fan out"), ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, ask, client).result()
        pool.submit(ask, client).result()  # as plain Python has it: a pool's thread has a context of its own
        thread = threading.Thread(target=contextvars.copy_context().run, args=(ask, client))
        thread.start()
        thread.join()
    assert named(captured) == ["fan out", None, "fan out"]


def test_a_worker_names_its_own_calls_and_leaves_nothing_behind(client: openai.OpenAI, captured: Captured) -> None:
    @otelcost.task("worker")
    def work() -> None:
        ask(client)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
        pool.submit(ask, client).result()
    assert named(captured) == ["worker", None]


async def test_tasks_of_asyncio_keep_what_they_were_started_under(
    later: openai.AsyncOpenAI, captured: Captured
) -> None:
    @otelcost.task("decorated")
    async def decorated() -> None:
        await ask_later(later)

    with otelcost.label(batch="1"):
        with otelcost.task("started under"):
            started = asyncio.create_task(ask_later(later))
        await started
        await asyncio.gather(decorated(), ask_later(later))
    found = sorted((call.context.task or "", call.context.labels.get("batch", "")) for call in captured.calls())
    assert found == [("", "1"), ("decorated", "1"), ("started under", "1")]


async def test_to_thread_copies_the_context(client: openai.OpenAI, captured: Captured) -> None:
    with otelcost.task("in a thread"):
        await asyncio.to_thread(ask, client)
    assert named(captured) == ["in a thread"]


def test_a_generator_is_inside_only_while_it_runs(client: openai.OpenAI, captured: Captured) -> None:
    @otelcost.task("pages")
    def pages() -> Iterator[Any]:
        for _ in range(2):
            yield ask(client)

    for _ in pages():
        ask(client)
    assert named(captured) == ["pages", None, "pages", None]


async def test_an_async_generator_too(later: openai.AsyncOpenAI, captured: Captured) -> None:
    @otelcost.task("pages")
    async def pages() -> AsyncIterator[Any]:
        for _ in range(2):
            yield await ask_later(later)

    async for _ in pages():
        await ask_later(later)
    assert named(captured) == ["pages", None, "pages", None]


def test_a_stream_read_later_has_the_names_it_was_asked_under(client: openai.OpenAI, captured: Captured) -> None:
    with otelcost.task("streamed"):
        stream = ask(client, stream=True)
    with otelcost.task("reading"):
        for _ in stream:
            pass
    assert named(captured) == ["streamed"]


def test_baggage_of_a_request_that_came_in(client: openai.OpenAI, captured: Captured) -> None:
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "baggage": "session.id=s-9,user.id=u-9,otelcost.task=checkout,otelcost.feature=cart,"
        "otelcost.label.tenant=ac%20me,unrelated=1",
    }
    token = context.attach(propagate.extract(headers))
    try:
        ask(client)
        with otelcost.task("nearer"):
            ask(client)
    finally:
        context.detach(token)
    first, second = (call.context for call in captured.calls())
    assert (first.task, first.session_id, first.user_id, first.feature) == ("checkout", "s-9", "u-9", "cart")
    assert first.labels == {"tenant": "ac me"}
    assert (first.trace_id, first.parent_span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert (second.task, second.session_id) == ("nearer", "s-9")


def test_names_never_leave_with_a_request(captured: Captured) -> None:
    telemetry = Telemetry()
    trace.set_tracer_provider(telemetry.provider)
    sent: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(dict(request.headers))
        return httpx2.Response(200, json={"id": "1", "choices": []})

    instrumentor = HTTPX2ClientInstrumentor()
    instrumentor.instrument(tracer_provider=telemetry.provider)
    try:
        http = httpx2.Client(transport=httpx2.MockTransport(answer))
        client = openai.OpenAI(api_key="sk-test", base_url="http://127.0.0.1/v1", http_client=http)
        with otelcost.task("secret project"), otelcost.label(customer="acme"):
            ask(client)
    finally:
        instrumentor.uninstrument()
    call = captured.one()
    assert call.context.task == "secret project"
    assert not [value for value in sent[0].values() if "acme" in value or "secret" in value]


def test_a_decorator_without_its_name_is_refused_at_once() -> None:
    wrong: Any = otelcost.task
    with pytest.raises(TypeError, match="name"):

        @wrong
        def work() -> None: ...


def test_call_site_and_root_span_through_an_sdk(client: openai.OpenAI, captured: Captured) -> None:
    telemetry = Telemetry()
    trace.set_tracer_provider(telemetry.provider)
    with telemetry.tracer.start_as_current_span("POST /tickets", kind=trace.SpanKind.SERVER):
        ask(client)
    found = captured.one().context
    assert (found.root_span_name, found.root_span_kind) == ("POST /tickets", "SERVER")
    assert found.call_site_function == "ask"
    assert (found.call_site_file or "").endswith("test_labels.py")
