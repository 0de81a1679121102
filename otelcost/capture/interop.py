"""The interop view: a finished record told as a span, metrics and events, made off the caller's thread."""

from __future__ import annotations

import copy
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import msgspec
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from otelcost import __version__, native
from otelcost.capture import metrics, others
from otelcost.capture.attributes import (
    FAILED,
    Attributes,
    gen_ai_attributes,
    is_foreign,
    name_of,
    own_attributes,
)
from otelcost.capture.dialects import OWN_SCOPE
from otelcost.capture.message import DEFAULT_PORTS
from otelcost.model import Call, Exchange, Usage

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from otelcost.capture.span import Started
    from otelcost.wire import Bodies

_IN_SPANS: Final = frozenset({"SPAN_ONLY", "SPAN_AND_EVENT"})
_IN_EVENTS: Final = frozenset({"EVENT_ONLY", "SPAN_AND_EVENT"})
_UNBILLED: Final = frozenset({"free", "retrieved"})
"""Flags of calls whose tokens nobody pays for: a backend would add them up all the same."""
_EVENT: Final = "gen_ai.client.inference.operation.details"
CONTENT_VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_NO_PROVIDERS: Final = frozenset(
    {"NoneType", "_ProxyMeterProvider", "NoOpMeterProvider", "ProxyLoggerProvider", "NoOpLoggerProvider"}
)
"""Classes of OpenTelemetry's API that stand in where no SDK is set up."""


class _Mode:
    """Where what was said goes.

    Args:
        name: `NO_CONTENT`, `SPAN_ONLY`, `EVENT_ONLY` or `SPAN_AND_EVENT`; anything else is the first.
    """

    __slots__ = ("events", "spans", "wanted")

    def __init__(self, name: str) -> None:
        name = name.strip().upper()
        self.spans, self.events = name in _IN_SPANS, name in _IN_EVENTS
        self.wanted = self.spans or self.events


class _Preset:
    """An id generator and sampler that repeat what was decided when the call began.

    The attributes come from the sampler, too: an SDK's span begins with those, so that processors see them.
    """

    def __init__(self, started: Started, attributes: Attributes, flags: int) -> None:
        self._started = started
        self._attributes = attributes
        self._flags = flags

    def generate_trace_id(self) -> int:
        return self._started.trace_id

    def generate_span_id(self) -> int:
        return self._started.span_id

    def is_trace_id_random(self) -> bool:
        return bool(self._flags)

    def should_sample(self, *_args: Any, **_kwargs: Any) -> Any:
        from opentelemetry.sdk.trace.sampling import SamplingResult  # noqa: PLC0415  (whoever asks has the SDK)

        decided: Any = self._started.decision
        return SamplingResult(decided.decision, {**(decided.attributes or {}), **self._attributes}, decided.trace_state)


class Interop:
    """Tells finished calls to whatever OpenTelemetry pipelines the program has. One a process."""

    def __init__(self) -> None:
        self._mode = _Mode(os.environ.get(CONTENT_VARIABLE, ""))

    def finish(
        self,
        started: Started,
        url: Any,
        call: Call,
        exchange: Exchange | None,
        bodies: Bodies | None,
        scope: str | None,
    ) -> None:
        """Make and end the span of a finished call, and record its metrics, where anybody wants them.

        Args:
            started: what the call began with.
            url: where it went.
            call: its record.
            exchange: its bytes; None where there is only the record.
            bodies: what they say, of which a span tells more than a record keeps; None where they could not be read.
            scope: of an enclosing span that is an LLM span already: ours then carries nothing that can be counted.
        """
        if not _UNBILLED.isdisjoint(call.flags):
            call = msgspec.structs.replace(call, usage=Usage())
        wanted = _is_wanted(started)
        meters, loggers = _provider("opentelemetry.metrics", "meter"), None
        if self._mode.events:
            loggers = _provider("opentelemetry._logs", "logger")
        if not wanted and meters is None and loggers is None:
            return
        if call.server_port is None:  # at rest the one that the scheme stands for is left out
            call = msgspec.structs.replace(call, server_port=DEFAULT_PORTS.get(url.scheme))
        foreign = is_foreign(call)
        counted = not (foreign or others.reports_usage(call, started.context, scope))
        attributes = {**gen_ai_attributes(call, bodies), **own_attributes(call)} if counted else own_attributes(call)
        said: dict[str, Any] = {}
        if self._mode.wanted and counted and exchange is not None and bodies is not None:
            said = _content().content_of(exchange, bodies)
        if wanted:
            span = _span(started, call, attributes)
            if self._mode.spans and span.is_recording():
                span.set_attributes(_content().as_text(said))
            _end(span, call)
        if foreign or started.hidden:
            return
        if loggers is not None and said:
            _emit(loggers, started, call, {**attributes, **said})
        if meters is not None and not others.measures(call, started.context, scope):
            metrics.instruments_of(meters).record(call, _context(started))


def _content() -> ModuleType:
    """What reads messages; few users ask for them."""
    with native.importing():
        return import_module("otelcost.capture.content")


def _provider(module: str, kind: str) -> Any:
    """The global provider of a signal; None where the program has set up none."""
    api: Any = sys.modules.get(module)
    get = getattr(api, f"get_{kind}_provider", None)
    provider = None if get is None else get()
    return None if type(provider).__name__ in _NO_PROVIDERS or not is_read(provider) else provider


def is_read(provider: Any) -> bool:
    """Whether somebody takes what a meter provider gathers: the stock distribution makes one without readers, and one
    that was shut down would say so on the host's standard error."""
    if getattr(provider, "_shutdown", False):
        return False
    older = getattr(getattr(provider, "_sdk_config", None), "metric_readers", True)
    return bool(getattr(provider, "_metric_readers", older))


def _is_wanted(started: Started) -> bool:
    """Whether somebody would see the call's span."""
    if started.live is not None:
        return True
    decision, pipeline = started.decision, started.pipeline
    if decision is None or pipeline is None or started.hidden or not pipeline.wanted():
        return False
    return bool(decision.decision.is_recording())  # type: ignore[no-untyped-call]


def _span(started: Started, call: Call, attributes: Attributes) -> trace.Span:
    """The call's span, not yet ended, where it is wanted."""
    if started.live is not None:
        started.live.update_name(name_of(call))
        started.live.set_attributes(attributes)
        return started.live
    assert started.pipeline is not None  # noqa: S101  (or nobody would have wanted it)
    # A copy: callers' threads take ids from the tracer itself meanwhile, and processors may take their time.
    tracer: Any = copy.copy(started.pipeline.tracer)
    generator = tracer.id_generator
    flags = generator.is_trace_id_random() if hasattr(generator, "is_trace_id_random") else 0
    tracer.id_generator = tracer.sampler = _Preset(started, attributes, flags)
    span: trace.Span = tracer.start_span(
        name_of(call), started.context, SpanKind.CLIENT, start_time=call.context.start_unix_us * 1000
    )
    return span


def _end(span: trace.Span, call: Call) -> None:
    if call.status in FAILED:
        span.set_status(Status(StatusCode.ERROR, call.error_type))
    span.end(_end_ns(call))


def _end_ns(call: Call) -> int | None:
    duration_us = call.context.duration_us
    return None if duration_us is None else (call.context.start_unix_us + duration_us) * 1000


def _context(started: Started) -> Context:
    """The caller's context with this call's span in it."""
    decision = started.decision
    sampled = decision is not None and decision.decision.is_sampled()  # type: ignore[no-untyped-call]
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    here = SpanContext(started.trace_id, started.span_id, is_remote=False, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(here), started.context)


def _emit(provider: Any, started: Started, call: Call, attributes: Attributes) -> None:
    """The conventions' event with what was said."""
    logger = provider.get_logger(OWN_SCOPE, __version__)
    logger.emit(timestamp=_end_ns(call), context=_context(started), attributes=attributes, event_name=_EVENT)
