"""Every API that streams: errors inside a 200, streams without usage, what was served against what was asked."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from otelcost.capture import estimate
from otelcost.model import Usage
from otelcost.wire.codecs import codec_of

from .test_properties import BINARY, CONVERSE, EVENTED, GEMINI, INVOKE, LINED, PATHS, REQUESTS, STREAMS, framed

STREAMED = {api: path for api, path in PATHS.items() if path in EVENTED | LINED | BINARY}
OVERLOADED = {"error": {"code": "overloaded", "message": "It is late."}}
ERRORS: dict[str, tuple[Any, str]] = {
    "openai.chat": (OVERLOADED, "overloaded"),
    "openai.completions": (OVERLOADED, "overloaded"),
    "openai.responses": ({"type": "error", "code": "server_error", "message": "It is late."}, "server_error"),
    "openai.images": ({"type": "error", **OVERLOADED}, "overloaded"),
    "openai.audio": ({"type": "error", **OVERLOADED}, "overloaded"),
    "openai.speech": ({"type": "error", **OVERLOADED}, "overloaded"),
    "anthropic.messages": ({"type": "error", "error": {"type": "overloaded_error"}}, "overloaded_error"),
    "gemini.generate": ({"error": {"code": 503, "status": "UNAVAILABLE"}}, "UNAVAILABLE"),
    "gemini.interactions": ({"event_type": "error", **OVERLOADED}, "overloaded"),
    "bedrock.converse": (b"throttlingException", "throttlingException"),
    "bedrock.invoke": (b"modelStreamErrorException", "modelStreamErrorException"),
    "cohere.chat": (OVERLOADED, "overloaded"),
    "ollama.chat": ({"error": "overloaded"}, "overloaded"),
}
"""What each sends when it fails after its 200, and what the record says of it."""

COUNTERS = ("usage", "usageMetadata", "prompt_eval_count", "eval_count", "prompt_token_count", "generation_token_count")


def events_of(path: str) -> list[Any]:
    return json.loads(json.dumps(STREAMS[path]))  # type: ignore[no-any-return]


def without_usage(value: Any) -> Any:
    """The same events by a provider that counts nothing."""
    if isinstance(value, dict):
        return {name: without_usage(inner) for name, inner in value.items() if name not in COUNTERS}
    return [without_usage(item) for item in value] if isinstance(value, list) else value


def test_every_stream_has_its_error() -> None:
    assert set(ERRORS) == set(STREAMED)


@pytest.mark.parametrize("api", sorted(STREAMED))
def test_an_error_inside_a_200(wire: Any, api: str) -> None:
    path, (event, name) = STREAMED[api], ERRORS[api]
    begun = framed(wire, path, events_of(path)[:1]).replace(b"data: [DONE]\n\n", b"")
    if isinstance(event, bytes):
        told = wire.frame(b'{"message":"It is late."}', message_type="exception", exception_type=event.decode())
    else:
        told = framed(wire, path, [event]).replace(b"data: [DONE]\n\n", b"")
    call = wire.call(path, REQUESTS[path], begun + told)
    assert (call.http_status, call.status, call.error_type, call.stream) == (200, "error", name, True)
    assert call.flags == ("lower_bound",)
    assert call.usage.output_tokens is None
    assert b"It is late" not in msgspec.json.encode(call)


@pytest.mark.parametrize("api", sorted(STREAMED))
def test_a_stream_without_usage_is_unknown_and_estimated_where_words_are_billed(wire: Any, api: str) -> None:
    path = STREAMED[api]
    request = {"stream": True, **REQUESTS[path]}
    exchange = wire.exchange(path, request, framed(wire, path, without_usage(events_of(path))))
    call = wire.call(path, request, exchange.response_body)
    assert (call.status, call.error_type) == ("ok", None)
    assert call.usage in (Usage(), Usage(web_search_requests=0, file_search_requests=0, code_execution_requests=0))
    filled = estimate.fill(call, exchange, quick=True)
    if codec_of(api).other_units:
        assert filled == call
    else:
        assert "estimated" in filled.flags
        assert (filled.usage.input_uncached_tokens or 0) > 0
        assert (filled.usage.output_tokens or 0) > 0


MODELS: dict[str, tuple[tuple[Any, ...], str | None]] = {
    "openai.chat": ((0, "model"), "m"),
    "openai.completions": ((0, "model"), "m"),
    "openai.responses": ((2, "response", "model"), "m"),
    "anthropic.messages": ((0, "message", "model"), "m"),
    "gemini.generate": ((0, "modelVersion"), "gemini-3-flash"),
    "gemini.interactions": ((3, "interaction", "model"), "m"),
    "ollama.chat": ((2, "model"), "m"),
}
"""Where a stream names the model that served, and what was asked for. The other formats name none."""

TIERS: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "openai.chat": ((0, "service_tier"), "flex", "flex"),
    "openai.responses": ((2, "response", "service_tier"), "priority", "priority"),
    "anthropic.messages": ((0, "message", "usage", "service_tier"), "priority", "priority"),
    "gemini.generate": ((1, "usageMetadata", "trafficType"), "ON_DEMAND_FLEX", "flex"),
    "gemini.interactions": ((3, "interaction", "service_tier"), "flex", "flex"),
    "bedrock.converse": ((5, "metadata", "serviceTier"), {"type": "flex"}, "flex"),
}


def put(events: list[Any], at: tuple[Any, ...], value: Any) -> list[Any]:
    node: Any = events
    for name in at[:-1]:
        node = node[name]
    node[at[-1]] = value
    return events


@pytest.mark.parametrize("api", sorted(MODELS))
def test_the_model_that_served_stands_beside_the_one_that_was_asked(wire: Any, api: str) -> None:
    path, (at, asked) = STREAMED[api], MODELS[api]
    request = REQUESTS[path] if path == GEMINI else {**REQUESTS[path], "model": asked}
    call = wire.call(path, request, framed(wire, path, put(events_of(path), at, "served-2026-11-01")))
    assert (call.request_model, call.response_model, call.status) == (asked, "served-2026-11-01", "ok")


@pytest.mark.parametrize("path", [CONVERSE, INVOKE])
def test_amazon_bills_the_model_of_the_path(wire: Any, path: str) -> None:
    call = wire.call(path, REQUESTS[path], framed(wire, path, events_of(path)))
    assert (call.request_model, call.response_model) == ("us.amazon.nova-lite-v1:0", None)


@pytest.mark.parametrize("api", sorted(TIERS))
def test_the_tier_that_was_served_stands_beside_the_one_that_was_asked(wire: Any, api: str) -> None:
    path, (at, value, served) = STREAMED[api], TIERS[api]
    member = "serviceTier" if path in {GEMINI, CONVERSE} else "service_tier"
    asked: Any = {"type": "default"} if path == CONVERSE else "standard" if path == GEMINI else "auto"
    call = wire.call(path, {**REQUESTS[path], member: asked}, framed(wire, path, put(events_of(path), at, value)))
    assert call.service_tier == served
    assert call.request_tier in {"auto", "standard", "default", None}
    assert call.request_tier is not None or api == "gemini.interactions"
