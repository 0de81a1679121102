"""What the providers answer, as data: bodies with their usage, in the shapes of OpenAI's and Anthropic's APIs.

Seven zeros in an id are the number of the request: no two answers have the same id, as with the real ones.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal, NamedTuple

GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"
EVENTS: Final = "text/event-stream"


class Answer(NamedTuple):
    """One HTTP answer.

    Attributes:
        pieces: the body; of a stream every piece is an HTTP chunk of its own.
        then: `silence` leaves a stream open after its last piece, `never` does not answer at all.
    """

    pieces: tuple[bytes, ...]
    kind: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    then: Literal["end", "silence", "never"] = "end"


def whole(value: object, status: int = 200, *headers: tuple[str, str]) -> Answer:
    """A JSON body."""
    return Answer((json.dumps(value).encode(),), status=status, headers=headers)


def stream(events: list[Any], *, named: bool = False, then: Literal["end", "silence"] = "end") -> Answer:
    """A stream of events; `named` as Anthropic and the Responses API send them."""
    return Answer(tuple(_event(one, named=named) for one in events), EVENTS, then=then)


def _event(value: Any, *, named: bool) -> bytes:
    data = value if isinstance(value, str) else json.dumps(value)
    name = f"event: {value['type']}\n" if named else ""
    return f"{name}data: {data}\n\n".encode()


# OpenAI


def usage(prompt: int, completion: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """The `usage` of chat and legacy completions."""
    return {
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }  # fmt: skip


def chat(counted: dict[str, Any], *, tools: bool = False, name: str = "chatcmpl-0000000") -> dict[str, Any]:
    """A chat completion, with two tool calls where asked for."""
    message: dict[str, Any] = {"role": "assistant", "content": None if tools else "ok " * 60}
    if tools:
        function = {"name": "look", "arguments": '{"where":"here"}'}
        message["tool_calls"] = [{"id": f"call_{i}", "type": "function", "function": function} for i in range(2)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tools else "stop", "logprobs": None}
    head = {"id": name, "object": "chat.completion", "created": 1, "model": GPT, "service_tier": "default"}
    return {**head, "choices": [choice], "usage": counted}


def chunks(count: int, counted: dict[str, Any] | None = None, *, said: bool = True) -> list[Any]:
    """A chat stream of `count` words; the last chunk has the usage where there is one; `said`: and [DONE]."""
    head = {"id": "chatcmpl-0000000", "object": "chat.completion.chunk", "created": 1, "model": GPT}
    # Where usage is asked for, every chunk but the last says `"usage": null`.
    head |= {"usage": None} if counted else {}
    made: list[Any] = [{**head, "choices": [_choice({"role": "assistant", "content": ""})]}]
    made += [{**head, "choices": [_choice({"content": "word "})]} for _ in range(count)]
    if not said:
        return made
    made.append({**head, "choices": [{**_choice({}), "finish_reason": "stop"}]})
    if counted:
        made.append({**head, "choices": [], "usage": counted})
    return [*made, "[DONE]"]


def _choice(delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": None, "logprobs": None}


LEGACY: Final = {
    "id": "cmpl-0000000", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct",
    "choices": [{"index": 0, "text": "ok", "finish_reason": "stop", "logprobs": None}],
}  # fmt: skip


def response(counted: dict[str, Any] | None, name: str = "resp_0000000", status: str = "completed") -> dict[str, Any]:
    """A response of the Responses API."""
    text = [{"type": "output_text", "text": "ok " * 20, "annotations": [], "logprobs": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": text}
    return {
        "id": name, "object": "response", "created_at": 1, "status": status, "model": GPT, "background": False,
        "output": [message] if status == "completed" else [], "usage": counted, "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": True, "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
        "temperature": 1.0, "top_p": 1.0, "service_tier": "default", "store": True,
    }  # fmt: skip


def response_usage(given: int, made: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """The `usage` of the Responses API."""
    return {
        "input_tokens": given, "output_tokens": made, "total_tokens": given + made,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": reasoning},
    }  # fmt: skip


def response_events(counted: dict[str, Any]) -> list[Any]:
    """A response as a stream."""
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(None, status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **where, "part": part},
        *({"type": "response.output_text.delta", **where, "delta": "ok ", "logprobs": []} for _ in range(20)),
        {"type": "response.output_text.done", **where, "text": "ok " * 20, "logprobs": []},
        {"type": "response.completed", "response": response(counted)},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def failure(message: str = "overloaded") -> dict[str, Any]:
    """OpenAI's error body."""
    return {"error": {"message": message, "type": "server_error", "param": None, "code": None}}


# Anthropic


def message(counted: dict[str, Any], name: str = "msg_0000000", *, tools: bool = False) -> dict[str, Any]:
    """A message."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "ok " * 60}]
    if tools:
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"where": "here"}})
    return {
        "id": name, "type": "message", "role": "assistant", "model": CLAUDE, "content": blocks,
        "stop_reason": "tool_use" if tools else "end_turn", "stop_sequence": None, "usage": counted,
    }  # fmt: skip


def claude_usage(given: int, made: int, *, read: int = 0, short: int = 0, long: int = 0) -> dict[str, Any]:
    """The `usage` of a message: `input_tokens` are those outside the cache."""
    return {
        "input_tokens": given, "output_tokens": made, "cache_read_input_tokens": read,
        "cache_creation_input_tokens": short + long, "service_tier": "standard",
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
    }  # fmt: skip


def message_events(start: dict[str, Any], deltas: list[dict[str, Any]], words: int = 20) -> list[Any]:
    """A message as a stream: usage at the start, and what each `message_delta` says of it. None: it breaks off."""
    empty = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    word = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ok "}}
    events = [
        {"type": "message_start", "message": {**message(start), "content": [], "stop_reason": None}},
        empty,
        {"type": "ping"},
        *([word] * words),
    ]
    if not deltas:
        return events
    ends = [{"stop_reason": None}] * (len(deltas) - 1) + [{"stop_reason": "end_turn"}]
    said = [
        {"type": "message_delta", "delta": {**end, "stop_sequence": None}, "usage": counted}
        for end, counted in zip(ends, deltas, strict=True)
    ]
    return [*events, {"type": "content_block_stop", "index": 0}, *said, {"type": "message_stop"}]


OVERLOADED: Final = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def lines(values: list[Any]) -> Answer:
    """A file of JSON lines, as batches give their results."""
    return Answer(tuple(json.dumps(value).encode() + b"\n" for value in values), "application/jsonl")


BUSY: Final = whole(failure("slow down"), 429, ("retry-after-ms", "1"))
_PLAIN: Final = usage(210, 60)
_SAID: Final = claude_usage(210, 60)

ANSWERS: Final[dict[str, list[Answer]]] = {
    # What the costs are measured with.
    "load-chat": [whole(chat(_PLAIN))],
    "load-message": [whole(message(_SAID))],
    **{f"load-chunks-{n}": [stream(chunks(n, _PLAIN))] for n in (100, 500)},
    **{f"load-events-{n}": [stream(message_events(_SAID, [{"output_tokens": 60}], n), named=True)] for n in (100, 500)},
    "sink": [whole({})],
    # The correctness cases, by their names in `cases`.
    "chat": [whole(chat(_PLAIN))],
    "chat-stream": [stream(chunks(20, usage(33, 21)))],
    "chat-stream-unsaid": [stream(chunks(20))],
    "completion": [whole({**LEGACY, "usage": usage(12, 5)})],
    "completion-stream": [stream([LEGACY, {**LEGACY, "choices": [], "usage": usage(12, 6)}, "[DONE]"])],
    "chat-cached": [whole(chat(usage(2048, 20, cached=1920)))],
    "chat-reasoning": [whole(chat(usage(40, 900, reasoning=832)))],
    "chat-tools": [whole(chat(usage(88, 44), tools=True))],
    "chat-json": [whole(chat(usage(31, 9)))],
    "retry": [BUSY, BUSY, whole(chat(usage(51, 8)))],
    "retry-500": [whole(failure(), 500, ("retry-after-ms", "1")), whole(chat(usage(52, 8)))],
    "response": [whole(response(response_usage(70, 30, cached=64)))],
    "response-stream": [stream(response_events(response_usage(70, 31, reasoning=10)), named=True)],
    "response-again": [whole(response(response_usage(71, 32), "resp_kept"))],
    "embeddings": [
        whole(
            {
                "object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 17, "total_tokens": 17},
                "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
            }
        )
    ],
    "images": [
        whole(
            {
                "created": 1, "data": [{"b64_json": "aGk="}], "output_format": "png", "quality": "low",
                "usage": {
                    "input_tokens": 14, "output_tokens": 272, "total_tokens": 286,
                    "input_tokens_details": {"text_tokens": 14, "image_tokens": 0},
                },
            }
        )
    ],
    "transcription": [
        whole(
            {
                "text": "hello",
                "usage": {
                    "type": "tokens", "input_tokens": 45, "output_tokens": 7, "total_tokens": 52,
                    "input_token_details": {"text_tokens": 0, "audio_tokens": 45},
                },
            }
        )
    ],
    "batch": [
        lines(
            [
                {
                    "id": f"batch_req_{i}", "custom_id": f"r{i}", "error": None,
                    "response": {
                        "status_code": 200, "request_id": f"q{i}", "body": chat(usage(100 + i, 10), name=f"c-{i}"),
                    },
                }
                for i in range(2)
            ]
        )
    ],
    "message-batch": [
        whole(
            {
                "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
                "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z",
                "ended_at": "2026-01-01T01:00:00Z", "archived_at": None, "cancel_initiated_at": None,
                "request_counts": {"processing": 0, "succeeded": 2, "errored": 0, "canceled": 0, "expired": 0},
                "results_url": "/message-batch/v1/messages/batches/msgbatch_1/results",
            }
        ),
        lines(
            [
                {
                    "custom_id": f"r{i}",
                    "result": {"type": "succeeded", "message": message(claude_usage(100 + i, 10), f"m-{i}")},
                }
                for i in range(2)
            ]
        ),
    ],
    "message": [whole(message(_SAID))],
    "message-stream": [stream(message_events(claude_usage(40, 2), [{"output_tokens": 25}]), named=True)],
    "message-revised": [
        stream(
            message_events(
                claude_usage(40, 2),
                [{"output_tokens": 10}, {"output_tokens": 24}, {"input_tokens": 55, "output_tokens": 37}],
            ),
            named=True,
        )
    ],
    "message-cached": [whole(message(claude_usage(9, 30, read=4096)))],
    "message-written": [whole(message(claude_usage(9, 30, read=1000, short=300, long=500)))],
    "message-written-stream": [
        stream(message_events(claude_usage(9, 1, read=1000, short=300, long=500), [{"output_tokens": 33}]), named=True)
    ],
    "message-tools": [whole(message(claude_usage(99, 50), tools=True))],
    "count": [whole({"input_tokens": 4321})],
    # Ends before the end: what was billed for the output nobody said.
    "chat-broken": [stream(chunks(20, usage(33, 21), said=False), then="silence")],
    "message-broken": [stream(message_events(claude_usage(40, 2), []), named=True, then="silence")],
    "message-failed": [stream([*message_events(claude_usage(40, 2), []), OVERLOADED], named=True)],
    "chat-failed": [stream([*chunks(20, said=False), failure()])],
    "silence": [Answer((), then="never")],
    "refused": [whole(failure("bad request"), 400)],
    "broken": [whole(failure(), 500)],
}  # fmt: skip
"""Answers by name."""
