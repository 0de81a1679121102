"""How an attempt ended: transport, HTTP, terminal events, truncation."""

from __future__ import annotations

from typing import Any

import pytest

from otelcost.model import Usage

REQUEST = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
CHUNK = {"choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]}
ANSWER = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}


@pytest.mark.parametrize(
    ("ended", "status", "flags"),
    [
        ("timeout", "timeout", ("lower_bound",)),
        ("cancelled", "cancelled", ("lower_bound",)),
        ("closed", "aborted", ("lower_bound",)),
        ("error", "error", ("lower_bound",)),
        ("complete", "error", ("lower_bound",)),
    ],
)
def test_no_response_arrived(wire: Any, ended: str, status: str, flags: tuple[str, ...]) -> None:
    call = wire.chat(REQUEST, b"", status=None, ended=ended, error_type="ReadError")
    assert (call.status, call.error_type, call.flags, call.http_status) == (status, "ReadError", flags, None)
    assert call.segments[0].bytes == 2, "the request is known all the same"


@pytest.mark.parametrize("ended", ["error", "timeout"])
@pytest.mark.parametrize("error_type", ["ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"])
def test_what_was_never_sent_is_not_billed(wire: Any, ended: str, error_type: str) -> None:
    assert wire.chat(REQUEST, b"", status=None, ended=ended, error_type=error_type).flags == ()


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        ("closed", "aborted"),
        ("complete", "aborted"),
        ("cancelled", "cancelled"),
        ("timeout", "timeout"),
        ("error", "error"),
    ],
)
def test_a_stream_without_its_terminal_event(wire: Any, ended: str, status: str) -> None:
    call = wire.chat(REQUEST, wire.sse([CHUNK]), ended=ended)
    assert (call.status, call.flags, call.output_bytes) == (status, ("lower_bound",), 3)


def test_closing_after_the_terminal_event_is_no_abort(wire: Any) -> None:
    assert wire.chat(REQUEST, wire.sse([CHUNK], done=True), ended="closed").status == "ok"
    assert wire.chat(REQUEST, ANSWER, ended="closed").status == "ok"


def test_an_event_cut_in_the_middle_is_no_damage(wire: Any) -> None:
    call = wire.chat(REQUEST, wire.sse([CHUNK, CHUNK])[:-30], ended="closed")
    assert (call.status, call.flags, call.output_bytes) == ("aborted", ("lower_bound",), 3)


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 529])
def test_http_errors(wire: Any, status: int) -> None:
    body = {"error": {"type": "invalid_request_error", "code": "model_not_found", "message": "m"}}
    assert wire.chat(REQUEST, body, status=status).error_type == "model_not_found"
    for odd in (b"<html>", b"", b"[]", {"detail": "no"}):
        call = wire.chat(REQUEST, odd, status=status)
        assert (call.status, call.error_type, call.flags) == ("error", str(status), ())
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "m"}}
    assert wire.messages(REQUEST, overloaded, status=status).error_type == "overloaded_error"
    assert wire.messages(REQUEST, wire.sse([overloaded], named=True), status=status).error_type == "overloaded_error"


@pytest.mark.parametrize("member", ["code", "type", "status"])
def test_no_sentence_of_an_error_is_kept(wire: Any, member: str) -> None:
    for words in ("Incorrect key sk-SECRET", "you\nsent", "x" * 65, {"you": "sent"}):
        body = {"error": {"message": "m", member: words}}
        assert wire.chat(REQUEST, body, status=400).error_type == "400"
        assert wire.chat(REQUEST, body).error_type == "error"
        named = {"error": {**body["error"], "status" if member != "status" else "type": "not_found"}}
        assert wire.chat(REQUEST, named, status=404).error_type == "not_found"
    assert wire.chat(REQUEST, {"error": "you\tsent"}, status=400).error_type == "400"
    assert wire.chat(REQUEST, {"error": {"code": 1301}}, status=400).error_type == "1301"


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'{"pong": 1}', b"[1]", b"\xff\x00", b'{"choices": [', b"data: {\n\n"]
)
def test_a_200_that_is_no_answer(wire: Any, body: bytes) -> None:
    call = wire.chat(REQUEST, body)
    assert (call.status, call.flags) == ("error", ("response_undecodable",))
    assert call.error_type == "response_undecodable"


def test_a_body_closed_before_it_was_whole(wire: Any) -> None:
    call = wire.chat(REQUEST, wire.body(ANSWER)[:20], ended="closed")
    assert (call.status, call.flags) == ("aborted", ("lower_bound",))


def test_what_was_too_large_to_keep(wire: Any) -> None:
    call = wire.chat(wire.body(REQUEST)[:9], wire.sse([CHUNK]), request_truncated=True, response_truncated=True)
    assert (call.status, call.flags) == ("ok", ("request_truncated", "response_truncated"))
    closed = wire.chat(REQUEST, wire.sse([CHUNK]), response_truncated=True, ended="closed")
    assert (closed.status, closed.flags) == ("aborted", ("lower_bound", "response_truncated"))


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"model=gpt", b"\xff", b"[" * 100_000])
def test_a_request_that_is_no_json_object(wire: Any, body: bytes) -> None:
    call = wire.chat(body, ANSWER)
    assert (call.flags, call.segments, call.request_hash) == (("request_undecodable",), (), None)
    assert (call.status, call.request_bytes) == ("ok", len(body))


def test_a_usage_that_cannot_be_read_is_left_out(wire: Any) -> None:
    for odd in (b'"none"', b"[1]", b'{"a": "\xff"}', b'{"a": "' + b"x" * 40_000 + b'"}'):
        call = wire.chat(REQUEST, b'{"choices": [], "usage": ' + odd + b"}")
        assert (call.status, bytes(call.usage_raw)) == ("ok", b"")


def test_a_long_usage_is_counted_and_one_without_end_is_flagged(wire: Any) -> None:
    part = {"input_tokens": 100, "output_tokens": 50}
    counts = {"input_tokens": 20_000, "output_tokens": 10_000}
    for times, expected, flags in (
        (1000, Usage(input_uncached_tokens=20_100, output_tokens=10_050), ("hidden_iterations",)),
        (30_000, Usage(), ("response_truncated",)),
    ):
        iterations = [part | {"type": "message"}] * times + [part | {"type": "compaction"}]
        body = {"id": "m", "content": [], "usage": counts | {"iterations": iterations}}
        call = wire.messages(REQUEST, body)
        assert (call.usage, call.status, call.flags) == (expected, "ok", flags)
        assert bytes(call.usage_raw) == (wire.body(counts) if expected != Usage() else b"")


def test_a_member_that_cannot_be_read_is_unknown(wire: Any) -> None:
    call = wire.chat(b'{"model": "\xff", "temperature": 1e999, "n": 2}', ANSWER)
    assert (call.request_model, call.temperature, call.choices, call.flags) == (None, None, 2, ())


def test_names_from_the_wire_are_cut(wire: Any) -> None:
    call = wire.chat(REQUEST | {"model": "m" * 5000}, {"id": 5, "model": "", "choices": [{}]})
    assert call.request_model == "m" * 256
    assert (call.response_id, call.response_model) == (None, None)


@pytest.mark.parametrize(
    ("body", "content_type", "stream"),
    [
        (b": ping\n\ndata: [DONE]\n\n", "", True),
        (b"\xef\xbb\xbfdata: [DONE]\n\n", "", True),
        (b"\n\ndata: [DONE]\n\n", "text/event-stream; charset=utf-8", True),
        (b' {"choices": []}', "text/event-stream", False),
    ],
)
def test_what_is_a_stream(wire: Any, body: bytes, content_type: str, stream: bool) -> None:
    assert wire.chat(REQUEST, body, response_headers={"content-type": content_type}).stream is stream
