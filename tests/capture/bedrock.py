"""A loopback Bedrock: answers in Amazon's shapes and event-stream framing, and counts what it was asked."""

from __future__ import annotations

import base64
import json
import struct
import threading
from binascii import crc32
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
USAGE = {"inputTokens": 21, "outputTokens": 9, "totalTokens": 30}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "384,400 km"}]}},
    "stopReason": "end_turn",
    "usage": USAGE,
    "metrics": {"latencyMs": 5},
}
CLAUDE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "384,400 km"}], "usage": {"input_tokens": 21, "output_tokens": 9},
}  # fmt: skip
CLAUDE_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**CLAUDE, "content": [], "usage": {"input_tokens": 21, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "384,400 km"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]
CONVERSE_EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "384,400"}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " km"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}}),
]


def frame(kind: str, payload: dict[str, Any]) -> bytes:
    """One message of `application/vnd.amazon.eventstream`."""
    pairs = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in pairs.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", len(headers) + len(body) + 16, len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + body
    return message + struct.pack("!I", crc32(message))


def frames(path: str) -> list[bytes]:
    """The stream that a path asks for."""
    if path.endswith("converse-stream"):
        return [frame(kind, event) for kind, event in CONVERSE_EVENTS]
    encoded = [base64.b64encode(json.dumps(event).encode()).decode() for event in CLAUDE_EVENTS]
    return [frame("chunk", {"bytes": event}) for event in encoded]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bedrock

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append(self.path)
        if self.server.refuse:
            self.server.refuse -= 1
            self._send(429, b'{"message":"slow down"}', "application/json", error="ThrottlingException")
        elif "stream" in self.path:
            self._send(200, b"".join(frames(self.path)), "application/vnd.amazon.eventstream")
        else:
            answer = ANSWER if self.path.endswith("/converse") else CLAUDE
            self._send(200, json.dumps(answer).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str, error: str | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("x-amzn-requestid", f"request-{len(self.server.asked)}")
        if error:
            self.send_header("x-amzn-errortype", error)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), 50):
            part = body[at : at + 50]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


class Bedrock(ThreadingHTTPServer):
    """The server: `url`, what it was `asked`, how many requests to `refuse` first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.refuse = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is part of the test."""


@contextmanager
def serving() -> Iterator[Bedrock]:
    """A server for as long as the block lasts."""
    with Bedrock() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
