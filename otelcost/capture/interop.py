"""The interop span: a finished record told in OpenTelemetry's GenAI attributes, made off the caller's thread."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from otelcost.model import Call

if TYPE_CHECKING:
    from otelcost.capture.span import Started

_FAILED: Final = frozenset({"error", "timeout", "cancelled"})
_LATE: Final = {("openai.responses", "openai"): ("opentelemetry.instrumentation.openai", "OpenAIInstrumentor")}
"""API and SDK -> module and instrumentor which makes its span only after the call, so that none encloses ours."""

Attributes = dict[str, Any]


class _Preset:
    """An id generator and sampler that repeat what was decided when the call began."""

    def __init__(self, started: Started, flags: int) -> None:
        self._started = started
        self._flags = flags

    def generate_trace_id(self) -> int:
        return self._started.trace_id

    def generate_span_id(self) -> int:
        return self._started.span_id

    def is_trace_id_random(self) -> bool:
        return bool(self._flags)

    def should_sample(self, *_args: Any, **_kwargs: Any) -> Any:
        return self._started.decision


def finish(started: Started, call: Call, *, enclosed: bool) -> None:
    """Make and end the span of a finished call, where anybody wants it.

    Args:
        started: what the call began with.
        call: its record.
        enclosed: an enclosing span is already an LLM span: ours then carries nothing that can be counted.
    """
    enclosed = enclosed or _traced_later(call)
    if started.live is not None:
        _end(started.live, call, enclosed=enclosed)
        return
    decision = started.decision
    pipeline = started.pipeline
    if decision is None or pipeline is None or started.hidden or not pipeline.wanted():
        return
    if decision.decision.is_recording():  # type: ignore[no-untyped-call]
        _end(_make(started, call), call, enclosed=enclosed)


def _traced_later(call: Call) -> bool:
    module, name = _LATE.get((call.api, call.context.sdk or ""), ("", ""))
    instrumentor = getattr(getattr(sys.modules.get(module), name, None), "_instance", None)
    return bool(getattr(instrumentor, "is_instrumented_by_opentelemetry", False))


def _make(started: Started, call: Call) -> trace.Span:
    assert started.pipeline is not None  # noqa: S101  (checked by the only caller)
    # A copy: callers' threads take ids from the tracer itself meanwhile, and processors may take their time.
    tracer: Any = copy.copy(started.pipeline.tracer)
    generator = tracer.id_generator
    preset = _Preset(started, generator.is_trace_id_random() if hasattr(generator, "is_trace_id_random") else 0)
    tracer.id_generator = tracer.sampler = preset
    span: trace.Span = tracer.start_span(
        name_of(call), started.context, SpanKind.CLIENT, start_time=call.context.start_unix_us * 1000
    )
    return span


def _end(span: trace.Span, call: Call, *, enclosed: bool) -> None:
    span.update_name(name_of(call))
    span.set_attributes(own_attributes(call) if enclosed else {**gen_ai_attributes(call), **own_attributes(call)})
    if call.status in _FAILED:
        span.set_status(Status(StatusCode.ERROR, call.error_type))
    duration_us = call.context.duration_us
    span.end(None if duration_us is None else (call.context.start_unix_us + duration_us) * 1000)


def name_of(call: Call) -> str:
    """`{operation} {model}`."""
    return f"{call.operation} {call.request_model}" if call.request_model else call.operation


def own_attributes(call: Call) -> Attributes:
    """What only otelcost knows; nothing that a backend sums up."""
    return _present(
        {
            "otelcost.call_id": call.context.span_id,
            "otelcost.operation_id": call.context.operation_id,
            "otelcost.attempt": call.context.attempt,
            "otelcost.api": call.api,
            "otelcost.status": call.status,
            "otelcost.flags": call.flags or None,
            "otelcost.task": call.context.task,
            "otelcost.call_site": _site(call),
        }
    )


def gen_ai_attributes(call: Call) -> Attributes:
    """The call in the current semantic conventions. Input tokens include cached ones, as they say."""
    usage, context = call.usage, call.context
    short, long = usage.cache_write_short_tokens, usage.cache_write_long_tokens
    tier = {"openai.response.service_tier": call.service_tier, "openai.request.service_tier": call.request_tier}
    if call.api.startswith("anthropic"):
        tier = {
            "anthropic.response.service_tier": call.service_tier,
            "anthropic.request.service_tier": call.request_tier,
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": short,  # type: ignore[dict-item]
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": long,  # type: ignore[dict-item]
        }
    return _present(
        {
            "gen_ai.operation.name": call.operation,
            "gen_ai.provider.name": call.provider,
            "gen_ai.request.model": call.request_model,
            "gen_ai.response.model": call.response_model,
            "gen_ai.response.id": call.response_id,
            "gen_ai.response.finish_reasons": (call.finish_reason,) if call.finish_reason else None,
            "gen_ai.conversation.id": context.session_id,
            "gen_ai.request.stream": call.stream or None,
            "gen_ai.request.max_tokens": call.max_output_tokens,
            "gen_ai.request.temperature": call.temperature,
            "gen_ai.request.reasoning.level": call.effort,
            "gen_ai.request.choice.count": call.choices if call.choices not in {None, 1} else None,
            "gen_ai.usage.input_tokens": _sum(usage.input_uncached_tokens, usage.cache_read_tokens, short, long),
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
            "gen_ai.usage.cache_write.input_tokens": _sum(short, long),
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
            "gen_ai.response.time_to_first_chunk": _seconds(context.ttft_us),
            "server.address": call.server_address,
            "server.port": call.server_port,
            "error.type": call.error_type if call.status in _FAILED else None,
            **tier,
        }
    )


def _present(values: Attributes) -> Attributes:
    return {key: value for key, value in values.items() if value is not None}


def _sum(*parts: int | None) -> int | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _seconds(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / 1e6


def _site(call: Call) -> str | None:
    context = call.context
    if context.call_site_file is None:
        return None
    return f"{context.call_site_file}:{context.call_site_line} {context.call_site_function}"
