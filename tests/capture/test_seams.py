"""Every seam meets every end of a call: one record that says what happened, and a host that cannot tell.

A seam is a way through one HTTP library; an ending is what becomes of the call. Each pair runs twice against the real
loopback provider, with capture and without, and what the host gets must be the same: bytes, or an exception.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, NamedTuple

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3

from otelcost.capture import seams
from otelcost.capture.attempt import open_attempts
from otelcost.demo.loopback import Loopback

from .conftest import Captured

pytestmark = [
    # What a host drops without closing is mourned by the libraries themselves.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow"),
]

ASK: Final[dict[str, Any]] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "How far is the moon?"}]}
STREAM: Final = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
PATIENCE_S: Final = 60.0
SHORT_S: Final = 0.5
REFUSED: Final = "http://127.0.0.1:9/v1/chat/completions"


class Ending(NamedTuple):
    """What becomes of a call, and what its record must say: status, HTTP status, flags among others, tokens known."""

    status: str
    http_status: int | None
    scenario: str = ""
    flags: frozenset[str] = frozenset()
    billed: bool = False
    stream: bool = True


LOWER: Final = frozenset({"lower_bound"})
ENDINGS: Final = {
    "whole": Ending("ok", 200, billed=True, stream=False),
    "whole in gzip": Ending("ok", 200, "gzip", billed=True, stream=False),
    "stream": Ending("ok", 200, billed=True),
    "closed": Ending("aborted", 200, "slow;ms=20", LOWER),
    "dropped": Ending("aborted", 200, "slow;ms=20", LOWER),
    "unread": Ending("aborted", 200, "slow;ms=20", LOWER),
    "refused": Ending("error", None, stream=False),
    "hang": Ending("timeout", None, "hang", LOWER),
    "pause": Ending("timeout", 200, "pause;after=2", LOWER),
    "truncate": Ending("error", 200, "truncate;after=2", LOWER),
    "cut": Ending("aborted", 200, "cut;after=2", LOWER),
    "error event": Ending("error", 200, "stream-error;after=2"),
    "429": Ending("error", 429, "429", stream=False),
    "500": Ending("error", 500, "500", stream=False),
}


class Job(NamedTuple):
    """A request to make."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    timeout_s: float


def _job(name: str, provider: Loopback) -> Job:
    ending = ENDINGS.get(name) or CANCELLED[name]
    url = REFUSED if name == "refused" else f"{provider.openai_url}/chat/completions"
    headers = {"authorization": "Bearer sk-x", "content-type": "application/json"}
    if ending.scenario:
        headers["x-loopback-scenario"] = ending.scenario
    timeout_s = SHORT_S if ending.status == "timeout" else PATIENCE_S
    return Job(url, headers, STREAM if ending.stream else ASK, timeout_s)


Opened = tuple[Iterator[bytes], Callable[[], object]]


def _httpx(module: Any) -> tuple[Callable[[Job], bytes], Callable[[ExitStack, Job], Opened]]:
    def whole(job: Job) -> bytes:
        with module.Client(timeout=job.timeout_s) as client:
            answer: bytes = client.post(job.url, json=job.body, headers=job.headers).content
            return answer

    def stream(stack: ExitStack, job: Job) -> Opened:
        client = stack.enter_context(module.Client(timeout=job.timeout_s))
        request = client.build_request("POST", job.url, json=job.body, headers=job.headers)
        response = client.send(request, stream=True)
        return response.iter_bytes(), response.close

    return whole, stream


def _requests_whole(job: Job) -> bytes:
    return requests.post(job.url, json=job.body, headers=job.headers, timeout=job.timeout_s).content


def _requests_stream(stack: ExitStack, job: Job) -> Opened:
    made = stack.enter_context(requests.Session())
    response = made.post(job.url, json=job.body, headers=job.headers, timeout=job.timeout_s, stream=True)
    return response.iter_content(None), response.close


def _urllib3_whole(job: Job) -> bytes:
    with urllib3.PoolManager(retries=False, timeout=job.timeout_s) as pool:
        return pool.request("POST", job.url, body=json.dumps(job.body), headers=job.headers).data


def _urllib3_stream(stack: ExitStack, job: Job) -> Opened:
    pool = stack.enter_context(urllib3.PoolManager(retries=False, timeout=job.timeout_s))
    response = pool.request("POST", job.url, body=json.dumps(job.body), headers=job.headers, preload_content=False)
    return response.stream(), response.close


def _botocore(job: Job) -> Any:
    session = pytest.importorskip("botocore.httpsession", reason="boto3 is not installed: see requirements/dev.txt")
    return session.URLLib3Session(timeout=job.timeout_s)


def _prepared(job: Job, *, streamed: bool) -> Any:
    from botocore.awsrequest import AWSRequest  # type: ignore[import-not-found]

    request = AWSRequest("POST", job.url, job.headers, json.dumps(job.body), stream_output=streamed)
    return request.prepare()


def _botocore_whole(job: Job) -> bytes:
    content: bytes = _botocore(job).send(_prepared(job, streamed=False)).content
    return content


def _botocore_stream(stack: ExitStack, job: Job) -> Opened:
    session = _botocore(job)
    stack.callback(session.close)
    response = session.send(_prepared(job, streamed=True))
    return response.raw.stream(), response.raw.close


SYNC: Final = {
    "httpx": _httpx(httpx),
    "httpx2": _httpx(httpx2),
    "requests": (_requests_whole, _requests_stream),
    "urllib3": (_urllib3_whole, _urllib3_stream),
    "botocore": (_botocore_whole, _botocore_stream),
}


def _do(way: str, name: str, job: Job) -> bytes:
    whole, stream = SYNC[way]
    if not ENDINGS[name].stream:
        return whole(job)
    with ExitStack() as stack:
        chunks, close = stream(stack, job)
        if name == "unread":
            del chunks, close
            gc.collect()
            return b""
        if name not in {"closed", "dropped"}:
            return b"".join(chunks)
        first = next(chunks)
        if name == "closed":
            close()
        del chunks, close
        gc.collect()
        return first[:1]  # how much is in a first chunk is a matter of luck


def _seen_by_host(act: Callable[[], bytes]) -> object:
    """What the host gets: bytes, or the exception with everything it says but addresses in memory and times."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001  (whatever it is, it must be the same)
        return _told(error)


def _told(error: BaseException) -> tuple[type[BaseException], str]:
    return type(error), re.sub(r"0x[0-9a-f]+|port=\d+", "…", str(error))


def _as_new(provider: Loopback) -> Loopback:
    """The same question gets the same answer again, to the byte."""
    provider.reset()
    provider.set_clock(1_790_000_000_000_000)
    return provider


@pytest.fixture
def provider(trusting: Loopback) -> Iterator[Loopback]:
    yield _as_new(trusting)
    trusting.reset()


def _check(captured: Captured, ending: Ending, provider: Loopback) -> None:
    call = captured.one()
    assert (call.status, call.http_status) == (ending.status, ending.http_status)
    assert ending.flags <= set(call.flags)
    if ending.billed:
        (line,) = provider.log()
        assert call.usage.output_tokens == line["usage"]["output"]
        assert not call.flags
    assert (call.context.attempt, call.context.operation_id) == (1, call.context.span_id)
    assert not open_attempts


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("way", SYNC)
def test_sync(way: str, name: str, provider: Loopback, captured: Captured) -> None:
    job = _job(name, provider)
    with_capture = _seen_by_host(lambda: _do(way, name, job))
    _check(captured, ENDINGS[name], provider)
    seams.uninstall()
    _as_new(provider)
    assert _seen_by_host(lambda: _do(way, name, job)) == with_capture
    assert len(captured.calls()) == 1


CANCELLED: Final = {
    "cancelled waiting": Ending("cancelled", None, "hang", LOWER),
    "cancelled reading": Ending("cancelled", 200, "pause;after=2", LOWER),
    "timed out by the host": Ending("cancelled", 200, "pause;after=2", LOWER),
}
AsyncOpened = tuple[AsyncIterator[bytes], Callable[[], Awaitable[object]]]


def _async_httpx(
    make: Callable[[Job], Any],
) -> tuple[Callable[[Job], Awaitable[bytes]], Callable[[AsyncExitStack, Job], Awaitable[AsyncOpened]]]:
    async def whole(job: Job) -> bytes:
        async with make(job) as client:
            response = await client.post(job.url, json=job.body, headers=job.headers)
            content: bytes = response.content
            return content

    async def stream(stack: AsyncExitStack, job: Job) -> AsyncOpened:
        client = await stack.enter_async_context(make(job))
        request = client.build_request("POST", job.url, json=job.body, headers=job.headers)
        response = await client.send(request, stream=True)
        return response.aiter_bytes(), response.aclose

    return whole, stream


def _over_aiohttp(job: Job) -> Any:
    made = pytest.importorskip("httpx_aiohttp", reason="httpx-aiohttp is not installed: see requirements/dev.txt")
    return made.HttpxAiohttpClient(timeout=job.timeout_s)


def _httpx2_over_aiohttp(job: Job) -> Any:
    import openai

    pytest.importorskip("httpx_aiohttp", reason="httpx-aiohttp is not installed: see requirements/dev.txt")
    return openai.DefaultAioHttpClient(timeout=job.timeout_s)


def _session(job: Job) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_connect=job.timeout_s, sock_read=job.timeout_s))


async def _aiohttp_whole(job: Job) -> bytes:
    async with _session(job) as session, session.post(job.url, json=job.body, headers=job.headers) as response:
        return await response.read()


async def _aiohttp_stream(stack: AsyncExitStack, job: Job) -> AsyncOpened:
    session = await stack.enter_async_context(_session(job))
    response = await session.post(job.url, json=job.body, headers=job.headers)

    async def close() -> None:
        response.close()

    return response.content.iter_any(), close


ASYNC: Final = {
    "httpx": _async_httpx(lambda job: httpx.AsyncClient(timeout=job.timeout_s)),
    "httpx2": _async_httpx(lambda job: httpx2.AsyncClient(timeout=job.timeout_s)),
    "httpx over aiohttp": _async_httpx(_over_aiohttp),
    "httpx2 over aiohttp": _async_httpx(_httpx2_over_aiohttp),
    "aiohttp": (_aiohttp_whole, _aiohttp_stream),
}


async def _do_later(way: str, name: str, job: Job) -> bytes:
    whole, stream = ASYNC[way]
    if name in ENDINGS and not ENDINGS[name].stream:
        return await whole(job)
    async with AsyncExitStack() as stack:
        chunks, close = await stream(stack, job)
        if name == "unread":
            del chunks, close
            gc.collect()
            return b""
        if name in CANCELLED:
            return await _interrupted(name, chunks)
        if name not in {"closed", "dropped"}:
            return b"".join([chunk async for chunk in chunks])
        first = await anext(chunks)
        if name == "closed":
            await close()
        del chunks, close
        gc.collect()
        await asyncio.sleep(0)
        return first[:1]


async def _host(way: str, name: str, job: Job) -> bytes:
    if name != "cancelled waiting":
        return await _do_later(way, name, job)
    running = asyncio.create_task(_do_later(way, name, job))
    await asyncio.sleep(0.1)
    running.cancel()
    return await running


async def _interrupted(name: str, chunks: AsyncIterator[bytes]) -> bytes:
    """Read until the task is cancelled, which it is as soon as a first chunk was there."""
    await anext(chunks)
    task = asyncio.current_task()
    assert task is not None
    if name == "cancelled reading":
        asyncio.get_running_loop().call_later(0.02, task.cancel)
        return b"".join([chunk async for chunk in chunks])
    async with asyncio.timeout(0.02):
        return b"".join([chunk async for chunk in chunks])


def _seen_by_async_host(way: str, name: str, job: Job) -> object:
    try:
        return asyncio.run(_host(way, name, job))
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (whatever it is, it must be the same)
        return _told(error)


@pytest.mark.parametrize("name", [*ENDINGS, *CANCELLED])
@pytest.mark.parametrize("way", ASYNC)
def test_async(way: str, name: str, provider: Loopback, captured: Captured) -> None:
    job = _job(name, provider)
    with_capture = _seen_by_async_host(way, name, job)
    gc.collect()
    ending = ENDINGS.get(name) or CANCELLED[name]
    if name == "refused" and "over" in way:
        ending = ending._replace(status="timeout")  # which is what that transport raises
    _check(captured, ending, provider)
    seams.uninstall()
    _as_new(provider)
    assert _seen_by_async_host(way, name, job) == with_capture
    assert len(captured.calls()) == 1
