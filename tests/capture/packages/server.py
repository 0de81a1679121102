"""A loopback server for the wire formats that the demo's provider does not speak: fixed answers, every request counted.

Every answer bills 21 input and 9 output tokens.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bedrock  # type: ignore[import-not-found]  # a neighbour, as a script sees it

INPUT, OUTPUT = 21, 9
_GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "384,400 km"}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT},
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}
_COHERE_USAGE = {"tokens": {"input_tokens": INPUT, "output_tokens": OUTPUT}}
_COHERE_USAGE["billed_units"] = dict(_COHERE_USAGE["tokens"])
_COHERE = {
    "id": "c1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "384,400 km"}]},
    "usage": _COHERE_USAGE,
}
_COHERE_EVENTS: list[dict[str, Any]] = [
    {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "384,400 km"}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _COHERE_USAGE}},
]
_COUNTS = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
_CHAT = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
_CHAT_PART = {**_CHAT, "object": "chat.completion.chunk"}
_SAID = {"index": 0, "finish_reason": "stop"}
_MESSAGE = {"role": "assistant", "content": "384,400 km"}
_OLLAMA = {
    "model": "llama3.2",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "384,400 km"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": INPUT,
    "eval_count": OUTPUT,
}
_CHAT_WHOLE = {**_CHAT, "usage": _COUNTS, "choices": [{**_SAID, "message": _MESSAGE}]}
_OLLAMA_PART = {key: _OLLAMA[key] for key in ("model", "created_at", "message")} | {"done": False}

Answer = tuple[str, bytes]


def answer(path: str, body: bytes) -> Answer | None:
    """Content type and body for a request; None for a path nobody serves here."""
    asked = json.loads(body or b"{}")
    where = path.partition("?")[0]
    if where.endswith(":generateContent"):
        return _json(_GEMINI)
    if where.endswith(":streamGenerateContent"):
        return "text/event-stream", b"data: %s\r\n\r\n" % json.dumps(_GEMINI).encode()
    if where.endswith("/v2/chat"):
        return _events(_COHERE_EVENTS) if asked.get("stream") else _json(_COHERE)
    if where.endswith("/chat/completions"):
        return _events(_chat_events(groq=where.startswith("/openai/"))) if asked.get("stream") else _json(_CHAT_WHOLE)
    if where.endswith("/api/chat"):
        lines = (_OLLAMA_PART, {**_OLLAMA, "message": {"role": "assistant", "content": ""}})
        streamed = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return ("application/x-ndjson", streamed) if asked.get("stream") else _json(_OLLAMA)
    if where.endswith(("/converse-stream", "/invoke-with-response-stream")):
        return "application/vnd.amazon.eventstream", b"".join(bedrock.frames(where))
    if where.endswith("/converse"):
        return _json(bedrock.ANSWER)
    return _json(bedrock.CLAUDE) if where.endswith("/invoke") else None


def _chat_events(*, groq: bool) -> list[dict[str, Any]]:
    """Mistral always ends a stream with its usage, Groq too, but inside a member of its own."""
    usage = {"x_groq": {"id": "r1", "usage": _COUNTS}} if groq else {"usage": _COUNTS}
    first = {**_CHAT_PART, "choices": [{"index": 0, "delta": _MESSAGE, "finish_reason": None}]}
    return [first, {**_CHAT_PART, "choices": [{**_SAID, "delta": {"content": ""}}], **usage}]


def _json(value: object) -> Answer:
    return "application/json", json.dumps(value).encode()


def _events(events: list[dict[str, Any]]) -> Answer:
    names = (f"event: {event['type']}\n" if "type" in event else "" for event in events)
    lines = (f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(names, events, strict=True))
    return "text/event-stream", "".join([*lines, "" if "type" in events[0] else "data: [DONE]\n\n"]).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        found = answer(self.path, self.rfile.read(int(self.headers.get("content-length") or 0)))
        kind, body = found or ("application/json", b'{"error":"no such path"}')
        if found:
            self.server.answered += 1
        self.send_response(200 if found else 404)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


class Server(ThreadingHTTPServer):
    """The server: its `url` and how many calls it `answered`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answered = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server for as long as the block lasts."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
