"""APIs whose bill is not in the answer to the first request: background responses, batches; and those for nothing."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anthropic
import httpx2
import openai
import pytest
import requests

from otelcost.capture import results
from otelcost.capture.worker import worker
from otelcost.model import Call, Usage
from otelcost.spool.diagnostics import diagnostics
from otelcost.store.db import session
from otelcost.store.drain import drain

from .answers import Answer, Answers, answering
from .conftest import Captured, read_calls

USAGE = {"input_tokens": 90, "input_tokens_details": {"cached_tokens": 64}, "output_tokens": 6, "total_tokens": 96}
OUTPUT = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "384,400 km"}]}]
RESPONSE = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o", "output": [], "tools": [],
    "parallel_tool_calls": True, "tool_choice": "auto", "background": True, "status": "queued", "usage": None,
}  # fmt: skip
RUNNING = {**RESPONSE, "status": "in_progress"}
DONE = {**RESPONSE, "status": "completed", "output": OUTPUT, "usage": USAGE}

Serve = Callable[[dict[str, list[Answer]]], Answers]


@pytest.fixture
def serve(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server; its host is taken for the provider's own."""
    monkeypatch.setenv("OTELCOST_TRUSTED_HOSTS", "127.0.0.1")
    worker.move()
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(answering(script))


def gpt(server: Answers) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-test", base_url=server.url + "/v1", max_retries=0)


def claude(server: Answers) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-ant-test", base_url=server.url, max_retries=0)


def billed(columns: str = "input_tokens, output_tokens, status") -> list[tuple[Any, ...]]:
    worker.move()
    drain()
    with session() as connection:
        return connection.execute(f"SELECT {columns} FROM v_calls ORDER BY start, span_id").fetchall()


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def test_a_background_response_is_billed_once_however_often_it_is_polled(serve: Serve) -> None:
    server = serve(
        {
            "POST /v1/responses": [Answer(RESPONSE)],
            "GET /v1/responses/resp_1": [Answer(RESPONSE), Answer({}, 500), Answer(RUNNING), Answer(DONE)],
        }
    )
    with gpt(server) as client:
        made = client.responses.create(model="gpt-4o", input="How far is the moon?", background=True)
        assert billed() == [(None, None, "ok")]
        while made.status != "completed":
            try:
                made = client.responses.retrieve(made.id)
            except openai.InternalServerError:
                continue
        for _ in range(3):
            client.responses.retrieve(made.id)
        requests.get(f"{server.url}/v1/responses/resp_1", timeout=10)
    assert len(server.asked) == 9
    assert billed() == [(90, 6, "ok")]
    assert billed("flags, call_site_function, cache_read_tokens, price_status") == [
        ([], "test_a_background_response_is_billed_once_however_often_it_is_polled", 64, "exact")
    ]


def test_an_old_response_read_again_is_not_billed(serve: Serve, captured: Captured) -> None:
    server = serve({"GET /v1/responses/resp_1": [Answer(DONE)]})
    with gpt(server) as client:
        assert client.responses.retrieve("resp_1").usage is not None
    (read,) = captured.calls()
    assert (read.operation, read.flags, read.usage.output_tokens) == ("fetch_response", ("retrieved",), 6)
    assert billed() == []


def test_a_background_stream_that_is_resumed(serve: Serve) -> None:
    begun = sse({"type": "response.created", "response": RUNNING, "sequence_number": 0})
    ended = sse({"type": "response.completed", "response": DONE, "sequence_number": 9})
    kind = "text/event-stream"
    server = serve(
        {
            "POST /v1/responses": [Answer(begun, kind=kind)],
            "GET /v1/responses/resp_1": [Answer(ended, kind=kind)],
        }
    )
    with gpt(server) as client:
        for event in client.responses.create(model="gpt-4o", input="x", background=True, stream=True):
            assert event.type == "response.created"
        for event in client.responses.retrieve("resp_1", stream=True, starting_after=0):
            assert event.type == "response.completed"
    assert billed() == [(90, 6, "ok")]


def test_a_background_response_that_is_cancelled(serve: Serve) -> None:
    stopped = {**RESPONSE, "status": "cancelled"}
    server = serve({"POST /v1/responses": [Answer(RESPONSE)], "POST /v1/responses/resp_1/cancel": [Answer(stopped)]})
    with gpt(server) as client:
        client.responses.cancel(client.responses.create(model="gpt-4o", input="x", background=True).id)
    assert billed("output_tokens, status, error_type, cost_picousd") == [(None, "error", "response_cancelled", None)]


def test_compacting_is_a_call(serve: Serve, captured: Captured) -> None:
    compacted = {"id": "resp_2", "object": "response.compaction", "created_at": 1, "output": [], "usage": USAGE}
    server = serve({"POST /v1/responses/compact": [Answer(compacted)]})
    with gpt(server) as client:
        client.responses.compact(model="gpt-4o", input=[{"role": "user", "content": "x"}])
    call = captured.one()
    assert (call.api, call.status, call.usage.output_tokens, call.flags) == ("openai.responses", "ok", 6, ())


def test_what_is_free_costs_nothing_and_counts_no_tokens(serve: Serve) -> None:
    server = serve(
        {
            "POST /v1/responses/input_tokens": [Answer({"object": "response.input_tokens", "input_tokens": 95})],
            "POST /v1/messages/count_tokens": [Answer({"input_tokens": 95})],
            "POST /v1/moderations": [Answer({"id": "modr-1", "model": "m", "results": []})],
            "POST /v1/batches": [Answer({"id": "batch_1", "object": "batch", "status": "validating"})],
        }
    )
    with gpt(server) as client, claude(server) as other:
        assert client.responses.input_tokens.count(model="gpt-4o", input="x").input_tokens == 95
        messages: Any = [{"role": "user", "content": "x"}]
        assert other.messages.count_tokens(model="claude-haiku-4-5", messages=messages).input_tokens == 95
        client.moderations.create(input="x")
        client.batches.create(input_file_id="f", endpoint="/v1/responses", completion_window="24h")
    columns = "operation, input_tokens, output_tokens, provider_total_tokens, cost_picousd, price_status, flags"
    assert billed(columns) == [
        ("count_tokens", 0, 0, 95, 0, "not_billed", ["free"]),
        ("count_tokens", 0, 0, 95, 0, "not_billed", ["free"]),
        ("moderation", 0, 0, None, 0, "not_billed", ["free"]),
        ("create_batch", 0, 0, None, 0, "not_billed", ["free"]),
    ]


def test_decisions(serve: Serve, captured: Captured) -> None:
    answer = {"model": "gpt-6-astra", "answers": [{"type": "predicate", "probability": 0.9}], "usage": USAGE}
    server = serve({"POST /v1/decisions": [Answer(answer)]})
    with gpt(server) as client:
        question: Any = {"type": "predicate", "question": "Is it urgent?"}
        client.decisions.create(model="gpt-6-astra", input="My card was charged twice.", questions=[question])
    call = captured.one()
    assert (call.api, call.usage.cache_read_tokens, call.usage.output_tokens, call.flags) == (
        "openai.decisions", 64, 6, ()
    )  # fmt: skip


def result(number: int) -> dict[str, Any]:
    body = {
        "id": f"chatcmpl-{number}", "object": "chat.completion", "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes" * 100}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
    }  # fmt: skip
    return {"custom_id": f"request-{number}", "response": {"status_code": 200, "request_id": "r", "body": body}}


def lines(items: Iterator[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(item).encode() + b"\n" for item in items]


FILE = "GET /v1/files/file-1/content"
ONE = ("openai.chat", True, "gpt-4o", 9, 4, "exact")
COLUMNS = "api, batch, model, input_tokens, output_tokens, price_status"


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_results_of_a_batch_are_calls_at_its_price_once(serve: Serve, encoding: str) -> None:
    body = b"".join(lines(map(result, range(5))))
    server = serve({FILE: [Answer(gzip.compress(body) if encoding else body, encoding=encoding)]})
    with gpt(server) as client:
        assert len(client.files.content("file-1").text.splitlines()) == 5
        assert billed(COLUMNS) == [ONE] * 5
        client.files.content("file-1")
        with client.files.with_streaming_response.content("file-1") as response:
            assert len(list(response.iter_lines())) == 5
    requests.get(f"{server.url}/v1/files/file-1/content", timeout=10)
    assert billed(COLUMNS) == [ONE] * 5
    ((price,),) = set(billed("price_key"))
    assert "batch" in price


def test_two_processes_that_read_the_same_results(serve: Serve, captured: Captured) -> None:
    server = serve({FILE: [Answer(b"".join(lines(map(result, range(5)))))]})
    program = (
        "import otelcost, httpx2; otelcost.instrument();"
        f"httpx2.get('{server.url}/v1/files/file-1/content').raise_for_status()"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert len(read_calls(captured.home)) == 10
    assert billed(COLUMNS) == [ONE] * 5


def test_message_batch_results(serve: Serve, captured: Captured) -> None:
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "384,400 km"}],
        "usage": {"input_tokens": 9, "output_tokens": 4, "service_tier": "batch"},
    }  # fmt: skip
    rows = [
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "expired"}},
    ]
    server = serve(
        {"GET /v1/messages/batches/msgbatch_1/results": [Answer(lines(iter(rows)), kind="application/x-jsonl")]}
    )
    batch = {
        "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
        "results_url": f"{server.url}/v1/messages/batches/msgbatch_1/results",
        "request_counts": {"canceled": 0, "errored": 0, "expired": 1, "processing": 0, "succeeded": 1},
        "created_at": "2026-11-28T00:00:00Z", "expires_at": "2026-11-29T00:00:00Z",
    }  # fmt: skip
    server.script["GET /v1/messages/batches/msgbatch_1"] = [Answer(batch)]
    with claude(server) as client:
        for _ in range(2):
            assert [item.custom_id for item in client.messages.batches.results("msgbatch_1")] == ["a", "b"]
    assert len(captured.calls()) == 2
    assert billed("api, batch, input_tokens, output_tokens, status") == [("anthropic.messages", True, 9, 4, "ok")]


def test_results_that_somebody_stops_reading(serve: Serve, captured: Captured) -> None:
    server = serve({FILE: [Answer(lines(map(result, range(200))))]})
    with gpt(server) as client, client.files.with_streaming_response.content("file-1") as response:
        next(response.iter_lines())
    calls = captured.calls()
    assert 1 <= len(calls) <= 200
    assert {call.flags for call in calls} == {()}


def test_other_downloads_leave_no_trace(serve: Serve, captured: Captured) -> None:
    server = serve({FILE: [Answer(b"PK\3\4" + bytes(3_000_000))]})
    assert len(httpx2.get(f"{server.url}/v1/files/file-1/content").content) == 3_000_004
    assert captured.calls() == []
    assert httpx2.get(f"{server.url}/v1/files/file-2/content").status_code == 404
    assert captured.calls() == []


def test_a_large_download_is_handed_on_in_pieces(serve: Serve, captured: Captured, monkeypatch: Any) -> None:
    """Two hundred megabytes take two hundred times as long; what is held at a time is the same."""
    monkeypatch.setattr(results, "PIECE_BYTES", 4096)
    held: list[int] = []
    submit = worker.submit

    def watched(item: Any) -> None:
        held.append(item.held_bytes())
        submit(item)

    monkeypatch.setattr(worker, "submit", watched)
    count = 2000
    server = serve({FILE: [Answer(lines(map(result, range(count))))]})
    with gpt(server) as client, client.files.with_streaming_response.content("file-1") as response:
        size = sum(map(len, response.iter_bytes(1000)))
    calls = captured.calls()
    assert len(calls) == count
    assert {call.usage.output_tokens for call in calls} == {4}
    assert max(held) < 100_000 < size


def test_what_does_not_fit_is_cut_and_said(serve: Serve, captured: Captured, monkeypatch: Any) -> None:
    monkeypatch.setattr(results, "BORROWED_BYTES", 1000)
    monkeypatch.setattr(worker, "_limit", 2000)
    server = serve({FILE: [Answer(b"".join(lines(map(result, range(50)))))]})
    httpx2.get(f"{server.url}/v1/files/file-1/content").raise_for_status()
    calls = captured.calls()
    assert 1 < len(calls) < 5
    lost: Call = calls[-1]
    assert (lost.api, lost.flags, lost.usage) == ("batch.results", ("lower_bound", "response_truncated"), Usage())
    assert diagnostics.snapshot().counts["dropped_bodies"] == 1
    assert billed("price_status").count(("unpriced",)) == 1
