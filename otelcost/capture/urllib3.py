"""The seam of urllib3, and so of requests, botocore (boto3) and every client generated on top of them.

`HTTPConnectionPool._make_request` runs once an attempt, also for those that urllib3's own `Retry` makes and that
no layer above can see. The response becomes one of a class that looks at the raw bytes in passing, below any
decoding and whichever way they are read: as a whole, in chunks, in lines, or never. Before version 2 of urllib3 its
retries are recorded one by one as well, but without their number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from types import ModuleType
from typing import Any, Final

from otelcost.capture.attempt import Attempt, release
from otelcost.capture.guard import Guard
from otelcost.capture.message import Fields, Sent, address, body_bytes
from otelcost.capture.seams import begin_attempt, give_up, wrap
from otelcost.wire.registry import recognise

_OTHERWISE: Final = frozenset({"ResponseNotChunked", "BodyNotHttplibCompatible"})
"""What `read_chunked` raises before it has read anything, of a body that can be read in other ways."""
_watching_kinds: dict[type, type] = {}


def patch(module: ModuleType) -> None:
    """Wrap the pool of `urllib3.connectionpool`."""
    wrap(module.HTTPConnectionPool, "_make_request", _make_request)
    if hasattr(getattr(module, "HTTPResponse", None), "from_httplib"):  # before version 2
        wrap(module.HTTPResponse, "from_httplib", _from_httplib)


def _make_request(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def make_request(self: Any, conn: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        attempt = _begin(self, method, url, kwargs)
        if attempt is None:
            return original(self, conn, method, url, *args, **kwargs)
        try:
            response = original(self, conn, method, url, *args, **kwargs)
        except BaseException as error:
            with Guard("fail"):
                _take_head(attempt, error)
            with Guard("fail"):
                release(attempt, error)
            raise
        with Guard("respond"):
            release(attempt)
            if isinstance(response, HTTPResponse):  # before version 2: `from_httplib` makes urllib3's own of it
                response.otelcost_attempt = attempt  # type: ignore[attr-defined]
            else:
                _observe(attempt, response)
            return response
        give_up(attempt)
        return response

    return make_request


def _take_head(attempt: Attempt, error: BaseException) -> None:
    """A body that urllib3 read at once broke off: its head had arrived, and it may be billed."""
    trace = error.__traceback__ and error.__traceback__.tb_next
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "getresponse":
            head = trace.tb_frame.f_locals.get("httplib_response")
            if isinstance(head, HTTPResponse):
                attempt.respond(head.status, Fields(head.getheaders()))
        trace = trace.tb_next


def _from_httplib(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def from_httplib(raw: Any, *args: Any, **kwargs: Any) -> Any:
        attempt: Attempt | None = getattr(raw, "otelcost_attempt", None)
        try:
            response = original(raw, *args, **kwargs)
        except BaseException as error:
            with Guard("fail"):
                if attempt is not None:
                    attempt.fail(error)
            raise
        with Guard("respond"):
            if attempt is not None:
                _observe(attempt, response)
            return response
        give_up(attempt)
        return response

    return from_httplib


def _begin(pool: Any, method: str, url: str, options: dict[str, Any]) -> Attempt | None:
    with Guard("begin"):
        where = address(pool.scheme, pool.host, pool.port, url)
        if recognise(method, where.host, where.path) is None:  # most requests: pay for nothing more
            return None
        sent = Sent(method, where, Fields((options.get("headers") or {}).items()), body_bytes(options.get("body")))
        history = getattr(options.get("retries"), "history", ())
        retries = sum(not getattr(one, "redirect_location", None) for one in history)
        return begin_attempt(pool, sent, retries + 1)
    return None


def _observe(attempt: Attempt, response: Any) -> None:
    """Take the body if urllib3 has read it already, else watch it pass by."""
    if response.status in {301, 302, 303, 307, 308} and response.headers.get("location"):
        attempt.discard()  # no provider bills a redirect; where it leads is an attempt of its own
        return
    attempt.respond(response.status, Fields(response.headers.items()))
    # HTTP/2 responses are read before they are made, and keep their body elsewhere.
    read_already = getattr(response, "_body", None)
    if read_already is None:
        read_already = getattr(response, "_data", None)
    if isinstance(read_already, bytes):
        _whole(attempt, read_already, decoded=bool(response.decode_content))
    elif hasattr(response, "_fp_read"):
        response.__class__ = _watching(type(response))
        response.otelcost_attempt = attempt
    else:
        attempt.response_truncated = True  # a response class of another protocol: its body stays unknown
        attempt.finish("closed")


def _whole(attempt: Attempt, body: bytes, *, decoded: bool) -> None:
    if decoded:
        attempt.whole(body)
        return
    attempt.chunk(body)
    attempt.first_ns = None
    attempt.finish("complete")


def _watching(kind: type) -> type:
    """The class of a watched response: the one it had, with ours in front."""
    made = _watching_kinds.get(kind)
    if made is None:
        names: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        names["otelcost_old"] = not hasattr(kind, "_raw_read")
        made = _watching_kinds[kind] = type(kind.__name__, (_Watched, kind), names)
    return made


class _Watched:
    """Methods of `urllib3.response.HTTPResponse` through which every raw byte and every end passes."""

    otelcost_attempt: Attempt
    otelcost_inside = False
    """urllib3 closes a response whose chunks are malformed before it raises: the exception is to be recorded."""
    otelcost_old = False
    """Before version 2, which has no `_raw_read` to tell the end from."""
    length_remaining: int | None
    _original_response: Any

    def _fp_read(self, *args: Any, **kwargs: Any) -> bytes:
        try:
            data: bytes = super()._fp_read(*args, **kwargs)  # type: ignore[misc]
        except BaseException as error:
            with Guard("stream"):
                if self.otelcost_old:
                    self.otelcost_attempt.fail(error)
            raise
        with Guard("chunk"):
            if data:
                self.otelcost_attempt.chunk(data)
            if self.otelcost_old and self._original_response.isclosed():
                self.otelcost_attempt.finish("complete")
        return data

    def _handle_chunk(self, *args: Any, **kwargs: Any) -> bytes:
        data: bytes = super()._handle_chunk(*args, **kwargs)  # type: ignore[misc]
        self.otelcost_attempt.chunk(data)
        return data

    def _raw_read(self, *args: Any, **kwargs: Any) -> Any:
        attempt = self.otelcost_attempt
        try:
            data = super()._raw_read(*args, **kwargs)  # type: ignore[misc]
        except BaseException as error:
            with Guard("stream"):
                attempt.fail(error)
            raise
        with Guard("stream"):
            if self.length_remaining in {0, None} and self._original_response.isclosed():
                attempt.finish("complete")
        return data

    def read_chunked(self, *args: Any, **kwargs: Any) -> Iterator[bytes]:
        attempt = self.otelcost_attempt
        try:
            yield from super().read_chunked(*args, **kwargs)  # type: ignore[misc]
        except BaseException as error:
            with Guard("stream"):
                if type(error).__name__ not in _OTHERWISE:
                    attempt.fail(error)
            raise
        with Guard("stream"):
            attempt.finish("complete")

    def _update_chunk_length(self) -> None:
        self.otelcost_inside = True
        try:
            super()._update_chunk_length()  # type: ignore[misc]
        finally:
            self.otelcost_inside = False

    def close(self) -> None:
        """Also called when the response is collected."""
        try:
            super().close()  # type: ignore[misc]
        finally:
            with Guard("close"):
                if not self.otelcost_inside:
                    self.otelcost_attempt.finish("closed")
