"""The seam of raw aiohttp: `ClientSession._request`, which every way of using a session goes through.

The body of the request is taken from `ClientRequest.send`, where it is bytes at last. The response's bytes are
seen as they arrive, in the buffer of its stream, so that it does not matter how they are read. aiohttp follows
redirects inside one request: they are one attempt.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from otelcost.capture.attempt import Attempt, Ended, being_sent, how_ended, release
from otelcost.capture.guard import Guard
from otelcost.capture.message import Address, Fields, Sent, body_bytes
from otelcost.capture.seams import begin_attempt, give_up, wrap
from otelcost.wire.registry import recognise


class _AiohttpSent(Sent):
    """A request of this seam, told from those of layers above it."""

    __slots__ = ()


_ENCODING: Final = "content-encoding"
_watching_kinds: dict[type, type] = {}


def patch(module: ModuleType) -> None:
    """Wrap the session and the request of `aiohttp.client`."""
    wrap(module.ClientSession, "_request", _request)
    wrap(module.ClientRequest, "send", _send)


def _request(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def request(self: Any, method: str, str_or_url: Any, **options: Any) -> Any:
        attempt = _begin(self, method, str_or_url, options)
        if attempt is None:
            return await original(self, method, str_or_url, **options)
        try:
            response = await original(self, method, str_or_url, **options)
        except BaseException as error:
            with Guard("fail"):
                _take_status(attempt, error)
            with Guard("fail"):
                release(attempt, error)
            raise
        with Guard("respond"):
            release(attempt)
            decoded = options.get("auto_decompress")
            _observe(attempt, response, decoded=self.auto_decompress if decoded is None else bool(decoded))
            return response
        give_up(attempt)
        return response

    return request


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        with Guard("send"):
            _take_body(self)
        return await original(self, *args, **kwargs)

    return send


def _begin(session: Any, method: str, url: Any, options: dict[str, Any]) -> Attempt | None:
    with Guard("begin"):
        try:
            url = session._build_url(url)
        except (ValueError, TypeError):  # the host's mistake: aiohttp will say so itself
            return None
        where = _address(url)
        if recognise(method, where.host, where.path) is None:  # most requests: pay for nothing more
            return None
        headers = options.get("headers") or {}
        if iter(headers) is headers:
            headers = options["headers"] = list(headers)  # or aiohttp would find it used up
        pairs = headers.items() if hasattr(headers, "items") else headers
        sent = _AiohttpSent(method, where, Fields(pairs), None)
        return begin_attempt(session, sent)
    return None


def _address(url: Any) -> Address:
    query = url.raw_query_string.encode("latin-1", "replace")
    return Address(url.scheme, url.host or "", url.explicit_port, url.path, query)


def _take_body(request: Any) -> None:
    """The body as it will be sent, and the headers with those aiohttp and its session added."""
    attempt = being_sent()
    if attempt is None or type(attempt.request) is not _AiohttpSent:
        return
    sent: Sent = attempt.request
    body = request.body
    sent.content = body_bytes(getattr(body, "_value", body))
    packed = bool(getattr(request, "compress", None))  # aiohttp does so later: the body here is plain
    sent.headers = Fields(pair for pair in request.headers.items() if not packed or pair[0].lower() != _ENCODING)


def _take_status(attempt: Attempt, error: BaseException) -> None:
    """`raise_for_status=True` turns a response into an exception that has its status.

    So does an answer that is not HTTP, with a status nobody sent: that one has a cause.
    """
    status = getattr(error, "status", None)
    if isinstance(status, int) and status > 0 and error.__cause__ is None:
        headers = getattr(error, "headers", None)
        attempt.respond(status, Fields(headers.items() if headers else ()))


def _observe(attempt: Attempt, response: Any, *, decoded: bool) -> None:
    """Take the body if it is there, else watch it arrive."""
    attempt.respond(response.status, Fields(response.raw_headers))
    attempt.decoded = decoded
    if response._body is not None:
        attempt.whole(response._body)
        return
    content = response.content
    for data in getattr(content, "_buffer", ()):
        attempt.chunk(data)
    if content.is_eof():
        attempt.finish("complete")
        return
    content._buffer = _Buffer(content._buffer, attempt)
    if hasattr(content, "_timer"):
        content._timer = response.otelcost_waits = _Waits(content._timer)
    content.on_eof(functools.partial(_at_end, attempt))
    response.__class__ = _watching(type(response))
    response.otelcost_attempt = attempt


def _at_end(attempt: Attempt) -> None:
    with Guard("stream"):
        attempt.finish("complete")


class _Buffer(deque[bytes]):
    """The buffer of an `aiohttp.StreamReader`: what arrives is appended, what is read is taken from the left."""

    def __init__(self, arrived: deque[bytes], attempt: Attempt) -> None:
        super().__init__(arrived)
        self._keep = attempt.chunk

    def append(self, data: bytes, /) -> None:
        self._keep(data)
        super().append(data)


class _Waits:
    """The timer of a stream, entered for every wait for data: how the last one ended.

    A task that is cancelled leaves no other trace in a response that its program neither closes nor releases.
    """

    def __init__(self, timer: Any) -> None:
        self._timer = timer
        self.ended: Ended | None = None
        self.error: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._timer, name)

    def __enter__(self) -> Any:
        return self._timer.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> Any:
        try:
            swallowed = self._timer.__exit__(kind, error, trace)
        except BaseException as other:
            self._remember(other)
            raise
        self._remember(error)
        return swallowed

    def _remember(self, error: BaseException | None) -> None:
        if error is not None or self.error is not None:
            self.ended = None if error is None else how_ended(error)
            self.error = None if error is None else type(error).__name__


def _watching(kind: type) -> type:
    """The class of a watched response: the one it had, with ours in front."""
    made = _watching_kinds.get(kind)
    if made is None:
        names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        made = _watching_kinds[kind] = type(kind.__name__, (_Watched, kind), names)
    return made


class _Watched:
    """Methods of `aiohttp.ClientResponse` by which it is given up before its end."""

    otelcost_attempt: Attempt
    otelcost_waits: _Waits | None = None
    content: Any

    def close(self) -> None:
        with Guard("close"):
            _look_back(self)
        super().close()  # type: ignore[misc]

    def release(self) -> Any:
        with Guard("close"):
            _look_back(self)
        return super().release()  # type: ignore[misc]

    def __del__(self) -> None:
        with Guard("dropped"):
            _look_back(self)
        super().__del__()  # type: ignore[misc]


def _look_back(response: Any) -> None:
    attempt: Attempt = response.otelcost_attempt
    if attempt.done:
        return
    error, waits = response.content.exception(), response.otelcost_waits
    if waits is not None and waits.ended in {"cancelled", "timeout"}:
        attempt.error = waits.error
        attempt.finish(waits.ended)
    elif error is not None:
        attempt.fail(error)
    else:
        attempt.close()
