"""The texts that an estimate counts: the same words for every API, nothing where words are not the unit."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.wire import Texts, texts_of

PROMPT = 'Say "été"\n'
GEMINI = "/v1beta/models/gemini-3-flash:streamGenerateContent"
CONVERSE = "/model/us.amazon.nova-lite-v1:0/converse-stream"


@pytest.mark.parametrize(
    ("path", "request_body", "chunks", "framing", "expected"),
    [
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": PROMPT}]},
            [
                {"choices": [{"delta": {"reasoning_content": "hm", "content": None}}]},
                {"choices": [{"delta": {"reasoning": {"odd": 1}}}]},
                {"choices": [{"delta": {"content": "On "}}]},
                {"choices": [{"delta": {"content": "its"}}]},
            ],
            "sse",
            ["hm", "On ", "its"],
        ),
        (
            "/v1/messages",
            {"messages": [{"role": "user", "content": PROMPT}]},
            [
                {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
                {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "On "}},
            ],
            "sse",
            ["hm", "On "],
        ),
        (
            GEMINI,
            {"contents": [{"parts": [{"text": PROMPT}, {"inlineData": {"mimeType": "image/png", "data": "AA"}}]}]},
            [{"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"text": "On "}]}}]}],
            "sse",
            ["hm", "On "],
        ),
        (
            CONVERSE,
            {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]},
            [
                {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "hm"}}}},
                {"contentBlockDelta": {"delta": {"reasoningContent": {"signature": "x"}}}},
                {"contentBlockStart": {"contentBlockIndex": 1, "start": {"toolUse": {"name": "find"}}}},
                {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "{"}}}},
            ],
            "named",
            ["hm", "find", "{"],
        ),
        (
            "/api/chat",
            {"model": "m", "messages": [{"role": "user", "content": PROMPT}]},
            [{"message": {"content": "", "thinking": "hm"}}, {"message": {"content": "On "}}],
            "lines",
            ["hm", "", "On "],
        ),
    ],
)
def test_what_had_come_of_a_cut_stream(
    wire: Any, path: str, request_body: object, chunks: list[Any], framing: str, expected: list[str]
) -> None:
    body = getattr(wire, framing)(chunks)
    assert texts_of(wire.exchange(path, request_body, body, ended="closed")) == Texts([PROMPT], expected)
    assert texts_of(wire.exchange(path, request_body, b"", ended="timeout", status=None)) == Texts([PROMPT], None)
    assert texts_of(wire.exchange(path, b"{", body, ended="closed")) == Texts(None, expected)


def test_bytes_that_are_no_inside_of_a_string(wire: Any) -> None:
    found = texts_of(wire.exchange("/v1/completions", {"prompt": {"odd": 1}}, b""))
    assert found == Texts(['{"odd":1}'], None)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/images/generations", "/v1/audio/speech", "/v2/rerank"])
def test_what_words_do_not_measure(wire: Any, path: str) -> None:
    assert texts_of(wire.exchange(path, {"model": "m", "prompt": "a"}, b"")) is None
