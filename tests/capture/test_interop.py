"""Attributes, metrics, events and content of calls, in real SDK pipelines, as the GenAI conventions have them."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import msgspec
import pytest
import requests
from opentelemetry import context, metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)

import otelcost
from otelcost.capture import metrics as our_metrics
from otelcost.capture import others
from otelcost.capture.api import uninstrument
from otelcost.capture.content import as_text, content_of
from otelcost.capture.span import OPERATIONS
from otelcost.capture.worker import worker
from otelcost.model import Call, Exchange
from otelcost.wire.codecs import APIS, codec_of
from otelcost.wire.exchange import read_exchange
from otelcost_exporters.spool import record_of

from .conftest import Captured
from .telemetry import Logged, Measured, Telemetry, fresh

_SCRIPT = Path(__file__).parents[1] / "bench" / "recorded_table.py"
exchange_of = runpy.run_path(str(_SCRIPT))["exchange_of"]
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 9,
    "total_tokens": 49,
    "prompt_tokens_details": {"cached_tokens": 16, "audio_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 2},
}
CHAT = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Zanzibar."}, "finish_reason": "stop"}],
    "usage": USAGE,
}
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'Where is "Stone Town"?'}]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    with fresh():
        yield


@pytest.fixture
def telemetry(captured: Captured) -> Telemetry:
    made = Telemetry()
    trace.set_tracer_provider(made.provider)
    return made


def post(url: str, body: dict[str, Any], answer: httpx2.Response | dict[str, Any], **headers: str) -> None:
    response = answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)
    with httpx2.Client(transport=httpx2.MockTransport(lambda request: response), headers=headers) as client:
        client.post(url, json=body)


def ask(answer: httpx2.Response | dict[str, Any] = CHAT, host: str = "api.openai.com", **more: Any) -> None:
    headers = more.pop("headers", {})
    post(f"https://{host}/v1/chat/completions", {"model": "gpt-4o", "messages": ASKED, **more}, answer, **headers)


def attributes_of(telemetry: Telemetry) -> dict[str, Any]:
    (span,) = telemetry.memory.get_finished_spans()
    return dict(span.attributes or {})


def test_every_bucket_under_its_current_name(captured: Captured, telemetry: Telemetry) -> None:
    ask(service_tier="auto", max_completion_tokens=64, reasoning_effort="low", temperature=0.5, n=2)
    captured.one()
    found = attributes_of(telemetry)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 40,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 16,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.usage.audio.input_tokens": 8,
        "gen_ai.usage.audio.output_tokens": 2,
        "openai.request.service_tier": "auto",
        "openai.response.service_tier": "default",
        "otelcost.api": "openai.chat",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert not [key for key in found if "cost." in key and key.startswith("gen_ai")], "nobody sent a price"
    assert not [key for key in found if "message" in key or "instructions" in key]


def test_a_price_that_the_provider_sent_is_passed_on(captured: Captured, telemetry: Telemetry) -> None:
    ask({**CHAT, "usage": {**USAGE, "cost": 0.0123}}, host="openrouter.ai")
    assert captured.one().usage.provider_cost_picousd == 12_300_000_000
    found = attributes_of(telemetry)
    assert found["gen_ai.usage.cost.amount"] == 0.0123
    assert found["gen_ai.usage.cost.currency"] == "USD"
    assert found["gen_ai.usage.cost.source"] == "provider"


def test_anthropic_tiers_and_cache_writes(captured: Captured, telemetry: Telemetry) -> None:
    usage = {
        "input_tokens": 3,
        "output_tokens": 4,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "service_tier": "standard",
    }
    answer = {"id": "msg_1", "type": "message", "model": "claude-haiku-4-5", "stop_reason": "end_turn", "usage": usage}
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": ASKED[1:]}
    post("https://api.anthropic.com/v1/messages", body, {**answer, "content": [{"type": "text", "text": "hi"}]})
    captured.one()
    found = attributes_of(telemetry)
    assert found["gen_ai.usage.input_tokens"] == 133
    assert found["gen_ai.usage.cache_write.input_tokens"] == 30
    assert found["anthropic.usage.cache_creation.ephemeral_5m_input_tokens"] == 10
    assert found["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"] == 20
    assert found["anthropic.response.service_tier"] == "standard"


def stream(*chunks: dict[str, Any]) -> httpx2.Response:
    lines = [f"data: {json.dumps({'id': 'c', 'model': 'gpt-4o', **chunk})}\n\n" for chunk in chunks]
    content = [line.encode() for line in (*lines, "data: [DONE]\n\n")]
    return httpx2.Response(200, content=iter(content), headers={"content-type": "text/event-stream"})


SPOKEN = {"choices": [{"index": 0, "delta": {"content": "Zanzibar."}, "finish_reason": "stop"}]}


def ask_for_stream(*chunks: dict[str, Any]) -> None:
    transport = httpx2.MockTransport(lambda request: stream(*chunks))
    body = {"model": "gpt-4o", "messages": ASKED, "stream": True}
    with (
        httpx2.Client(transport=transport) as client,
        client.stream("POST", "https://api.openai.com/v1/chat/completions", json=body) as response,
    ):
        for _ in response.iter_bytes():
            pass


def test_metrics_of_a_call_and_of_a_stream(captured: Captured, telemetry: Telemetry) -> None:
    measured = Measured()
    ask()
    ask_for_stream(SPOKEN, {"choices": [], "usage": USAGE})
    assert len(captured.calls()) == 2
    assert measured.tokens() == {"input": 80, "output": 18}
    points = measured.points()
    assert sum(point.count for point in points["gen_ai.client.operation.duration"]) == 2
    (first,) = points["gen_ai.client.operation.time_to_first_chunk"]
    assert first.count == 1
    assert first.explicit_bounds[:3] == (0.01, 0.02, 0.04)
    token = points["gen_ai.client.token.usage"][0]
    assert token.explicit_bounds == tuple(4**power for power in range(14))
    assert set(token.attributes) == {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.token.type",
        "server.address",
        "server.port",
    }


@pytest.mark.parametrize(
    ("base", "port", "at_rest"),
    [
        ("https://api.openai.com", 443, None),
        ("http://llm.internal", 80, None),
        ("https://llm.internal:8443", 8443, 8443),
    ],
)
def test_the_port_that_a_scheme_stands_for(
    captured: Captured, telemetry: Telemetry, base: str, port: int, at_rest: int | None
) -> None:
    measured = Measured()
    post(f"{base}/v1/chat/completions", {"model": "gpt-4o", "messages": ASKED}, CHAT)
    assert captured.one().server_port == at_rest
    assert attributes_of(telemetry)["server.port"] == port
    assert measured.points()["gen_ai.client.operation.duration"][0].attributes["server.port"] == port


async def test_the_port_with_the_other_libraries(captured: Captured, telemetry: Telemetry) -> None:
    url = "http://127.0.0.1/v1/chat/completions"  # refused, or answered by somebody else's server
    with suppress(requests.RequestException):
        requests.post(url, json={"model": "gpt-4o", "messages": ASKED}, timeout=5).close()
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.post(url, json={"model": "gpt-4o", "messages": ASKED}):
            pass
    captured.calls()
    assert [(span.attributes or {}).get("server.port") for span in telemetry.memory.get_finished_spans()] == [80, 80]


def test_an_answer_read_again_repeats_no_tokens(captured: Captured, telemetry: Telemetry) -> None:
    measured = Measured()
    usage = {"input_tokens": 4, "output_tokens": 2, "total_tokens": 6}
    answer = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o", "output": []}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json={**answer, "usage": usage}))
    with httpx2.Client(transport=transport) as client:
        client.get("https://api.openai.com/v1/responses/resp_1")
    assert captured.one().usage.output_tokens == 2, "the store settles the call that made it"
    (span,) = telemetry.memory.get_finished_spans()
    assert span.name.startswith("fetch_response")
    assert not [key for key in span.attributes or {} if "usage" in key]
    assert measured.tokens() == {}


def test_a_meter_provider_that_nobody_reads_costs_nothing(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics.set_meter_provider(MeterProvider(shutdown_on_exit=False))
    asked: list[object] = []
    monkeypatch.setattr(our_metrics, "instruments_of", asked.append)
    ask()
    captured.one()
    assert asked == []


@pytest.mark.parametrize("before", [0, 1])
def test_a_meter_provider_that_was_shut_down_is_left_alone(
    captured: Captured, caplog: pytest.LogCaptureFixture, before: int
) -> None:
    measured = Measured()
    for _ in range(before):
        ask()
        captured.calls()
    measured.reader.get_metrics_data()
    metrics.get_meter_provider().shutdown()  # type: ignore[attr-defined]
    ask()
    assert len(captured.calls()) == before + 1
    assert caplog.records == []


def test_a_failure_is_in_the_durations_and_an_estimate_in_no_token_metric(captured: Captured) -> None:
    measured = Measured()
    ask(httpx2.Response(429, json={"error": {"code": "rate_limit_exceeded"}}))
    ask_for_stream(SPOKEN)
    assert "estimated" in captured.calls()[1].flags
    points = measured.points()
    errors = [point.attributes.get("error.type") for point in points["gen_ai.client.operation.duration"]]
    assert sorted(errors, key=str) == [None, "rate_limit_exceeded"]
    assert measured.tokens() == {}


def test_metrics_are_left_to_an_instrumentation_that_records_them(
    captured: Captured, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Measured()
    tracer = telemetry.provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    with tracer.start_as_current_span("chat gpt-4o", attributes={"gen_ai.operation.name": "chat"}):
        ask()
    key = "opentelemetry.genai.client.inference.context"
    token = context.attach(context.set_value(key, object()))  # as its own framework marks a call it sampled out
    try:
        ask()
    finally:
        context.detach(token)
    assert len(captured.calls()) == 2
    assert measured.tokens() == {}
    inner = [span for span in telemetry.memory.get_finished_spans() if span.instrumentation_scope.name == "otelcost"]  # type: ignore[union-attr]
    assert len(inner) == 2
    assert all(name.startswith("otelcost.") for span in inner for name in span.attributes or {})
    monkeypatch.setattr(others, "measures", lambda call, *_: call.context.sdk == "openai")
    ask(headers={"user-agent": "OpenAI/Python 3.54.0"})
    assert len(captured.calls()) == 3
    assert measured.tokens() == {}, "its spans may be sampled out: nothing encloses ours then"
    ask()
    assert len(captured.calls()) == 4
    assert measured.tokens() == {"input": 40, "output": 9}


def test_somebody_elses_request_keeps_the_trace_whole_and_says_nothing(
    captured: Captured, telemetry: Telemetry
) -> None:
    measured = Measured()
    post("https://shop.example/interactions", {"clicks": 3}, {"ok": True})
    assert captured.calls() == []
    (span,) = telemetry.memory.get_finished_spans()
    assert span.name == "POST"
    assert not [key for key in span.attributes or {} if key.startswith("gen_ai")]
    assert measured.points() == {}


ANTHROPIC = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9,
    "system": "Be brief.",
    "tools": [{"name": "find", "description": "Finds.", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Find it."}, {
            "type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "x"},
            {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": "it"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "found"}]},
    ],
}  # fmt: skip
ANTHROPIC_ANSWER = {
    "id": "msg_1", "type": "message", "model": "claude-haiku-4-5", "stop_reason": "tool_use",
    "content": [
        {"type": "text", "text": "Again."}, {"type": "tool_use", "id": "t2", "name": "find", "input": {"q": 2}}],
    "usage": {"input_tokens": 3, "output_tokens": 4},
}  # fmt: skip


@pytest.fixture
def content(request: pytest.FixtureRequest, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CONTENT, request.param)
    worker.move()
    return str(request.param)


@pytest.mark.parametrize("content", ["NO_CONTENT", "span_only", "EVENT_ONLY", "SPAN_AND_EVENT", "true"], indirect=True)
def test_content_goes_where_it_was_asked_for_and_never_to_rest(
    captured: Captured, telemetry: Telemetry, content: str
) -> None:
    logged = Logged()
    ask()
    call = captured.one()
    on_span = attributes_of(telemetry)
    assert ("gen_ai.input.messages" in on_span) is (content.upper() in {"SPAN_ONLY", "SPAN_AND_EVENT"})
    records = logged.records()
    assert len(records) == (content in {"EVENT_ONLY", "SPAN_AND_EVENT"})
    for record in records:
        assert record.event_name == "gen_ai.client.inference.operation.details"
        assert f"{record.span_id:016x}" == call.context.span_id
        assert record.attributes["gen_ai.usage.output_tokens"] == 9
        assert record.attributes["gen_ai.output.messages"][0]["parts"][0]["content"] == "Zanzibar."
    for path in captured.home.rglob("*"):
        assert not path.is_file() or b"Stone Town" not in path.read_bytes()


@pytest.mark.parametrize("content", ["SPAN_ONLY"], indirect=True)
def test_messages_of_openai(captured: Captured, telemetry: Telemetry, content: str) -> None:
    ask()
    captured.one()
    found = attributes_of(telemetry)
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": 'Where is "Stone Town"?'}]},
    ]
    assert json.loads(found["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Zanzibar."}], "finish_reason": "stop"}
    ]
    assert "gen_ai.system_instructions" not in found


@pytest.mark.parametrize("content", ["SPAN_ONLY"], indirect=True)
@pytest.mark.parametrize("odd", [{}, {"odd": True}], ids=["plain", "other members"])
@pytest.mark.parametrize("told", ["found", [{"type": "text", "text": "found"}]], ids=["text", "parts"])
def test_a_result_names_its_call(
    captured: Captured, telemetry: Telemetry, content: str, odd: dict[str, Any], told: object
) -> None:
    answer = [{"type": "tool_call_response", "id": "c1", "response": "found"}]
    post(
        "https://api.openai.com/v1/chat/completions",
        {"model": "gpt-4o", "messages": [{"role": "tool", "tool_call_id": "c1", "content": told}], **odd},
        CHAT,
    )
    outputs = told if isinstance(told, str) else [{"type": "input_text", "text": "found"}]
    item = {"type": "function_call_output", "call_id": "c1", "output": outputs}
    post("https://api.openai.com/v1/responses", {"model": "gpt-4o", "input": [item], **odd}, {"output": []})
    assert len(captured.calls()) == 2
    for span in telemetry.memory.get_finished_spans():
        (message,) = json.loads(str((span.attributes or {})["gen_ai.input.messages"]))
        assert message == {"role": "tool", "parts": answer}


def _choices(member: str) -> list[dict[str, Any]]:
    called = [{"index": 0, "id": "c1", "function": {"name": "find", "arguments": "{}"}}]
    return [
        {"index": 0, member: {"content": "Here."}, "finish_reason": "stop"},
        {"index": 1, member: {"content": None, "tool_calls": called}, "finish_reason": "tool_calls"},
        {"index": 2, member: {"content": "Nowhe"}, "finish_reason": "length"},
    ]


SEVERAL = {
    "whole": {**CHAT, "choices": _choices("message")},
    "whole, with parts": {**CHAT, "choices": [
        {**choice, "message": {**choice["message"], "content": text and [{"type": "text", "text": text}]}}
        for choice in _choices("message") for text in [choice["message"]["content"]]
    ]},
}  # fmt: skip
APART = [
    {"role": "assistant", "parts": [{"type": "text", "content": "Here."}], "finish_reason": "stop"},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": None, "name": "find", "arguments": {}}],
     "finish_reason": "tool_calls"},
    {"role": "assistant", "parts": [{"type": "text", "content": "Nowhe"}], "finish_reason": "length"},
]  # fmt: skip


@pytest.mark.parametrize("content", ["SPAN_ONLY"], indirect=True)
@pytest.mark.parametrize("how", [*SEVERAL, "stream"])
def test_several_choices_are_told_apart(captured: Captured, telemetry: Telemetry, content: str, how: str) -> None:
    if how == "stream":
        ask_for_stream(
            *({"choices": [choice]} for choice in reversed(_choices("delta"))), {"choices": [], "usage": USAGE}
        )
    else:
        ask(SEVERAL[how], n=3)
    assert captured.one().finish_reason == "stop"
    found = attributes_of(telemetry)
    assert found["gen_ai.response.finish_reasons"] == ("stop", "tool_calls", "length")
    assert json.loads(found["gen_ai.output.messages"]) == APART


@pytest.mark.parametrize("content", ["SPAN_ONLY"], indirect=True)
@pytest.mark.parametrize("streamed", [False, True])
def test_several_completions_are_told_apart(
    captured: Captured, telemetry: Telemetry, content: str, streamed: bool
) -> None:
    choices = [{"index": 1, "text": "b", "finish_reason": "length"}, {"index": 0, "text": "a", "finish_reason": "stop"}]
    answer = {"id": "c", "model": "gpt-3.5-turbo-instruct", "usage": USAGE}
    body = {"model": "gpt-3.5-turbo-instruct", "prompt": "x", "n": 2, "stream": streamed}
    told = stream(*({"choices": [choice]} for choice in choices)) if streamed else {**answer, "choices": choices[::-1]}
    post("https://api.openai.com/v1/completions", body, told)
    captured.one()
    found = attributes_of(telemetry)
    assert found["gen_ai.response.finish_reasons"] == ("stop", "length")
    assert [message["parts"][0]["content"] for message in json.loads(found["gen_ai.output.messages"])] == ["a", "b"]


@pytest.mark.parametrize("conversation", ["conv_1", {"id": "conv_1"}])
@pytest.mark.parametrize("odd", [{}, {"frequency": "odd"}], ids=["plain", "other members"])
def test_the_providers_own_conversation(
    captured: Captured, telemetry: Telemetry, conversation: object, odd: dict[str, str]
) -> None:
    body = {"model": "gpt-5", "input": "x", "previous_response_id": "resp_0", "top_p": 0.5, **odd}
    answer = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5", "output": []}
    url = "https://api.openai.com/v1/responses"
    post(url, {**body, "conversation": conversation}, answer)
    post(url, body, {**answer, "conversation": {"id": "conv_1"}})
    post(url, body, {**answer, "conversation": {"id": "conv_1"}, "error": {}})
    with otelcost.label(session_id="the user's"):
        post(url, body, {**answer, "conversation": {"id": "conv_1"}})
    assert len(captured.calls()) == 4
    spans = [span.attributes or {} for span in telemetry.memory.get_finished_spans()]
    assert [span["gen_ai.conversation.id"] for span in spans] == ["conv_1"] * 3 + ["the user's"]
    assert {span["gen_ai.request.previous_response.id"] for span in spans} == {"resp_0"}
    assert {span["gen_ai.request.top_p"] for span in spans} == {0.5}


def test_sampling_that_was_asked_for(captured: Captured, telemetry: Telemetry) -> None:
    ask(seed=7, top_p=0.25)
    ask(seed=7, top_p=0.25, odd=True)
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "top_p": 0.25, "messages": ASKED[1:]}
    post("https://api.anthropic.com/v1/messages", body, ANTHROPIC_ANSWER)
    assert len(captured.calls()) == 3
    spans = [span.attributes or {} for span in telemetry.memory.get_finished_spans()]
    assert [span["gen_ai.request.top_p"] for span in spans] == [0.25] * 3
    assert [span.get("gen_ai.request.seed") for span in spans] == [7, 7, None]


@pytest.mark.parametrize("content", ["SPAN_ONLY"], indirect=True)
def test_messages_of_anthropic(captured: Captured, telemetry: Telemetry, content: str) -> None:
    post("https://api.anthropic.com/v1/messages", ANTHROPIC, ANTHROPIC_ANSWER)
    captured.one()
    found = attributes_of(telemetry)
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [
            {"type": "text", "content": "Find it."},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="}]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "Hm."},
            {"type": "tool_call", "id": "t1", "name": "find", "arguments": {"q": "it"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "found"}]},
    ]  # fmt: skip
    assert json.loads(found["gen_ai.output.messages"])[0]["parts"] == [
        {"type": "text", "content": "Again."},
        {"type": "tool_call", "id": None, "name": "find", "arguments": {"q": 2}},
    ]
    assert json.loads(found["gen_ai.tool.definitions"]) == [
        {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}
    ]


@pytest.mark.parametrize("content", ["SPAN_ONLY"], indirect=True)
def test_what_no_pipeline_would_take_is_left_out(captured: Captured, telemetry: Telemetry, content: str) -> None:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * 1_100_000}]}
    post("https://api.openai.com/v1/chat/completions", body, CHAT)
    captured.one()
    found = attributes_of(telemetry)
    assert "gen_ai.input.messages" not in found
    assert "gen_ai.output.messages" in found


PARTS = {"text", "reasoning", "tool_call", "tool_call_response", "blob", "uri", "file"}


def test_messages_of_recorded_traffic_have_the_conventions_form(recorded_traffic: list[dict[str, Any]]) -> None:
    found = [said_in(exchange_of(row)) for row in recorded_traffic]
    assert sum("gen_ai.input.messages" in said for said in found) > 800
    for said in found:
        asked, told = said.get("gen_ai.input.messages", []), said.get("gen_ai.output.messages", [])
        assert {message["role"] for message in asked} <= {"system", "user", "assistant", "tool"}
        assert {message["role"] for message in told} <= {"assistant"}
        for message in (*asked, *told):
            assert {part["type"] for part in message["parts"]} <= PARTS
            assert all(part["name"] for part in message["parts"] if part["type"] == "tool_call")
        assert all(isinstance(json.loads(text), list) for text in as_text(said).values())


def test_bodies_that_were_not_kept_whole_are_not_quoted() -> None:
    row = {"host": "api.openai.com", "path": "/v1/chat/completions", "status": 200, "content_type": "", "sse": False}
    whole = exchange_of({**row, "request": json.dumps({"messages": ASKED}), "response": json.dumps(CHAT)})
    assert set(said_in(whole)) == {"gen_ai.input.messages", "gen_ai.output.messages"}
    assert set(said_in(msgspec.structs.replace(whole, request_truncated=True))) == {"gen_ai.output.messages"}
    assert set(said_in(msgspec.structs.replace(whole, response_truncated=True))) == {"gen_ai.input.messages"}


def said_in(exchange: Exchange) -> dict[str, Any]:
    found = read_exchange(exchange)
    return {} if found is None else content_of(exchange, found)


EMBED = {"model": "text-embedding-3-small", "input": "hi"}
EMBEDDED = {"data": [{"embedding": [1]}], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 2}}


class Choosy(Sampler):
    """As a rule-based or remotely configured sampler: decides by the name, and says why."""

    def should_sample(self, parent_context: Any, trace_id: int, name: str, *args: Any, **kwargs: Any) -> SamplingResult:
        decision = Decision.DROP if name.startswith("chat") else Decision.RECORD_AND_SAMPLE
        return SamplingResult(decision, {"sampler.saw": name})

    def get_description(self) -> str:
        return "Choosy"


class RecordOnly(Choosy):
    """Records without exporting."""

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        return SamplingResult(Decision.RECORD_ONLY)


SAMPLERS = {
    "always_on": ALWAYS_ON,
    "always_off": ALWAYS_OFF,
    "traceidratio": TraceIdRatioBased(0.5),
    "parentbased_always_on": DEFAULT_ON,
    "parentbased_always_off": DEFAULT_OFF,
    "parentbased_traceidratio": ParentBasedTraceIdRatio(0.0),
    "by name": Choosy(),
    "by name, under a parent": ParentBased(Choosy()),
    "record only": RecordOnly(),
}


def _money(call: Call) -> tuple[Any, ...]:
    return (call.api, call.usage, call.response_model, call.service_tier, call.status, call.segments, call.flags)


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_sampler_changes_the_money(captured: Captured, name: str) -> None:
    ask()
    ask_for_stream(SPOKEN, {"choices": [], "usage": USAGE})
    plain = [_money(call) for call in captured.calls()]
    telemetry = Telemetry(sampler=SAMPLERS[name])
    trace.set_tracer_provider(telemetry.provider)
    with telemetry.tracer.start_as_current_span("nightly") as root:
        ask()
        ask_for_stream(SPOKEN, {"choices": [], "usage": USAGE})
    sampled = captured.calls()[2:]
    assert [_money(call) for call in sampled] == plain
    assert {call.context.trace_id for call in sampled} == {f"{root.get_span_context().trace_id:032x}"}
    assert all(call.context.parent_span_id == f"{root.get_span_context().span_id:016x}" for call in sampled)
    exported = {span.name for span in telemetry.memory.get_finished_spans()}
    wanted = {"always_on", "parentbased_always_on", "by name, under a parent"}
    if name != "traceidratio":
        assert ("chat gpt-4o" in exported) is (name in wanted)


def test_what_a_sampler_adds_is_on_the_span(captured: Captured) -> None:
    telemetry = Telemetry(sampler=Choosy())
    trace.set_tracer_provider(telemetry.provider)
    post("https://api.openai.com/v1/embeddings", EMBED, EMBEDDED)
    captured.one()
    assert attributes_of(telemetry)["sampler.saw"] == "embeddings"


class Watching(SpanProcessor):
    """As processors that filter or route by what a span begins with."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_start(self, span: Span, parent_context: context.Context | None = None) -> None:
        self.seen.append(dict(span.attributes or {}))
        span.set_attribute("gen_ai.provider.name", "ours")


def test_a_processor_sees_the_attributes_from_the_start(captured: Captured) -> None:
    telemetry, watching = Telemetry(sampler=Choosy()), Watching()
    telemetry.provider.add_span_processor(watching)
    trace.set_tracer_provider(telemetry.provider)
    post("https://api.openai.com/v1/embeddings", EMBED, EMBEDDED)
    captured.one()
    (seen,) = watching.seen
    assert seen["gen_ai.request.model"] == "text-embedding-3-small"
    assert seen["sampler.saw"] == "embeddings"
    assert attributes_of(telemetry) == {**seen, "gen_ai.provider.name": "ours"}


def test_embeddings_have_no_output_to_count(captured: Captured, telemetry: Telemetry) -> None:
    measured = Measured()
    post("https://api.openai.com/v1/embeddings", EMBED, EMBEDDED)
    assert captured.one().usage.output_tokens == 0, "known, and priced so"
    found = attributes_of(telemetry)
    assert found["gen_ai.usage.input_tokens"] == 2
    assert "gen_ai.usage.output_tokens" not in found
    assert measured.tokens() == {"input": 2}


def test_a_sampler_is_told_the_operation_that_the_record_will_have() -> None:
    said = {api: OPERATIONS.get(api, "chat") for api in APIS}
    known = {api: codec_of(api).operation for api in APIS}
    differ = {api for api in APIS if said[api] != known[api]}
    assert all(known[api] not in {"chat", "embeddings", "text_completion"} for api in differ), differ


def test_a_span_that_nothing_ties_to_its_call_is_not_counted_beside_the_record(captured: Captured) -> None:
    telemetry = Telemetry()
    attributes = {"openinference.span.kind": "LLM", "llm.model_name": "claude", "llm.token_count.completion": 64}
    tracer = telemetry.provider.get_tracer("openinference.instrumentation.anthropic")
    with tracer.start_as_current_span("root"):
        tracer.start_span("messages.stream", attributes=attributes).end()
    tracer.start_span("messages.create", attributes=attributes).end()
    detached, _, usual = telemetry.memory.get_finished_spans()
    assert record_of(detached) is None
    record = record_of(usual)
    assert record is not None
    assert record.is_llm
    uninstrument()
    kept = record_of(detached)
    assert kept is not None, "where nobody records the call it is all there is"
    assert kept.usage.output_tokens == 64
