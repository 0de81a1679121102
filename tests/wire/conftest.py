"""Builders of exchanges shaped like the real ones."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zlib import crc32

import pytest

from otelcost.model import Call, Context, Exchange
from otelcost.pricing.book import Book, compile_book
from otelcost.pricing.cost import cost
from otelcost.wire import decode
from otelcost.wire.usage import total_input

KEY = bytes(range(32))
WHEN = datetime(2026, 11, 22)  # noqa: DTZ001  (the book's times are naive UTC)
HOSTS = {
    "/v1/messages": "api.anthropic.com",
    "/v1beta/models/gemini-3-flash:streamGenerateContent": "generativelanguage.googleapis.com",
    "/v1beta/interactions": "generativelanguage.googleapis.com",
    "/v1beta/models/gemini-embedding-001:embedContent": "generativelanguage.googleapis.com",
    "/model/us.amazon.nova-lite-v1:0/converse-stream": "bedrock-runtime.us-east-1.amazonaws.com",
    "/model/us.amazon.nova-lite-v1:0/invoke-with-response-stream": "bedrock-runtime.us-east-1.amazonaws.com",
    "/v1/messages/count_tokens": "api.anthropic.com",
    "/v1beta/models/gemini-3-flash:countTokens": "generativelanguage.googleapis.com",
    "/model/anthropic.claude-haiku-4-5/count-tokens": "bedrock-runtime.us-east-1.amazonaws.com",
    "/v1/ocr": "api.mistral.ai",
    "/v1/chat": "api.cohere.com",
    "/v2/chat": "api.cohere.com",
    "/v2/embed": "api.cohere.com",
    "/v2/rerank": "api.cohere.com",
    "/api/chat": "ollama.com",
    "/api/embed": "ollama.com",
}


class Wire:
    """Makes exchanges and decodes them with a fixed key."""

    key = KEY
    context = Context(trace_id="1" * 32, span_id="2" * 16, start_unix_us=1_700_000_000_000_000, operation_id="2" * 16)

    def exchange(self, path: str, request: object, response: object, **changes: Any) -> Exchange:
        """A finished 200; bodies that are not bytes are written as JSON. Keyword arguments replace members."""
        members: dict[str, Any] = {
            "method": "POST",
            "host": HOSTS.get(path, "api.openai.com"),
            "port": 443,
            "path": path,
            "query": "",
            "request_headers": {},
            "request_body": self.body(request),
            "status": 200,
            "response_headers": {},
            "response_body": self.body(response),
            "response_decoded": True,
            "ended": "complete",
            "error_type": None,
            "request_truncated": False,
            "response_truncated": False,
            "trusted_host": False,
            "context": self.context,
        }
        return Exchange(**(members | changes))

    def call(self, path: str, request: object, response: object, **changes: Any) -> Call:
        """The call of such an exchange."""
        return decode(self.exchange(path, request, response, **changes), self.key)

    def chat(self, request: object, response: object = None, **changes: Any) -> Call:
        """A call of chat completions."""
        return self.call("/v1/chat/completions", request, {} if response is None else response, **changes)

    def responses(self, request: object, response: object, **changes: Any) -> Call:
        """A call of responses."""
        return self.call("/v1/responses", request, response, **changes)

    def messages(self, request: object, response: object = None, **changes: Any) -> Call:
        """A call of Anthropic messages."""
        return self.call("/v1/messages", request, {} if response is None else response, **changes)

    @staticmethod
    def microdollars(book: Book, call: Call) -> float | None:
        """What a call costs by the book, in millionths of a dollar; None where it is not known."""
        model = call.response_model or call.request_model
        asked = (call.provider, model, call.service_tier, call.speed, call.inference_geo, call.batch)
        size, rows = total_input(call.usage) or 0, book.rows_for(book.resolve(*asked).price_key or "")
        found = [
            row for row in rows if row.valid_from <= WHEN < row.valid_to and row.context_lo <= size < row.context_hi
        ]
        picousd = cost(call.usage, found[0].rates) if found else None
        return None if picousd is None else picousd / 1_000_000

    @staticmethod
    def body(value: object) -> bytes:
        """Bytes as they are, anything else as compact JSON."""
        if isinstance(value, bytes):
            return value
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    @staticmethod
    def sse(events: Iterable[object], *, named: bool = False, done: bool = False) -> bytes:
        """Events as a body: with `event:` lines where `named`, closed by `[DONE]` where `done`."""
        out = b""
        for event in events:
            if named and isinstance(event, dict):
                out += f"event: {event.get('type')}\n".encode()
            out += b"data: " + Wire.body(event) + b"\n\n"
        return out + (b"data: [DONE]\n\n" if done else b"")

    @staticmethod
    def lines(items: Iterable[object]) -> bytes:
        """One JSON object a line."""
        return b"".join(Wire.body(item) + b"\n" for item in items)

    @staticmethod
    def frame(payload: bytes, **headers: str) -> bytes:
        """One message of a binary event stream; `event_type="x"` is its header `:event-type`."""
        named = {":" + name.replace("_", "-"): value for name, value in headers.items()}
        block = b"".join(
            bytes([len(name)]) + name.encode() + b"\7" + len(value).to_bytes(2, "big") + value.encode()
            for name, value in named.items()
        )
        head = (16 + len(block) + len(payload)).to_bytes(4, "big") + len(block).to_bytes(4, "big")
        message = head + crc32(head).to_bytes(4, "big") + block + payload
        return message + crc32(message).to_bytes(4, "big")

    @staticmethod
    def chunks(items: Iterable[object]) -> bytes:
        """A model's own stream as Bedrock wraps it: every payload in base64."""
        wrapped = ({"bytes": b64encode(Wire.body(item)).decode(), "p": "abc"} for item in items)
        return b"".join(Wire.frame(Wire.body(item), event_type="chunk", message_type="event") for item in wrapped)

    @staticmethod
    def named(items: Iterable[object]) -> bytes:
        """Events of one member each, whose name becomes the event's."""
        pairs = [pair for item in items for pair in (item.items() if isinstance(item, dict) else [("x", item)])]
        return b"".join(
            Wire.frame(Wire.body(value), event_type=name, content_type="application/json", message_type="event")
            for name, value in pairs
        )


@pytest.fixture(scope="session")
def wire() -> Wire:
    """Builders of exchanges and calls."""
    return Wire()


@pytest.fixture(scope="session")
def book() -> Book:
    """The price book without anybody's own prices."""
    return compile_book()
