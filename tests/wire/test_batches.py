"""Result files of batches: one call a line, the same ids on every reading."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from itertools import pairwise
from typing import Any

import brotli
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otelcost.model import Call, Usage
from otelcost.pricing.book import Book
from otelcost.wire import Results, decode_many, recognise
from otelcost.wire.batches import MAX_LINE_BYTES

RESULTS = "/v1/messages/batches/msgbatch_1/results"
FILE = "/v1/files/file-1/content"
GEMINI = "/download/v1beta/files/batch-1:download"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "On its way."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "output_tokens": 4, "service_tier": "batch"},
}
ANTHROPIC = [
    {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}},
    {
        "custom_id": "b",
        "result": {
            "type": "errored",
            "error": {"type": "error", "error": {"type": "invalid_request_error"}, "request_id": "req_b"},
        },
    },
    {"custom_id": "c", "result": {"type": "errored", "error": {"type": "api_error"}}},
    {"custom_id": "d", "result": {"type": "expired"}},
    {"custom_id": "e", "result": {"type": "errored"}},
    {"result": {"type": "succeeded", "message": MESSAGE}},
]
COUNTED = {"usageMetadata": {"promptTokenCount": 5}}
COUNTS = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def output(custom_id: str, body: object, status: int = 200) -> dict[str, Any]:
    return {"custom_id": custom_id, "response": {"status_code": status, "request_id": "r", "body": body}, "error": None}


OPENAI = [
    output("a", {"object": "chat.completion", "id": "c1", "model": "m", "choices": [], "usage": COUNTS}),
    output("b", {"object": "list", "data": [{}], "usage": {"prompt_tokens": 9, "total_tokens": 9}}),
    output("c", {"object": "response", "output": [], "usage": {"input_tokens": 9, "output_tokens": 4}}),
    output("d", {"error": {"code": "bad"}}, 400),
    {"custom_id": "e", "response": None, "error": {"code": "batch_expired"}},
    {"prompt": "a line of an input file"},
]


def read(wire: Any, path: str, body: bytes, **changes: Any) -> list[Call]:
    host = "api.anthropic.com" if path == RESULTS else "api.openai.com"
    changes = {"method": "GET", "host": host} | changes
    return list(decode_many(wire.exchange(path, b"", body, **changes), wire.key))


INLINED = "/v1beta/batches/b-1"


def test_whose_downloads_may_be_results() -> None:
    for path in (RESULTS, FILE, FILE + "/", GEMINI, INLINED):
        assert recognise("get", "gateway.internal", path) == "batch.results"
        assert recognise("POST", "gateway.internal", path) is None
    for path in (
        "/v1/files/file-1",
        "/results",
        "/x/content",
        "/v1/containers/c/files/f/content",
        "/v1/vector_stores/v/files/f/content",
        "/v1/batches/batch_1",
    ):
        assert recognise("GET", "gateway.internal", path) is None


def test_message_batches(wire: Any) -> None:
    calls = read(wire, RESULTS, wire.lines(ANTHROPIC))
    assert [(call.status, call.http_status, call.error_type) for call in calls] == [
        ("ok", 200, None),
        ("error", 400, "invalid_request_error"),
        ("error", 500, "api_error"),
        ("error", 500, "500"),
    ]
    first = calls[0]
    assert first.usage == Usage(input_uncached_tokens=9, output_tokens=4)
    assert (first.batch, first.service_tier, first.flags, first.segments) == (True, "batch", (), ())
    assert (first.api, first.provider, first.response_model) == ("anthropic.messages", "anthropic", "claude-sonnet-4-5")
    assert calls[1].request_id == "req_b"


def test_output_files(wire: Any) -> None:
    calls = read(wire, FILE, wire.lines(OPENAI))
    assert [(call.api, call.status, call.usage.input_uncached_tokens) for call in calls] == [
        ("openai.chat", "ok", 9),
        ("openai.embeddings", "ok", 9),
        ("openai.responses", "ok", 9),
        ("openai.chat", "error", None),
    ]
    assert all(call.batch and call.flags == () and call.request_id == "r" for call in calls)


def test_a_file_may_begin_with_a_byte_order_mark(wire: Any) -> None:
    calls = read(wire, FILE, b"\xef\xbb\xbf" + wire.lines(OPENAI))
    assert calls == read(wire, FILE, wire.lines(OPENAI))


def test_files_of_gemini(wire: Any) -> None:
    response = {
        "candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
        "modelVersion": "gemini-3-flash",
    }
    lines = [{"key": "a", "response": response}, {"key": "b", "error": {"code": 3}}, {"key": "c", "response": {}}]
    calls = read(wire, GEMINI, wire.lines(lines), host="generativelanguage.googleapis.com")
    assert [(call.provider, call.api, call.request_model, call.response_model) for call in calls] == [
        ("gcp.gemini", "gemini.generate", None, "gemini-3-flash")
    ]
    assert (calls[0].usage.output_tokens, calls[0].batch, calls[0].stream) == (4, True, False)


def test_reading_again_gives_the_same_ids(wire: Any) -> None:
    body = wire.lines(OPENAI)
    first, again = read(wire, FILE, body), read(wire, FILE, gzip.compress(body), response_decoded=False,
                                                response_headers={"content-encoding": "gzip"})  # fmt: skip
    assert first == again
    assert len({call.context.span_id for call in first}) == len(first)
    elsewhere = read(wire, "/v1/files/file-2/content", body)
    assert not {call.context.span_id for call in first} & {call.context.span_id for call in elsewhere}


def test_other_downloads_give_no_calls(wire: Any) -> None:
    assert read(wire, FILE, b"a,b\n1,2\n") == []
    assert read(wire, FILE, wire.lines(OPENAI), status=404) == []


@given(data=st.data(), path=st.sampled_from([RESULTS, FILE]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_leaves_the_other_lines(wire: Any, data: st.DataObject, path: str) -> None:
    lines = [wire.body(line) for line in (ANTHROPIC if path == RESULTS else OPENAI)]
    whole = read(wire, path, b"\n".join(lines))
    position = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[position])))
    junk = data.draw(st.binary(max_size=6)).replace(b"\n", b"")
    lines[position] = lines[position][:at] + junk + lines[position][at + data.draw(st.integers(0, 9)) :]
    calls = read(wire, path, b"\n".join(lines))
    msgspec.json.encode(calls)
    assert len([call for call in whole if call in calls]) >= len(whole) - 1


def test_a_gemini_batch_that_holds_its_answers(wire: Any) -> None:
    answer = {
        "candidates": [],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13},
    }
    items = [{"response": answer, "metadata": {"key": "a"}}, {"error": {"code": 3}}, {"response": answer}]
    batch = {"name": "batches/b-1", "done": True, "response": {"inlinedResponses": {"inlinedResponses": items}}}
    pretty = json.dumps(batch, indent=2).encode()
    calls = read(wire, INLINED, pretty, host="generativelanguage.googleapis.com")
    assert [(call.usage.output_tokens, call.batch, call.flags) for call in calls] == [(4, True, ())] * 2
    assert len({call.context.span_id for call in calls}) == 2
    assert read(wire, INLINED, b'{"name": "batches/b-1", "metadata": {}}') == []


def test_embeddings_of_gemini(wire: Any, book: Book) -> None:
    """$0.15 a million, half of it in a batch; the lines of a file name no model."""
    host = "generativelanguage.googleapis.com"
    vector = {"embedding": {"values": [1]}}
    counted = [vector | {"tokenCount": "?"}, vector | {"tokenCount": 50}, vector | COUNTED]
    lines = [{"key": str(place), "response": response} for place, response in enumerate(counted)]
    calls = read(wire, GEMINI, wire.lines(lines), host=host)
    assert [call.usage.input_uncached_tokens for call in calls] == [None, 50, 5]
    assert {(call.api, call.request_model, call.output_kind) for call in calls} == {("gemini.embed", None, "vector")}
    for holder in ("inlinedEmbedContentResponses", "inlinedResponses"):
        answers = {holder: {"inlinedResponses": [{"response": counted[1]}]}}
        batch = {"name": "batches/b-1", "metadata": {"model": "models/gemini-embedding-001"}, "response": answers}
        (call,) = read(wire, INLINED, wire.body(batch), host=host)
        assert (call.request_model, call.usage.output_tokens) == ("gemini-embedding-001", 0)
        assert wire.microdollars(book, call) == 50 * 0.075


def in_pieces(wire: Any, body: bytes, cuts: list[int], **changes: Any) -> list[Call]:
    results = Results(wire.exchange(FILE, b"", b"", method="GET", **changes), wire.key)
    bounds = [0, *sorted(cuts), len(body)]
    calls = [call for start, end in pairwise(bounds) for call in results.feed(body[start:end])]
    return calls + list(results.close())


PACKERS = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}


@given(data=st.data(), name=st.sampled_from(sorted(PACKERS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_pieces_do_not_matter(wire: Any, data: st.DataObject, name: str) -> None:
    plain = wire.lines(OPENAI)
    body = PACKERS[name](plain)
    cuts = data.draw(st.lists(st.integers(2, len(body)), max_size=8))
    headers = {"response_headers": {"content-encoding": name}, "response_decoded": False}
    assert in_pieces(wire, body, cuts, **headers) == read(wire, FILE, plain)


def test_a_lost_piece_costs_its_lines_and_is_said(wire: Any) -> None:
    body = wire.lines(OPENAI * 3)
    results = Results(wire.exchange(FILE, b"", b"", method="GET"), wire.key)
    calls = list(results.feed(body[:100]))
    results.lose()
    calls += [*results.feed(body[700:]), *results.close()]
    assert [call for call in calls[:-1] if call not in read(wire, FILE, body)] == []
    lost = calls[-1]
    assert (lost.api, lost.batch, lost.usage, lost.flags) == (
        "batch.results",
        True,
        Usage(),
        ("lower_bound", "response_truncated"),
    )
    assert lost.context.span_id not in {call.context.span_id for call in calls[:-1]}


def test_a_lost_piece_of_a_packed_file_ends_it(wire: Any) -> None:
    headers = {"response_headers": {"content-encoding": "gzip"}, "response_decoded": False}
    results = Results(wire.exchange(FILE, b"", b"", method="GET", **headers), wire.key)
    packed = gzip.compress(wire.lines(OPENAI))
    results.lose()
    assert list(results.feed(packed)) == []
    assert [call.flags for call in results.close()] == [("lower_bound", "response_truncated")]


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"no gzip"), ("rot13", b"x")])
def test_what_cannot_be_unpacked_is_said(wire: Any, encoding: str, body: bytes) -> None:
    headers = {"response_headers": {"content-encoding": encoding}, "response_decoded": False}
    assert [call.flags for call in in_pieces(wire, body, [], **headers)] == [("lower_bound", "response_truncated")]


def test_a_line_without_end_is_skipped_in_bounded_memory(wire: Any) -> None:
    results = Results(wire.exchange(FILE, b"", b"", method="GET"), wire.key)
    first, piece = wire.lines(OPENAI[:1]), b"x" * 1_000_000
    calls = list(results.feed(first + b'{"custom_id": "long'))
    tracemalloc.start()
    for _ in range(100):
        assert list(results.feed(bytes(piece))) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MAX_LINE_BYTES
    calls += [*results.feed(b"\n" + wire.lines(OPENAI[1:2])), *results.close()]
    assert [call.api for call in calls] == ["openai.chat", "openai.embeddings", "batch.results"]


def test_a_bomb_of_results_stays_small(wire: Any) -> None:
    bomb = gzip.compress(bytes(300_000_000), 1)
    headers = {"response_headers": {"content-encoding": "gzip"}, "response_decoded": False}
    tracemalloc.start()
    calls = in_pieces(wire, bomb, [], **headers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MAX_LINE_BYTES
    assert [call.api for call in calls] in ([], ["batch.results"])
