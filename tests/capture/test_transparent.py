"""What the host sees with capture on is what it sees with capture off: bytes, times, exceptions, types."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest

from otelcost.capture import seams as seam
from otelcost.capture.attempt import open_attempts
from otelcost.demo.loopback import Loopback

from .conftest import Captured

MODULES = [httpx, httpx2]
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
SSE = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'
USAGE = {"input_tokens": 9, "output_tokens": 1}
PATH = "http://127.0.0.1/v1/chat/completions"

pytestmark = pytest.mark.parametrize("module", MODULES, ids=["httpx", "httpx2"])


class _Sync:
    """Chunks as a transport hands them out, with what it was asked to do."""

    def __init__(self, chunks: list[bytes], error: Exception | None = None) -> None:
        self.chunks, self.error, self.closed = chunks, error, 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


def _client(module: Any, stream: _Sync, headers: dict[str, str] | None = None, status: int = 200) -> Any:
    wrapped = type("Stream", (_Sync, module.SyncByteStream), {})(stream.chunks, stream.error)
    kind = headers or {"content-type": "text/event-stream"}
    return module.Client(
        transport=module.MockTransport(lambda request: module.Response(status, headers=kind, stream=wrapped))
    )


def _read(module: Any, client: Any, how: str) -> Any:
    with client.stream("POST", PATH, json=BODY) as response:
        result = list(getattr(response, how)())
        return result, response.num_bytes_downloaded, response.is_closed, response.elapsed.total_seconds() >= 0


@pytest.mark.parametrize("how", ["iter_raw", "iter_bytes", "iter_text", "iter_lines"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_stream_is_passed_on_chunk_by_chunk(captured: Captured, module: Any, how: str, encoding: str) -> None:
    import gzip

    data = SSE if encoding == "identity" else gzip.compress(SSE, mtime=0)
    headers = {"content-type": "text/event-stream", "content-encoding": encoding}
    chunks = [data[at : at + 7] for at in range(0, len(data), 7)]
    seen = _read(module, _client(module, _Sync(chunks), headers), how)
    assert captured.one().status == "ok"
    seam.uninstall()
    assert seen == _read(module, _client(module, _Sync(chunks), headers), how)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_chunks_of_every_kind_are_passed_on(captured: Captured, module: Any, kind: Any) -> None:
    chunks: list[Any] = [kind(SSE[at : at + 7]) for at in range(0, len(SSE), 7)]
    seen, *_ = _read(module, _client(module, _Sync(chunks)), "iter_raw")
    assert list(map(bytes, seen)) == list(map(bytes, chunks))
    call = captured.one()
    if kind is memoryview:  # it has not what bytes have, so that some of it may be missing: the record says so
        assert "response_truncated" in call.flags
    else:
        assert (call.status, call.response_bytes, call.flags) == ("ok", len(SSE), ("provider_assumed", "estimated"))


_LAST = b'event: message_stop\ndata: {"type":"message_stop"   }\n\n'


@pytest.mark.parametrize("cut", range(len(_LAST)))
def test_a_last_event_in_two_chunks(captured: Captured, module: Any, cut: int) -> None:
    start = {"type": "message_start", "message": {"id": "msg_1", "model": "claude-haiku-4-5", "usage": USAGE}}
    events = [start, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}]
    first = b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)
    chunks = [chunk for chunk in (first, _LAST[:cut], _LAST[cut:]) if chunk]
    with (
        _client(module, _Sync(chunks)) as client,
        client.stream("POST", "http://127.0.0.1/v1/messages", json=BODY) as response,
    ):
        assert b"".join(response.iter_raw()) == first + _LAST
    call = captured.one()
    assert (call.status, call.usage.output_tokens, call.response_bytes) == ("ok", 5, len(first + _LAST))


def test_a_body_read_at_once(captured: Captured, module: Any) -> None:
    body = b'{"choices":[]}'
    with _client(module, _Sync([body]), {"content-type": "application/json"}) as client:
        response = client.post(PATH, json=BODY)
        assert response.content == body
        assert response.elapsed.total_seconds() >= 0
        assert pickle.loads(pickle.dumps(response)).content == body
    assert captured.one().response_bytes == len(body)


def test_a_response_that_its_transport_has_read_already(captured: Captured, module: Any) -> None:
    transport = module.MockTransport(lambda request: module.Response(200, json={"choices": []}))
    with (
        module.Client(transport=transport) as client,
        client.stream("POST", PATH, json=BODY) as response,
    ):
        assert b"".join(response.iter_bytes()) == response.content
    assert captured.one().response_bytes


def test_exceptions_of_the_stream_are_untouched(captured: Captured, module: Any) -> None:
    broken = module.ReadError("gone")
    with pytest.raises(module.ReadError) as raised:
        _read(module, _client(module, _Sync([SSE[:20]], broken)), "iter_bytes")
    assert raised.value is broken
    call = captured.one()
    assert (call.status, call.error_type) == ("error", "ReadError")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_exceptions_of_the_transport_are_untouched(captured: Captured, module: Any, error: type[BaseException]) -> None:
    def fail(request: Any) -> Any:
        raise error("host")

    with module.Client(transport=module.MockTransport(fail)) as client, pytest.raises(error, match="host"):
        client.post(PATH, json=BODY)
    assert captured.one().error_type == error.__name__


def test_the_request_is_not_changed(captured: Captured, module: Any) -> None:
    seen: list[Any] = []

    def answer(request: Any) -> Any:
        seen.append((request.headers.raw, request.content, dict(request.extensions)))
        return module.Response(200, json={})

    for _ in range(2):
        with module.Client(transport=module.MockTransport(answer)) as client:
            client.post(PATH, json=BODY)
        seam.uninstall()
    assert seen[0] == seen[1]


def test_a_streamed_request_body_is_left_to_the_transport(captured: Captured, module: Any) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"model":'
        yield b'"gpt-4o-mini"}'

    sent: list[bytes] = []

    def answer(request: Any) -> Any:
        sent.append(request.read())
        return module.Response(200, json={})

    with module.Client(transport=module.MockTransport(answer)) as client:
        client.post(PATH, content=body())
    assert sent == [b'{"model":"gpt-4o-mini"}']
    assert captured.one().http_status == 200


def test_redirects_are_one_record(captured: Captured, module: Any) -> None:
    def answer(request: Any) -> Any:
        if request.url.path.startswith("/old"):
            return module.Response(307, headers={"location": "/v1/chat/completions"})
        return module.Response(200, json={"id": "chatcmpl-1", "choices": []})

    with module.Client(transport=module.MockTransport(answer), follow_redirects=True) as client:
        client.post("http://127.0.0.1/old/v1/chat/completions", json=BODY)
    assert captured.one().response_id == "chatcmpl-1"


def test_an_auth_flow_is_one_record(captured: Captured, module: Any) -> None:
    class Twice(module.Auth):  # type: ignore[misc, name-defined]
        def auth_flow(self, request: Any) -> Any:
            response = yield request
            if response.status_code == 401:
                yield request

    answers = [401, 200]
    transport = module.MockTransport(lambda request: module.Response(answers.pop(0), json={}))
    with module.Client(transport=transport, auth=Twice()) as client:
        client.post(PATH, json=BODY)
    assert captured.one().http_status == 200


def test_a_client_that_delegates_is_one_record(captured: Captured, module: Any) -> None:
    inner = module.Client(transport=module.MockTransport(lambda request: module.Response(200, json={})))

    class Outer(module.Client):  # type: ignore[misc, name-defined]
        def send(self, request: Any, **kwargs: Any) -> Any:
            return inner.send(request, **kwargs)

    class Delegating(module.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            return inner.send(request)

    with Outer() as outer:
        outer.post(PATH, json=BODY)
    with module.Client(transport=Delegating()) as nested:
        nested.post(PATH, json=BODY)
    assert len(captured.calls()) == 2
    inner.close()


def test_the_same_request_sent_twice_is_two_records(captured: Captured, module: Any) -> None:
    transport = module.MockTransport(lambda request: module.Response(200, json={}))
    with module.Client(transport=transport) as client:
        request = client.build_request("POST", PATH, json=BODY)
        client.send(request)
        client.send(request)
    assert len(captured.calls()) == 2


def test_signature_and_type_of_send_stay(captured: Captured, module: Any) -> None:
    for owner in (module.Client, module.AsyncClient):
        wrapped = owner.send
        assert inspect.iscoroutinefunction(wrapped) is (owner is module.AsyncClient)
        signature = inspect.signature(wrapped)
        seam.uninstall()
        assert inspect.signature(owner.send) == signature
        assert owner.send is not wrapped
        seam.install()


class _Async:
    def __init__(self, chunks: list[bytes], finished: Callable[[], None]) -> None:
        self.chunks, self.finished = chunks, finished

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                await asyncio.sleep(0)
                yield chunk
        finally:
            self.finished()

    async def aclose(self) -> None: ...


async def _stream_twice(module: Any) -> tuple[list[bytes], int]:
    """One stream read to its end, one closed after its first chunk; and how often the transport's own ended."""
    ends: list[int] = []
    stream = type("Stream", (_Async, module.AsyncByteStream), {})([SSE[:9], SSE[9:]], lambda: ends.append(1))
    transport = module.MockTransport(lambda request: module.Response(200, stream=stream))
    async with module.AsyncClient(transport=transport) as client:
        async with client.stream("POST", PATH, json=BODY) as response:
            seen = [chunk async for chunk in response.aiter_raw()]
        async with client.stream("POST", PATH, json=BODY) as response:
            chunks = response.aiter_raw()
            seen.append(await anext(chunks))
            await chunks.aclose()
        assert response.elapsed.total_seconds() >= 0
    return seen, len(ends)


async def test_an_async_stream_and_its_end(captured: Captured, module: Any) -> None:
    seen = await _stream_twice(module)
    assert [call.status for call in captured.calls()] == ["ok", "aborted"]
    seam.uninstall()
    assert seen == await _stream_twice(module)


def test_nothing_is_kept_after_the_calls(captured: Captured, module: Any, trusting: Loopback) -> None:
    with module.Client() as client:
        for _ in range(3):
            client.post(
                f"{trusting.openai_url}/chat/completions", json=BODY, headers={"authorization": "Bearer sk-test"}
            ).raise_for_status()
    assert len(captured.calls()) == 3
    assert not open_attempts
    gc.collect()
    from otelcost.capture.attempt import Attempt

    # The last one of this context stays, by its number alone.
    assert [one.request for one in gc.get_objects() if isinstance(one, Attempt)] in ([], [None])
