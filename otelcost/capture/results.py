"""Downloads of batch results as the caller sees them: handed on piece by piece, so that no more than that is kept.

A file of results may have hundreds of megabytes, and all of it is money. What is streamed goes to the background
thread a megabyte at a time. What the HTTP library read whole is the application's own memory: it is only referred
to, and given up by us once its lines are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from otelcost.capture.attempt import Attempt, Ended
from otelcost.wire import Results

if TYPE_CHECKING:
    from otelcost.capture.span import Started
    from otelcost.model import Call, Exchange

PIECE_BYTES: Final = 1024 * 1024
BORROWED_BYTES: Final = 256 * 1024 * 1024
"""Of a body that was read whole: beyond this the rest is cut, and the records say so."""


class Piece:
    """A stretch of a download, or its end. Has of an `Attempt` what a queue of them needs."""

    __slots__ = ("data", "download", "last", "lost", "size")

    error: str | None = None

    def __init__(self, download: Download, data: bytes, *, last: bool) -> None:
        self.download, self.data, self.last = download, data, last
        self.size = 0
        self.lost = False

    def held_bytes(self) -> int:
        """What it keeps in memory, beyond what the application itself does."""
        return 0 if self.download.decoded and len(self.data) <= BORROWED_BYTES else len(self.data)

    def shrink(self, room: int) -> int:
        """Give up what does not fit. What is left, in bytes."""
        self.lost = len(self.data) > room
        if self.lost:
            self.data = self.data[:room] if self.download.decoded else b""
        return len(self.data)

    def calls(self, exchange: Callable[[Any], Exchange], key: bytes) -> Iterator[Call]:
        """The calls that it completes. On the background thread, in order of the pieces.

        Args:
            exchange: makes the exchange of an attempt.
            key: the local key.
        """
        download = self.download
        if download.status != 200:
            return
        if download.results is None:
            download.results = Results(exchange(download), key)
        yield from download.results.feed(self.data)
        if self.lost:
            download.results.lose()
        download.foreign = download.results.foreign
        if self.last:
            yield from download.results.close()


class Download(Attempt):
    """An attempt to read the results of a batch, or a file that may hold them."""

    def __init__(self, request: Any, started: Started, submit: Callable[[Any], None]) -> None:
        super().__init__(request, started, submit)
        self.foreign = False
        self.results: Results | None = None

    def chunk(self, data: bytes) -> None:
        """A piece of the body passed by, as on the wire."""
        if self.done or self.foreign:
            return
        self.chunks.append(data)
        self.size += len(data)
        if self.size >= PIECE_BYTES:
            self._hand_over(last=False)

    def watch(self, data: bytes) -> int:
        """As `chunk`; every piece has to be shown."""
        self.chunk(data)
        return 0

    def whole(self, body: bytes) -> None:
        """The HTTP library read and decoded the body itself."""
        self.decoded = True
        self.chunks = [body]
        self.finish("complete")

    def finish(self, ended: Ended) -> None:
        """Nothing more will come; what came counts, however it ended."""
        if not self.done:
            self.discard()
            self.ended = ended
            self._hand_over(last=True)

    def body(self) -> bytes:
        """Nothing: it goes by in pieces."""
        return b""

    def _hand_over(self, *, last: bool) -> None:
        chunks, self.chunks, self.size = self.chunks, [], 0
        if self.is_ours():
            self.submit(Piece(self, chunks[0] if len(chunks) == 1 else b"".join(chunks), last=last))  # type: ignore[arg-type]
