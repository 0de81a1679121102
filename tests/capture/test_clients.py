"""One client recorded alone, all of them, both, and neither: everything as it was found."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import httpx
import httpx2
import openai
import pytest
import requests
import urllib3
from opentelemetry import trace

import otelcost
from otelcost.capture import clients, seams
from otelcost.capture.worker import worker
from otelcost.demo.loopback import Loopback
from otelcost.errors import UsageError
from otelcost.spool.diagnostics import diagnostics

from . import bedrock
from .conftest import Captured

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"
ASK: list[Any] = [{"role": "user", "content": "How far is it to the moon?"}]
BODY = {"model": GPT, "messages": ASK}
KEY = {"authorization": "Bearer sk-test"}


@pytest.fixture
def off(home: Path) -> Iterator[Captured]:
    """Capture is off to begin with."""
    worker.move()
    diagnostics.after_fork()
    assert not seams.installed()
    yield Captured(home)
    otelcost.uninstrument()
    assert not seams.installed()
    worker.move()


def _methods() -> dict[str, Any]:
    """What capture patches, as it is now."""
    owners = (
        httpx.Client, httpx.AsyncClient, httpx2.Client, httpx2.AsyncClient, urllib3.HTTPConnectionPool,
        aiohttp.ClientSession, aiohttp.ClientRequest,
    )  # fmt: skip
    names = ("send", "_make_request", "_request")
    found = {f"{owner.__qualname__}.{name}": owner.__dict__.get(name) for owner in owners for name in names}
    return found | {"set_tracer_provider": trace.set_tracer_provider}


def test_an_sdk_client_alone(trusting: Loopback, off: Captured) -> None:
    with (
        openai.OpenAI(api_key="sk-x", base_url=trusting.openai_url) as ours,
        openai.OpenAI(api_key="sk-x", base_url=trusting.openai_url) as other,
        anthropic.Anthropic(api_key="sk-x", base_url=trusting.url) as claude,
    ):
        otelcost.instrument(ours)
        otelcost.instrument(ours)
        answer = ours.chat.completions.create(model=GPT, messages=ASK)
        list(ours.with_options(max_retries=1).chat.completions.create(model=GPT, messages=ASK, stream=True))
        other.chat.completions.create(model=GPT, messages=ASK)
        claude.messages.create(model=CLAUDE, max_tokens=9, messages=ASK)
        first, second = off.calls()
        assert first.response_id == answer.id
        assert (second.stream, second.status) == (True, "ok")
        assert first.context.call_site_function == "test_an_sdk_client_alone"
        otelcost.uninstrument(ours)
        assert "send" not in vars(ours._client)
        ours.chat.completions.create(model=GPT, messages=ASK)
    assert len(off.calls()) == 2


def test_one_client_and_then_all(trusting: Loopback, off: Captured) -> None:
    before = _methods()
    with (
        openai.OpenAI(api_key="sk-x", base_url=trusting.openai_url) as ours,
        openai.OpenAI(api_key="sk-x", base_url=trusting.openai_url) as other,
    ):
        otelcost.instrument(ours)
        otelcost.instrument()
        otelcost.instrument()
        for client in (ours, other):
            client.chat.completions.create(model=GPT, messages=ASK)
        assert len(off.calls()) == len(trusting.log()) == 2, "once each"
        otelcost.uninstrument(ours)
        ours.chat.completions.create(model=GPT, messages=ASK)
        assert len(off.calls()) == 3, "still one of all"
        otelcost.instrument(ours)
        otelcost.uninstrument()
        ours.chat.completions.create(model=GPT, messages=ASK)
    assert len(off.calls()) == 3
    assert _methods() == before


def test_turned_on_and_off_many_times(trusting: Loopback, off: Captured) -> None:
    before = _methods()
    for _ in range(3):
        otelcost.instrument()
        assert _methods() != before
        httpx2.post(f"{trusting.openai_url}/chat/completions", json=BODY, headers=KEY)
        otelcost.uninstrument()
        otelcost.uninstrument()
        assert _methods() == before
        httpx2.post(f"{trusting.openai_url}/chat/completions", json=BODY, headers=KEY)
    assert len(off.calls()) == 3
    assert seams.patched() == []


def test_what_others_wrapped_meanwhile_is_left_alone(trusting: Loopback, off: Captured) -> None:
    """Taking our method away from under somebody else's wrapper would take theirs away too."""
    bare = httpx2.Client.send
    otelcost.instrument()
    ours = httpx2.Client.send

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        return ours(self, *args, **kwargs)

    httpx2.Client.send = theirs  # type: ignore[method-assign]
    try:
        otelcost.uninstrument()
        assert httpx2.Client.send is theirs
        httpx2.post(f"{trusting.openai_url}/chat/completions", json=BODY, headers=KEY)
        assert off.calls() == []
        otelcost.instrument()
        httpx2.post(f"{trusting.openai_url}/chat/completions", json=BODY, headers=KEY)
        assert len(off.calls()) == 1
    finally:
        httpx2.Client.send = ours  # type: ignore[method-assign]
        otelcost.uninstrument()
    assert httpx2.Client.send is bare


def test_plain_clients_of_every_library(trusting: Loopback, off: Captured) -> None:
    url = f"{trusting.openai_url}/chat/completions"
    with httpx.Client() as one, httpx2.Client() as two, requests.Session() as three, urllib3.PoolManager() as four:
        for client in (one, two, three, four):
            otelcost.instrument(client)
        one.post(url, json=BODY, headers=KEY)
        two.post(url, json=BODY, headers=KEY)
        three.post(url, json=BODY, headers=KEY)
        four.request("POST", url, json=BODY, headers=KEY)
        httpx.post(url, json=BODY, headers=KEY)
        requests.post(url, json=BODY, headers=KEY)
        urllib3.request("POST", url, json=BODY, headers=KEY)
    calls = off.calls()
    assert [call.context.sdk for call in calls[:3]] == ["httpx", "httpx2", "requests"]
    assert len(calls) == 4


async def test_async_clients(trusting: Loopback, off: Captured) -> None:
    url = f"{trusting.openai_url}/chat/completions"
    async with (
        openai.AsyncOpenAI(api_key="sk-x", base_url=trusting.openai_url) as ours,
        openai.AsyncOpenAI(api_key="sk-x", base_url=trusting.openai_url) as other,
        aiohttp.ClientSession(headers=KEY) as session,
        aiohttp.ClientSession(headers=KEY) as strange,
    ):
        otelcost.instrument(ours)
        otelcost.instrument(session)
        assert inspect.iscoroutinefunction(vars(session)["_request"])
        asks = [client.chat.completions.create(model=GPT, messages=ASK) for client in (ours, other)]
        answers = await asyncio.gather(*asks)
        for plain in (session, strange):
            async with plain.post(url, json=BODY) as response:
                await response.read()
        async for _ in await ours.chat.completions.create(model=GPT, messages=ASK, stream=True):
            pass
    calls = off.calls()
    assert [call.status for call in calls] == ["ok"] * 3
    assert calls[0].response_id == answers[0].id


def test_what_a_marked_call_begins_is_not_of_its_client(trusting: Loopback, off: Captured) -> None:
    later: list[asyncio.Task[Any]] = []

    async def main() -> None:
        async with httpx2.AsyncClient(headers=KEY) as other:

            async def answer(request: Any) -> httpx2.Response:
                post = other.post(f"{trusting.openai_url}/chat/completions", json=BODY)
                later.append(asyncio.create_task(asyncio.wait_for(post, 60)))  # its context is this call's
                return httpx2.Response(200, json={"id": "1", "choices": []})

            async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as ours:
                otelcost.instrument(ours)
                await ours.post("https://api.openai.com/v1/chat/completions", json=BODY)
            await asyncio.gather(*later)

    asyncio.run(main())
    assert off.one().server_address == "api.openai.com"


def test_boto3_and_google(monkeypatch: pytest.MonkeyPatch, off: Captured) -> None:
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: see requirements/dev.txt")
    monkeypatch.setenv("OTELCOST_TRUSTED_HOSTS", "127.0.0.1")
    keys = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    said = [{"role": "user", "content": [{"text": "hello"}]}]
    with bedrock.serving() as server:
        ours, other = (boto3.client("bedrock-runtime", endpoint_url=server.url, **keys) for _ in range(2))
        otelcost.instrument(ours)
        for client in (ours, other):
            client.converse(modelId=bedrock.MODEL, messages=said)
            list(client.converse_stream(modelId=bedrock.MODEL, messages=said)["stream"])
            client.close()
    assert [call.usage.output_tokens for call in off.calls()] == [9, 9]
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed: see requirements/dev.txt")
    otelcost.instrument(genai.Client(api_key="x"))


def test_what_is_no_client_is_told(off: Captured) -> None:
    with pytest.raises(UsageError, match=r"instrument\(object\): no HTTP client"):
        otelcost.instrument(object())
    assert not seams.installed()


def test_an_environment_that_says_no(off: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with httpx2.Client() as client:
        otelcost.instrument(client)
        assert "send" not in vars(client)
    otelcost.instrument(object())


def test_a_method_that_the_program_replaced_itself(off: Captured) -> None:
    with httpx2.Client() as client:
        mine = lambda request, **options: httpx2.Response(200, json={}, request=request)  # noqa: E731
        client.send = mine  # type: ignore[method-assign]
        otelcost.instrument(client)
        assert client.post("https://api.openai.com/v1/chat/completions", json=BODY).status_code == 200
        otelcost.uninstrument(client)
        assert client.send is mine
    assert off.calls() == []


def test_a_client_that_is_gone_is_forgotten(off: Captured) -> None:
    otelcost.instrument(httpx2.Client())
    gc.collect()
    assert not clients.any_marked()


def test_tracing_is_left_as_it_was(off: Captured) -> None:
    before = trace.set_tracer_provider
    otelcost.instrument()
    assert trace.set_tracer_provider is not before
    otelcost.uninstrument()
    assert trace.set_tracer_provider is before
