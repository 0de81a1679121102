"""The shapes of OpenAI's Responses API, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from otelcost.demo.provider.turn import Event, Turn, named_event, pieces

_ECHOED = ("instructions", "max_output_tokens", "temperature", "top_p", "metadata", "previous_response_id", "user")


def response(turn: Turn) -> dict[str, Any]:
    """A finished `Response`; incomplete where the answer hit `max_output_tokens`."""
    truncated = turn.answer.truncated
    return {
        **_head(turn, "incomplete" if truncated else "completed"),
        "completed_at": None if truncated else turn.created,
        "incomplete_details": {"reason": "max_output_tokens"} if truncated else None,
        "output": _output(turn),
        "usage": usage(turn),
    }


def events(turn: Turn) -> Iterator[Event]:
    """The same response as a stream of typed, numbered events."""
    numbers = count()

    def made(kind: str, shown: str = "", **fields: Any) -> Event:
        return named_event({"type": kind, "sequence_number": next(numbers), **fields}, shown)

    begun = {**_head(turn, "in_progress"), "incomplete_details": None, "output": [], "usage": None}
    yield made("response.created", response=begun)
    yield made("response.in_progress", response=begun)
    for index, item in enumerate(_output(turn)):
        opened = _opened(item)
        yield made("response.output_item.added", output_index=index, item=opened)
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            yield from _text_events(made, place, item["content"][0])
        elif item["type"] == "function_call":
            for piece in pieces(item["arguments"]):
                yield made("response.function_call_arguments.delta", piece, **place, delta=piece)
            done = {"arguments": item["arguments"], "name": item["name"]}
            yield made("response.function_call_arguments.done", **place, **done)
        yield made("response.output_item.done", output_index=index, item=item)
    whole = response(turn)
    yield made(f"response.{whole['status']}", response=whole)


def usage(turn: Turn) -> dict[str, Any]:
    """The `usage` of Responses: cached and written tokens are parts of `input_tokens`."""
    tokens = turn.tokens
    return {
        "input_tokens": tokens.total,
        "input_tokens_details": {"cached_tokens": tokens.read, "cache_write_tokens": tokens.write_short},
        "output_tokens": turn.output_tokens,
        "output_tokens_details": {"reasoning_tokens": turn.reasoning_tokens},
        "total_tokens": tokens.total + turn.output_tokens,
    }


def error_event(message: str) -> Event:
    """What a failing service sends inside a stream that began well."""
    error = {"type": "error", "sequence_number": 99, "code": "server_error", "message": message, "param": None}
    return named_event(error)


def _head(turn: Turn, status: str) -> dict[str, Any]:
    body = turn.body
    return {
        "id": turn.response_id,
        "object": "response",
        "created_at": turn.created,
        "status": status,
        "background": False,
        "error": None,
        "model": turn.model,
        "parallel_tool_calls": bool(body.get("parallel_tool_calls", True)),
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": turn.tier,
        "store": bool(body.get("store", True)),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "truncation": "disabled",
        **{key: body.get(key) for key in _ECHOED},
    }


def _output(turn: Turn) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if turn.answer.reasoning_tokens:
        items.append({"id": f"rs_{turn.item_id}", "type": "reasoning", "summary": []})
    tool = turn.answer.tool
    if tool is not None:
        made = {"id": f"fc_{turn.item_id}", "type": "function_call", "call_id": f"call_{turn.item_id}"}
        return [*items, {**made, "name": tool.name, "arguments": tool.arguments, "status": "completed"}]
    text = {"type": "output_text", "text": turn.answer.text, "annotations": [], "logprobs": []}
    status = "incomplete" if turn.answer.truncated else "completed"
    message = {"id": f"msg_{turn.item_id}", "type": "message", "role": "assistant", "status": status}
    return [*items, {**message, "content": [text]}]


def _opened(item: dict[str, Any]) -> dict[str, Any]:
    if item["type"] == "message":
        return {**item, "status": "in_progress", "content": []}
    if item["type"] == "function_call":
        return {**item, "status": "in_progress", "arguments": ""}
    return item


def _text_events(made: Any, place: dict[str, Any], part: dict[str, Any]) -> Iterator[Event]:
    where = {**place, "content_index": 0}
    yield made("response.content_part.added", **where, part={**part, "text": ""})
    for piece in pieces(part["text"]):
        yield made("response.output_text.delta", piece, **where, delta=piece, logprobs=[])
    yield made("response.output_text.done", **where, text=part["text"], logprobs=[])
    yield made("response.content_part.done", **where, part=part)
