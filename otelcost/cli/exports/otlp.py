"""Calls as OTLP JSON: one request a line and call, in the current GenAI conventions, readable by any Collector."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from otelcost import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otelcost.cli.exports.rows import Exported
    from otelcost.cli.reader import Reader
    from otelcost.store.queries import CallRow

SCOPE = "otelcost"
_CLIENT = 3
_OK, _ERROR = 1, 2
_FAILED = frozenset({"error", "timeout", "aborted", "cancelled"})

_ATTRIBUTES = {
    "gen_ai.operation.name": "operation",
    "gen_ai.provider.name": "provider",
    "gen_ai.request.model": "request_model",
    "gen_ai.response.model": "response_model",
    "gen_ai.response.id": "response_id",
    "gen_ai.conversation.id": "session_id",
    "gen_ai.prompt.name": "prompt_name",
    "gen_ai.prompt.version": "prompt_version",
    "gen_ai.request.max_tokens": "max_output_tokens",
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
    "server.address": "server_address",
    "otelcost.task": "task",
    "otelcost.api": "api",
    "otelcost.status": "status",
    "otelcost.attempt": "attempt",
    "otelcost.operation_id": "operation_id",
    "otelcost.call_site": "call_site",
    "otelcost.cost_picousd": "cost_picousd",
    "otelcost.price_status": "price_status",
}
"""Attribute -> field of a call. A cost is ours and never `gen_ai.usage.cost`, which is the provider's own word."""


def lines(_found: Reader, exported: Exported) -> Iterator[str]:
    """A request of one span a line."""
    for row in exported.rows:
        yield json.dumps(_request(row), separators=(",", ":")) + "\n"


def _request(row: CallRow) -> dict[str, Any]:
    service = [_pair("service.name", row.service_name)] if row.service_name else []
    scope = {"name": SCOPE, "version": __version__}
    return {
        "resourceSpans": [
            {"resource": {"attributes": service}, "scopeSpans": [{"scope": scope, "spans": [_span(row)]}]}
        ]
    }


def _span(row: CallRow) -> dict[str, Any]:
    start = _nanoseconds(row.start)
    failed = row.status in _FAILED
    parent = {"parentSpanId": row.parent_span_id} if row.parent_span_id else {}
    return {
        "traceId": row.trace_id,
        "spanId": row.span_id,
        **parent,
        "name": " ".join(filter(None, (row.operation, row.request_model))) or "call",
        "kind": _CLIENT,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + (row.duration_us or 0) * 1000),
        "attributes": [_pair(key, value) for key, value in _attributes(row).items()],
        "status": {"code": _ERROR if failed else _OK},
    }


def _attributes(row: CallRow) -> dict[str, Any]:
    """What is known of the call; unknown is left out and never 0."""
    written = [part for part in (row.cache_write_short_tokens, row.cache_write_long_tokens) if part is not None]
    found = {key: getattr(row, field) for key, field in _ATTRIBUTES.items()}
    found["gen_ai.usage.cache_write.input_tokens"] = sum(written) if written else None
    found["gen_ai.response.finish_reasons"] = [row.finish_reason] if row.finish_reason else None
    found["error.type"] = (row.error_type or "_OTHER") if row.status in _FAILED else None
    found["otelcost.flags"] = list(row.flags) or None
    return {key: value for key, value in found.items() if value is not None}


def _pair(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": _value(value)}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}


def _nanoseconds(moment: datetime) -> int:
    """A naive UTC moment in nanoseconds since 1970."""
    delta = moment - datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1000
