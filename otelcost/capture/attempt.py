"""One HTTP attempt as the caller sees it: references and times, no parsing. Free of I/O and of any HTTP library.

`begin` runs before the request is sent, `Attempt.respond` when the response is there, `Attempt.finish` once its
body is over in whatever way. Everything else happens in `record`, on the background thread.
"""

from __future__ import annotations

import re
import sys
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from itertools import chain
from typing import Any, Final, Literal, Protocol

from opentelemetry import context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY

from otelcost.capture import clock, span
from otelcost.capture.guard import absorbed
from otelcost.capture.layers import announced_bytes, is_inner, request_body
from otelcost.capture.site import Site, find_site
from otelcost.capture.sketch import sketch
from otelcost.spool.diagnostics import diagnostics
from otelcost.wire.registry import RESULTS, recognise

Ended = Literal["complete", "closed", "cancelled", "timeout", "error"]

BODY_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""Of one stream: of a longer one only the head and the tail are kept, which is where usage stands."""
HEAD_BYTES: Final = 64 * 1024
TAIL_BYTES: Final = 256 * 1024
DONE: Final = b"[DONE]"
STOP: Final = b'"message_stop"'
"""What the last event of a stream holds, with most APIs and with Anthropic's: some clients never close a stream."""
_DONE_END: Final = DONE + b"\n\n"
_STOP_END: Final = b"}\n\n"
LAST_BYTES: Final = 160
"""How far from the end of its event either may stand. Exact: inside a JSON string both ends would be escaped."""
_SUPPRESS_PLAIN: Final = "suppress_instrumentation"
_RETRY_HEADER: Final = b"x-stainless-retry-count"
_AMAZON_HEADER: Final = b"amz-sdk-request"
_AMAZON_ATTEMPT: Final = re.compile(rb"\battempt=(\d{1,5})")


class Headers(Protocol):
    """The header map of either HTTP library."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """Names and values as they are sent."""


_latest: ContextVar[Attempt | None] = ContextVar("otelcost_latest_attempt", default=None)
"""The attempt that began last in this context: while it is being sent, what it calls below itself is the same call;
afterwards it is how a retry finds its operation. Once recorded it holds neither bodies nor contexts."""
open_attempts: dict[int, Attempt] = {}
"""Attempts that have begun and not finished, by identity: what an exit in the middle of a call can still record."""
_epoch = 0


def reset_after_fork() -> None:
    """In a forked child: what began in the parent is the parent's to record."""
    global _epoch  # noqa: PLW0603  (one process, one number)
    _epoch += 1
    open_attempts.clear()
    span.reseed()


class Head:
    """A request without its body, of which only the parameters are left, and its size."""

    __slots__ = ("content", "headers", "method", "size", "url")

    def __init__(self, request: Any) -> None:
        self.method, self.url, self.headers = request.method, request.url, request.headers
        body = request_body(request)
        if body is None:
            from otelcost.capture import forms  # noqa: PLC0415  (few programs upload anything)

            self.content, self.size = forms.body_of(request, files=False)[0], announced_bytes(request)
        else:
            self.content, self.size = sketch(body), len(body)


class Attempt:
    """The facts of one attempt. Written by the caller's thread until finished, then read by the worker's.

    What is the same for most attempts stands in the class, so that beginning one sets no more than it must.

    Args:
        request: the HTTP library's request, kept as it is.
        started: identity and span state.
        submit: receives the finished attempt.
    """

    site: Site | None = None
    client = 0
    """Identity of what sends it: attempts of one operation go through the same one."""
    given: int | None = None
    """Which attempt of its operation it is, where the HTTP library says so; 1 is the first."""
    sending = True
    before: Attempt | None = None
    """The attempt before it in its context."""
    outer: Attempt | None = None
    """The attempt that was being sent when this one, to another server, began."""
    place: tuple[int, str, str, int, int] | None = None
    """Client, host, path, number and operation: set once `number` was asked for."""
    status: int | None = None
    response_headers: Headers | None = None
    response_body: bytes | None = None
    tail: deque[bytes] | None = None
    size = tail_size = 0
    decoded = response_truncated = request_dropped = done = False
    ended: Ended = "closed"
    error: str | None = None
    first_ns: int | None = None
    ended_ns = 0
    handled = 0
    """Identity of the exception that its program was handling when it began, as fallbacks do."""
    last = DONE
    """What a chunk has in its `LAST_BYTES` that may be the last of its stream."""

    def __init__(self, request: Any, started: span.Started, submit: Callable[[Attempt], None]) -> None:
        self.request = request
        self.started = started
        self.submit = submit
        self.epoch = _epoch
        self.chunks: list[bytes] = []
        self.unix_ns = clock.unix_ns()
        self.began_ns = time.perf_counter_ns()

    @property
    def number(self) -> int:
        """Which attempt of its operation it is; 1 is the first."""
        return self._settled()[3]

    @property
    def operation_id(self) -> int:
        """The span id of the first attempt of its operation."""
        return self._settled()[4]

    def _settled(self) -> tuple[int, str, str, int, int]:
        if self.place is None:
            self.place = _place(self)
        return self.place

    def forget(self) -> None:
        """It is recorded: let go of what belongs to the host. Its context still refers to it."""
        self.number  # noqa: B018  (from now on it is known by heart)
        self.request = self.started = self.submit = None  # type: ignore[assignment]
        self.before = self.outer = self.site = None
        self.response_headers = self.response_body = self.tail = None
        self.chunks = []

    def respond(self, status: int, headers: Headers) -> None:
        """The response's head has arrived."""
        self.status = status
        self.response_headers = headers

    def chunk(self, data: bytes) -> None:
        """A piece of the body passed by, as on the wire. Runs for each of them; never raises an error of ours."""
        try:
            if self.done:
                return
            if self.first_ns is None:
                self.first_ns = time.perf_counter_ns()
            self.size += len(data)
            if self.size <= BODY_LIMIT_BYTES:
                self.chunks.append(data)
            else:
                self._keep_tail(data)
            if data.rfind(self.last, -LAST_BYTES) >= 0 and data.endswith(_DONE_END if self.last is DONE else _STOP_END):
                self.finish("complete")
        except Exception as error:  # the guard's own rule: a `with` would cost more than the chunk itself
            self.response_truncated = True
            if not absorbed("chunk", error):
                raise

    def watch(self, data: bytes) -> int:
        """As `chunk`, for a seam that appends to `chunks` by itself what has not `last` near its end.

        Returns:
            How many bytes it may append before it has to show the next chunk.
        """
        if self.tail is None and not self.done:
            self.size = sum(map(len, self.chunks))
        self.chunk(data)
        return 0 if self.done or self.tail is not None else BODY_LIMIT_BYTES - self.size

    def _keep_tail(self, data: bytes) -> None:
        if self.tail is None:
            self.tail = deque()
            self.response_truncated = True
            self._cut_chunks()
        self.tail.append(data)
        self.tail_size += len(data)
        while len(self.tail) > 1 and self.tail_size - len(self.tail[0]) >= TAIL_BYTES:
            self.tail_size -= len(self.tail.popleft())

    def whole(self, body: bytes) -> None:
        """The HTTP library read and decoded the body itself."""
        self.response_body = body
        self.decoded = True
        self.size = len(body)
        self.finish("complete")

    def body(self) -> bytes:
        """The response as far as it was kept."""
        if self.response_body is not None:
            return self.response_body
        return b"".join(self.chunks if self.tail is None else chain(self.chunks, self.tail))

    def _cut_chunks(self) -> None:
        kept, size = 0, 0
        while kept < len(self.chunks) and size < HEAD_BYTES:
            size += len(self.chunks[kept])
            kept += 1
        del self.chunks[kept:]

    def shrink(self, room: int) -> int:
        """Give up the request but its parameters, and as much of the response as does not fit. What is left, in bytes.

        The record will say so. What the answer cost is worth more than what was asked.
        """
        if not self.request_dropped:
            self.request, self.request_dropped = Head(self.request), True
        body = self.body()
        if len(body) > room:
            self.response_truncated = True
            fits = len(body) <= HEAD_BYTES + TAIL_BYTES or room < HEAD_BYTES + TAIL_BYTES
            body = b"" if fits else body[:HEAD_BYTES] + body[-TAIL_BYTES:]
        self.chunks, self.tail, self.response_body = [], None, body
        return len(body)

    def held_bytes(self) -> int:
        """What this attempt keeps in memory."""
        kept = self.size if self.tail is None else sum(map(len, self.chunks)) + self.tail_size
        if self.request_dropped:
            return kept
        try:  # `request_body` in place
            return kept + len(self.request.content or b"")
        except RuntimeError:
            from otelcost.capture import forms  # noqa: PLC0415  (few programs upload anything)

            return kept + forms.held_bytes(self.request)

    def fail(self, error: BaseException) -> None:
        """The request, or reading its response, raised."""
        ended = how_ended(error)
        if ended != "closed" and not self.done:
            self.error = type(error).__name__
        self.finish(ended)

    def close(self) -> None:
        """Its response is given up: because its program was cancelled or out of time, or had enough of it."""
        passing = sys.exc_info()[1]
        if passing is not None and id(passing) != self.handled and how_ended(passing) in {"cancelled", "timeout"}:
            self.fail(passing)
        else:
            self.finish("closed")

    def discard(self) -> None:
        """Forget it: it was no call, such as a redirect."""
        self.done = True
        open_attempts.pop(id(self), None)

    def finish(self, ended: Ended) -> None:
        """Nothing more will come. Idempotent; safe during a garbage collection and in a forked child."""
        if self.done:
            return
        self.done = True
        self.ended = ended
        self.ended_ns = time.perf_counter_ns()
        if self.chunks:
            self.chunks = self.chunks.copy()  # whoever watches the stream may append to the other one still
            if self.tail is None:
                self.size = sum(map(len, self.chunks))
        open_attempts.pop(id(self), None)
        if self.epoch == _epoch:
            self.submit(self)

    def is_ours(self) -> bool:
        """Whether it began in this process, and not in one that forked it."""
        return self.epoch == _epoch


def how_ended(error: BaseException) -> Ended:
    """What an exception from the HTTP library or the host's runtime says about the end of an attempt.

    By class name for what only an HTTP or async library defines: none of them may be imported here.
    """
    if isinstance(error, GeneratorExit):
        return "closed"
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"CancelledError", "Cancelled", "KeyboardInterrupt", "SystemExit"}:
        return "cancelled"
    if "NewConnectionError" in names:  # urllib3's, whose parent is its time-out
        return "error"
    return "timeout" if names & {"TimeoutException", "TimeoutError"} else "error"


def begin(client: object, request: Any, submit: Callable[[Attempt], None], number: int | None = None) -> Attempt | None:
    """Start an attempt if this request is an LLM call that nobody records yet; make its span current.

    `number` is which attempt of its operation it is, where the HTTP library knows.

    The caller must call `release` when the HTTP library's `send` is over.

    Instrumentation suppressed as a whole (`suppress_instrumentation`) means no record: whoever says so expects
    none; it is counted, so that a doctor can tell. Suppressed HTTP spans mean nothing here, and a suppressed LLM
    span (`suppress_language_model_instrumentation`: somebody else makes one) hides our span and not the record.
    """
    url = request.url
    host = url.host
    api = recognise(request.method, host, url.path)
    if api is None:
        return None
    before = _latest.get()
    outer = None if before is None else _sending(before)
    if outer is not None and is_inner(outer.client, outer.request, client, request):
        return None
    current = context.get_current()
    if current and (current.get(_SUPPRESS_INSTRUMENTATION_KEY) or current.get(_SUPPRESS_PLAIN)):
        diagnostics.count("suppressed")
        return None
    started = None
    if api != RESULTS and span.has_provider():  # reading what was answered long ago is no call of now
        try:
            started = span.start(current, api)
        except Exception as error:  # the guard's own rule
            if not absorbed("span.start", error):
                raise
    kind = Attempt if api != RESULTS else _download()
    attempt = kind(request, started or span.Started(current), submit)
    try:
        attempt.client, attempt.given, attempt.before, attempt.outer = id(client), number, before, outer
        handled = sys.exc_info()[1]
        if handled is not None:
            attempt.handled = id(handled)
        if api == "anthropic.messages":
            attempt.last = STOP
        attempt.site = find_site(3)
    except BaseException:
        attempt.started.leave()  # nobody else would take our span out of the host's context again
        raise
    _latest.set(attempt)
    open_attempts[id(attempt)] = attempt
    return attempt


def _download() -> type[Attempt]:
    from otelcost.capture.results import Download  # noqa: PLC0415  (few programs read any)

    return Download


def release(attempt: Attempt, error: BaseException | None = None) -> None:
    """The HTTP library's `send` is over, by returning or by raising `error`."""
    attempt.sending = False
    started = attempt.started
    if started is not None and started.token is not None:
        if isinstance(error, GeneratorExit):  # collected in a foreign context, where nothing can be detached
            started.token = None
        started.leave()
    if error is not None:
        attempt.fail(error)


def being_sent() -> Attempt | None:
    """The attempt that is being sent in this context, if any."""
    latest = _latest.get()
    return None if latest is None else _sending(latest)


def _sending(attempt: Attempt) -> Attempt | None:
    """The innermost attempt that is still being sent, at or above one."""
    found: Attempt | None = attempt
    while found is not None and (found.done or not found.sending or not found.is_ours()):
        found = found.outer
    return found


def _place(attempt: Attempt) -> tuple[int, str, str, int, int]:
    """Where an attempt belongs: a retry to the operation of the attempt before it in the same context."""
    url = attempt.request.url
    number = _number(attempt.request.headers) or attempt.given
    here = (attempt.client, url.host, url.path)
    previous = attempt.before
    if number is not None and number > 1 and previous is not None:
        known = previous._settled()
        if known[:4] == (*here, number - 1):
            return (*here, number, known[4])
    return (*here, number or 1, attempt.started.span_id)


def _number(headers: Headers) -> int | None:
    """Which attempt a request says it is, in the header of OpenAI's and Anthropic's or of Amazon's SDKs."""
    for name, value in headers.raw:  # `get` would go through all of them once for each name
        if len(name) == len(_RETRY_HEADER) and name.lower() == _RETRY_HEADER:
            return int(value) + 1 if value.isdigit() and len(value) < 6 else None
        if len(name) == len(_AMAZON_HEADER) and name.lower() == _AMAZON_HEADER:
            found = _AMAZON_ATTEMPT.search(value)
            return int(found[1]) if found else None
    return None
