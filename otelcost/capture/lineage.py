"""Which spans enclose a call. A span only knows its parent's ids, so a processor ties the objects together.

Each span gets references to its parent and to its local root, set when it starts. Children keep their
ancestors alive, never the reverse. Needs the OpenTelemetry SDK; loaded only where a program uses it.
"""

from __future__ import annotations

from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import (
    ReadableSpan,
    Span,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)

from otelcost.capture import dialects
from otelcost.capture.guard import Guard
from otelcost.capture.worker import worker

_PARENT: Final = "_otelcost_parent"
_ROOT: Final = "_otelcost_root"
_MAX_DEPTH: Final = 64
_PATIENCE_SECONDS: Final = 0.5


class LineageProcessor(SpanProcessor):
    """Ties every starting span to its parent and local root. Exports nothing.

    Args:
        first: it comes before the provider's other processors, so that what it waits for reaches them.
    """

    def __init__(self, *, first: bool) -> None:
        self._first = first
        self._patience_seconds = _PATIENCE_SECONDS

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Remember the parent and the root of a span that starts."""
        with Guard("lineage"):
            adopt(span, trace.get_current_span(parent_context))

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Have the spans made of what is recorded by now: processors that come after this one export them.

        Whoever makes them may itself wait for who flushes (a lock of the program's, its event loop), so that it is
        waited for but shortly, and half as long after it was in vain.
        """
        with Guard("lineage"):
            if self._first and not worker.works_here():
                in_time = worker.flush(min(self._patience_seconds, timeout_millis / 2000))
                self._patience_seconds = _PATIENCE_SECONDS if in_time else self._patience_seconds / 2
        return True

    def shutdown(self) -> None:
        """As `force_flush`: afterwards nobody takes a span."""
        self.force_flush()


def adopt(span: trace.Span, parent: trace.Span) -> None:
    """Make `parent` the known parent of `span`."""
    root = local_root(parent)
    if root is not None:
        setattr(span, _PARENT, parent)
        setattr(span, _ROOT, root)


def local_root(span: trace.Span) -> ReadableSpan | None:
    """The first span of this process above (or at) `span`, as far as it is known."""
    root = getattr(span, _ROOT, None)
    if root is None and isinstance(span, ReadableSpan):
        return span if span.parent is None or span.parent.is_remote else None
    return root if isinstance(root, ReadableSpan) else None


def enclosing_llm(span: trace.Span | None) -> ReadableSpan | None:
    """The nearest span at or above `span` that another instrumentation uses for one LLM call."""
    for _ in range(_MAX_DEPTH):
        if span is None:
            return None
        if isinstance(span, ReadableSpan) and is_llm_span(span):
            return span
        span = getattr(span, _PARENT, None)
    return None


def is_llm_span(span: ReadableSpan) -> bool:
    """Whether a span is another instrumentation's LLM call."""
    return dialects.is_llm(scope_of(span), span.name, span.attributes or {})


def scope_of(span: ReadableSpan) -> str:
    """The name of the instrumentation that made a span."""
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def attach_to(provider: TracerProvider) -> None:
    """Watch the spans of a provider, once, before its processors do: they are flushed in this order."""
    active = provider._active_span_processor
    processors = getattr(active, "_span_processors", ())
    if any(isinstance(processor, LineageProcessor) for processor in processors):
        return
    first = isinstance(active, SynchronousMultiSpanProcessor)  # others know no order, and flush on threads they need
    ours = LineageProcessor(first=first)
    provider.add_span_processor(ours)
    if first:
        with active._lock:
            active._span_processors = (ours, *(one for one in active._span_processors if one is not ours))
