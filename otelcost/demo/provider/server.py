"""HTTP/1.1 for the provider: asyncio streams on the loopback interface, and the faults that need a socket."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from otelcost.demo.provider.reply import Reply
from otelcost.demo.provider.service import handle
from otelcost.demo.provider.state import State
from otelcost.demo.provider.tokens import count_tokens
from otelcost.demo.provider.turn import Event

LOOPBACK: Final = "127.0.0.1"
_MOST_BODY_BYTES: Final = 64 * 1024 * 1024
_MOST_HEAD_BYTES: Final = 64 * 1024
_LONGEST_SILENCE_S: Final = 60.0


class _Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _GoneError(Exception):
    """The connection is over: the client left or a scenario cut it."""


async def listen(state: State, port: int) -> asyncio.Server:
    """Start serving on the loopback interface; port 0 picks a free one."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _serve(state, reader, writer)
        except (_GoneError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that goes away in the middle is part of the job
        except asyncio.CancelledError:
            pass  # the provider is stopping; nobody waits for this task
        finally:
            writer.close()

    return await asyncio.start_server(connected, LOOPBACK, port, limit=_MOST_HEAD_BYTES)


async def _serve(state: State, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        request = await _read(reader, writer)
        reply = handle(state, request.method, request.path, request.headers, request.body)
        if reply.scenario.name == "hang":
            _settle(reply, "timeout", billed=False)
            await _until_gone(reader)
        if reply.events is None:
            await _send_whole(reply, writer)
        else:
            await _Stream(reply, reader, writer).send()
        if request.headers.get("connection", "").lower() == "close":
            return


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, _, rest = head[0].partition(" ")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > _MOST_BODY_BYTES or "transfer-encoding" in headers:
        await _write(writer, _head(413, {"content-length": "0", "connection": "close"}))
        raise _GoneError
    body = await reader.readexactly(int(length))
    return _Request(method, urlsplit(rest.split(" ")[0]).path, headers, body)


async def _send_whole(reply: Reply, writer: asyncio.StreamWriter) -> None:
    body, headers = reply.body, dict(reply.headers)
    name = reply.scenario.name
    if name == "non-json":
        body, headers["content-type"] = b"<html><body>Bad gateway</body></html>", "text/html"
        _settle(reply, "garbled", billed=False)
    elif name == "wrong-type":
        headers["content-type"] = "text/plain"
    elif name == "gzip":
        body, headers["content-encoding"] = _gzip().encode(body, last=True), "gzip"
    headers["content-length"] = str(len(body))
    if name in ("truncate", "cut"):
        _settle(reply, "truncated")
        await _write(writer, _head(reply.status, headers) + body[: len(body) // 2])
        raise _GoneError
    _settle(reply, "ok")
    await _write(writer, _head(reply.status, headers) + body)


class _Stream:
    """Sends one stream of events in chunked encoding, with the trouble its scenario asks for."""

    def __init__(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reply = reply
        self._reader = reader
        self._writer = writer
        self._answer_bytes = 0
        self._encode: Callable[[bytes], bytes] = _gzip().encode if reply.scenario.name == "gzip" else bytes

    async def send(self) -> None:
        """Send head, events and end."""
        scenario = self._reply.scenario
        headers = {**self._reply.headers, "transfer-encoding": "chunked"}
        if scenario.name == "gzip":
            headers["content-encoding"] = "gzip"
        pending = [_head(self._reply.status, headers)]
        stop_after = scenario.number("after", 2)
        stops = scenario.name in ("stream-error", "truncate", "cut", "pause")
        for number, event in enumerate(self._reply.events or ()):
            if stops and number == stop_after:
                await _write(self._writer, b"".join(pending))
                await self._stop(scenario.name)
                return
            if scenario.name == "slow":
                await _write(self._writer, b"".join(pending))
                pending.clear()
                await asyncio.sleep(scenario.number("ms", 10) / 1000)
            pending.append(self._frame(event))
        _settle(self._reply, "ok")
        await _write(self._writer, b"".join([*pending, b"0\r\n\r\n"]))

    async def _stop(self, name: str) -> None:
        outcome = {"stream-error": "error", "pause": "aborted"}.get(name, "truncated")
        _settle(self._reply, outcome, answer_bytes=self._answer_bytes)
        if name == "pause":
            await _until_gone(self._reader)
        if name == "truncate":
            raise _GoneError
        last = self._frame(self._reply.error_event) if name == "stream-error" and self._reply.error_event else b""
        await _write(self._writer, last + b"0\r\n\r\n")

    def _frame(self, event: Event) -> bytes:
        self._answer_bytes += event.answer_bytes
        data = self._encode(event.data)
        return b"%x\r\n%b\r\n" % (len(data), data)


class _gzip:  # noqa: N801  (reads as a verb where it is used)
    """A gzip encoder that flushes after every piece, as a streaming server does."""

    def __init__(self) -> None:
        self._codec = zlib.compressobj(wbits=31)

    def encode(self, data: bytes, *, last: bool = False) -> bytes:
        mode = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        return self._codec.compress(data) + self._codec.flush(mode)


def _settle(reply: Reply, outcome: str, *, billed: bool = True, answer_bytes: int | None = None) -> None:
    """Complete the request's line in the billing log, once."""
    record = reply.record
    if record is None or record["outcome"] != "open":
        return
    record["outcome"] = outcome
    record["billed"] = billed
    if answer_bytes is not None:
        record["usage"]["output"] = count_tokens(answer_bytes, str(record["model"]))
        record["usage"]["reasoning"] = 0


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Wait until the client closes, within bounds, then end the connection."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), _LONGEST_SILENCE_S)
    raise _GoneError


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def _head(status: int, headers: dict[str, str]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Overloaded"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
