"""A loopback provider of fixed answers, in a process of its own: fast, and the same bytes for every contender.

    python tests/bench/capture/provider.py        prints its port, serves until its standard input closes

The first part of a path names the answers (`wire.ANSWERS`), the n-th request for a name gets its n-th answer, and
the last one again and again. `/sink` takes anything, as a collector of spans would.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from wire import ANSWERS, Answer


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", f"content-type: {answer.kind}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    streamed = answer.kind == "text/event-stream"
    lines.append("transfer-encoding: chunked" if streamed else f"content-length: {sum(map(len, answer.pieces))}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def rendered(answer: Answer) -> bytes:
    """All bytes of an answer: every piece of a stream is an HTTP chunk of its own."""
    if answer.kind != "text/event-stream":
        return _head(answer) + b"".join(answer.pieces)
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in answer.pieces)
    return _head(answer) + framed + (b"" if answer.then == "silence" else b"0\r\n\r\n")


_BODIES: Final = {name: [rendered(one) for one in answers] for name, answers in ANSWERS.items()}
_NUMBER: Final = b"0000000"
_ASKED: Final[Counter[str]] = Counter()


class Provider(asyncio.Protocol):
    """One connection. What was asked is counted by name, for all connections together."""

    def connection_made(self, transport: Any) -> None:
        """Remember where to write."""
        self._transport = transport
        self._received = bytearray()
        self._wanted = 0

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while len(self._received) >= self._wanted and self._received:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end])
            self._wanted = end + 4 + _length(head)
            if len(self._received) < self._wanted:
                return
            del self._received[: self._wanted]
            self._wanted = 0
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        name = head.split(b" ", 2)[1].split(b"/", 2)[1].decode()
        answers = _BODIES.get(name)
        if answers is None:
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        turn = min(_ASKED[name], len(answers) - 1)
        _ASKED[name] += 1
        if ANSWERS[name][turn].then != "never":
            self._transport.write(answers[turn].replace(_NUMBER, b"%07d" % _ASKED.total()))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def serving() -> Iterator[str]:
    """The address of a provider that runs for as long as the block lasts."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()
            process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve())
