"""Content encodings: a body as it was on the wire becomes the bytes the application saw, within a bound."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""A body that decompresses to more is cut here: a few kilobytes can stand for gigabytes."""

_STEP: Final = 256 * 1024
_SLICE: Final = 256
_MAX_ENCODINGS: Final = 4


class Decoded(NamedTuple):
    """What came out, and whether all of it did."""

    data: bytes
    cut: bool = False
    failed: bool = False


def decode_body(data: bytes, content_encoding: str, limit: int = MAX_DECODED_BYTES) -> Decoded:
    """Undo the `content-encoding` header's encodings, the last one first.

    A stream that was closed early ends in the middle of its compression frame: what could be decoded is
    returned, and that is no failure. `failed` says that an encoding is unknown, not installed or broken.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if len(names) > _MAX_ENCODINGS:
        return Decoded(b"", failed=True)
    cut = False
    for name in reversed(names):
        decoder = _DECODERS.get(name)
        if decoder is None:
            return Decoded(b"", failed=True)
        try:
            data, over = _bounded(decoder(data, limit), limit)
        except _FAILURES:
            return Decoded(b"", cut=cut, failed=True)
        cut = cut or over
    return Decoded(data, cut=cut)


class _BrokenError(Exception):
    """Bytes that are not what their content-encoding says, or an encoding nobody installed."""


_FAILURES: Final = (_BrokenError, zlib.error)


def _bounded(pieces: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    kept: list[bytes] = []
    room = limit
    for piece in pieces:
        if len(piece) > room:
            kept.append(piece[:room])
            return b"".join(kept), True
        kept.append(piece)
        room -= len(piece)
    return b"".join(kept), False


def _inflate(data: bytes, window_bits: int) -> Iterator[bytes]:
    first = True
    while data:  # gzip allows several members one after the other
        inflater = zlib.decompressobj(window_bits)
        try:
            piece = inflater.decompress(data, _STEP)
        except zlib.error:
            if first:
                raise
            return  # padding after the last member
        first = False
        yield piece
        while not inflater.eof and (inflater.unconsumed_tail or piece):
            piece = inflater.decompress(inflater.unconsumed_tail, _STEP)
            yield piece
        data = inflater.unused_data


def _gzip(data: bytes, limit: int) -> Iterator[bytes]:
    del limit
    return _inflate(data, 31)


def _deflate(data: bytes, limit: int) -> Iterator[bytes]:
    """RFC 9110 means zlib's frame, but some servers send the bare stream: the first byte tells."""
    del limit
    framed = data[:1] and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    return _inflate(data, 15 if framed else -15)


def _optional(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise _BrokenError(module) from missing


def _brotli(data: bytes, limit: int) -> Iterator[bytes]:
    del limit
    brotli = _optional("brotli")
    decoder = brotli.Decompressor()
    try:
        try:
            piece = decoder.process(data, output_buffer_limit=_STEP)
        except TypeError:  # older versions know no limit: little goes in at a time, so that not all comes out at once
            for start in range(0, len(data), _SLICE):
                yield decoder.process(data[start : start + _SLICE])
            return
        while piece:
            yield piece
            piece = b"" if decoder.is_finished() else decoder.process(b"", output_buffer_limit=_STEP)
    except brotli.error as broken:
        raise _BrokenError("br") from broken


def _zstd(data: bytes, limit: int) -> Iterator[bytes]:
    zstandard = _optional("zstandard")
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True)
    try:
        while piece := reader.read(min(_STEP, limit + 1)):
            yield piece
    except zstandard.ZstdError as broken:
        raise _BrokenError("zstd") from broken


_DECODERS: Final[dict[str, Callable[[bytes, int], Iterator[bytes]]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
