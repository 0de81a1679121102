"""One HTTP attempt as bytes becomes one `Call`. Never raises, whatever the bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

import msgspec

from otelcost.model import NO_USAGE, Call, Exchange, Flag, Status, Usage
from otelcost.wire import multipart
from otelcost.wire.anatomy import Anatomy
from otelcost.wire.body import decode_body
from otelcost.wire.codec import Codec
from otelcost.wire.codecs import codec_of
from otelcost.wire.hashing import hasher_of
from otelcost.wire.jsonview import BAD_JSON, Fields, as_text
from otelcost.wire.parts import Request
from otelcost.wire.registry import (
    REQUEST_ID_HEADERS,
    RESULTS,
    asks_for_stream,
    assumed_provider,
    model_in,
    place_of,
    provider_of,
    reads_again,
    recognise,
)
from otelcost.wire.reply import STOPPED_EARLY, Reply, error_name, output_of
from otelcost.wire.sse import Events
from otelcost.wire.usage import FIVE, UsageMap, add, read, total_input
from otelcost.wire.usage_plain import Told

_FLAG_ORDER: Final = {flag: position for position, flag in enumerate(get_args(Flag))}
_PLACEHOLDERS: Final = dict.fromkeys(
    (
        "output_tokens",
        "reasoning_tokens",
        "web_search_requests",
        "web_fetch_requests",
        "code_execution_requests",
    )
)
"""What the first event of a stream cannot know yet: its numbers for these are not the real ones."""

_COUNTS: Final = msgspec.json.Decoder(dict[str, object])
_NOTHING: Final = dict.fromkeys(FIVE, 0)
_MAX_EVENTS: Final = 262_144
"""Of one answer: several times what the longest have, and no more than a second's work."""
_MAX_USAGE_BYTES: Final = 1024 * 1024
_MAX_KEPT_BYTES: Final = 32 * 1024
"""Of a usage object that is read, what is kept of it in the record."""

_TRANSPORT: Final[dict[str, Status]] = {
    "complete": "aborted",  # the body ended, but its terminal event never came
    "closed": "aborted",
    "cancelled": "cancelled",
    "timeout": "timeout",
    "error": "error",
}
"""Status of an attempt whose answer did not arrive whole, by how the transport ended."""

_FREE_REFUSALS: Final = {"anthropic": 1_780_358_400_000_000}  # 2026-06-02
"""Who does not bill a prompt that is refused before any output, and from when: microseconds of Unix time."""

_NEVER_SENT: Final = frozenset(
    {"ClientConnectorDNSError", "ClientConnectorError", "ConnectError", "ConnectTimeout", "ConnectTimeoutError"}
    | {"ConnectionTimeoutError", "InvalidURL", "LocalProtocolError", "NameResolutionError", "NewConnectionError"}
    | {"PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
"""Transport exceptions before the first byte of a request: nobody bills it."""


class Bodies(msgspec.Struct, frozen=True):
    """What the two bodies of an exchange say, text still in place."""

    codec: Codec
    request: Request
    reply: Reply
    flags: set[Flag]


class _Billing(msgspec.Struct):
    usage: Usage = Usage()
    raw: bytes | None = None
    tier: str | None = None
    speed: str | None = None
    geo: str | None = None
    input_tokens: int | None = None  # of the prompt itself, without provider-side iterations


def decode(exchange: Exchange, key: bytes, pause: Callable[[], object] = lambda: None) -> Call:
    """The record of one attempt.

    Args:
        exchange: what the capture seam saw.
        key: the local key of the keyed hashes, 32 bytes.
        pause: called between the steps of it, where another thread may run.

    What cannot be read stays unknown and is flagged; nothing of the prompt or the answer is kept.
    """
    return decode_with_bodies(exchange, key, pause)[0]


def decode_with_bodies(
    exchange: Exchange, key: bytes, pause: Callable[[], object] = lambda: None
) -> tuple[Call, Bodies | None]:
    """The record of one attempt, and what it was made from, for those who may tell more than is kept."""
    read_bodies = read_exchange(exchange)
    if read_bodies is None:
        return _unknown(exchange), None
    pause()
    codec, request, reply, flags = read_bodies.codec, read_bodies.request, read_bodies.reply, read_bodies.flags
    anatomy = Anatomy(request, hasher_of(key))
    pause()
    provider = provider_of(exchange.host, exchange.path)
    billing = _bill(codec, codec.dialects.get(provider or "", codec.usage), reply, anatomy, flags)
    status, error_type = _outcome(exchange, reply, flags)
    if (codec.free and not reply.billed) or _refused_for_nothing(exchange, reply):
        billing = _unbilled(billing, flags)
    call = _assemble(exchange, codec, request, reply, anatomy, billing, status, error_type, flags)
    return call, read_bodies


def read_exchange(exchange: Exchange) -> Bodies | None:
    """Both bodies by the codec of the path, None where there is none or the bodies are of something else."""
    api = recognise(exchange.method, exchange.host, exchange.path)
    if api is None or api == RESULTS:
        return None
    codec = codec_of(api)
    flags: set[Flag] = {"retrieved"} if reads_again(exchange.method, exchange.path) else set()
    request = Request(operation="fetch_response") if flags else _read_request(exchange, codec, flags)
    reply = _read_response(exchange, codec, request, flags)
    if codec.shared_path and not _confirmed(exchange, request, reply):
        return None
    return Bodies(codec, request, reply, flags)


def _unknown(exchange: Exchange) -> Call:
    return Call(
        context=exchange.context,
        provider=provider_of(exchange.host, exchange.path) or "unknown",
        api="unknown",
        operation="unknown",
        server_address=exchange.host,
        server_port=exchange.port,
        http_status=exchange.status,
        status=_TRANSPORT[exchange.ended] if exchange.status is None else "ok",
        error_type=exchange.error_type,
        flags=("request_undecodable",),
        request_bytes=len(exchange.request_body),
        response_bytes=len(exchange.response_body),
    )


def _read_request(exchange: Exchange, codec: Codec, flags: set[Flag]) -> Request:
    if exchange.request_truncated:
        flags.add("request_truncated")
    encoding = exchange.request_headers.get("content-encoding", "")
    body = decode_body(exchange.request_body, encoding).data if encoding else exchange.request_body
    form = multipart.parse(body, exchange.request_headers.get("content-type", ""))
    request = codec.plain(body) if codec.plain is not None and form is None else None
    if request is None:
        fields = Fields.parse(body) if form is None else form.fields
        if fields is None:
            if not exchange.request_truncated:
                flags.add("request_undecodable")
            return Request(model=model_in(exchange.path), stream=asks_for_stream(exchange.path))
        request = codec.request(fields)
    if form is not None:
        request.parts = [*request.parts, *form.files]
    request.model = request.model or model_in(exchange.path)
    request.stream = request.stream or asks_for_stream(exchange.path)
    return request


def _confirmed(exchange: Exchange, request: Request, reply: Reply) -> bool:
    """Whether a path that many services have was used for this API: by the host, else by both bodies."""
    if exchange.trusted_host or provider_of(exchange.host, exchange.path) is not None:
        return True
    silent = not reply.recognised and reply.error is None
    refuted = silent and _succeeded(exchange) and exchange.ended == "complete"
    named = request.model is not None or request.shaped or reads_again(exchange.method, exchange.path)
    return named and not refuted


def _read_response(exchange: Exchange, codec: Codec, request: Request, flags: set[Flag]) -> Reply:
    reply = Reply()
    if exchange.response_truncated:
        flags.add("response_truncated")
    body = _response_body(exchange, flags)
    events = codec.events(body, exchange.response_headers.get("content-type", ""))
    if events is not None:
        request.stream = True
        codec.stream(_bounded(events, flags), reply)
    elif body:
        _read_whole(exchange, codec, body, reply)
    if codec.finish is not None:
        codec.finish(request, exchange.response_headers, reply)
    unread = not reply.recognised and reply.error is None
    reply.complete = reply.complete and not unread
    if unread and _succeeded(exchange) and exchange.ended == "complete" and "response_truncated" not in flags:
        flags.add("response_undecodable")
    flags |= reply.flags
    return reply


def _bounded(events: Events, flags: set[Flag]) -> Events:
    """As many events as an answer may have; of more, the first and the last, where usage stands."""
    payloads, half = events.payloads, _MAX_EVENTS // 2
    if len(payloads) <= _MAX_EVENTS:
        return events
    flags.add("response_truncated")
    return Events(payloads[:half] + payloads[-half:], events.tail_open)


def _read_whole(exchange: Exchange, codec: Codec, body: bytes, reply: Reply) -> None:
    succeeded = _succeeded(exchange)
    if succeeded and codec.plain_whole is not None and codec.plain_whole(body, reply):
        return
    fields = Fields.parse(body)
    if fields is None:
        if succeeded and codec.opaque is not None:
            codec.opaque(body, reply)
            reply.recognised, reply.complete = True, exchange.ended == "complete"
    elif succeeded:
        codec.whole(fields, reply)
    else:
        reply.error = error_name(fields)


def _succeeded(exchange: Exchange) -> bool:
    return exchange.status is not None and 200 <= exchange.status < 300


def _response_body(exchange: Exchange, flags: set[Flag]) -> bytes:
    encoding = exchange.response_headers.get("content-encoding", "")
    if exchange.response_decoded or not encoding:
        return exchange.response_body
    decoded = decode_body(exchange.response_body, encoding)
    if decoded.cut:
        flags.add("response_truncated")
    if decoded.failed:
        flags.add("response_undecodable")
    return decoded.data


def _bill(codec: Codec, table: UsageMap, reply: Reply, anatomy: Anatomy, flags: set[Flag]) -> _Billing:
    raw = reply.usage_raw
    if raw is not None and len(raw) > _MAX_USAGE_BYTES:
        flags.add("response_truncated")
        raw = None
    told = None if raw is None else _told(raw, codec, table, anatomy, flags)
    if raw is None or told is None:
        return _Billing(usage=Usage(**reply.tool_counts))
    usage = told.usage
    if reply.tool_counts:
        usage = msgspec.structs.replace(usage, **reply.tool_counts)
    if told.hidden is not None:
        usage = add(usage, told.hidden)
    input_tokens = total_input(told.usage)
    if reply.vector and input_tokens is not None and usage.output_tokens is None:  # there is no text to bill
        usage = msgspec.structs.replace(usage, output_tokens=0)
    if not reply.usage_final:
        usage = msgspec.structs.replace(usage, **_PLACEHOLDERS)
    return _Billing(usage, _kept(raw), reply.tier or told.tier, told.speed, told.geo, input_tokens)


def _kept(raw: bytes) -> bytes | None:
    """A usage object on one line, as a record is; without a long list of iterations, which are counted by now."""
    if len(raw) > _MAX_KEPT_BYTES:
        members = Fields.members(raw) or {}
        raw = msgspec.json.encode({name: value for name, value in members.items() if name != "iterations"})
    return None if len(raw) > _MAX_KEPT_BYTES else msgspec.json.format(raw, indent=-1)


def _told(raw: bytes, codec: Codec, table: UsageMap, anatomy: Anatomy, flags: set[Flag]) -> Told | None:
    """What a usage object tells, None where it is no object."""
    writes_long = anatomy.writes_long()
    told = table.plain(raw, writes_long=writes_long) if table.plain is not None else None
    if told is not None:
        return told
    try:
        counts = _COUNTS.decode(raw)
    except BAD_JSON:
        return None
    reading = read(counts, table, writes_long=writes_long)
    flags |= reading.flags
    tier, speed, geo = (as_text(counts.get(name)) for name in ("service_tier", "speed", "inference_geo"))
    hidden = codec.hidden_usage(counts) if codec.hidden_usage is not None else None
    if hidden is None or not hidden.flags:
        return Told(reading.usage, tier, speed, geo)
    flags |= hidden.flags
    return Told(reading.usage, tier, speed, geo, hidden.usage)


def _refused_for_nothing(exchange: Exchange, reply: Reply) -> bool:
    since = _FREE_REFUSALS.get(provider_of(exchange.host, exchange.path) or "") if reply.refused else None
    return since is not None and exchange.context.start_unix_us >= since


def _unbilled(billing: _Billing, flags: set[Flag]) -> _Billing:
    """What was counted for nothing: known, but in no bucket that a price or a sum is applied to."""
    flags.discard("lower_bound")
    flags.add("free")
    billing.usage = Usage(**_NOTHING, provider_total_tokens=billing.input_tokens)
    return billing


def _outcome(exchange: Exchange, reply: Reply, flags: set[Flag]) -> tuple[Status, str | None]:
    if exchange.status is None:
        if exchange.error_type not in _NEVER_SENT:
            flags.add("lower_bound")
        status = _TRANSPORT[exchange.ended]
        return ("error" if exchange.ended == "complete" else status), exchange.error_type
    if not _succeeded(exchange):
        told = reply.error if reply.error != "error" else None
        return "error", told or _error_header(exchange) or str(exchange.status)
    if reply.error is not None:
        if not reply.complete:
            flags.add("lower_bound")
        return "error", reply.error
    if reply.complete:
        early = reply.incomplete or not STOPPED_EARLY.isdisjoint(reply.finish)
        return ("incomplete" if early else "ok"), None
    return _unfinished(exchange, flags)


def _error_header(exchange: Exchange) -> str | None:
    """The error's name as AWS sends it: before a colon, an address may follow."""
    return as_text(exchange.response_headers.get("x-amzn-errortype", "").partition(":")[0])


def _unfinished(exchange: Exchange, flags: set[Flag]) -> tuple[Status, str | None]:
    """A 2xx whose terminal event is not among the bytes: cut off by somebody, or not understood."""
    if exchange.ended == "complete":
        if "response_truncated" in flags:  # it may well be among those that were not kept
            return "ok", None
        if "response_undecodable" in flags:
            return "error", "response_undecodable"
    flags.add("lower_bound")
    return _TRANSPORT[exchange.ended], exchange.error_type


def _assemble(
    exchange: Exchange,
    codec: Codec,
    request: Request,
    reply: Reply,
    anatomy: Anatomy,
    billing: _Billing,
    status: Status,
    error_type: str | None,
    flags: set[Flag],
) -> Call:
    provider = provider_of(exchange.host, exchange.path)
    if provider is None and not exchange.trusted_host:
        flags.add("provider_assumed")
    output = output_of(reply, anatomy.hasher)
    readable = bool(request.canonical)
    return Call(
        context=exchange.context,
        usage=billing.usage,
        usage_raw=NO_USAGE if billing.raw is None else msgspec.Raw(billing.raw),
        provider=provider or assumed_provider(exchange.path, codec.provider),
        api=codec.api,
        operation=request.operation or codec.operation,
        server_address=exchange.host,
        server_port=exchange.port,
        request_model=request.model,
        response_model=reply.model,
        response_id=reply.id,
        request_id=_request_id(exchange),
        stream=request.stream,
        request_tier=request.tier,
        service_tier=billing.tier or reply.tier,
        speed=billing.speed,
        inference_geo=billing.geo or place_of(exchange.host, exchange.path),
        status=status,
        http_status=exchange.status,
        error_type=error_type,
        finish_reason=as_text(reply.finish[0]) if reply.finish else None,
        flags=tuple(sorted(flags, key=_FLAG_ORDER.__getitem__)) if flags else (),
        max_output_tokens=request.max_output_tokens,
        temperature=request.temperature,
        choices=request.choices,
        effort=request.effort,
        request_bytes=len(exchange.request_body),
        response_bytes=len(exchange.response_body),
        request_hash=anatomy.request_hash() if readable else None,
        system_template_hash=anatomy.system_template_hash(),
        tools_hash=anatomy.tools_hash(),
        schema_hash=anatomy.schema_hash(),
        simhash=anatomy.simhash(),
        system_simhash=anatomy.system_simhash(),
        output_hash=output.hash,
        output_bytes=output.bytes,
        output_kind=output.kind,
        tools_called=reply.names(),
        segments=anatomy.segments(billing.input_tokens),
    )


def _request_id(exchange: Exchange) -> str | None:
    for name in REQUEST_ID_HEADERS:
        found = as_text(exchange.response_headers.get(name))
        if found is not None:
            return found
    return None
