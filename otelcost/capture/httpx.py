"""The seam: `Client.send` and `AsyncClient.send` of httpx and httpx2, whichever the program imports.

The two modules may be one (`httpx2.alias_httpx()`), so classes are told apart by identity. Requests are never
changed; a streamed response gets its stream wrapped in one that passes every chunk on as it is.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any, Final

from otelcost.capture.attempt import LAST_BYTES, Attempt, release
from otelcost.capture.guard import Guard, absorbed
from otelcost.capture.seams import begin_attempt, give_up, wrap

_HOLDS_RESPONSE: Final = frozenset({"send", "_send_handling_redirects"})
"""Methods of the clients that have a response at hand while they read it or hand it to hooks."""


def patch(module: ModuleType) -> None:
    """Wrap both clients of a module."""
    tees = _tee_types(module)
    wrap(module.Client, "send", functools.partial(_sync_send, tee=tees[0]))
    wrap(module.AsyncClient, "send", functools.partial(_async_send, tee=tees[1]))


def _sync_send(original: Callable[..., Any], *, tee: type) -> Callable[..., Any]:
    @functools.wraps(original)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = begin_attempt(self, request)
        if attempt is None:
            return original(self, request, *args, **kwargs)
        try:
            response = original(self, request, *args, **kwargs)
        except BaseException as error:
            with Guard("fail"):
                _take_answer(attempt, error)
            with Guard("fail"):
                release(attempt, error)
            raise
        try:
            release(attempt)
            _observe(attempt, response, tee, streamed=bool(kwargs.get("stream")))
        except Exception as error:  # the guard's own rule
            if not absorbed("respond", error):
                raise
            give_up(attempt)
        return response

    return send


def _async_send(original: Callable[..., Any], *, tee: type) -> Callable[..., Any]:
    @functools.wraps(original)
    async def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        attempt = begin_attempt(self, request)
        if attempt is None:
            return await original(self, request, *args, **kwargs)
        try:
            response = await original(self, request, *args, **kwargs)
        except BaseException as error:
            with Guard("fail"):
                _take_answer(attempt, error)
            with Guard("fail"):
                release(attempt, error)
            raise
        try:
            release(attempt)
            _observe(attempt, response, tee, streamed=bool(kwargs.get("stream")))
        except Exception as error:  # the guard's own rule
            if not absorbed("respond", error):
                raise
            give_up(attempt)
        return response

    return send


def _take_answer(attempt: Attempt, error: BaseException) -> None:
    """A response hook raised, or the body of a response broke off: what had arrived by then may be billed."""
    response, trace = None, error.__traceback__
    if trace is not None:
        trace = trace.tb_next  # ours is still running: its locals, once read, would hold the error that holds them
    while response is None and trace is not None:
        if trace.tb_frame.f_code.co_name in _HOLDS_RESPONSE:
            response = trace.tb_frame.f_locals.get("response")
        trace = trace.tb_next
    if response is None or response.has_redirect_location:  # of a hop before the one that failed
        return
    attempt.respond(response.status_code, response.headers)
    if response.is_closed:
        with suppress(RuntimeError):  # both libraries' ResponseNotRead
            body = response.content
            attempt.response_body, attempt.decoded, attempt.size = body, True, len(body)


def _observe(attempt: Attempt, response: Any, tee: type, *, streamed: bool) -> None:
    """Take the body if it is there, else watch it pass by."""
    attempt.status, attempt.response_headers = response.status_code, response.headers
    if streamed and not response.is_stream_consumed:
        response.stream = tee(response.stream, attempt)
        return
    try:
        body = response.content
    except RuntimeError:  # both libraries' ResponseNotRead: a hook read the stream and kept nothing
        attempt.response_truncated = True
        attempt.finish("closed")
    else:
        attempt.whole(body)


class _Tee:
    """What both wrapped streams share: they look like the stream inside, and finish when they are forgotten."""

    def __init__(self, stream: Any, attempt: Attempt) -> None:
        self._stream = stream
        self._attempt = attempt
        # Anthropic's SDK asks for it with every event: to miss it would cost more than all else that a chunk does.
        self.stream_observer = getattr(stream, "stream_observer", None)

    def __getattr__(self, name: str) -> Any:
        if name in {"_stream", "_attempt"}:  # not initialised: a half-made or unpickled object
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __del__(self) -> None:
        with Guard("dropped"):
            self._attempt.finish("closed")


class _SyncTee(_Tee):
    def __iter__(self) -> Iterator[bytes]:
        attempt = self._attempt
        append, last, room = attempt.chunks.append, attempt.last, 0
        try:
            for chunk in self._stream:
                try:  # a call for every chunk would cost ten times as much
                    room -= len(chunk)
                    if room < 0 or chunk.rfind(last, -LAST_BYTES) >= 0:
                        room = attempt.watch(chunk)
                    else:
                        append(chunk)
                except Exception as error:  # the guard's own rule
                    attempt.response_truncated = True
                    if not absorbed("chunk", error):
                        raise
                yield chunk
        except BaseException as error:
            with Guard("stream"):
                attempt.fail(error)
            raise
        with Guard("stream"):
            attempt.finish("complete")

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            with Guard("close"):
                self._attempt.close()


class _AsyncTee(_Tee):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        attempt = self._attempt
        append, last, room = attempt.chunks.append, attempt.last, 0
        inner = self._stream.__aiter__()
        try:
            async for chunk in inner:
                try:
                    room -= len(chunk)
                    if room < 0 or chunk.rfind(last, -LAST_BYTES) >= 0:
                        room = attempt.watch(chunk)
                    else:
                        append(chunk)
                except Exception as error:  # the guard's own rule
                    attempt.response_truncated = True
                    if not absorbed("chunk", error):
                        raise
                yield chunk
        except BaseException as error:
            with Guard("stream"):
                attempt.fail(error)
            raise
        finally:
            if isinstance(inner, AsyncGenerator):
                await inner.aclose()
        with Guard("stream"):
            attempt.finish("complete")

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            with Guard("close"):
                self._attempt.close()


@functools.cache
def _tee_types(module: ModuleType) -> tuple[type, type]:
    """The two stream types of a module: the HTTP library checks that a stream is one of its own."""
    return (
        type("CapturedSyncStream", (_SyncTee, module.SyncByteStream), {}),
        type("CapturedAsyncStream", (_AsyncTee, module.AsyncByteStream), {}),
    )
