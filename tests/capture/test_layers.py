"""One call is one record, however many HTTP libraries it passes; what is not the same call is another record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import httpx
import httpx2
import pytest
import requests

from otelcost.capture.attempt import being_sent, open_attempts
from otelcost.demo.loopback import Loopback

from .conftest import Captured

ASK: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "How far is the moon?"}]}
STREAM = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
KEY = {"authorization": "Bearer sk-test"}

modules = pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])


def _over_aiohttp(module: Any) -> Any:
    """A transport of an async client that is backed by aiohttp, as LiteLLM and the OpenAI SDK have them."""

    class Body(module.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, response: aiohttp.ClientResponse) -> None:
            self.response = response

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for data in self.response.content.iter_any():
                yield data

        async def aclose(self) -> None:
            self.response.close()

    class Transport(module.AsyncBaseTransport):  # type: ignore[misc, name-defined]
        async def handle_async_request(self, request: Any) -> Any:
            self.session = aiohttp.ClientSession(auto_decompress=False)
            response = await self.session.request(
                request.method, str(request.url), data=request.content, headers=dict(request.headers)
            )
            return module.Response(response.status, headers=response.headers.items(), stream=Body(response))

        async def aclose(self) -> None:
            await self.session.close()

    return Transport()


@modules
@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
async def test_httpx_over_aiohttp(trusting: Loopback, captured: Captured, module: Any, body: dict[str, Any]) -> None:
    url = f"{trusting.openai_url}/chat/completions"
    async with (
        module.AsyncClient(transport=_over_aiohttp(module), headers=KEY) as client,
        client.stream("POST", url, json=body) as response,
    ):
        assert b"gpt-4o-mini" in await response.aread()
    call = captured.one()
    assert (call.status, call.context.sdk) == ("ok", str(module.__name__))
    assert call.usage.output_tokens
    assert len(trusting.log()) == 1


@modules
def test_httpx_over_requests_at_a_gateway(trusting: Loopback, captured: Captured, module: Any) -> None:
    class Gateway(module.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            assert being_sent() is not None
            answer = requests.post(f"{trusting.openai_url}/chat/completions", data=request.content, headers=KEY)
            return module.Response(answer.status_code, content=answer.content)

    with module.Client(transport=Gateway()) as client:
        client.post("https://api.openai.com/v1/chat/completions", json=ASK)
    assert captured.one().server_address == "api.openai.com"
    assert being_sent() is None


@modules
def test_another_call_in_the_middle_of_one(trusting: Loopback, captured: Captured, module: Any) -> None:
    def check_first(request: Any) -> None:
        guard = {**ASK, "messages": [{"role": "user", "content": "Is this allowed?"}]}
        requests.post(f"{trusting.openai_url}/chat/completions", json=guard, headers=KEY)

    transport = module.MockTransport(lambda request: module.Response(200, json={"choices": []}))
    with module.Client(transport=transport, event_hooks={"request": [check_first]}) as client:
        client.post("https://api.openai.com/v1/chat/completions", json=ASK)
    assert sorted(call.server_address or "" for call in captured.calls()) == ["127.0.0.1", "api.openai.com"]


@modules
async def test_what_was_begun_in_the_middle_of_a_call_is_recorded_later(
    trusting: Loopback, captured: Captured, module: Any
) -> None:
    later: list[asyncio.Task[None]] = []
    url = f"{trusting.openai_url}/chat/completions"
    gate = asyncio.Event()

    async def ask() -> None:
        await gate.wait()
        async with aiohttp.ClientSession() as session:
            await (await session.post(url, json=ASK, headers=KEY)).read()

    async def answer(request: Any) -> Any:
        later.append(asyncio.create_task(ask()))  # it inherits the context of this call
        return module.Response(200, json={"choices": []})

    async with module.AsyncClient(transport=module.MockTransport(answer)) as client:
        await client.post(url, json=ASK)
    gate.set()
    await asyncio.gather(*later)
    assert len(captured.calls()) == 2
    assert not open_attempts


def test_every_library_at_once_from_threads(trusting: Loopback, captured: Captured) -> None:
    url = f"{trusting.openai_url}/chat/completions"

    async def by_aiohttp() -> str:
        async with aiohttp.ClientSession() as session, session.post(url, json=ASK, headers=KEY) as response:
            return str((await response.json())["id"])

    ways = [
        lambda: str(requests.post(url, json=ASK, headers=KEY).json()["id"]),
        lambda: str(httpx.post(url, json=ASK, headers=KEY).json()["id"]),
        lambda: str(httpx2.post(url, json=ASK, headers=KEY).json()["id"]),
        lambda: asyncio.run(by_aiohttp()),
    ]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: ways[number % 4](), range(32)))
    assert sorted(call.response_id or "" for call in captured.calls()) == sorted(ids)
