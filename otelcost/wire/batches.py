"""Result files of message batches: every line is the answer to one request, billed once at the batch price."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from otelcost.model import Call, Exchange
from otelcost.wire.decode import decode, response_body
from otelcost.wire.hashing import Hasher, hasher_of
from otelcost.wire.jsonview import Fields, as_text

_PATHS: Final = {
    "chat.completion": "/v1/chat/completions",
    "text_completion": "/v1/completions",
    "response": "/v1/responses",
    "list": "/v1/embeddings",
}
"""Where a body of this kind comes from, by its `object`."""

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


class _Line(NamedTuple):
    """One line as the answer it would have been."""

    name: str  # of the request, unique in its file
    path: str
    status: int
    body: bytes
    request_id: str | None


def is_result(method: str, path: str) -> bool:
    """Whether a request reads the results of a batch, or a file that may hold them."""
    if method.upper() != "GET":
        return False
    trimmed = path.rstrip("/")
    if trimmed.endswith("/results"):
        return "/messages/batches/" in trimmed
    return trimmed.endswith(("/content", ":download")) and "/files/" in trimmed


def decode_many(exchange: Exchange, key: bytes) -> Iterator[Call]:
    """The calls of a result file, one after the other: a file may hold a hundred thousand.

    Args:
        exchange: the download of the file.
        key: the local key of the keyed hashes, 32 bytes.

    The ids of a call come from the place of the file and the name of the request, so that reading a file
    again gives the same ids. Requests that never ran, and lines that are no results, give no call. The
    prompts are not in the file: there are no segments.
    """
    if exchange.status != 200:
        return
    hasher = hasher_of(key)
    for raw in response_body(exchange).split(b"\n"):
        fields = Fields.parse(raw) if raw.strip() else None
        line = _line(fields) if fields is not None else None
        if line is not None:
            yield _call(exchange, line, key, hasher)


def _line(fields: Fields) -> _Line | None:
    name = fields.text(fields.either("custom_id", "key"))
    result, response = fields.object("result"), fields.object("response")
    if name is None:
        return None
    if result is not None:
        return _message(name, result)
    if response is not None and "usageMetadata" in response.raw:
        return _Line(name, "/v1beta/models/-:generateContent", 200, fields.slice("response") or b"", None)
    body = response.object("body") if response else None
    if response is None or body is None:
        return None
    path = _PATHS.get(body.text("object") or "", "/v1/chat/completions")
    status = response.count("status_code") or 200
    return _Line(name, path, status, response.slice("body") or b"", response.text("request_id"))


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


def _call(exchange: Exchange, line: _Line, key: bytes, hasher: Hasher) -> Call:
    place = [exchange.host.encode(), exchange.path.encode(), line.name.encode("utf-8", "replace")]
    span_id, trace_id = (hasher.of_all([label, *place]) for label in (b"span", b"trace"))
    context = msgspec.structs.replace(
        exchange.context,
        span_id=f"{span_id or 1:016x}",
        operation_id=f"{span_id or 1:016x}",
        trace_id=f"{trace_id or 1:032x}",
        attempt=1,
        duration_us=None,
        ttft_us=None,
    )
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
        context=context,
    )
    call = decode(answer, key)
    return msgspec.structs.replace(
        call,
        batch=True,
        request_model=None,
        request_id=as_text(line.request_id),
        flags=tuple(flag for flag in call.flags if flag != "request_truncated"),
    )
