"""Bodies without end, of a hundred megabytes, and bombs, over real connections: the host gets all, we keep little."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import aiohttp
import httpx2
import pytest
import requests

from otelcost.capture import attempt as attempts
from otelcost.capture.worker import worker

from .answers import Answer, Answers, answering
from .conftest import Captured

PATH = "/v1/chat/completions"
ASK = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}).encode()
HUGE = 100 * 1024 * 1024
KEPT = attempts.BODY_LIMIT_BYTES + attempts.HEAD_BYTES + 2 * attempts.TAIL_BYTES
DELTA = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
HEADERS = {"content-type": "application/json"}
ENDLESS = 40 * 1024 * 1024
"""So much of it is read before the caller gives up; the server would have gone on."""

Serve = Callable[[Answer], Answers]


@pytest.fixture
def serve(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("OTELCOST_TRUSTED_HOSTS", "127.0.0.1")
    worker.move()
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(answering({f"POST {PATH}": [answer]}))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What each attempt keeps when it is over, in bytes."""
    sizes: list[int] = []
    submit = worker.submit

    def watched(attempt: Any) -> None:
        submit(attempt)
        sizes.append(attempt.size)

    monkeypatch.setattr(worker, "submit", watched)
    return sizes


def with_httpx2(url: str, enough: int, data: bytes = ASK) -> int:
    read = 0
    with httpx2.Client() as client, client.stream("POST", url, content=data, headers=HEADERS) as response:
        for chunk in response.iter_raw():
            read += len(chunk)
            if read >= enough:
                break
    return read


def with_requests(url: str, enough: int, data: bytes = ASK) -> int:
    read = 0
    with requests.post(url, data=data, headers=HEADERS, stream=True, timeout=60) as response:
        for chunk in response.raw.stream(65536, decode_content=False):
            read += len(chunk)
            if read >= enough:
                break
    return read


def with_aiohttp(url: str, enough: int, data: bytes = ASK) -> int:
    async def ask() -> int:
        read = 0
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(url, data=data, headers=HEADERS) as response,
        ):
            async for chunk in response.content.iter_any():
                read += len(chunk)
                if read >= enough:
                    break
        return read

    return asyncio.run(ask())


Client = Callable[..., int]
CLIENTS = [with_httpx2, with_requests, with_aiohttp]
each_client = pytest.mark.parametrize("client", CLIENTS)


@each_client
def test_a_stream_that_never_ends(serve: Serve, captured: Captured, held: list[int], client: Client) -> None:
    piece = DELTA * 1000
    server = serve(Answer([piece] * (2 * ENDLESS // len(piece)), kind="text/event-stream"))
    assert client(server.url + PATH, ENDLESS) >= ENDLESS
    call = captured.one()
    assert call.status == "aborted"
    assert {"response_truncated", "lower_bound"} <= set(call.flags)
    assert max(held) < KEPT
    assert worker._pending_bytes == 0


@each_client
def test_a_body_of_a_hundred_megabytes(serve: Serve, captured: Captured, held: list[int], client: Client) -> None:
    server = serve(Answer([b'{"choices":[],"padding":"', *[b"x" * 1048576] * (HUGE // 1048576), b'"}']))
    assert client(server.url + PATH, 2 * HUGE) > HUGE
    call = captured.one()
    assert (call.request_model, call.http_status, call.usage.output_tokens) == ("gpt-4o", 200, None)
    assert "response_truncated" in call.flags
    assert max(held) < KEPT


def test_one_that_the_library_read_whole(serve: Serve, captured: Captured, held: list[int]) -> None:
    server = serve(Answer([b'{"choices":[],"padding":"', *[b"x" * 1048576] * (HUGE // 1048576), b'"}']))
    assert len(httpx2.post(server.url + PATH, content=ASK, headers=HEADERS).content) > HUGE
    assert "response_truncated" in captured.one().flags
    assert max(held) < worker._limit


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@each_client
def test_a_request_of_a_hundred_megabytes(serve: Serve, captured: Captured, held: list[int], client: Client) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
    server = serve(Answer({"choices": [], "usage": usage}))
    client(server.url + PATH, 1000, ASK[:-1] + b',"padding":"' + b"x" * HUGE + b'"}')
    call = captured.one()
    assert (call.request_model, call.usage.output_tokens, call.segments) == ("gpt-4o", 4, ())
    assert "request_truncated" in call.flags
    assert call.request_bytes > HUGE
    assert max(held) < KEPT


@each_client
def test_a_bomb(serve: Serve, captured: Captured, held: list[int], client: Client) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([packer.compress(bytes(1048576)) for _ in range(200)]) + packer.flush()
    server = serve(Answer(bomb, encoding="gzip"))
    assert client(server.url + PATH, HUGE) == len(bomb)
    call = captured.one()
    assert (call.request_model, call.usage.output_tokens) == ("gpt-4o", None)
    assert "response_truncated" in call.flags
    assert max(held) < 1048576


@each_client
@pytest.mark.parametrize("encoding", ["gzip", "br", "nonsense"])
def test_an_encoding_that_is_not_true(serve: Serve, captured: Captured, client: Client, encoding: str) -> None:
    server = serve(Answer({"choices": []}, encoding=encoding))
    assert client(server.url + PATH, HUGE) == len(b'{"choices": []}')
    call = captured.one()
    assert (call.status, set(call.flags)) == ("error", {"response_undecodable", "estimated"})
    assert call.usage.output_tokens is None
