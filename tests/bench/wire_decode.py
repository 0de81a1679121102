"""Time one `decode` per shape of traffic: `python tests/bench/wire_decode.py [--json]`.

Prints microseconds of CPU a call, the best of several passes. "cold" has never seen the prompt; "warm" is the
next call of the same prompt, as a service that keeps its system prompt and tools makes them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import msgspec

from otelcost.model import Context, Exchange
from otelcost.wire import anatomy, decode

KEY = bytes(range(32))
PASSES = 7
_CONTEXT = Context(trace_id="0" * 32, span_id="0" * 16, start_unix_us=0, operation_id="0" * 16)
_SENTENCE = 'Order 4711 of "Ada" left Turin on 2026-11-03, and nobody has heard of it since then.\n'
_USAGE = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}
_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Finds an order by its number.",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
    },
}


def _prose(size: int) -> str:
    return (_SENTENCE * (size // len(_SENTENCE) + 1))[:size]


def exchange(host: str, path: str, request: object, response: bytes, content_type: str) -> Exchange:
    """A finished attempt with these bodies."""
    return Exchange(
        method="POST",
        host=host,
        port=443,
        path=path,
        query="",
        request_headers={"content-type": "application/json"},
        request_body=json.dumps(request, separators=(",", ":")).encode(),
        status=200,
        response_headers={"content-type": content_type, "x-request-id": "req_1"},
        response_body=response,
        response_decoded=True,
        ended="complete",
        error_type=None,
        request_truncated=False,
        response_truncated=False,
        trusted_host=False,
        context=_CONTEXT,
    )


def chat(size: int) -> Exchange:
    """An OpenAI chat completion with a system prompt that takes most of `size` bytes."""
    request = {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": _prose(size - size // 8 if size > 2_000 else size * 3 // 5)},
            {"role": "user", "content": _prose(max(40, min(size // 8, 1_000)))},
        ],
        "tools": [_TOOL],
        "temperature": 0.2,
    }
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": _prose(240)}, "finish_reason": "stop"}],
        "usage": _USAGE,
        "service_tier": "default",
    }
    return exchange("api.openai.com", "/v1/chat/completions", request, json.dumps(answer).encode(), "application/json")


def messages(size: int) -> Exchange:
    """An Anthropic message with a marked system block that takes most of `size` bytes."""
    request = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 500,
        "system": [
            {
                "type": "text",
                "text": _prose(size - size // 8 if size > 2_000 else size * 3 // 5),
                "cache_control": {"type": "ephemeral"},
            }
        ],
        "messages": [{"role": "user", "content": _prose(max(40, min(size // 8, 1_000)))}],
    }
    answer = {
        "id": "msg_1",
        "type": "message",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": _prose(240)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 40, "cache_read_input_tokens": 860, "output_tokens": 60},
    }
    return exchange("api.anthropic.com", "/v1/messages", request, json.dumps(answer).encode(), "application/json")


def chat_stream(chunks: int) -> Exchange:
    """A chat completion of 1 KB answered in `chunks` chunks, usage in the last."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-4o"}
    events = [
        head | {"choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}], "usage": None}
        for _ in range(chunks)
    ]
    events.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None})
    events.append(head | {"choices": [], "usage": _USAGE})
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    base = chat(1_000)
    return msgspec.structs.replace(base, response_body=body, response_headers={"content-type": "text/event-stream"})


def messages_stream(chunks: int) -> Exchange:
    """An Anthropic message of 1 KB answered in `chunks` text deltas."""
    usage = {"input_tokens": 900, "output_tokens": 1}
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-4-5", "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " word"}}
    events += [delta] * chunks
    events += [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 600}},
        {"type": "message_stop"},
    ]
    body = b"".join(b"event: %b\ndata: %b\n\n" % (str(e["type"]).encode(), json.dumps(e).encode()) for e in events)
    base = messages(1_000)
    return msgspec.structs.replace(base, response_body=body, response_headers={"content-type": "text/event-stream"})


def best_us(call: Callable[[], object], rounds: int) -> float:
    """Microseconds a call, the best of several passes."""
    best = float("inf")
    for _ in range(PASSES):
        started = time.process_time()
        for _ in range(rounds):
            call()
        best = min(best, (time.process_time() - started) / rounds)
    return best * 1e6


def measure() -> list[dict[str, object]]:
    """One row per shape: its size, and microseconds cold, warm and of encoding the record."""
    shapes = {
        "chat 1 KB": (chat(1_000), 400),
        "chat 20 KB": (chat(20_000), 200),
        "chat 400 KB": (chat(400_000), 20),
        "messages 1 KB": (messages(1_000), 400),
        "messages 20 KB": (messages(20_000), 200),
        "messages 400 KB": (messages(400_000), 20),
        "chat 500-chunk stream": (chat_stream(500), 50),
        "messages 500-chunk stream": (messages_stream(500), 50),
    }
    rows: list[dict[str, object]] = []
    for name, (one, rounds) in shapes.items():

        def cold(one: Exchange = one) -> None:
            anatomy.forget()
            decode(one, KEY)

        warm_us = best_us(lambda one=one: decode(one, KEY), rounds)  # type: ignore[misc]
        call = decode(one, KEY)
        rows.append(
            {
                "shape": name,
                "bytes": len(one.request_body) + len(one.response_body),
                "cold_us": round(best_us(cold, rounds), 1),
                "warm_us": round(warm_us, 1),
                "encode_us": round(best_us(lambda call=call: msgspec.json.encode(call), rounds), 1),  # type: ignore[misc]
                "line_bytes": len(msgspec.json.encode(call)),
            }
        )
    return rows


def main() -> None:
    """Print the table, or JSON lines with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    rows = measure()
    if parser.parse_args().json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        return
    names = list(rows[0])
    sys.stdout.write("| " + " | ".join(names) + " |\n|" + "---|" * len(names) + "\n")
    sys.stdout.writelines("| " + " | ".join(str(row[name]) for name in names) + " |\n" for row in rows)


if __name__ == "__main__":
    main()
