"""Results of batches: every line is the answer to one request, billed once at the batch price.

A file of results may have hundreds of megabytes: it is read in pieces as they come, a line at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from otelcost.model import Call, Context, Exchange
from otelcost.wire.body import BrokenError, Unpacker
from otelcost.wire.exchange import decode
from otelcost.wire.hashing import Hasher, hasher_of
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.registry import RESULTS, holds_answers, provider_of
from otelcost.wire.sse import BOM

_PATHS: Final = {
    "chat.completion": "/v1/chat/completions",
    "text_completion": "/v1/completions",
    "response": "/v1/responses",
    "list": "/v1/embeddings",
}
"""Where a body of this kind comes from, by its `object`."""

_NO_MODEL: Final = "-"
MAX_LINE_BYTES: Final = 32 * 1024 * 1024
"""Longer lines are skipped: an answer with pictures in it may have some megabytes."""

_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}
"""Status that an error of this type has where it is answered directly; others are 500."""


class _Line(msgspec.Struct, frozen=True, gc=False):
    """One line as the answer it would have been."""

    name: str  # of the request, unique in its file
    path: str
    status: int
    body: bytes
    request_id: str | None


class Results:
    """Reads one download of results, piece by piece and in bounded memory.

    Args:
        exchange: the download, without its body.
        key: the local key of the keyed hashes, 32 bytes.

    The ids of a call come from the place of the file and the name of the request, so that reading a file
    again gives the same ids. Requests that never ran, and lines that are no results, give no call. The
    prompts are not in the file: there are no segments.
    """

    def __init__(self, exchange: Exchange, key: bytes) -> None:
        self._exchange, self._key, self._hasher = exchange, key, hasher_of(key)
        encoding = "" if exchange.response_decoded else exchange.response_headers.get("content-encoding", "")
        self._packed = bool(encoding)
        self._whole = holds_answers(exchange.path)
        self._began = self._skips = False
        self._rest: list[bytes] = []
        self._rest_bytes = 0
        self.foreign = False
        """What comes is something else: nothing more is read."""
        self.cut = False
        """Some of it could not be kept or read."""
        try:
            self._unpacker: Unpacker | None = Unpacker(encoding)
        except BrokenError:
            self._give_up()

    def feed(self, data: bytes) -> Iterator[Call]:
        """The calls whose lines one more piece of the body completes."""
        if self.foreign or self._unpacker is None:
            return
        try:
            for piece in self._unpacker.feed(data):
                for line in self._lines(piece):
                    yield from self._calls(line)
        except BrokenError:
            self._give_up()

    def lose(self) -> None:
        """A piece of the body was not kept. A plain one is read on from its next line."""
        self.cut = True
        self._drop_line()
        if self._packed:
            self._unpacker = None

    def close(self) -> Iterator[Call]:
        """The last line, and one call of unknown cost for all that was cut out."""
        if not self.foreign and not self._skips:
            yield from self._calls(b"".join(self._rest))
        if self.cut and not self.foreign:
            yield self._lost()

    def _lost(self) -> Call:
        exchange = self._exchange
        return Call(
            context=_context(exchange, "", self._hasher),
            provider=provider_of(exchange.host, exchange.path) or "unknown",
            api=RESULTS,
            operation="chat",
            server_address=exchange.host,
            server_port=exchange.port,
            batch=True,
            http_status=exchange.status,
            flags=("lower_bound", "response_truncated"),
        )

    def _give_up(self) -> None:
        self._unpacker, self.cut = None, True
        self._drop_line()

    def _drop_line(self) -> None:
        self._rest, self._rest_bytes, self._skips = [], 0, True

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        start = 0
        while not self._whole and (end := piece.find(b"\n", start)) >= 0:
            if not self._skips:
                yield b"".join((*self._rest, piece[start:end]))
            self._rest, self._rest_bytes, self._skips = [], 0, False
            start = end + 1
        if start < len(piece) and not self._skips:
            self._rest.append(piece[start:])
            self._rest_bytes += len(piece) - start
            if self._rest_bytes > MAX_LINE_BYTES:
                self.cut = True
                self._drop_line()

    def _calls(self, raw: bytes) -> Iterator[Call]:
        if not raw.strip():
            return
        fields = Fields.parse(raw if self._began else raw.removeprefix(BOM))
        if not self._began:
            self._began, self.foreign = True, fields is None
        if fields is None:
            return
        for line in _inlined(fields) if self._whole else (_line(fields),):
            if line is not None:
                yield _call(self._exchange, line, self._key, self._hasher)


def decode_many(exchange: Exchange, key: bytes) -> Iterator[Call]:
    """The calls of a result file that is in memory, one after the other; none of a failed download."""
    if exchange.status == 200:
        results = Results(exchange, key)
        yield from results.feed(exchange.response_body)
        yield from results.close()


def _inlined(operation: Fields) -> Iterator[_Line]:
    """The answers that a finished Gemini batch has in itself, named by their keys or else by their places."""
    answered = operation.object("response") or Fields({})
    holder = answered.object(answered.either("inlinedResponses", "inlinedEmbedContentResponses"))
    job = operation.object("metadata")
    model = ((job.text("model") if job else None) or "").rpartition("/")[2]
    for place, item in enumerate(holder.objects("inlinedResponses") if holder else ()):
        named = item.object("metadata")
        name = (named.text("key") if named else None) or str(place)
        body = item.object("response")
        if body is not None:
            yield _of_google(name, item, body, model or _NO_MODEL)


def _line(fields: Fields) -> _Line | None:
    name = fields.text(fields.either("custom_id", "key"))
    result, response = fields.object("result"), fields.object("response")
    if name is None:
        return None
    if result is not None:
        return _message(name, result)
    if response is not None and ("usageMetadata" in response.raw or "embedding" in response.raw):
        return _of_google(name, fields, response)
    body = response.object("body") if response else None
    if response is None or body is None:
        return None
    path = _PATHS.get(body.text("object") or "", "/v1/chat/completions")
    status = response.count("status_code") or 200
    return _Line(name, path, status, response.slice("body") or b"", response.text("request_id"))


def _of_google(name: str, item: Fields, response: Fields, model: str = _NO_MODEL) -> _Line:
    method = "embedContent" if "embedding" in response.raw else "generateContent"
    return _Line(name, f"/v1beta/models/{model}:{method}", 200, item.slice("response") or b"", None)


def _message(name: str, result: Fields) -> _Line | None:
    """A line of Anthropic's; the canceled and the expired never ran."""
    kind = result.text("type")
    if kind == "succeeded":
        return _Line(name, "/v1/messages", 200, result.slice("message") or b"", None)
    if kind != "errored":
        return None
    outer = result.object("error") or Fields({})
    error = outer.object("error") or outer
    status = _STATUSES.get(error.text("type") or "", 500)
    body = msgspec.json.encode({"error": {"type": error.text("type") or "error"}})
    return _Line(name, "/v1/messages", status, body, outer.text("request_id"))


def _context(exchange: Exchange, name: str, hasher: Hasher) -> Context:
    place = [exchange.host.encode(), exchange.path.encode(), name.encode("utf-8", "replace")]
    span_id, trace_id = (hasher.of_all([label, *place]) for label in (b"span", b"trace"))
    return msgspec.structs.replace(
        exchange.context,
        span_id=f"{span_id or 1:016x}",
        operation_id=f"{span_id or 1:016x}",
        trace_id=f"{trace_id or 1:032x}",
        attempt=1,
        duration_us=None,
        ttft_us=None,
    )


def _call(exchange: Exchange, line: _Line, key: bytes, hasher: Hasher) -> Call:
    answer = msgspec.structs.replace(
        exchange,
        method="POST",
        path=line.path,
        query="",
        request_headers={},
        request_body=b"",
        request_truncated=True,
        status=line.status,
        response_headers={},
        response_body=line.body,
        response_decoded=True,
        ended="complete",
        error_type=None,
        context=_context(exchange, line.name, hasher),
    )
    call = decode(answer, key)
    return msgspec.structs.replace(
        call,
        batch=True,
        request_model=None if call.request_model == _NO_MODEL else call.request_model,
        request_id=as_text(line.request_id),
        flags=tuple(flag for flag in call.flags if flag != "request_truncated"),
    )
