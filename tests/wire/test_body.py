"""Content encodings, with bounds."""

from __future__ import annotations

import gzip
import random
import sys
import zlib
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from otelcost.wire.body import Decoded, decode_body

TEXT = b'{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}'


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("name", PACKERS)
def test_each_encoding(name: str, wire: Any) -> None:
    assert decode_body(PACKERS[name](TEXT), name.upper()) == Decoded(TEXT)
    call = wire.chat({}, PACKERS[name](TEXT), response_headers={"content-encoding": name}, response_decoded=False)
    assert (call.usage.output_tokens, call.flags) == (1, ())
    assert call.response_bytes == len(PACKERS[name](TEXT))


def test_shapes_of_deflate_gzip_and_lists() -> None:
    assert decode_body(raw_deflate(TEXT), "deflate") == Decoded(TEXT)
    assert decode_body(gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), "gzip") == Decoded(TEXT)
    assert decode_body(gzip.compress(TEXT) + bytes(8), "gzip") == Decoded(TEXT)
    assert decode_body(zlib.compress(gzip.compress(TEXT)), "gzip, deflate") == Decoded(TEXT)
    assert decode_body(TEXT, "identity") == Decoded(TEXT)
    assert decode_body(TEXT, "") == Decoded(TEXT)
    assert decode_body(b"", "gzip") == Decoded(b"")
    assert decode_body(b"", "deflate") == Decoded(b"")


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_is_cut(name: str) -> None:
    decoded = decode_body(PACKERS[name](bytes(5_000_000)), name, limit=1_000_000)
    assert (len(decoded.data), decoded.cut, decoded.failed) == (1_000_000, True, False)


@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd"])
def test_a_stream_cut_in_its_frame_gives_what_there_is(name: str) -> None:
    noise = bytes(n * n % 251 for n in range(40_000))
    packed = PACKERS[name](noise)
    decoded = decode_body(packed[: len(packed) - 3], name)
    assert not decoded.failed
    assert noise.startswith(decoded.data)


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "rot13", "gzip,gzip,gzip,gzip,gzip"])
def test_what_does_not_decode_is_flagged(name: str, wire: Any) -> None:
    call = wire.chat({}, b"\xffnot packed", response_headers={"content-encoding": name}, response_decoded=False)
    assert (call.status, call.flags) == ("error", ("response_undecodable",))


@pytest.mark.parametrize(("name", "module"), [("br", "brotli"), ("zstd", "zstandard")])
def test_a_package_that_is_not_installed(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert decode_body(PACKERS[name](TEXT), name).failed


def test_a_cut_body_is_flagged(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from otelcost.wire import decode as module

    monkeypatch.setattr(sys.modules[module.__module__], "decode_body", lambda data, _: decode_body(data, "gzip", 9))
    call = wire.chat({}, gzip.compress(TEXT), response_headers={"content-encoding": "gzip"}, response_decoded=False)
    assert (call.status, call.flags) == ("ok", ("response_truncated",))


def test_a_packed_request_is_read(wire: Any) -> None:
    request = gzip.compress(b'{"model": "m"}')
    call = wire.chat(request, TEXT, request_headers={"content-encoding": "gzip"})
    assert (call.request_model, call.flags) == ("m", ())


@given(data=st.binary(max_size=300), name=st.sampled_from([*PACKERS, "deflate, gzip"]))
def test_any_bytes_decode_or_fail(data: bytes, name: str) -> None:
    assert len(decode_body(data, name, limit=10_000).data) <= 10_000


@given(data=st.binary(max_size=3000), name=st.sampled_from(sorted(PACKERS)))
def test_packing_and_unpacking_is_the_identity(data: bytes, name: str) -> None:
    assert decode_body(PACKERS[name](data), name) == Decoded(data)


def test_a_brotli_that_knows_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions before 1.2 take a body and nothing else; the slices of one still add up, and a bomb stays small."""
    fed: list[int] = []

    class Older:
        def __init__(self) -> None:
            self.inner = decompressor()

        def process(self, data: bytes) -> bytes:
            fed.append(len(data))
            return self.inner.process(data)

    decompressor = brotli.Decompressor
    monkeypatch.setattr(brotli, "Decompressor", Older)
    text = bytes(range(256)) * 40
    packed = brotli.compress(text, quality=0)
    assert decode_body(packed, "br") == Decoded(text)
    fed.clear()
    noise = random.Random(7).randbytes(100_000)
    assert decode_body(brotli.compress(noise), "br", limit=1000) == Decoded(noise[:1000], cut=True)
    assert sum(fed) < 2000
    assert decode_body(b"\xff" * 8, "br").failed
