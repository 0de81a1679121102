"""Spool bytes as records: which lines are good, and what to keep of the others.

Every line is decoded and checked before DuckDB sees it, because a bulk JSON reader turns a wrong type into
NULL and lets a torn line swallow its neighbour. What cannot be read is kept as it is, byte for byte.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from otelcost.model import Call, SpanRecord, Usage
from otelcost.store import task_key
from otelcost.store.task_key import TaskKey

MAX_TOKENS: Final = 10**9
MAX_REQUESTS: Final = 10**6
MAX_COST_PICOUSD: Final = 10**16
"""No call has more; more would overflow the 63 bits a cost has."""

BACKGROUND: Final = "background-"
"""How the tier of a request begins that may take hours, for a discount."""

_STARTS: Final = {"calls": b'{"context":', "spans": b'{"trace_id":'}
_BLANK: Final = b" \t\r\0"

_WRONG: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_CALLS: Final = msgspec.json.Decoder(Call)
_SPANS: Final = msgspec.json.Decoder(SpanRecord)

Pricing = tuple[str | None, str | None, str | None, str | None, str | None, bool]
"""What a price depends on: provider, model, served tier, speed, geography, batch."""


class Reject(NamedTuple):
    """A stretch of bytes that is no record, and why."""

    data: bytes
    reason: str


class Facts(NamedTuple):
    """What the drain needs of a good line before it is in a table."""

    pricing: Pricing
    start_unix_us: int
    identity: tuple[str, str]  # trace and span
    task: TaskKey


class Parsed(NamedTuple):
    """The result of `parse`: good lines without their newline, their facts, and the rejects."""

    lines: list[bytes]
    facts: list[Facts]
    rejects: list[Reject]


def parse(kind: str, data: bytes) -> Parsed:
    """Sort the lines of a stretch of a segment; `kind` is "calls" or "spans"."""
    parsed = Parsed([], [], [])
    for line in data.split(b"\n"):
        if line.strip(_BLANK):  # a lone newline ends a line torn by a full disk
            _parse_line(kind, line, parsed)
    return parsed


def _parse_line(kind: str, line: bytes, into: Parsed) -> None:
    try:
        facts = _check(kind, line)
    except _WRONG as error:
        _salvage(kind, line, str(error), into)
        return
    into.lines.append(line)
    into.facts.append(facts)


def _salvage(kind: str, line: bytes, reason: str, into: Parsed) -> None:
    """Keep a bad line, less every whole record in it: the newline between two can be lost in a crash.

    How a record starts cannot occur inside one: its quotes would be escaped in a string.
    """
    first, *others = line.split(_STARTS[kind])
    for piece in (first, *(_STARTS[kind] + rest for rest in others)):
        record = piece.strip(_BLANK)
        if not record:
            continue
        try:
            facts = _check(kind, record)
        except _WRONG as error:
            into.rejects.append(Reject(piece, str(error) if others else reason))
        else:
            into.lines.append(record)
            into.facts.append(facts)


def _check(kind: str, line: bytes) -> Facts:
    if kind == "spans":
        span = _SPANS.decode(line)
        _check_usage(span.usage)
        model = _model(span.response_model, span.request_model)
        priced_by = (span.provider, model, span.service_tier, None, None, False)
        return Facts(priced_by, span.start_unix_us, (span.trace_id, span.span_id), task_key.of_span(span))
    call = _CALLS.decode(line)
    _check_usage(call.usage)
    model = _model(call.response_model, call.request_model)
    tier = _tier(call.request_tier, call.service_tier)
    pricing = (call.provider, model, tier, call.speed, call.inference_geo, call.batch)
    identity = (call.context.trace_id, call.context.span_id)
    return Facts(pricing, call.context.start_unix_us, identity, task_key.of_call(call))


def _model(answered: str | None, asked: str | None) -> str | None:
    return answered or asked


def _tier(asked: str | None, served: str | None) -> str | None:
    """The tier that sets the price: as served. Discounted background work is served as `default`, like any other."""
    background = asked is not None and asked.startswith(BACKGROUND) and served in {None, "default"}
    return asked if background else served


_REQUESTS: Final = tuple(name for name in Usage.__struct_fields__ if name.endswith("_requests"))
_COSTS: Final = ("provider_cost_picousd",)
_TOKENS: Final = tuple(
    name for name in Usage.__struct_fields__ if name.endswith("_tokens") and name != "provider_total_tokens"
)


def _check_usage(usage: Usage) -> None:
    for names, limit in ((_TOKENS, MAX_TOKENS), (_REQUESTS, MAX_REQUESTS), (_COSTS, MAX_COST_PICOUSD)):
        for name in names:
            value = getattr(usage, name)
            if value is not None and not 0 <= value <= limit:
                raise ValueError(f"usage.{name} is {value}")
