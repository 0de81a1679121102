"""Raw aiohttp against the loopback provider: one record a request, however its body is read or given up."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import otelcost
from otelcost.capture import attempt as attempts
from otelcost.capture import guard, seams
from otelcost.capture.attempt import Attempt, open_attempts
from otelcost.demo.loopback import Loopback
from otelcost.spool.diagnostics import diagnostics

from .conftest import Captured

ASK: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "How far is the moon?"}]}
STREAM = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
KEY = {"authorization": "Bearer sk-test"}


def _scenario(name: str) -> dict[str, str]:
    return {**KEY, "x-loopback-scenario": name}


@pytest.fixture
async def session(trusting: Loopback, captured: Captured) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers=KEY) as made:
        yield made


@pytest.fixture
def url(trusting: Loopback) -> str:
    return f"{trusting.openai_url}/chat/completions"


async def test_a_call(session: aiohttp.ClientSession, url: str, captured: Captured) -> None:
    with otelcost.task("triage"):
        async with session.post(url, json=ASK) as response:
            answer = await response.json()
    call = captured.one()
    assert (call.api, call.provider, call.status, call.http_status) == ("openai.chat", "openai", "ok", 200)
    assert call.usage.output_tokens == answer["usage"]["completion_tokens"]
    assert (call.context.sdk, call.context.sdk_version) == ("aiohttp", aiohttp.__version__)
    assert call.context.call_site_function == "test_a_call"
    assert (call.context.task, call.flags) == ("triage", ())
    assert call.request_bytes == len(json.dumps(ASK))


@pytest.mark.parametrize("how", ["json", "bytes", "text", "bytearray"])
async def test_bodies(session: aiohttp.ClientSession, url: str, captured: Captured, how: str) -> None:
    text = json.dumps(ASK)
    data = {"json": ASK, "bytes": text.encode(), "text": text, "bytearray": bytearray(text.encode())}[how]
    asked: dict[str, Any] = {"json": data} if how == "json" else {"data": data}
    (await session.post(url, **asked)).release()
    call = captured.one()
    assert (call.request_model, "request_truncated" in call.flags) == ("gpt-4o-mini", False)


@pytest.mark.parametrize("pairs", [iter, list, dict])
async def test_headers_of_every_kind_are_sent(url: str, captured: Captured, trusting: Loopback, pairs: Any) -> None:
    headers = pairs([(name, value) for name, value in {**KEY, "user-agent": "program/1.0"}.items()])
    async with aiohttp.ClientSession() as session, session.post(url, json=ASK, headers=headers) as response:
        assert response.status == 200, "the key arrived"
    assert captured.one().context.sdk == "program"


async def test_a_body_that_aiohttp_packs(session: aiohttp.ClientSession, captured: Captured) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"choices": [], "asked": await request.json()})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    async with TestServer(application) as server:
        url = server.make_url("/v1/chat/completions")
        async with session.post(url, json=ASK, compress="deflate") as response:
            assert (await response.json())["asked"] == ASK
    call = captured.one()
    assert (call.request_model, "request_undecodable" in call.flags) == ("gpt-4o-mini", False)


async def test_a_streamed_body_is_left_to_aiohttp(session: aiohttp.ClientSession, url: str, captured: Captured) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield json.dumps(ASK).encode()

    async with session.post(url, data=parts()) as response:
        await response.read()
    assert "request_truncated" in captured.one().flags


async def test_a_base_address_and_requests_of_other_kinds(trusting: Loopback, captured: Captured) -> None:
    async with aiohttp.ClientSession(trusting.url, headers=KEY) as session:
        await (await session.post("/v1/chat/completions", json=ASK)).read()
        await (await session.get("/loopback/log")).read()
    async with aiohttp.ClientSession() as other:
        with pytest.raises(aiohttp.InvalidURL):
            await other.post("http://", json=ASK)
    assert captured.one().http_status == 200


Way = Callable[[aiohttp.ClientResponse], Awaitable[Any]]


async def _lines(response: aiohttp.ClientResponse) -> Any:
    return [line async for line in response.content]


async def _any(response: aiohttp.ClientResponse) -> Any:
    return b"".join([data async for data in response.content.iter_any()])


async def _chunked(response: aiohttp.ClientResponse) -> Any:
    return [data async for data in response.content.iter_chunked(7)]


async def _chunks(response: aiohttp.ClientResponse) -> Any:
    return b"".join([data async for data, _ in response.content.iter_chunks()])


async def _parts(response: aiohttp.ClientResponse) -> Any:
    found = [await response.content.readexactly(10), await response.content.readuntil(b"}")]
    return [*found, await response.content.read()]


WAYS: dict[str, Way] = {
    "read": lambda response: response.read(),
    "text": lambda response: response.text(),
    "lines": _lines,
    "any": _any,
    "chunked": _chunked,
    "chunks": _chunks,
    "parts": _parts,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["stream", "body", "gzip"])
@pytest.mark.parametrize("decompress", [True, False])
async def test_every_way_to_read(url: str, captured: Captured, way: str, kind: str, decompress: bool) -> None:
    if kind == "gzip" and not decompress and way in {"text", "parts"}:
        pytest.skip("compressed bytes are no text")
    headers = _scenario("gzip") if kind == "gzip" else KEY
    async with (
        aiohttp.ClientSession(auto_decompress=decompress) as session,
        session.post(url, json=STREAM if kind == "stream" else ASK, headers=headers) as response,
    ):
        assert await WAYS[way](response)
    call = captured.one()
    assert (call.status, call.flags) == ("ok", ())
    assert call.usage.output_tokens


class Served:
    """A server of this process which answers every request with the same bytes and hangs up."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1/chat/completions"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._raw)
        await writer.drain()
        writer.close()

    async def __aexit__(self, *error: object) -> None:
        self._server.close()


LENGTH = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"choices":[]}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\ndata: aaaaaaaaa}\r\n2\r\n\n\n\r\n0\r\n\r\n"
SHORT = b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"choices":[]}'
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_HTTP = b"gibberish\r\n\r\n"


@pytest.mark.parametrize("raw", [LENGTH, CHUNKED, SHORT, EMPTY, NO_HTTP])
@pytest.mark.parametrize("way", WAYS)
async def test_bytes_and_exceptions_are_the_same_without_capture(captured: Captured, raw: bytes, way: str) -> None:
    async def read(url: str) -> Any:
        try:
            async with aiohttp.ClientSession() as session, session.post(url, json=ASK) as response:
                return await WAYS[way](response), response.content.total_bytes, response.content.at_eof()
        except (aiohttp.ClientError, asyncio.IncompleteReadError) as error:
            return type(error), str(error).replace(url, "url")

    async with Served(raw) as url:
        with_capture = await read(url)
        call = captured.one()
        if raw in {SHORT, NO_HTTP}:
            assert call.status == "error"
            assert call.error_type in {"ClientPayloadError", "ServerDisconnectedError", "ClientResponseError"}
            assert call.http_status == (200 if raw == SHORT else None)
        seams.uninstall()
        assert await read(url) == with_capture
    assert not open_attempts


async def test_closed_early(session: aiohttp.ClientSession, url: str, captured: Captured) -> None:
    async with session.post(url, json=STREAM, headers=_scenario("slow;ms=20")) as response:
        await response.content.readline()
    response = await session.post(url, json=STREAM, headers=_scenario("slow;ms=20"))
    response.close()
    calls = captured.calls()
    assert [call.status for call in calls] == ["aborted"] * 2
    assert all({"estimated", "lower_bound"} <= set(call.flags) for call in calls)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # aiohttp's, of what was not closed
async def test_never_read(url: str, captured: Captured) -> None:
    async with aiohttp.ClientSession(headers=KEY) as session:
        await session.post(url, json=STREAM, headers=_scenario("pause;after=2"))
    await asyncio.sleep(0.05)
    gc.collect()
    call = captured.one()
    assert (call.status in {"aborted", "error"}, call.http_status) == (True, 200)
    assert "lower_bound" in call.flags


@pytest.mark.parametrize("status", [400, 429, 500])
@pytest.mark.parametrize("raising", [True, False])
async def test_errors(url: str, captured: Captured, status: int, raising: bool) -> None:
    async with aiohttp.ClientSession(headers=KEY, raise_for_status=raising) as session:
        if raising:
            with pytest.raises(aiohttp.ClientResponseError):
                await session.post(url, json=ASK, headers=_scenario(str(status)))
        else:
            async with session.post(url, json=ASK, headers=_scenario(str(status))) as response:
                await response.read()
    call = captured.one()
    assert (call.status, call.http_status, call.usage.output_tokens) == ("error", status, None)


async def test_connection_error_and_timeouts(session: aiohttp.ClientSession, url: str, captured: Captured) -> None:
    with pytest.raises(aiohttp.ClientConnectorError):
        await session.post("http://127.0.0.1:9/v1/chat/completions", json=ASK)
    with pytest.raises(TimeoutError):
        await session.post(url, json=ASK, headers=_scenario("hang"), timeout=aiohttp.ClientTimeout(total=0.1))
    for limit in (aiohttp.ClientTimeout(total=0.3), aiohttp.ClientTimeout(sock_read=0.2)):
        with pytest.raises(TimeoutError):
            async with session.post(url, json=STREAM, headers=_scenario("pause;after=2"), timeout=limit) as response:
                await response.read()
    with pytest.raises(aiohttp.ClientPayloadError):
        async with session.post(url, json=STREAM, headers=_scenario("truncate;after=2")) as response:
            await response.read()
    refused, hung, total, silent, torn = captured.calls()
    assert (refused.status, refused.error_type) == ("error", "ClientConnectorError")
    assert (hung.status, hung.http_status) == ("timeout", None)
    assert [(call.status, call.http_status) for call in (total, silent)] == [("timeout", 200)] * 2
    assert (torn.status, torn.http_status) == ("error", 200)


@pytest.mark.parametrize("scenario", ["hang", "pause;after=2"])
async def test_cancellation(session: aiohttp.ClientSession, url: str, captured: Captured, scenario: str) -> None:
    async def ask() -> None:
        async with session.post(url, json=STREAM, headers=_scenario(scenario)) as response:
            await response.read()

    running = asyncio.create_task(ask())
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert captured.one().status == "cancelled"


async def test_many_at_once(session: aiohttp.ClientSession, url: str, captured: Captured) -> None:
    async def ask() -> str:
        async with session.post(url, json=ASK) as response:
            return str((await response.json())["id"])

    ids = await asyncio.gather(*(ask() for _ in range(50)))
    assert sorted(call.response_id or "" for call in captured.calls()) == sorted(ids)
    assert not open_attempts


async def test_a_redirect_is_one_call(session: aiohttp.ClientSession, url: str, captured: Captured) -> None:
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"
    async with Served(moved.encode()) as first, session.post(first, json=ASK, headers=KEY) as response:
        await response.read()
        assert len(response.history) == 1
    assert captured.one().http_status == response.status


async def test_a_session_used_as_a_mere_function(url: str, captured: Captured) -> None:
    async with aiohttp.request("POST", url, json=ASK, headers=KEY) as response:
        await response.read()
    assert captured.one().status == "ok"


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("ours")


@pytest.mark.parametrize("where", ["respond", "_keep_tail", "finish", "fail", "held_bytes"])
async def test_our_own_code_raising(
    session: aiohttp.ClientSession, url: str, captured: Captured, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(guard, "strict", False)
    with monkeypatch.context() as patch:
        patch.setattr(Attempt, where, _fail)
        patch.setattr(attempts, "BODY_LIMIT_BYTES", 0)
        async with session.post(url, json=ASK) as response:
            assert (await response.json())["choices"]
        async with session.post(url, json=STREAM, headers=_scenario("slow;ms=1")) as response:
            assert b"[DONE]" in await response.read()
        with pytest.raises(aiohttp.ClientPayloadError):
            async with session.post(url, json=STREAM, headers=_scenario("truncate;after=2")) as response:
                await response.read()
        gc.collect()
    captured.calls()
    assert sum(count for name, count in diagnostics.snapshot().counts.items() if name.startswith("error:")) > 0
    open_attempts.clear()


@pytest.mark.parametrize("where", ["_address", "_observe", "_take_body", "_look_back", "_at_end"])
async def test_the_seam_itself_raising(
    session: aiohttp.ClientSession, url: str, captured: Captured, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(guard, "strict", False)
    with monkeypatch.context() as patch:
        patch.setattr(f"otelcost.capture.aiohttp.{where}", _fail)
        async with session.post(url, json=ASK) as response:
            assert (await response.json())["choices"]
        async with session.post(url, json=STREAM) as response:
            await response.content.readline()
        del response
        gc.collect()
    captured.calls()
    open_attempts.clear()
    async with session.post(url, json=ASK) as response:
        await response.read()
    assert captured.calls()[-1].status == "ok"
