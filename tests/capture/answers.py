"""A loopback server that answers as it is told, for APIs that the loopback provider does not speak."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """One response: JSON unless its body is bytes already, or pieces of them."""

    body: Any
    status: int = 200
    kind: str = "application/json"
    encoding: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answers

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        waiting = self.server.script.get(f"{self.command} {path}") or [Answer({"error": {"code": "not_found"}}, 404)]
        answer = waiting[0] if len(waiting) == 1 else waiting.pop(0)
        self._send(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer) -> None:
        body = answer.body
        if not isinstance(body, bytes | list):
            body = json.dumps(body).encode()
        self.send_response(answer.status)
        self.send_header("content-type", answer.kind)
        if answer.encoding:
            self.send_header("content-encoding", answer.encoding)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in body if isinstance(body, list) else [body]:
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


class Answers(ThreadingHTTPServer):
    """The server: `url`, what it was `asked`, and the `script`, by method and path. The last answer of each stays."""

    daemon_threads = True

    def __init__(self, script: dict[str, list[Answer]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is part of the test."""


@contextmanager
def answering(script: dict[str, list[Answer]]) -> Iterator[Answers]:
    """A server for as long as the block lasts."""
    with Answers(script) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
