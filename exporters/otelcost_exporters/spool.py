"""The trace exporter `otelcost`: keeps other instrumentations' LLM spans, what is above them, and local roots.

Calls that capture saw itself are records already; their spans (scope `otelcost`) are left out here. A span between
two LLM spans ties the outer one, which repeats what the inner one reports, to it. All others are none of our business
and are dropped. No attribute that can hold a prompt is read.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext

from otelcost import settings
from otelcost.capture import dialects, seams, switch
from otelcost.capture.guard import Guard
from otelcost.model import SpanRecord, Usage
from otelcost.spool.diagnostics import diagnostics
from otelcost.spool.writer import Spool

_MAX_NAME = 256
_MAX_AWAITED = 4096


class OtelcostSpanExporter(SpanExporter):
    """Writes spans worth keeping to the spool, as lines of kind `spans`.

    Never raises and never asks to be tried again: what cannot be written is counted by the spool.
    """

    otelcost_own = True
    """Tells capture that a pipeline ending here needs no span of its own."""

    def __init__(self) -> None:
        self._spool: Spool | None = None
        self._encoder = msgspec.json.Encoder()
        self._awaited: dict[tuple[int, int], None] = {}
        """Trace and id of spans that end later, above an LLM span."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Append the spans that are LLM calls, above one, or local roots; none where the environment says so."""
        if switch.disabled():
            return SpanExportResult.SUCCESS
        for span in spans:
            with Guard("exporter"):
                key = (span.context.trace_id, span.context.span_id)
                above = key in self._awaited
                self._awaited.pop(key, None)
                record = record_of(span, above_llm=above)
                if record is not None:
                    self._open().append(self._encoder.encode(record))
                    if above or record.is_llm:
                        self._await(span.parent)
        if self._spool is not None:
            self._spool.tidy()
        return SpanExportResult.SUCCESS

    def _await(self, parent: SpanContext | None) -> None:
        if parent is None or parent.is_remote:
            return
        if len(self._awaited) >= _MAX_AWAITED:  # of spans that never ended
            self._awaited.pop(next(iter(self._awaited)), None)
        self._awaited[parent.trace_id, parent.span_id] = None

    def _open(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(settings.spool_dir(), "spans")
        return self._spool

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  (the SDK's signature)
        """Every line is written when it comes."""
        return True

    def shutdown(self) -> None:
        """Seal the segment."""
        with Guard("exporter"):
            diagnostics.write(settings.spool_dir(), force=True)
            if self._spool is not None:
                self._spool.close()


def record_of(span: ReadableSpan, *, above_llm: bool = False) -> SpanRecord | None:
    """What is kept of a span, or None where it is neither an LLM call, nor above one, nor a local root, or is ours."""
    scope = span.instrumentation_scope.name if span.instrumentation_scope else ""
    attributes = span.attributes or {}
    is_llm = dialects.is_llm(scope, span.name, attributes)
    if dialects.is_detached(scope, span.name) and seams.installed():
        is_llm = False  # the call is recorded, and nothing on this span says which one it is
    is_root = span.parent is None or span.parent.is_remote
    if scope == dialects.OWN_SCOPE or not (is_llm or is_root or above_llm):
        return None
    here, start = span.context, span.start_time or 0
    service = span.resource.attributes.get("service.name")
    return SpanRecord(
        trace_id=f"{here.trace_id:032x}",
        span_id=f"{here.span_id:016x}",
        parent_span_id=None if span.parent is None else f"{span.parent.span_id:016x}",
        name=span.name[:_MAX_NAME],
        kind=span.kind.name,
        scope=scope[:_MAX_NAME],
        start_unix_us=start // 1000,
        duration_us=max((span.end_time or start) - start, 0) // 1000,
        status=span.status.status_code.name,
        service_name=service if isinstance(service, str) and not service.startswith("unknown_service") else None,
        is_llm=is_llm,
        is_root=is_root,
        # An aggregate repeats what its children report: whatever it says is never kept.
        usage=dialects.usage_of(attributes) if is_llm else Usage(),
        **(dialects.text_fields(attributes) if is_llm else {}),
    )
