"""The shapes of Anthropic's Messages API, whole and streamed; beta requests have the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from otelcost.demo.provider.turn import Event, Turn, named_event, pieces


def message(turn: Turn) -> dict[str, Any]:
    """A finished `Message`."""
    return {
        **_head(turn),
        "content": _content(turn),
        "stop_reason": _stop_reason(turn),
        "usage": _usage(turn, turn.output_tokens),
    }


def events(turn: Turn) -> Iterator[Event]:
    """The same message as a stream; `message_delta.usage` is cumulative, as the API sends it."""
    start = {**_head(turn), "content": [], "stop_reason": None, "usage": _usage(turn, 1, started=True)}
    yield named_event({"type": "message_start", "message": start})
    yield named_event({"type": "ping"})
    for index, block in enumerate(_content(turn)):
        yield from _block_events(index, block)
    yield named_event(
        {
            "type": "message_delta",
            "delta": {"stop_reason": _stop_reason(turn), "stop_sequence": None, "stop_details": None},
            "usage": _delta_usage(turn),
        }
    )
    yield named_event({"type": "message_stop"})


def error_event(message_text: str) -> Event:
    """What an overloaded service sends inside a stream that began well."""
    error = {"type": "overloaded_error", "message": message_text}
    return named_event({"type": "error", "error": error, "request_id": None})


def _head(turn: Turn) -> dict[str, Any]:
    return {
        "id": turn.response_id,
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }


def _content(turn: Turn) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if turn.answer.reasoning_tokens:
        blocks.append({"type": "thinking", "thinking": "Looking at the request.", "signature": "bG9vcGJhY2s="})
    tool = turn.answer.tool
    if tool is None:
        return [*blocks, {"type": "text", "text": turn.answer.text, "citations": None}]
    made = {"type": "tool_use", "id": turn.item_id, "name": tool.name, "input": json.loads(tool.arguments)}
    return [*blocks, {**made, "caller": {"type": "direct"}}]


def _stop_reason(turn: Turn) -> str:
    if turn.answer.tool is not None:
        return "tool_use"
    return "max_tokens" if turn.answer.truncated else "end_turn"


def _usage(turn: Turn, output_tokens: int, *, started: bool = False) -> dict[str, Any]:
    tokens = turn.tokens
    usage: dict[str, Any] = {
        "input_tokens": tokens.uncached,
        "cache_creation_input_tokens": tokens.write_short + tokens.write_long,
        "cache_read_input_tokens": tokens.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tokens.write_short,
            "ephemeral_1h_input_tokens": tokens.write_long,
        },
        "output_tokens": output_tokens,
        "service_tier": turn.tier,
        "inference_geo": turn.body.get("inference_geo") or "global",
    }
    if turn.body.get("speed"):
        usage["speed"] = turn.body["speed"]
    if turn.reasoning_tokens and not started:
        usage["output_tokens_details"] = {"thinking_tokens": turn.reasoning_tokens}
    return usage


def _delta_usage(turn: Turn) -> dict[str, Any]:
    whole = _usage(turn, turn.output_tokens)
    kept = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    return {key: whole[key] for key in (*kept, "output_tokens_details") if key in whole}


def _block_events(index: int, block: dict[str, Any]) -> Iterator[Event]:
    start, kind, key, text = _opening(block)
    yield named_event({"type": "content_block_start", "index": index, "content_block": start})
    for piece in pieces(text):
        delta = {"type": kind, key: piece}
        shown = piece if kind != "thinking_delta" else ""
        yield named_event({"type": "content_block_delta", "index": index, "delta": delta}, shown)
    if kind == "thinking_delta":
        delta = {"type": "signature_delta", "signature": block["signature"]}
        yield named_event({"type": "content_block_delta", "index": index, "delta": delta})
    yield named_event({"type": "content_block_stop", "index": index})


def _opening(block: dict[str, Any]) -> tuple[dict[str, Any], str, str, str]:
    if block["type"] == "text":
        return {**block, "text": ""}, "text_delta", "text", block["text"]
    if block["type"] == "thinking":
        return {**block, "thinking": "", "signature": ""}, "thinking_delta", "thinking", block["thinking"]
    return {**block, "input": {}}, "input_json_delta", "partial_json", json.dumps(block["input"])
