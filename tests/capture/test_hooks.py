"""Programs have code of their own in the middle of a call: hooks that ask, read, refuse or fork."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import gzip
import json
import os
import weakref
from typing import Any

import httpx
import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

import otelcost
from otelcost.capture import span as spans
from otelcost.capture.attempt import being_sent, open_attempts

from .conftest import Captured

URL = "https://api.openai.com/v1/chat/completions"
ASK: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "How far is the moon?"}]}
OTHER = {**ASK, "model": "gpt-4o"}
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
ANSWER = {"id": "chatcmpl-1", "model": "gpt-4o-mini", "choices": [], "usage": USAGE}

pytestmark = pytest.mark.parametrize("module", [httpx, httpx2], ids=["httpx", "httpx2"])


def _answering(module: Any) -> Any:
    return module.MockTransport(lambda request: module.Response(200, json=ANSWER))


def _client(module: Any, **hooks: Any) -> Any:
    return module.Client(transport=_answering(module), event_hooks={name: [hook] for name, hook in hooks.items()})


@pytest.mark.parametrize("when", ["request", "response"])
def test_a_second_model_asked_at_the_same_server(captured: Captured, module: Any, when: str) -> None:
    judge = _client(module)
    _client(module, **{when: lambda _: judge.post(URL, json=OTHER)}).post(URL, json=ASK)
    assert sorted(call.request_model or "" for call in captured.calls()) == ["gpt-4o", "gpt-4o-mini"]


@pytest.mark.parametrize("when", ["request", "response"])
def test_the_same_model_asked_by_a_hook(captured: Captured, module: Any, when: str) -> None:
    client = _client(module)
    hooked = _client(module, **{when: lambda _: client.post(URL, json={**ASK, "n": 2})})
    hooked.post(URL, json=ASK)
    assert len(captured.calls()) == 2


def test_a_client_asked_again_by_its_own_transport(captured: Captured, module: Any) -> None:
    class Twice(module.BaseTransport):  # type: ignore[misc, name-defined]
        asked = 0

        def handle_request(self, request: Any) -> Any:
            self.asked += 1
            if self.asked == 1:
                client.post(URL, json={**ASK, "n": 2})
            return module.Response(200, json=ANSWER)

    client = module.Client(transport=Twice())
    client.post(URL, json=ASK)
    assert len(captured.calls()) == 2


REWRITTEN = {
    "spaced": lambda body: json.dumps(json.loads(body), indent=1).encode(),
    "redacted": lambda body: body.replace(b"moon", b"[name]"),
    "longer": lambda body: json.dumps({**json.loads(body), "user": "7"}).encode(),
    "packed": gzip.compress,
}


@pytest.mark.parametrize("how", REWRITTEN)
def test_a_transport_that_rewrites_what_it_sends_on(captured: Captured, module: Any, how: str) -> None:
    class Rewriting(module.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            return module.Response(
                200, content=_client(module).post(URL, content=REWRITTEN[how](request.content)).content
            )

    module.Client(transport=Rewriting()).post(URL, json=ASK)
    assert captured.one().usage.output_tokens == 7


def test_a_transport_that_falls_back(captured: Captured, module: Any) -> None:
    class Fallback(module.BaseTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            return module.Response(200, content=_client(module).post(URL, json=OTHER).content)

    module.Client(transport=Fallback()).post(URL, json=ASK)
    assert sorted(call.request_model or "" for call in captured.calls()) == ["gpt-4o", "gpt-4o-mini"]


async def test_tasks_that_share_a_context(captured: Captured, module: Any) -> None:
    async def answer(request: Any) -> Any:
        await asyncio.sleep(0.01)
        return module.Response(200, json=ANSWER)

    shared = contextvars.copy_context()
    async with module.AsyncClient(transport=module.MockTransport(answer)) as client:
        asks = [client.post(URL, json={**ASK, "user": str(number)}) for number in range(3)]
        await asyncio.gather(*(asyncio.get_running_loop().create_task(ask, context=shared) for ask in asks))
    assert len(captured.calls()) == 3


def test_a_fork_in_the_middle(captured: Captured, module: Any) -> None:
    def hook(request: Any) -> None:
        child = os.fork()
        if child == 0:
            _client(module).post(URL, json=ASK)
            otelcost.flush(5)
            os._exit(0)
        os.waitpid(child, 0)

    _client(module, request=hook).post(URL, json=ASK)
    assert len(captured.calls()) == 2


def test_an_answer_that_was_read_and_refused(captured: Captured, module: Any) -> None:
    def refuse(response: Any) -> None:
        response.read()
        raise ValueError("against a policy")

    with pytest.raises(ValueError, match="policy"):
        _client(module, response=refuse).post(URL, json=ASK)
    call = captured.one()
    assert (call.http_status, call.usage.output_tokens, call.response_bytes > 0) == (200, 7, True)


def test_a_stream_that_a_hook_read(captured: Captured, module: Any) -> None:
    stream = type("Stream", (module.SyncByteStream,), {"__iter__": lambda self: iter([json.dumps(ANSWER).encode()])})
    transport = module.MockTransport(lambda request: module.Response(200, stream=stream()))
    hooks = {"response": [lambda response: list(response.iter_bytes())]}
    with module.Client(transport=transport, event_hooks=hooks) as client, client.stream("POST", URL, json=ASK):
        pass
    call = captured.one()
    assert (call.http_status, call.usage.output_tokens, "response_truncated" in call.flags) == (200, None, True)


def test_a_failure_after_a_redirect_is_not_the_redirects(captured: Captured, module: Any) -> None:
    def answer(request: Any) -> Any:
        if request.url.host == "moved.example":
            raise module.ConnectError("refused")
        return module.Response(307, headers={"location": "https://moved.example/v1/chat/completions"})

    with pytest.raises(module.ConnectError):
        module.Client(transport=module.MockTransport(answer), follow_redirects=True).post(URL, json=ASK)
    call = captured.one()
    assert (call.http_status, call.error_type) == (None, "ConnectError")


class RefusedError(Exception):
    """As libraries have them: an attribute that raises where there was no response."""

    @property
    def response(self) -> Any:
        raise RuntimeError("there was no response")


def test_an_exception_that_cannot_be_asked(captured: Captured, module: Any) -> None:
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))

    def hook(request: Any) -> None:
        raise RefusedError

    try:
        with pytest.raises(RefusedError):
            _client(module, request=hook).post(URL, json=ASK)
        assert not trace.get_current_span().get_span_context().is_valid
        _client(module).post(URL, json=ASK)
        assert len(captured.calls()) == 2
    finally:
        trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE, spans._pipeline = None, Once(), None


@pytest.mark.usefixtures("lenient")
def test_what_was_sent_ends_though_its_answer_cannot_be_looked_at(
    captured: Captured, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr("otelcost.capture.httpx._take_answer", broken)

    def fail(request: Any) -> Any:
        raise module.ReadTimeout("slow")

    with pytest.raises(module.ReadTimeout):
        module.Client(transport=module.MockTransport(fail)).post(URL, json=ASK)
    assert (captured.one().status, being_sent(), open_attempts) == ("timeout", None, {})


def test_a_failed_call_keeps_nothing_of_its_caller(captured: Captured, module: Any) -> None:
    class Resource:
        """A file, a lock, a buffer."""

    def fail(request: Any) -> Any:
        raise module.ReadTimeout("slow")

    seen: list[weakref.ref[Resource]] = []

    def call() -> None:
        resource = Resource()
        seen.append(weakref.ref(resource))
        module.Client(transport=module.MockTransport(fail)).post(URL, json=ASK)

    gc.disable()
    try:
        with pytest.raises(module.ReadTimeout) as raised:
            call()
        del raised
        assert len(captured.calls()) == 1
        assert seen[0]() is None
    finally:
        gc.enable()


def test_a_generator_that_is_dropped_and_one_that_is_closed_end_alike(captured: Captured, module: Any) -> None:
    chunks = [b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'] * 3
    stream = type("Stream", (module.SyncByteStream,), {"__iter__": lambda self: iter(chunks)})
    transport = module.MockTransport(lambda request: module.Response(200, stream=stream()))
    with module.Client(transport=transport) as client, client.stream("POST", URL, json=ASK) as response:
        read = response.iter_raw()
        next(read)
        del read
    with module.Client(transport=transport) as client, client.stream("POST", URL, json=ASK) as response:
        next(response.iter_raw())
    assert [(call.status, call.error_type) for call in captured.calls()] == [("aborted", None)] * 2


async def test_a_stream_given_up_in_a_fallback(captured: Captured, module: Any) -> None:
    """The program handles a time-out, of something else, while it asks and has enough."""

    async def chunks(self: Any) -> Any:
        for _ in range(9):
            yield b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'

    stream = type("Stream", (module.AsyncByteStream,), {"__aiter__": chunks})
    transport = module.MockTransport(lambda request: module.Response(200, stream=stream()))
    async with module.AsyncClient(transport=transport) as client:
        try:
            await asyncio.wait_for(asyncio.sleep(9), 0.01)
        except TimeoutError:
            async with client.stream("POST", URL, json=ASK) as response:
                async for _ in response.aiter_raw():
                    break
    call = captured.one()
    assert (call.status, call.error_type) == ("aborted", None)


@pytest.mark.parametrize("how", ["cancelled", "timeout"])
async def test_a_task_ended_between_two_chunks(captured: Captured, module: Any, how: str) -> None:
    async def chunks(self: Any) -> Any:
        for _ in range(9):
            yield b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'

    stream = type("Stream", (module.AsyncByteStream,), {"__aiter__": chunks})

    async def read() -> None:
        transport = module.MockTransport(lambda request: module.Response(200, stream=stream()))
        async with module.AsyncClient(transport=transport) as client, client.stream("POST", URL, json=ASK) as response:
            async for _ in response.aiter_raw():
                await asyncio.sleep(9)  # the program's own work, not a read

    async def cancelled() -> None:
        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await (asyncio.wait_for(read(), 0.05) if how == "timeout" else cancelled())
    assert captured.one().status == "cancelled"
