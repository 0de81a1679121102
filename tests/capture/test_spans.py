"""The OpenTelemetry view: ids, nesting, sampling, enclosing spans, and what is hidden when."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx2
import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
from opentelemetry.instrumentation.utils import suppress_http_instrumentation, suppress_instrumentation
from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

import otelcost
from otelcost.capture import span as spans
from otelcost.spool.diagnostics import diagnostics
from otelcost_exporters.spool import OtelcostSpanExporter

from .conftest import Captured
from .telemetry import Telemetry, fresh

PATH = "https://api.openai.com/v1/chat/completions"
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 3,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 4},
    },
}


@pytest.fixture(autouse=True)
def _no_provider() -> Iterator[None]:
    with fresh():
        yield


@pytest.fixture
def telemetry(captured: Captured) -> Telemetry:
    """Set after `instrument()`, as programs do that configure tracing themselves."""
    made = Telemetry()
    trace.set_tracer_provider(made.provider)
    return made


def ask(status: int = 200, on_send: Any = None) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if on_send is not None:
            on_send()
        return httpx2.Response(status, json=ANSWER)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
        client.post(PATH, json={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]})


def test_without_a_provider_ids_are_ours(captured: Captured) -> None:
    before: list[trace.SpanContext] = []
    ask(on_send=lambda: before.append(trace.get_current_span().get_span_context()))
    call = captured.one()
    assert int(call.context.trace_id, 16)
    assert int(call.context.span_id, 16)
    assert call.context.parent_span_id is None
    assert not before[0].is_valid


def test_the_interop_span(captured: Captured, telemetry: Telemetry) -> None:
    ask()
    call = captured.one()
    span = telemetry.spans()["chat gpt-4o-mini"]
    assert span.kind is trace.SpanKind.CLIENT
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "otelcost"
    assert f"{span.context.span_id:016x}" == call.context.span_id
    assert f"{span.context.trace_id:032x}" == call.context.trace_id
    attributes = dict(span.attributes or {})
    assert attributes["gen_ai.usage.input_tokens"] == 10
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 4
    assert attributes["gen_ai.usage.output_tokens"] == 3
    assert attributes["gen_ai.provider.name"] == "openai"
    assert attributes["gen_ai.response.model"] == "gpt-4o-mini-2024-07-18"
    assert attributes["server.address"] == "api.openai.com"
    assert span.start_time == call.context.start_unix_us * 1000
    assert call.context.service_name == "shop"
    assert not [key for key in attributes if "hello" in str(attributes[key])]


def test_an_error_is_an_error_span(captured: Captured, telemetry: Telemetry) -> None:
    ask(status=500)
    captured.one()
    span = telemetry.spans()["chat gpt-4o-mini"]
    assert span.status.status_code is trace.StatusCode.ERROR
    assert (span.attributes or {})["error.type"]


def test_parent_root_and_nesting_of_http_spans(captured: Captured, telemetry: Telemetry) -> None:
    instrumentor = HTTPX2ClientInstrumentor()
    instrumentor.instrument(tracer_provider=telemetry.provider)
    transport = httpx2.HTTPTransport()
    try:
        with (
            telemetry.tracer.start_as_current_span("GET /basket", kind=trace.SpanKind.SERVER) as root,
            telemetry.tracer.start_as_current_span("step") as step,
            httpx2.Client(transport=transport) as client,
            pytest.raises(httpx2.ConnectError),
        ):
            client.post("http://127.0.0.1:9/v1/chat/completions", json={"model": "m", "messages": []})
    finally:
        instrumentor.uninstrument()
    call = captured.one()
    seen = telemetry.spans()
    assert call.context.parent_span_id == f"{step.get_span_context().span_id:016x}"
    assert call.context.trace_id == f"{root.get_span_context().trace_id:032x}"
    assert (call.context.root_span_name, call.context.root_span_kind) == ("GET /basket", "SERVER")
    parent = seen["POST"].parent
    assert parent is not None
    assert f"{parent.span_id:016x}" == call.context.span_id
    assert seen["chat m"].parent == step.get_span_context()


def test_a_provider_set_before_instrumenting(captured: Captured) -> None:
    otelcost.uninstrument()
    telemetry = Telemetry()
    trace.set_tracer_provider(telemetry.provider)
    otelcost.instrument()
    with telemetry.tracer.start_as_current_span("job"), telemetry.tracer.start_as_current_span("step"):
        ask()
    assert captured.one().context.root_span_name == "job"
    assert "chat gpt-4o-mini" in telemetry.spans()


@pytest.mark.parametrize(
    ("scope", "name", "attributes"),
    [
        ("com.anthropic.sdk.python", "anthropic.messages.create", {"gen_ai.request.model": "claude"}),
        ("opentelemetry.instrumentation.openai_v2", "chat m", {"gen_ai.operation.name": "chat"}),
        ("openinference.instrumentation.openai", "ChatCompletion", {"openinference.span.kind": "LLM"}),
        ("opentelemetry.instrumentation.openai.v1", "openai.chat", {"llm.request.type": "chat"}),
    ],
)
def test_inside_another_llm_span_nothing_can_be_counted_twice(
    captured: Captured, telemetry: Telemetry, scope: str, name: str, attributes: dict[str, str]
) -> None:
    other = telemetry.provider.get_tracer(scope)
    with (
        other.start_as_current_span(name, attributes=attributes) as outer,
        telemetry.tracer.start_as_current_span("between"),
    ):
        ask()
    call = captured.one()
    assert call.context.enclosing_llm_span_id == f"{outer.get_span_context().span_id:016x}"
    assert all(key.startswith("otelcost.") for key in telemetry.spans()["chat gpt-4o-mini"].attributes or {})


def test_an_agent_span_is_no_llm_span(captured: Captured, telemetry: Telemetry) -> None:
    with telemetry.tracer.start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
        ask()
    assert captured.one().context.enclosing_llm_span_id is None
    assert "gen_ai.usage.input_tokens" in (telemetry.spans()["chat gpt-4o-mini"].attributes or {})


def test_the_record_does_not_depend_on_sampling(captured: Captured) -> None:
    telemetry = Telemetry(sampler=ParentBased(ALWAYS_OFF))
    trace.set_tracer_provider(telemetry.provider)
    flags: list[int] = []
    with telemetry.tracer.start_as_current_span("root") as root:
        ask(on_send=lambda: flags.append(trace.get_current_span().get_span_context().trace_flags.sampled))
    call = captured.one()
    assert call.context.trace_id == f"{root.get_span_context().trace_id:032x}"
    assert flags == [False]
    assert not telemetry.spans()


@pytest.mark.parametrize("how", ["flush", "shutdown"])
def test_a_provider_that_is_flushed_has_the_spans_of_the_calls_before(captured: Captured, how: str) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    ask()
    if how == "flush":
        assert provider.force_flush()
    else:
        provider.shutdown()
    assert [span.name for span in memory.get_finished_spans()] == ["chat gpt-4o-mini"]
    assert len(captured.calls()) == 1


def test_a_program_that_flushes_while_it_holds_what_ends_a_span(captured: Captured) -> None:
    """Whoever makes spans would wait for it: its own processors are flushed all the same, and that is soon told."""

    class Locking(SpanProcessor):
        flushed = 0

        def on_end(self, span: ReadableSpan) -> None:
            with lock:
                pass

        def force_flush(self, timeout_millis: int = 30000) -> bool:
            self.flushed += 1
            return timeout_millis > 25_000

    lock, locking = threading.Lock(), Locking()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(locking)
    trace.set_tracer_provider(provider)
    ask()
    with lock:
        assert [provider.force_flush(30_000) for _ in range(3)] == [True] * 3
    assert locking.flushed == 3
    assert len(captured.calls()) == 1
    assert provider.force_flush()


def test_flushing_on_threads_that_spans_need(captured: Captured) -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False, active_span_processor=ConcurrentMultiSpanProcessor(1))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    ask()
    assert provider.force_flush(30_000)
    assert len(captured.calls()) == 1
    assert [span.name for span in memory.get_finished_spans()] == ["chat gpt-4o-mini"]
    provider.shutdown()


def test_a_processor_that_flushes_whenever_a_span_ends(captured: Captured, telemetry: Telemetry) -> None:
    class Flushing(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            flushed.append(telemetry.provider.force_flush(60_000))

    flushed: list[bool] = []
    telemetry.provider.add_span_processor(Flushing())
    ask()
    assert len(captured.calls()) == 1, "the background does not wait for itself"
    assert len(flushed) == 1


def test_processors_of_a_kind_that_cannot_be_put_in_order(captured: Captured) -> None:
    class Own(SpanProcessor):
        """Keeps them where nobody else looks."""

        def add_span_processor(self, span_processor: SpanProcessor) -> None:
            added.append(span_processor)

    added: list[SpanProcessor] = []
    trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False, active_span_processor=Own()))  # type: ignore[arg-type]
    ask()
    assert (len(captured.calls()), len(added)) == (1, 1)


def test_a_remote_parent_is_kept(captured: Captured, telemetry: Telemetry) -> None:
    remote = trace.SpanContext(7, 8, is_remote=True, trace_flags=trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(remote)))
    try:
        ask()
    finally:
        context.detach(token)
    call = captured.one()
    assert (int(call.context.trace_id, 16), int(call.context.parent_span_id or "", 16)) == (7, 8)


def test_no_span_is_made_for_our_own_exporter_alone(captured: Captured) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OtelcostSpanExporter()))
    trace.set_tracer_provider(provider)
    seen: list[trace.SpanContext] = []
    ask(on_send=lambda: seen.append(trace.get_current_span().get_span_context()))
    call = captured.one()
    assert f"{seen[0].span_id:016x}" == call.context.span_id, "HTTP spans still find their parent"
    assert spans._pipeline is not None
    assert not spans._pipeline.wanted()
    later = Telemetry()
    provider.add_span_processor(SimpleSpanProcessor(later.memory))
    ask()
    assert len(captured.calls()) == 2
    assert "chat gpt-4o-mini" in later.spans(), "a pipeline added later gets its spans"
    provider.shutdown()


def test_suppressing_instrumentation_records_nothing_and_says_so(captured: Captured, telemetry: Telemetry) -> None:
    with suppress_instrumentation():
        ask()
    assert captured.calls() == []
    assert not telemetry.spans()
    assert diagnostics.snapshot().counts["suppressed"] == 1


def test_suppressing_http_spans_is_not_about_calls(captured: Captured, telemetry: Telemetry) -> None:
    with suppress_http_instrumentation():
        ask()
    captured.one()
    assert "chat gpt-4o-mini" in telemetry.spans()


def test_another_llm_instrumentation_hides_our_span_not_the_record(captured: Captured, telemetry: Telemetry) -> None:
    token = context.attach(context.set_value(spans.SUPPRESS_LLM_KEY, True))
    try:
        ask()
    finally:
        context.detach(token)
    captured.one()
    assert not telemetry.spans()


class _ForeignProvider(trace.TracerProvider):
    """Another implementation of the API: only what the API promises."""

    def __init__(self, inner: TracerProvider) -> None:
        self._inner = inner

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return self._inner.get_tracer(*args, **kwargs)


def test_another_implementation_of_the_api(captured: Captured) -> None:
    telemetry = Telemetry()
    trace.set_tracer_provider(_ForeignProvider(telemetry.provider))
    ask()
    call = captured.one()
    span = telemetry.spans()["chat gpt-4o-mini"]
    assert f"{span.context.span_id:016x}" == call.context.span_id
    assert (span.attributes or {})["gen_ai.usage.output_tokens"] == 3


def test_a_sampler_that_fails_costs_the_span_not_the_record(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otelcost.capture import guard

    class Broken(ParentBased):
        def should_sample(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("sampler")

    monkeypatch.setattr(guard, "strict", False)
    trace.set_tracer_provider(Telemetry(sampler=Broken(ALWAYS_OFF)).provider)
    ask()
    assert captured.one().http_status == 200
    assert diagnostics.snapshot().counts["error:span.start"] == 1


def test_names_from_baggage(captured: Captured) -> None:
    current = baggage.set_baggage("session.id", "s-1")
    current = baggage.set_baggage("otelcost.label.tenant", "acme", current)
    token = context.attach(baggage.set_baggage("otelcost.task", "x" * 1000, current))
    try:
        with otelcost.task("triage"), otelcost.label(user_id="u-1", colour=3):
            ask()
    finally:
        context.detach(token)
    found = captured.one().context
    assert (found.task, found.session_id, found.user_id) == ("triage", "s-1", "u-1")
    assert found.labels == {"tenant": "acme", "colour": "3"}


def test_usage_is_left_to_an_instrumentation_that_makes_its_span_late(
    captured: Captured, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late:
        class _instance:  # noqa: N801
            is_instrumented_by_opentelemetry = True

    def respond(headers: dict[str, str]) -> None:
        answer = httpx2.Response(200, json={"id": "resp_1", "status": "completed", "usage": {"output_tokens": 3}})
        with httpx2.Client(transport=httpx2.MockTransport(lambda request: answer), headers=headers) as client:
            client.post("https://api.openai.com/v1/responses", json={"model": "gpt-4o-mini", "input": "hello"})

    module = ModuleType("opentelemetry.instrumentation.openai")
    module.OpenAIInstrumentor = Late  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    respond({"user-agent": "OpenAI/Python 3.54.0"})
    respond({"user-agent": "python-httpx2/2.16"})
    assert [call.usage.output_tokens for call in captured.calls()] == [3, 3]
    reported = [
        "gen_ai.usage.output_tokens" in (span.attributes or {}) for span in telemetry.memory.get_finished_spans()
    ]
    assert reported == [False, True], "raw calls are not its to trace"
