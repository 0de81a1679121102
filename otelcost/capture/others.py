"""Other GenAI instrumentations at work in this process: what they report must not be reported by us once more."""

from __future__ import annotations

import sys
from typing import Final

from opentelemetry.context import Context

from otelcost.model import Call

_UTIL_GENAI_KEYS: Final = (
    "opentelemetry.genai.client.inference.context",
    "opentelemetry.genai.client.embedding.context",
)
"""Context keys under which OpenTelemetry's own instrumentations keep the call they are in, sampled or not."""

_OTEL: Final = "opentelemetry.instrumentation"
_MEASURERS: Final = {
    "openai": (
        (f"{_OTEL}.openai", "OpenAIInstrumentor"),
        (f"{_OTEL}.openai_v2", "OpenAIInstrumentor"),
        (f"{_OTEL}.genai.openai", "OpenAIInstrumentor"),
    ),
    "anthropic": (
        (f"{_OTEL}.anthropic", "AnthropicInstrumentor"),
        (f"{_OTEL}.genai.anthropic", "AnthropicInstrumentor"),
    ),
    "groq": ((f"{_OTEL}.groq", "GroqInstrumentor"),),
    "cohere": ((f"{_OTEL}.cohere", "CohereInstrumentor"),),
    "mistralai": ((f"{_OTEL}.mistralai", "MistralAiInstrumentor"),),
}
"""SDK -> module and class of instrumentors that record the same metrics, also of calls whose spans are sampled out."""

_NO_METRICS: Final = ("com.anthropic.sdk.python", "openinference.")
"""Scopes that make spans only."""

_LATE: Final = {("openai.responses", "openai"): (f"{_OTEL}.openai", "OpenAIInstrumentor")}
"""API and SDK -> the instrumentor which makes its span only after the call, so that none encloses ours."""


def reports_usage(call: Call, context: Context, scope: str | None) -> bool:
    """Whether another instrumentation puts this call's usage on a span. For the arguments see `measures`."""
    if scope is not None or any(context.get(key) is not None for key in _UTIL_GENAI_KEYS):
        return True
    late = _LATE.get((call.api, call.context.sdk or ""))
    return late is not None and _active(*late)


def measures(call: Call, context: Context, scope: str | None) -> bool:
    """Whether another instrumentation records metrics of this call.

    Args:
        call: the record.
        context: what it began in.
        scope: of an LLM span that encloses it; None without one. Of an unknown one it is taken for granted.
    """
    if scope is not None and not scope.startswith(_NO_METRICS):
        return True
    if any(context.get(key) is not None for key in _UTIL_GENAI_KEYS):
        return True
    return any(_active(*one) for one in _MEASURERS.get(call.context.sdk or "", ()))


def _active(module: str, name: str) -> bool:
    instrumentor = getattr(getattr(sys.modules.get(module), name, None), "_instance", None)
    return bool(getattr(instrumentor, "is_instrumented_by_opentelemetry", False))
