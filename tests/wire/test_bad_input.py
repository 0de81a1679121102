"""Bodies that mean harm or are merely broken: bounded memory, a record, and a flag that says what is missing."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import brotli
import pytest
import zstandard

from otelcost.wire import decode
from otelcost.wire import exchange as exchanges
from otelcost.wire.body import _MAX_MEMBERS, MAX_DECODED_BYTES

from .test_properties import PATHS, REQUESTS, WHOLE, body_of

API = sorted(PATHS)
MEGABYTE = 1 << 20
BOMB_BYTES = 2 * MAX_DECODED_BYTES


@contextmanager
def at_most(limit_bytes: int) -> Iterator[None]:
    """The block may not hold more than this beyond what there was."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit_bytes


def packed(start: Callable[[], Any]) -> bytes:
    """A hundred megabytes of nothing and more, without ever holding them."""
    packer, out = start(), b""
    for _ in range(BOMB_BYTES // MEGABYTE):
        out += packer(bytes(MEGABYTE))
    return out


@cache
def gzipped() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packed(lambda: packer.compress) + packer.flush()


def deflated() -> bytes:
    packer = zlib.compressobj(9)
    return packed(lambda: packer.compress) + packer.flush()


def brotlied() -> bytes:
    packer = brotli.Compressor(quality=1)
    return packed(lambda: packer.process) + bytes(packer.finish())


def zstandarded() -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return packed(lambda: packer.compress) + bytes(packer.flush())


BOMBS = {"gzip": gzipped, "deflate": deflated, "br": brotlied, "zstd": zstandarded}


@pytest.mark.parametrize("encoding", BOMBS)
def test_a_bomb_is_cut_and_flagged(wire: Any, encoding: str) -> None:
    bomb = BOMBS[encoding]()
    assert len(bomb) < BOMB_BYTES // 50
    exchange = wire.exchange(
        "/v1/chat/completions",
        {"model": "m", "messages": []},
        bomb,
        response_headers={"content-encoding": encoding},
        response_decoded=False,
    )
    with at_most(3 * MAX_DECODED_BYTES):
        call = decode(exchange, wire.key)
    assert "response_truncated" in call.flags
    assert (call.request_model, call.usage.output_tokens) == ("m", None)


def test_bombs_in_one_another_are_cut_too(wire: Any) -> None:
    bomb = gzip.compress(gzip.compress(gzipped()))
    headers = {"content-encoding": "gzip, gzip, gzip"}
    exchange = wire.exchange("/v1/messages", {}, bomb, response_headers=headers, response_decoded=False)
    with at_most(3 * MAX_DECODED_BYTES):
        assert "response_truncated" in decode(exchange, wire.key).flags


@pytest.mark.parametrize("layers", [1, 2])
def test_members_of_nothing(wire: Any, layers: int) -> None:
    """Each costs a few bytes and yields none, so that no bound on what comes out is ever reached."""
    body = gzip.compress(b"") * (_MAX_MEMBERS * 4)
    for _ in range(layers - 1):
        body = gzip.compress(body)
    headers = {"content-encoding": ", ".join(["gzip"] * layers)}
    exchange = wire.exchange("/v1/messages", {}, body, response_headers=headers, response_decoded=False)
    assert "response_undecodable" in decode(exchange, wire.key).flags


def test_more_events_than_an_answer_has(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "_MAX_EVENTS", 4)
    word = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
    told = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 90, "total_tokens": 95}}
    first = {"id": "chatcmpl-1", "model": "gpt-4o", **word}
    call = wire.call("/v1/chat/completions", {"model": "gpt-4o"}, wire.sse([first, *[word] * 90, told]))
    assert (call.response_id, call.usage.output_tokens, call.flags) == ("chatcmpl-1", 90, ("response_truncated",))


def test_members_and_what_pads_the_last(wire: Any) -> None:
    answer = json.dumps(WHOLE["/v1/chat/completions"]).encode()
    body = b"".join(gzip.compress(answer[at : at + 7]) for at in range(0, len(answer), 7)) + bytes(40_000)
    headers = {"content-encoding": "gzip"}
    exchange = wire.exchange(
        "/v1/chat/completions", {"model": "m"}, body, response_headers=headers, response_decoded=False
    )
    call = decode(exchange, wire.key)
    assert (call.usage.output_tokens, "response_undecodable" in call.flags) == (4, False)


def test_a_packed_request_that_is_a_bomb(wire: Any) -> None:
    headers = {"content-encoding": "gzip"}
    exchange = wire.exchange("/v1/chat/completions", gzipped(), WHOLE["/v1/chat/completions"], request_headers=headers)
    with at_most(3 * MAX_DECODED_BYTES):
        call = decode(exchange, wire.key)
    assert call.flags == ("request_undecodable",)
    assert call.usage.output_tokens == 4


@pytest.mark.parametrize("api", API)
@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "utf-8", "compress"])
def test_a_content_encoding_that_is_not_true(wire: Any, api: str, encoding: str) -> None:
    path = PATHS[api]
    call = wire.call(
        path,
        REQUESTS[path],
        body_of(wire, path, stream=False),
        response_headers={"content-encoding": encoding},
        response_decoded=False,
    )
    assert "response_undecodable" in call.flags
    assert call.api in {api, "unknown"}
    assert not call.usage.output_tokens


@pytest.mark.parametrize("api", API)
@pytest.mark.parametrize("charset", ["utf-16", "utf-32", "latin-1"])
def test_another_charset_than_jsons(wire: Any, api: str, charset: str) -> None:
    path = PATHS[api]
    request, answer = (wire.body(body).decode().encode(charset, "replace") for body in (REQUESTS[path], WHOLE[path]))
    call = wire.call(path, request, answer, trusted_host=True)
    assert call.api == api
    assert len(call.segments) <= len(wire.call(path, REQUESTS[path], WHOLE[path], trusted_host=True).segments)


@pytest.mark.parametrize("api", API)
def test_one_very_long_value(wire: Any, api: str) -> None:
    """What costs is what is kept: a string of megabytes is looked at where it lies."""
    path = PATHS[api]
    value = b'"' + b"x" * (2 * MEGABYTE) + b'"'
    request = b'{"model":%b,"messages":[{"role":"user","content":%b}],"input":%b,"prompt":%b}' % (b'"m"', *[value] * 3)
    answer = b'{"id":%b,"model":%b,"error":null,"choices":[{"message":{"content":%b}}]}' % ((value,) * 3)
    exchange = wire.exchange(path, request, answer, trusted_host=True)
    with at_most(12 * 2 * MEGABYTE):
        call = decode(exchange, wire.key)
    assert len(call.response_id or "") <= 256
    assert len(call.response_model or "") <= 256
    assert len(call.segments) < 8


@pytest.mark.parametrize("opening", [b"[", b'{"messages":', b'{"a":[', b'data: {"choices":['])
def test_nesting_without_end(wire: Any, opening: bytes) -> None:
    for path in PATHS.values():
        call = wire.call(path, opening * 200_000, opening * 200_000, trusted_host=True)
        assert call.status in {"ok", "error", "aborted"}
        assert call.flags


def test_events_without_end(wire: Any) -> None:
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    exchange = wire.exchange("/v1/chat/completions", {"model": "m"}, chunk * 100_000, ended="closed")
    with at_most(40 * len(chunk) * 100_000):
        call = decode(exchange, wire.key)
    assert (call.status, call.flags, call.output_bytes) == ("aborted", ("lower_bound",), 100_000)
