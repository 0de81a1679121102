"""OpenAI legacy completions and embeddings."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

COMPLETION = {"model": "gpt-3.5-turbo-instruct", "prompt": "Once upon", "max_tokens": 9}
COUNTS = {"prompt_tokens": 2, "completion_tokens": 9, "total_tokens": 11}
EMBEDDING = {"model": "text-embedding-3-small", "input": "a late order"}


def test_a_completion_whole_and_streamed(wire: Any) -> None:
    whole = wire.call(
        "/v1/completions",
        COMPLETION,
        {
            "id": "cmpl-1",
            "model": "m",
            "choices": [{"index": 0, "text": " a time", "finish_reason": "length"}],
            "usage": COUNTS,
        },
    )
    events = [
        {"id": "cmpl-1", "model": "m", "choices": [{"index": None, "text": " a", "finish_reason": None}]},
        {"id": "cmpl-1", "model": "m", "choices": [{"text": " time", "finish_reason": "length"}], "usage": None},
        {"id": "cmpl-1", "model": "m", "choices": [], "usage": COUNTS},
    ]
    streamed = wire.call("/v1/completions", COMPLETION, wire.sse(events, done=True))
    for call in (whole, streamed):
        assert (call.status, call.finish_reason, call.max_output_tokens) == ("incomplete", "length", 9)
        assert (call.usage.input_uncached_tokens, call.usage.output_tokens) == (2, 9)
        assert (call.response_id, call.response_model, call.output_bytes) == ("cmpl-1", "m", 7)
        assert call.operation == "text_completion"
    assert whole.output_hash == streamed.output_hash


def test_a_completion_stream_that_breaks(wire: Any) -> None:
    events = [{"choices": [{"text": "a"}]}, {"error": {"type": "server_error"}}]
    call = wire.call("/v1/completions", COMPLETION, wire.sse(events))
    assert (call.status, call.error_type) == ("error", "server_error")


def test_a_fill_in_the_middle_answer_has_messages(wire: Any) -> None:
    answer = {"choices": [{"message": {"content": "return 1"}, "finish_reason": "stop"}], "usage": COUNTS}
    call = wire.call("/v1/fim/completions", COMPLETION, answer, host="api.mistral.ai")
    assert (call.provider, call.output_bytes, call.status) == ("mistral_ai", 8, "ok")


def test_a_choice_without_text(wire: Any) -> None:
    assert wire.call("/v1/completions", COMPLETION, {"choices": [{"text": None}]}).output_kind == "none"


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ("abc", [3]),
        (["abc", "de"], [3, 2]),
        ([1, 2, 3], [7]),
        ([[1, 2], [3]], [5, 3]),
        ([], [2]),
        ({"odd": 1}, [9]),
        (None, []),
    ],
)
def test_inputs_are_segments(wire: Any, given: object, sizes: list[int]) -> None:
    call = wire.call("/v1/embeddings", {"model": "e", "input": given}, {"data": [], "usage": {"prompt_tokens": 6}})
    assert [segment.bytes for segment in call.segments] == sizes
    assert sum(segment.tokens or 0 for segment in call.segments) == (6 if sizes else 0)


def test_an_embedding_has_no_output(wire: Any) -> None:
    answer = {"data": [{"embedding": [0.5]}], "model": "e-1", "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    call = wire.call("/v1/embeddings", EMBEDDING, answer)
    assert call.usage == Usage(input_uncached_tokens=3, output_tokens=0, provider_total_tokens=3)
    assert (call.output_kind, call.output_hash, call.operation, call.flags) == ("vector", None, "embeddings", ())


def test_an_embedding_is_never_a_stream(wire: Any) -> None:
    call = wire.call("/v1/embeddings", EMBEDDING, wire.sse([{"a": 1}]))
    assert (call.status, call.flags) == ("error", ("response_undecodable",))


def test_a_total_alone_is_the_input_of_an_embedding(wire: Any) -> None:
    body = {"object": "list", "data": [{"embedding": [1]}], "model": "voyage-3.5", "usage": {"total_tokens": 1234}}
    call = wire.call("/v1/embeddings", {"input": ["a"], "model": "voyage-3.5"}, body, host="api.voyageai.com")
    assert call.usage == Usage(input_uncached_tokens=1234, output_tokens=0, provider_total_tokens=1234)
    assert (call.flags, call.provider) == ((), "voyageai")
