"""What must never lose a record: odd text, removed folders, our own failures half-way, shared scopes."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import brotli
import httpx2
import msgspec
import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.util._once import Once

import otelcost
from otelcost import wire
from otelcost.capture import estimate, labels
from otelcost.capture import record as recording
from otelcost.capture import site as sites
from otelcost.capture import span as spans
from otelcost.capture.attempt import _number
from otelcost.capture.message import Fields
from otelcost.spool.diagnostics import diagnostics
from otelcost.wire.body import decode_body

from .conftest import Captured

PATH = "http://127.0.0.1/v1/chat/completions"
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
}
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


def ask(text: str = "hello", **headers: str) -> None:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=ANSWER))
    with httpx2.Client(transport=transport) as client:
        client.post(PATH, json=body, headers=headers)


def _fail(*args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("ours")


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize(
    ("owner", "name", "counted", "tokens"),
    [
        (wire, "decode_with_bodies", "record", None),
        (estimate, "fill", "estimate", 3),
        (labels, "collect", "labels", 3),
        (recording, "describe", "site", 3),
        (recording, "_sdk", "record", None),
    ],
)
def test_a_step_that_fails_costs_only_what_it_knows(
    captured: Captured, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, counted: str, tokens: int | None
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, _fail)
        ask()
        call = captured.one()
    assert call.http_status == 200
    assert call.server_address == "127.0.0.1"
    assert call.usage.output_tokens == tokens
    assert call.context.duration_us is not None
    assert ("request_undecodable" in call.flags) == (tokens is None)
    assert diagnostics.snapshot().counts[f"error:{counted}"] == 1


@pytest.mark.usefixtures("lenient")
def test_a_record_that_cannot_be_written_keeps_its_usage(captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = wire.decode_with_bodies

    def spoiled(exchange: Any, key: bytes, pause: Any) -> Any:
        call, bodies = decode(exchange, key, pause)
        return msgspec.structs.replace(call, request_model="\ud800"), bodies

    with monkeypatch.context() as patch:
        patch.setattr(wire, "decode_with_bodies", spoiled)
        ask()
        call = captured.one()
    assert call.usage.output_tokens == 3


def test_a_working_directory_that_was_removed(
    captured: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    sites._working_directory.cache_clear()
    os.chdir(gone)
    gone.rmdir()
    try:
        ask()
        assert captured.one().context.call_site_function == "ask"
    finally:
        os.chdir(before)
        sites._working_directory.cache_clear()


def test_half_a_surrogate_pair_in_every_name(captured: Captured) -> None:
    namespace: dict[str, Any] = {"ask": ask}
    exec(compile("def caller(): ask()", "caf\udce9.py", "exec"), namespace)
    with otelcost.task("caf\udce9.txt"), otelcost.label(customer="\ud83d", user_id="ok"):
        ask()
    call = captured.one()
    assert call.context.task == "caf?.txt"
    assert call.context.labels == {"customer": "?"}
    assert call.context.user_id == "ok"


@pytest.mark.parametrize(("value", "number"), [("²", None), ("2", 3), ("abc", None), ("", None), ("999999", None)])
def test_retry_headers_that_are_no_numbers(value: str, number: int | None) -> None:
    assert _number(Fields([("x-stainless-retry-count", value)])) == number


@pytest.mark.usefixtures("lenient")
def test_a_failure_while_a_call_begins_leaves_the_context_alone(
    captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = context.get_current()
    with monkeypatch.context() as patch:
        patch.setattr("otelcost.capture.attempt.find_site", _fail)
        ask()
    assert context.get_current() == before
    assert captured.calls() == []


def test_a_brotli_that_knows_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    real = brotli.Decompressor

    class Older:
        def __init__(self) -> None:
            self._inner = real()

        def process(self, data: bytes) -> bytes:
            done: bytes = self._inner.process(data)
            return done

    monkeypatch.setattr(brotli, "Decompressor", Older)
    assert decode_body(brotli.compress(b"body"), "br").data == b"body"
    assert decode_body(b"no brotli", "br").failed


def test_one_scope_in_many_threads_at_once() -> None:
    scope = otelcost.task("shared")
    seen: list[tuple[int, str, Any]] = []
    inside = [threading.Event() for _ in range(4)]
    leave = [threading.Event() for _ in range(4)]

    def work(number: int) -> None:
        with scope:
            inside[number].set()
            leave[number].wait(10)
            seen.append((number, "inside", labels.collect(context.get_current())[0]))
        seen.append((number, "outside", labels.collect(context.get_current())[0]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for number, thread in enumerate(threads):
        thread.start()
        inside[number].wait(10)
    for number in (0, 2, 1, 3):  # left in another order than entered
        leave[number].set()
        threads[number].join(10)
    assert all(values == ({"task": "shared"} if where == "inside" else {}) for _, where, values in seen)
    assert len(seen) == 8


async def test_one_scope_in_many_tasks_at_once(caplog: pytest.LogCaptureFixture) -> None:
    scope, outer = otelcost.task("shared"), otelcost.label(customer="acme")

    async def work(number: int) -> tuple[Any, Any, Any]:
        with scope:
            with outer, scope:
                await asyncio.sleep(0.001 * (number % 3))
                both = labels.collect(context.get_current())
            inside = labels.collect(context.get_current())
        return both, inside, labels.collect(context.get_current())

    with outer:
        found = await asyncio.gather(*(work(number) for number in range(6)))
        assert labels.collect(context.get_current()) == ({}, {"customer": "acme"})
    named = {"task": "shared"}, {"customer": "acme"}
    assert found == [(named, named, ({}, {"customer": "acme"}))] * 6
    assert labels.collect(context.get_current()) == ({}, {})
    assert not caplog.records


async def test_a_scope_in_a_generator_that_is_closed_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    async def produce() -> Any:
        with otelcost.task("inside"):
            yield labels.collect(context.get_current())[0]

    async def first(generator: Any) -> Any:
        return await anext(generator)

    generator = produce()
    assert await asyncio.create_task(first(generator)) == {"task": "inside"}
    await generator.aclose()
    assert labels.collect(context.get_current()) == ({}, {})
    assert not caplog.records
    assert sys.exc_info() == (None, None, None)


class _Slow(SpanProcessor):
    """Somebody else's, which lets other threads run while a span starts."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        time.sleep(0.0005)
        self.ids.append(span.get_span_context().span_id)


def test_ids_stay_unique_where_a_processor_takes_its_time(captured: Captured) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    slow = _Slow()
    provider.add_span_processor(slow)
    trace.set_tracer_provider(provider)
    try:
        threads = [threading.Thread(target=lambda: [ask() for _ in range(20)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        calls = captured.calls()
    finally:
        trace._TRACER_PROVIDER = None
        trace._TRACER_PROVIDER_SET_ONCE = Once()
        spans._pipeline = None
    made = {int(call.context.span_id, 16) for call in calls}
    assert len(made) == len(calls) == 80
    assert sorted(slow.ids) == sorted(made)
