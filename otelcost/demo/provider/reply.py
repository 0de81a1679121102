"""What the provider sends back for one request, before any of it is on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from otelcost.demo.provider.scenarios import Scenario
from otelcost.demo.provider.turn import Event


@dataclass
class Reply:
    """A whole body or a stream of events, its headers, and the line of the billing log it settles.

    The log line is completed by the server, which alone knows whether the client stayed to the end.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: Iterator[Event] | None = None
    error_event: Event | None = None
    scenario: Scenario = field(default_factory=Scenario)
    record: dict[str, Any] | None = None


def json_reply(payload: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(status, {"content-type": "application/json", **headers}, json.dumps(payload).encode())


def openai_error(status: int, message: str) -> dict[str, Any]:
    """OpenAI's error body."""
    kinds = {400: "invalid_request_error", 401: "invalid_request_error", 429: "rate_limit_error"}
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": codes.get(status)}}


def anthropic_error(status: int, message: str, request_id: str) -> dict[str, Any]:
    """Anthropic's error body."""
    kinds = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
    kind = kinds.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
