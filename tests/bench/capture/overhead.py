"""What capture adds to the caller's thread: pairs of calls with and without it, through the real SDKs.

    python tests/bench/capture/overhead.py [--calls 400] [--sdk]

The transport answers from memory, so that nothing but the SDK and capture is measured. CPU time of the calling
thread alone (`time.thread_time_ns`); with and without alternate call by call, so that a busy machine hits both.
`--sdk` adds an OpenTelemetry SDK pipeline with an exporter that keeps nothing. Prints medians and ratios.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ["OTELCOST_HOME"] = tempfile.mkdtemp(prefix="otelcost-bench-")

import anthropic
import httpx2
import openai

import otelcost
from otelcost.capture import seams as seam
from otelcost.capture.worker import worker

CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok " * 100}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 250, "completion_tokens": 100, "total_tokens": 350},
}  # fmt: skip
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "ok " * 100}],
    "usage": {"input_tokens": 250, "output_tokens": 100},
}  # fmt: skip
CHUNK = {
    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "delta": {"content": "ok "}, "finish_reason": None}],
}  # fmt: skip
CHUNKS = 500


class Stream(httpx2.SyncByteStream):
    """An OpenAI stream of 500 chunks with usage."""

    chunks = (
        *([b"data: " + json.dumps(CHUNK).encode() + b"\n\n"] * CHUNKS),
        b"data: " + json.dumps({**CHUNK, "choices": [], "usage": CHAT["usage"]}).encode() + b"\n\n",
        b"data: [DONE]\n\n",
    )

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks


def answer(request: httpx2.Request) -> httpx2.Response:
    """Whichever answer the path and the body ask for, from memory."""
    if b'"stream":true' in request.content:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Stream())
    return httpx2.Response(200, json=MESSAGE if request.url.path.endswith("/messages") else CHAT)


def _cases() -> dict[str, Callable[[], Any]]:
    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = openai.OpenAI(api_key="sk-x", base_url="http://provider/v1", http_client=transport)
    claude = anthropic.Anthropic(api_key="sk-x", base_url="http://provider", http_client=transport)

    def chat(size: int) -> Callable[[], Any]:
        ask: Any = [{"role": "user", "content": "x" * size}]
        return lambda: client.chat.completions.create(model="gpt-4o-mini", messages=ask)

    def messages(size: int) -> Callable[[], Any]:
        ask: Any = [{"role": "user", "content": "x" * size}]
        return lambda: claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=ask)

    def stream() -> None:
        ask: Any = [{"role": "user", "content": "x"}]
        for _ in client.chat.completions.create(model="gpt-4o-mini", messages=ask, stream=True):
            pass

    return {
        "OpenAI chat 1 KB": chat(1_000),
        "OpenAI chat 400 KB": chat(400_000),
        "Anthropic 1 KB": messages(1_000),
        "Anthropic 400 KB": messages(400_000),
        f"OpenAI stream, {CHUNKS} chunks": stream,
    }


def _cpu(call: Callable[[], Any]) -> float:
    before = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - before) / 1000


def measure(call: Callable[[], Any], pairs: int) -> tuple[float, float]:
    """Median CPU microseconds of a call, without and with capture."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(pairs * 2 + 20):
        on = number % 2 == 0
        if on:
            seam.install()
        else:
            seam.uninstall()
        spent = _cpu(call)
        worker.flush()  # the background has its own account
        if number >= 20:
            times[on].append(spent)
    return statistics.median(times[False]), statistics.median(times[True])


def _with_sdk() -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)


def main() -> None:
    """Measure every case and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400, help="pairs of calls a case")
    parser.add_argument("--sdk", action="store_true", help="with an OpenTelemetry SDK and one exporter")
    asked = parser.parse_args()
    if asked.sdk:
        _with_sdk()
    otelcost.instrument()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'case':28} {'bare us':>9} {'captured':>9} {'added':>7} {'ratio':>6}")
    for name, call in _cases().items():
        gc.collect()
        bare, captured = measure(call, asked.calls)
        print(f"{name:28} {bare:9.1f} {captured:9.1f} {captured - bare:7.1f} {captured / bare:6.3f}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
