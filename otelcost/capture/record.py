"""From a finished attempt to a spool line, on the background thread."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otelcost import settings, wire
from otelcost.capture import estimate, labels
from otelcost.capture import key as keys
from otelcost.capture.attempt import Attempt, Head, Headers
from otelcost.capture.attributes import is_foreign
from otelcost.capture.guard import Guard
from otelcost.capture.interop import Interop
from otelcost.capture.labels import plain
from otelcost.capture.layers import announced_bytes, request_body
from otelcost.capture.site import Site, describe
from otelcost.capture.sketch import LIMIT_BYTES, sketch
from otelcost.capture.span import Started
from otelcost.model import Call, Context, Exchange, Status, Usage
from otelcost.spool.diagnostics import diagnostics
from otelcost.spool.names import host_name

if TYPE_CHECKING:
    from otelcost.capture.results import Piece

_ENDED: Final[dict[str, Status]] = {
    "complete": "error",
    "closed": "aborted",
    "cancelled": "cancelled",
    "timeout": "timeout",
    "error": "error",
}
_HEADER_NAMES: Final = 512
_AGENTS: Final = {"asyncopenai": "openai", "asyncanthropic": "anthropic"}


class Recorder:
    """Makes records. One a process, used by one thread at a time.

    Args:
        pause: called between the steps of making one, where another thread may run.
    """

    def __init__(self, pause: Callable[[], object] = lambda: None) -> None:
        self._pause = pause
        self._key: bytes | None = None
        self._encoder = msgspec.json.Encoder()
        self._trusted = settings.trusted_hosts()
        self._host = host_name()
        self._service = plain(os.environ.get("OTEL_SERVICE_NAME", "")) or None
        self._interop = Interop()

    def record(self, attempt: Attempt, *, quick: bool) -> bytes:
        """The spool line of an attempt; also makes its interop span.

        Args:
            attempt: finished, or its stream given up.
            quick: the process is exiting: estimate without loading a vocabulary.

        Returns:
            Empty where the path looked like a provider's and neither body bore it out: somebody else's request.
        """
        parent = _Parentage(attempt.started)
        call: Call | None = None
        bodies: wire.Bodies | None = None
        line, exchange = b"", None
        with Guard("record"):
            exchange = self.exchange(attempt, parent)
            self._pause()
            call, bodies = self._call(attempt, exchange, quick=quick)
            self._pause()
            line = self._encoder.encode(call)
        if call is None or not line:  # what can be known without reading the bodies, and the usage if they were read
            call = self.minimal(attempt, None if call is None else call.usage)
            line = self._encoder.encode(call)
        with Guard("span.finish"):
            self._interop.finish(attempt.started, attempt.request.url, call, exchange, bodies, parent.llm_scope)
        return b"" if _is_none_of_ours(call) else line

    def _call(self, attempt: Attempt, exchange: Exchange, *, quick: bool) -> tuple[Call, wire.Bodies | None]:
        call, bodies = wire.decode_with_bodies(exchange, self._local_key(), self._pause)
        if exchange.request_truncated:
            call = _without_prompt(call, _request_bytes(attempt.request))
        with Guard("estimate"):
            call = estimate.fill(call, exchange, quick=quick)
        return call, bodies

    def results(self, piece: Piece) -> Iterator[bytes]:
        """The spool lines of the results that a piece of a download holds."""
        for call in piece.calls(self.exchange, self._local_key()):
            yield self._encoder.encode(call)

    def brief(self, attempt: Attempt, *, unread: bool) -> bytes:
        """The spool line of an attempt for whose prompt there is no time: what it was billed is read all the same.

        With `unread` there is no time for its bodies at all.
        """
        if unread:
            return self._encoder.encode(self.minimal(attempt))
        with Guard("record"):
            call, _ = self._call(attempt, self.exchange(attempt, prompt=False), quick=True)
            return b"" if _is_none_of_ours(call) else self._encoder.encode(call)
        return self._encoder.encode(self.minimal(attempt))

    def minimal(self, attempt: Attempt, usage: Usage | None = None) -> Call:
        """The record of an attempt whose bodies nobody reads: identity, place, times and status."""
        request, started = attempt.request, attempt.started
        url = request.url
        start_us, duration_us, ttft_us = _times(attempt)
        succeeded = attempt.status is not None and attempt.status < 400
        status: Status = "ok" if succeeded and attempt.ended == "complete" else _ENDED[attempt.ended]
        return Call(
            context=Context(
                trace_id=f"{started.trace_id:032x}",
                span_id=f"{started.span_id:016x}",
                operation_id=f"{attempt.operation_id:016x}",
                attempt=attempt.number,
                host=self._host,
                pid=os.getpid(),
                start_unix_us=start_us,
                duration_us=duration_us,
                ttft_us=ttft_us,
            ),
            usage=usage or Usage(),
            provider="unknown",
            api=wire.recognise(request.method, url.host, url.path) or "unknown",
            operation="unknown",
            server_address=plain(url.host),
            server_port=url.port,
            http_status=attempt.status,
            status=status if succeeded or attempt.status is None else "error",
            error_type=attempt.error,
            flags=("lower_bound", "request_undecodable", "response_undecodable"),
        )

    def _local_key(self) -> bytes:
        if self._key is None:
            try:
                self._key = keys.load_or_create(settings.key_path())
            except OSError as error:
                diagnostics.error("key", error)
                self._key = secrets.token_bytes(keys.KEY_BYTES)  # hashes of this process compare with themselves
        return self._key

    def exchange(self, attempt: Attempt, parent: _Parentage | None = None, *, prompt: bool = True) -> Exchange:
        """The attempt in the terms of the wire decoders; without `prompt`, its request's parameters alone."""
        request = attempt.request
        url = request.url
        body = request_body(request)
        cut = attempt.request_dropped
        if body is None:
            from otelcost.capture import forms  # noqa: PLC0415  (few programs upload anything)

            body, cut = forms.body_of(request, files=prompt)
        elif not cut and (len(body) > LIMIT_BYTES or not prompt) and body[:1] == b"{":
            body, cut = sketch(body), True
        request_headers = _keep(request.headers)
        return Exchange(
            method=request.method,
            host=url.host,
            port=url.port,
            path=url.path,
            query=url.query.decode("latin-1"),
            request_headers=request_headers,
            request_body=body or b"",
            status=attempt.status,
            response_headers=_keep(attempt.response_headers),
            response_body=attempt.body(),
            response_decoded=attempt.decoded,
            ended=attempt.ended,
            error_type=attempt.error,
            request_truncated=cut,
            response_truncated=attempt.response_truncated,
            trusted_host=bool(self._trusted) and not self._trusted.isdisjoint({url.host, url.netloc.decode("ascii")}),
            context=self._context(attempt, request_headers, parent or _Parentage(attempt.started)),
        )

    def _context(self, attempt: Attempt, headers: dict[str, str], parent: _Parentage) -> Context:
        started = attempt.started
        values: dict[str, Any] = {}  # the fields of `Context` that name things
        tags: dict[str, str] = {}
        with Guard("labels"):
            values, tags = labels.collect(started.context)
        file, line, function = _place(attempt.site)
        sdk, version = _sdk(headers)
        start_us, duration_us, ttft_us = _times(attempt)
        context = Context(
            trace_id=f"{started.trace_id:032x}",
            span_id=f"{started.span_id:016x}",
            operation_id=f"{attempt.operation_id:016x}",
            attempt=attempt.number,
            parent_span_id=parent.span_id,
            enclosing_llm_span_id=parent.llm_span_id,
            root_span_name=parent.root_name,
            root_span_kind=parent.root_kind,
            call_site_file=file,
            call_site_line=line,
            call_site_function=function,
            service_name=_service_name(started) or self._service,
            sdk=sdk,
            sdk_version=version,
            labels=tags,
            host=self._host,
            pid=os.getpid(),
            start_unix_us=start_us,
            duration_us=duration_us,
            ttft_us=ttft_us,
        )
        return msgspec.structs.replace(context, **values) if values else context


def _request_bytes(request: Any) -> int:
    if isinstance(request, Head):
        return request.size
    body = request_body(request)
    return announced_bytes(request) if body is None else len(body)


def _without_prompt(call: Call, request_bytes: int) -> Call:
    """The record of a sketched request: what describes its prompt is unknown, and no hash may say that it is empty."""
    return msgspec.structs.replace(
        call,
        request_bytes=request_bytes,
        request_hash=None,
        system_template_hash=None,
        tools_hash=None,
        schema_hash=None,
        simhash=None,
        system_simhash=None,
        segments=(),
    )


def _is_none_of_ours(call: Call) -> bool:
    """Whether a call is somebody else's request, or nothing that could be billed."""
    return is_foreign(call) or _settles_nothing(call)


def _settles_nothing(call: Call) -> bool:
    """Whether an answer was read again that is still in the making, or could not be read."""
    if "retrieved" not in call.flags:
        return False
    final = call.status in {"ok", "incomplete", "error"} and call.finish_reason not in estimate.RUNNING
    return call.http_status != 200 or not final or call.response_id is None


def _times(attempt: Attempt) -> tuple[int, int, int | None]:
    """When an attempt began, how long it took, and how long its first chunk (None: it came whole), in microseconds."""
    began, first = attempt.began_ns, attempt.first_ns
    return (
        attempt.unix_ns // 1000,
        max(attempt.ended_ns - began, 0) // 1000,
        None if first is None else max(first - began, 0) // 1000,
    )


def _place(site: Site | None) -> tuple[str | None, int | None, str | None]:
    if site is not None:
        with Guard("site"):
            file, line, function = describe(site)
            return plain(file), line, plain(function)
    return None, None, None


class _Parentage:
    """The spans above a call, as far as the SDK knows them by now (names may have changed since it began)."""

    def __init__(self, started: Started) -> None:
        above = started.above
        self.span_id = None if above is None else f"{above.span_id:016x}"
        self.root_name: str | None = None
        self.root_kind: str | None = None
        self.llm_span_id: str | None = None
        self.llm_scope: str | None = None
        if started.pipeline is not None:
            with Guard("lineage"):
                self._walk(started)

    def _walk(self, started: Started) -> None:
        lineage = started.pipeline.lineage  # type: ignore[union-attr]
        root = lineage.local_root(started.parent)
        if root is not None:
            self.root_name, self.root_kind = plain(root.name[:256]), root.kind.name
        llm = lineage.enclosing_llm(started.parent)
        if llm is not None:
            self.llm_span_id = f"{llm.get_span_context().span_id:016x}"
            self.llm_scope = lineage.scope_of(llm)


def _keep(headers: Headers | None) -> dict[str, str]:
    """The headers that are useful and cannot be secret, lower-case."""
    if headers is None:
        return {}
    return {known: value.decode("latin-1") for name, value in headers.raw if (known := _names[name]) is not None}


class _Names(dict[bytes, str | None]):
    """Header names in lower case, None of those that are of no use or may be secret; those met last."""

    def __missing__(self, name: bytes) -> str | None:
        if len(self) >= _HEADER_NAMES:
            self.clear()
        lower = name.decode("latin-1").lower()
        self[name] = known = lower if lower in wire.HEADERS else None
        return known


_names = _Names()


def _sdk(headers: dict[str, str]) -> tuple[str | None, str | None]:
    """Name and version of the client library."""
    name, version = _product(headers.get("user-agent", ""))
    return name, headers.get("x-stainless-package-version") or version if name else None


@lru_cache(maxsize=64)
def _product(user_agent: str) -> tuple[str | None, str | None]:
    """Name and version of a library as it calls itself."""
    products = user_agent.split()
    if len(products) > 1 and products[0].startswith("Python/"):
        products = products[1:]  # aiohttp puts the interpreter first
    product, slash, version = products[0].partition("/") if products else ("", "", "")
    name = product.lower().removeprefix("python-")
    if not name or len(name) > 32:
        return None, None
    if slash and not version[:1].isdigit():  # `OpenAI/Python 3.54.0`
        version = products[-1]
    return _AGENTS.get(name, name), version or None


def _service_name(started: Started) -> str | None:
    if started.pipeline is None:
        return None
    resource: Any = started.pipeline.provider.resource
    name = None if resource is None else resource.attributes.get("service.name")
    if isinstance(name, str) and not name.startswith("unknown_service"):
        return plain(name)
    return None
