"""The OpenTelemetry side of a call: ids and a current span at its start, the interop span when it is over.

With the SDK, the caller only pays for ids, one sampling decision and a place-holder span that HTTP spans find
as their parent; the real span is made in the background from the finished record, with those ids, and only
where a pipeline other than ours would export it. With another API implementation the span is an ordinary one.
With none, ids are ours and nothing is attached.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from otelcost import __version__
from otelcost.capture.dialects import OWN_SCOPE

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Tracer as SdkTracer
    from opentelemetry.sdk.trace.sampling import SamplingResult

SUPPRESS_LLM_KEY: Final = "suppress_language_model_instrumentation"
OPERATIONS: Final = {
    "openai.completions": "text_completion",
    "openai.embeddings": "embeddings",
    "cohere.embed": "embeddings",
    "gemini.embed": "embeddings",
    "ollama.embed": "embeddings",
    "gemini.generate": "generate_content",
}
"""API -> the operation that a sampler is told, as far as a path tells it; of all others `chat`. The model stands in
the body, which nobody reads this early."""
_NO_PROVIDER: Final = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)
_RANDOM = random.SystemRandom()
_bits = random.Random(_RANDOM.getrandbits(128))  # noqa: S311  (identifiers, not secrets; a seeded host stays as it is)


def reseed() -> None:
    """In a forked child: never repeat the parent's identifiers."""
    _bits.seed(_RANDOM.getrandbits(128))


class Started:
    """Identity of a call and what is needed to make its span later.

    Args:
        current: the caller's context.
        ids: trace and span id; without them, of our own and chosen when they are first asked for.
    """

    __slots__ = ("_ids", "context", "decision", "live", "pipeline", "token")

    def __init__(self, current: Context, ids: tuple[int, int] | None = None) -> None:
        self.context = current
        self._ids = ids
        self.token: Any = None
        self.pipeline: SdkPipeline | None = None
        self.decision: SamplingResult | None = None
        self.live: trace.Span | None = None
        """A span of an API implementation other than the SDK, started by it."""

    @property
    def hidden(self) -> bool:
        """Whether another instrumentation asked for no span of ours."""
        return bool(self.context.get(SUPPRESS_LLM_KEY))

    @property
    def parent(self) -> trace.Span:
        """The span around the call."""
        return trace.get_current_span(self.context)

    @property
    def above(self) -> SpanContext | None:
        """Identity of the span around the call, None: there is none."""
        if not self.context:  # nothing was ever set in it
            return None
        above = self.parent.get_span_context()
        return above if above.is_valid else None

    @property
    def trace_id(self) -> int:
        """The trace that the call belongs to."""
        return (self._ids or self._choose())[0]

    @property
    def span_id(self) -> int:
        """The call's own."""
        return (self._ids or self._choose())[1]

    def _choose(self) -> tuple[int, int]:
        above = self.above
        trace_id = _bits.getrandbits(128) or 1 if above is None else above.trace_id
        self._ids = ids = (trace_id, _bits.getrandbits(64) or 1)
        return ids

    def leave(self) -> None:
        """End the call's time as the current span, on the caller's thread."""
        token, self.token = self.token, None
        if token is not None:
            context.detach(token)


class SdkPipeline:
    """An SDK tracer provider as seen from here. Made once a provider.

    Args:
        provider: an `opentelemetry.sdk.trace.TracerProvider`.
    """

    def __init__(self, provider: Any) -> None:
        from otelcost.capture import lineage  # noqa: PLC0415  (needs the SDK)

        self.provider = provider
        self.lineage = lineage
        lineage.attach_to(provider)
        self.tracer: SdkTracer = provider.get_tracer(OWN_SCOPE, __version__)
        self.disabled = not hasattr(self.tracer, "id_generator")
        self._processors: object = None
        self._wanted = False

    def wanted(self) -> bool:
        """Whether some processor besides ours would see the span: asked anew when processors were added."""
        processors = getattr(self.provider._active_span_processor, "_span_processors", None)
        if processors is not self._processors or processors is None:
            self._processors = processors
            self._wanted = processors is None or any(not self._is_ours(one) for one in processors)
        return self._wanted

    def _is_ours(self, processor: object) -> bool:
        exporter = getattr(processor, "span_exporter", None)
        return isinstance(processor, self.lineage.LineageProcessor) or bool(
            getattr(type(exporter), "otelcost_own", False)
        )

    def start(self, current: Context, parent: trace.Span, operation: str) -> Started:
        """Choose ids, ask the sampler, and make the call's place-holder the current span."""
        above = parent.get_span_context()
        ids = self.tracer.id_generator
        trace_id = above.trace_id if above.is_valid else ids.generate_trace_id()
        decision = self.tracer.sampler.should_sample(current, trace_id, operation, SpanKind.CLIENT)
        sampled = decision.decision.is_sampled()  # type: ignore[no-untyped-call]
        flags = TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT
        flags |= above.trace_flags & ~TraceFlags.SAMPLED if above.is_valid else _random_flag(ids)
        here = SpanContext(trace_id, ids.generate_span_id(), False, TraceFlags(flags), decision.trace_state)
        place = NonRecordingSpan(here)
        self.lineage.adopt(place, parent)
        started = Started(current, (trace_id, here.span_id))
        started.pipeline, started.decision = self, decision
        started.token = context.attach(trace.set_span_in_context(place, current))
        return started


def _random_flag(ids: Any) -> int:
    asked = getattr(ids, "is_trace_id_random", None)
    flag: int = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)
    return flag if asked is not None and asked() else 0


_asked = False
_pipeline: SdkPipeline | None = None


def pipeline_of(provider: object) -> SdkPipeline | None:
    """The pipeline of a tracer provider, None where it is not the SDK's."""
    global _pipeline  # noqa: PLW0603  (a cache of one: there is one global provider)
    if _pipeline is not None and _pipeline.provider is provider:
        return _pipeline
    if not hasattr(provider, "_active_span_processor"):
        return None
    _pipeline = SdkPipeline(provider)
    return _pipeline


def start(current: Context, api: str) -> Started:
    """Begin a call of an API in a context, where `has_provider`."""
    provider = trace.get_tracer_provider()
    pipeline = pipeline_of(provider)
    if pipeline is None:
        return _start_live(provider, current, OPERATIONS.get(api, "chat"))
    if pipeline.disabled:
        return Started(current)
    return pipeline.start(current, trace.get_current_span(current), OPERATIONS.get(api, "chat"))


def has_provider() -> bool:
    """Whether the program has set up a tracer provider.

    The API's own answer looks into the environment every time while there is none, which costs more than all else
    that a call begins with. It is asked once, for what the environment may name.
    """
    global _asked  # noqa: PLW0603
    if _asked and trace._TRACER_PROVIDER is None:
        return False
    _asked = True
    return not isinstance(trace.get_tracer_provider(), _NO_PROVIDER)


def _start_live(provider: trace.TracerProvider, current: Context, operation: str) -> Started:
    if current.get(SUPPRESS_LLM_KEY):
        return Started(current)
    tracer = provider.get_tracer(OWN_SCOPE, __version__)
    span = tracer.start_span(operation, context=current, kind=SpanKind.CLIENT)
    here = span.get_span_context()
    if not here.is_valid:
        return Started(current)
    started = Started(current, (here.trace_id, here.span_id))
    started.live = span
    started.token = context.attach(trace.set_span_in_context(span, current))
    return started
