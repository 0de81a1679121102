"""Ollama's own API: lines of JSON, counts in the last one, paths that other services have too."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

CHAT = {"model": "llama3", "messages": [{"role": "user", "content": "Where is my order?"}]}
LAST = {
    "model": "llama3",
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "total_duration": 10,
    "prompt_eval_count": 9,
    "eval_count": 4,
}


@pytest.mark.parametrize("content_type", ["application/x-ndjson", ""])
def test_a_chat_in_lines(wire: Any, content_type: str) -> None:
    lines = [{"model": "llama3", "message": {"content": text}, "done": False} for text in ("On ", "its way.")]
    call = wire.call(
        "/api/chat", CHAT, wire.lines([*lines, LAST]), host="localhost", response_headers={"content-type": content_type}
    )
    assert call.usage == Usage(input_uncached_tokens=9, output_tokens=4)
    assert (call.provider, call.flags, call.stream) == ("ollama", ("provider_assumed",), True)
    assert (call.status, call.finish_reason, call.operation, call.output_bytes) == ("ok", "stop", "chat", 11)
    assert b"total_duration" in bytes(call.usage_raw)
    cut = wire.call("/api/chat", CHAT, wire.lines(lines) + b'{"mod', host="localhost", ended="closed")
    assert (cut.status, cut.flags) == ("aborted", ("lower_bound", "provider_assumed"))
    first = wire.call("/api/chat", CHAT, wire.body(lines[0]), host="localhost", ended="closed")
    assert first.status == "aborted"


def test_a_whole_chat_with_tools_and_images(wire: Any) -> None:
    request = {
        "model": "llama3",
        "stream": False,
        "think": "high",
        "format": {"type": "object"},
        "options": {"num_predict": 5, "temperature": 0},
        "tools": [{"type": "function", "function": {"name": "find"}}],
        "messages": [
            {"role": "user", "content": "a", "images": ["AAAA", 1]},
            {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "find"}}, {}]},
            {"role": "tool", "content": "b"},
        ],
    }
    message = {"content": "", "tool_calls": [{"function": {"name": "find", "arguments": {"a": 1}}}, {}]}
    call = wire.call("/api/chat", request, LAST | {"message": message}, host="ollama.com")
    assert (call.flags, call.provider, call.tools_called, call.stream) == ((), "ollama", ("find",), False)
    assert (call.max_output_tokens, call.temperature, call.effort) == (5, 0, "high")
    assert [(segment.role, segment.kind) for segment in call.segments] == [
        ("tool", "tool"),
        ("system", "schema"),
        ("user", "text"),
        ("user", "image"),
        ("user", "image"),
        ("assistant", "text"),
        ("assistant", "tool_call"),
        ("assistant", "tool_call"),
        ("tool", "tool_result"),
    ]


def test_generate(wire: Any) -> None:
    request = {"model": "m", "system": "s", "prompt": "p", "context": [1], "format": "json"}
    call = wire.call("/api/generate", request, {"model": "m", "response": "{}", "done": True}, host="ollama")
    assert (call.operation, call.output_kind, call.usage, call.status) == ("text_completion", "json", Usage(), "ok")
    assert [segment.role for segment in call.segments] == ["system", "user"]
    assert call.segments[0].tokens is None


@pytest.mark.parametrize(
    ("path", "request_body", "response", "tokens"),
    [
        ("/api/embed", {"model": "m", "input": ["a", "b"]}, {"embeddings": [[1]], "prompt_eval_count": 4}, 4),
        ("/api/embeddings", {"model": "m", "prompt": "a"}, {"embedding": [1]}, None),
    ],
)
def test_embeddings(wire: Any, path: str, request_body: object, response: object, tokens: int | None) -> None:
    call = wire.call(path, request_body, response, host="127.0.0.1")
    assert (call.api, call.operation, call.status) == ("ollama.embed", "embeddings", "ok")
    assert call.usage.input_uncached_tokens == tokens
    assert wire.call(path, request_body, wire.sse([{}]), host="ollama.com").flags == ("response_undecodable",)


def test_errors_are_named_not_quoted(wire: Any) -> None:
    call = wire.call("/api/chat", CHAT, {"error": 'model "llama3" not found'}, status=404, host="localhost")
    assert (call.status, call.error_type) == ("error", "404")
    late = wire.call("/api/chat", CHAT, wire.lines([{"error": "an error was met"}, {}]), host="localhost")
    assert (late.api, late.status, late.error_type) == ("ollama.chat", "error", "error")


@pytest.mark.parametrize(
    ("request_body", "response", "api"),
    [
        (CHAT, LAST, "ollama.chat"),
        ({"text": "hello"}, {"reply": "hello"}, "unknown"),
        (CHAT, {"reply": "hello"}, "unknown"),
        ({"messages": []}, LAST, "unknown"),
    ],
)
def test_bodies_confirm_a_common_path(wire: Any, request_body: object, response: object, api: str) -> None:
    assert wire.call("/api/chat", request_body, response, host="shop.internal").api == api
    assert wire.call("/api/chat", request_body, response, host="shop.internal", trusted_host=True).api == "ollama.chat"
