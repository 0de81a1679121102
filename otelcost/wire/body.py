"""Content encodings: a body as it was on the wire becomes the bytes the application saw, within a bound."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from otelcost import native

MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""A body that decompresses to more is cut here: a few kilobytes can stand for gigabytes."""

_STEP: Final = 256 * 1024
_SLICE: Final = 256
_MAX_ENCODINGS: Final = 4
_MAX_MEMBERS: Final = 65_536
_MEMBER_SLICE: Final = 16 * 1024


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """What came out, and whether all of it did."""

    data: bytes
    cut: bool = False
    failed: bool = False


class Unpacker:
    """Undoes the `content-encoding` header's encodings, the last one first, of a body that comes in pieces.

    Args:
        content_encoding: the header.

    Raises:
        BrokenError: an encoding is unknown or not installed.
    """

    def __init__(self, content_encoding: str) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        names = [name for name in names if name not in {"", "identity"}]
        if len(names) > _MAX_ENCODINGS or any(name not in _DECODERS for name in names):
            raise BrokenError(content_encoding)
        self._stages = [_DECODERS[name]() for name in reversed(names)]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What one more piece of the body decodes to, in pieces of bounded size.

        Raises:
            BrokenError: the bytes are not what the header says.
        """
        pieces: Iterator[bytes] = iter((data,))
        for stage in self._stages:
            pieces = _through(stage, pieces)
        return pieces


def decode_body(data: bytes, content_encoding: str, limit: int = MAX_DECODED_BYTES) -> Decoded:
    """Undo the `content-encoding` header's encodings.

    A stream that was closed early ends in the middle of its compression frame: what could be decoded is
    returned, and that is no failure. `failed` says that an encoding is unknown, not installed or broken.
    """
    try:
        return _bounded(Unpacker(content_encoding).feed(data), limit)
    except BrokenError:
        return Decoded(b"", failed=True)


class BrokenError(Exception):
    """Bytes that are not what their content-encoding says, or an encoding nobody installed."""


def _through(stage: Stage, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from stage(piece)


def _bounded(pieces: Iterator[bytes], limit: int) -> Decoded:
    kept: list[bytes] = []
    room = limit
    for piece in pieces:
        if len(piece) > room:
            kept.append(piece[:room])
            return Decoded(b"".join(kept), cut=True)
        kept.append(piece)
        room -= len(piece)
    return Decoded(b"".join(kept))


class _Inflate:
    """gzip's members one after the other, or zlib's frame, or the bare stream of either."""

    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._member: Any = None
        self._members = 0
        self._padding = False  # after the last member

    def __call__(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _MEMBER_SLICE):  # what follows a member is copied: little at a time
            yield from self._members_in(data[start : start + _MEMBER_SLICE])

    def _members_in(self, data: bytes) -> Iterator[bytes]:
        while data and not self._padding:
            try:
                yield from self._inflate(data)
            except zlib.error as broken:
                if self._members:
                    self._padding = True
                    return
                raise BrokenError(str(self._window_bits)) from broken
            if not self._member.eof:
                return
            data, self._member = self._member.unused_data, None
            self._members += 1
            if self._members > _MAX_MEMBERS:
                raise BrokenError(f"more than {_MAX_MEMBERS} members")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        if self._member is None:
            self._member = zlib.decompressobj(self._window_bits)
        piece = b"."
        while not self._member.eof and (data or piece):
            piece = self._member.decompress(data, _STEP)
            data = self._member.unconsumed_tail
            yield piece


def _gzip() -> Stage:
    return _Inflate(31)


def _deflate() -> Stage:
    """RFC 9110 means zlib's frame, but some servers send the bare stream: the first byte tells."""
    stage: _Inflate | None = None

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal stage
        if stage is None:
            framed = data[:1] and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            stage = _Inflate(15 if framed else -15)
        return stage(data)

    return feed


def _optional(module: str) -> Any:
    try:
        with native.importing():
            return importlib.import_module(module)
    except ImportError as missing:
        raise BrokenError(module) from missing


def _brotli() -> Stage:
    brotli = _optional("brotli")
    decoder = brotli.Decompressor()

    def feed(data: bytes) -> Iterator[bytes]:
        try:
            try:
                piece = decoder.process(data, output_buffer_limit=_STEP)
            except TypeError:  # older versions know no limit: little goes in, so that not all comes out at once
                for start in range(0, len(data), _SLICE):
                    yield decoder.process(data[start : start + _SLICE])
                return
            while piece:
                yield piece
                piece = b"" if decoder.is_finished() else decoder.process(b"", output_buffer_limit=_STEP)
        except brotli.error as broken:
            raise BrokenError("br") from broken

    return feed


def _zstd() -> Stage:
    """The decoder knows no limit: little goes in at a time, of which a megabyte or ten may come out."""
    zstandard = _optional("zstandard")
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(read_across_frames=True)

    def feed(data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _SLICE):
                yield decoder.decompress(data[start : start + _SLICE])
        except zstandard.ZstdError as broken:
            raise BrokenError("zstd") from broken

    return feed


Stage = Callable[[bytes], Iterator[bytes]]
"""A decoder of one encoding, fed piece by piece."""

_DECODERS: Final[dict[str, Callable[[], Stage]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
