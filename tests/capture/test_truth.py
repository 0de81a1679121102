"""Hard cases of truth: what is polled is billed once, samplers never change a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import openai
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.util._once import Once

from otelcost.capture import span as spans
from otelcost.capture import worker as workers
from otelcost.model import Call

from .conftest import Captured

MODEL = "gpt-4o-mini"
USAGE = {"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}
ANSWER = {
    "id": "chatcmpl-1",
    "model": MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
}


@pytest.fixture(autouse=True)
def _no_provider() -> Iterator[None]:
    yield
    trace._TRACER_PROVIDER = None
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    spans._pipeline = None


def _response(status: str) -> dict[str, Any]:
    done = status == "completed"
    text = [{"type": "output_text", "text": "hi", "annotations": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": text}
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": MODEL, "background": True,
        "output": [message] if done else [], "usage": USAGE if done else None, "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": True, "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
    }  # fmt: skip


def _client(answers: list[dict[str, Any]], asked: list[str]) -> openai.OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx2.Response(200, json=answers.pop(0))

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="sk-x", base_url="https://api.openai.com/v1", http_client=http)


def _billed(captured: Captured) -> Call:
    """The only record that can be billed: answers that were read again settle it and are nothing themselves."""
    (call,) = [call for call in captured.calls() if "retrieved" not in call.flags]
    return call


def test_polling_a_background_response_is_no_call(captured: Captured) -> None:
    states = ["queued", "in_progress", "completed", "completed", "cancelled"]
    asked: list[str] = []
    with _client([_response(state) for state in states], asked) as client:
        made = client.responses.create(model=MODEL, input="hello", background=True)
        for _ in range(3):
            made = client.responses.retrieve(made.id)
        client.responses.cancel(made.id)
    assert made.usage is not None
    assert len(asked) == 5
    assert [call.usage.output_tokens for call in captured.calls()] == [None, 3, 3, None]
    call = _billed(captured)
    assert call.response_id == "resp_1"
    assert call.usage.output_tokens is call.usage.input_uncached_tokens is None, "nothing is made up"
    assert "lower_bound" in call.flags


def test_reading_an_old_response_is_no_call(captured: Captured) -> None:
    asked: list[str] = []
    with _client([_response("completed"), {"object": "list", "data": [], "has_more": False}], asked) as client:
        assert client.responses.retrieve("resp_1").usage is not None
        client.responses.input_items.list("resp_1")
    assert len(asked) == 2
    assert captured.one().flags == ("retrieved",)


def test_one_that_completes_at_once_is_one_call(captured: Captured) -> None:
    with _client([_response("completed"), _response("completed")], []) as client:
        client.responses.create(model=MODEL, input="hello")
        client.responses.retrieve("resp_1")
    assert _billed(captured).usage.output_tokens == 3


def _money(call: Call) -> dict[str, Any]:
    """A record without what differs from run to run: identity, time and place."""
    record: dict[str, Any] = msgspec.to_builtins(call)
    record.pop("context")
    return record


SAMPLERS: dict[str, Sampler] = {
    "always on": ALWAYS_ON,
    "always off": ALWAYS_OFF,
    "one in a hundred": TraceIdRatioBased(0.01),
    "half, by the parent": ParentBased(TraceIdRatioBased(0.5)),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("enclosed", [True, False])
def test_samplers_never_change_the_records(captured: Captured, name: str, enclosed: bool) -> None:
    def ask() -> None:
        answer = httpx2.Response(200, json=ANSWER)
        with httpx2.Client(transport=httpx2.MockTransport(lambda request: answer)) as client:
            body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
            client.post("https://api.openai.com/v1/chat/completions", json=body)

    ask()
    provider = TracerProvider(sampler=SAMPLERS[name], shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    for _ in range(20):
        if enclosed:
            with provider.get_tracer("app").start_as_current_span("job"):
                ask()
        else:
            ask()
    bare, *sampled = captured.calls()
    assert len(sampled) == 20
    assert [_money(call) for call in sampled] == [_money(bare)] * 20
    assert all(int(call.context.trace_id, 16) and int(call.context.span_id, 16) for call in sampled)
    assert len({call.context.span_id for call in sampled}) == 20


def test_what_is_written_is_json_on_lines(captured: Captured) -> None:
    with _client([_response("completed")], []) as client:
        client.responses.create(model=MODEL, input="hello")
    captured.one()
    (path,) = (captured.home / "spool").glob("calls-*")
    assert all(json.loads(line) for line in path.read_bytes().splitlines())
    assert workers.worker._pending_bytes == 0


def test_a_request_that_only_shares_a_providers_path_is_not_a_call(captured: Captured) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        spoken = {"model": "m", "message": {"role": "assistant", "content": "hi"}, "done": True, "eval_count": 1}
        return httpx2.Response(200, json=spoken if b"model" in request.content else {"room": 7})

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    client.post("https://talk.example/api/chat", json={"room": 7, "text": "hello"})
    client.post("https://talk.example/api/chat", json={"model": "m", "messages": [{"role": "user", "content": "x"}]})

    assert [call.request_model for call in captured.calls()] == ["m"]
