"""The shapes of OpenAI's chat completions, legacy completions and embeddings, whole and streamed."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

from otelcost.demo.provider.answers import Answer
from otelcost.demo.provider.caching import openai_bills_writes
from otelcost.demo.provider.turn import Event, Turn, data_event, pieces


def completion(turn: Turn) -> dict[str, Any]:
    """A finished `ChatCompletion`."""
    choices = [
        {"index": i, "message": _message(turn, one), "logprobs": None, "finish_reason": _finish(one)}
        for i, one in enumerate(turn.answers)
    ]
    return {**_head(turn, "chat.completion"), "choices": choices, "usage": usage(turn)}


def events(turn: Turn) -> Iterator[Event]:
    """The same completion as a stream of chunks; usage only where the request asked for it."""
    for index, one in enumerate(turn.answers):
        yield _chunk(turn, index, {"role": "assistant", "content": None if one.tool else "", "refusal": None})
        if one.tool is None:
            for piece in pieces(one.text):
                yield _chunk(turn, index, {"content": piece}, answer=piece)
        else:
            function = {"name": one.tool.name, "arguments": ""}
            call = {"index": 0, "id": turn.item_id, "type": "function", "function": function}
            yield _chunk(turn, index, {"tool_calls": [call]})
            for piece in pieces(one.tool.arguments):
                delta = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                yield _chunk(turn, index, delta, answer=piece)
        yield _chunk(turn, index, {}, finish=_finish(one))
    if _wants_usage(turn):
        yield data_event({**_head(turn, "chat.completion.chunk"), "choices": [], "usage": usage(turn)})
    yield data_event("[DONE]")


def legacy(turn: Turn) -> dict[str, Any]:
    """A finished legacy `Completion`."""
    choices = [
        {"index": i, "text": one.text, "logprobs": None, "finish_reason": _finish(one)}
        for i, one in enumerate(turn.answers)
    ]
    return {**_head(turn, "text_completion"), "choices": choices, "usage": usage(turn)}


def legacy_events(turn: Turn) -> Iterator[Event]:
    """A legacy completion as a stream."""
    head = _head(turn, "text_completion")
    for index, one in enumerate(turn.answers):
        for piece in pieces(one.text):
            choice = {"index": index, "text": piece, "logprobs": None, "finish_reason": None}
            yield data_event({**head, "choices": [choice]}, piece)
        choice = {"index": index, "text": "", "logprobs": None, "finish_reason": _finish(one)}
        yield data_event({**head, "choices": [choice]})
    if _wants_usage(turn):
        yield data_event({**head, "choices": [], "usage": usage(turn)})
    yield data_event("[DONE]")


def embeddings(model: str, vectors: list[list[float]], tokens: int, *, as_base64: bool) -> dict[str, Any]:
    """A `CreateEmbeddingResponse`; numbers or base64 of little-endian floats, as the request asked."""
    data = [
        {"object": "embedding", "index": i, "embedding": _packed(vector) if as_base64 else vector}
        for i, vector in enumerate(vectors)
    ]
    counted = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": counted}


def usage(turn: Turn) -> dict[str, Any]:
    """The `usage` of chat and legacy completions: cached and written tokens are parts of `prompt_tokens`."""
    tokens = turn.tokens
    prompt: dict[str, int] = {"cached_tokens": tokens.read, "audio_tokens": 0}
    if openai_bills_writes(turn.model):
        prompt["cache_write_tokens"] = tokens.write_short
    return {
        "prompt_tokens": tokens.total,
        "completion_tokens": turn.output_tokens,
        "total_tokens": tokens.total + turn.output_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": turn.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def error_event(message: str) -> Event:
    """What a failing service sends inside a stream that began well."""
    return data_event({"error": {"message": message, "type": "server_error", "param": None, "code": None}})


def _head(turn: Turn, kind: str) -> dict[str, Any]:
    head: dict[str, Any] = {"id": turn.response_id, "object": kind, "created": turn.created, "model": turn.model}
    if kind != "text_completion":
        head["service_tier"] = turn.tier
    return {**head, "system_fingerprint": None}


def _message(turn: Turn, one: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": one.text, "refusal": None, "annotations": []}
    if one.tool is not None:
        function = {"name": one.tool.name, "arguments": one.tool.arguments}
        call = {"id": turn.item_id, "type": "function", "function": function}
        message.update(content=None, tool_calls=[call])
    return message


def _finish(one: Answer) -> str:
    if one.tool is not None:
        return "tool_calls"
    return "length" if one.truncated else "stop"


def _wants_usage(turn: Turn) -> bool:
    return bool((turn.body.get("stream_options") or {}).get("include_usage"))


def _chunk(turn: Turn, index: int, delta: dict[str, Any], *, finish: str | None = None, answer: str = "") -> Event:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    payload = {**_head(turn, "chat.completion.chunk"), "choices": [choice]}
    if _wants_usage(turn):
        payload["usage"] = None
    return data_event(payload, answer)


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
