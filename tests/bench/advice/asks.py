"""What a program asks of a provider, before anybody bills it, and the record that capture would make of it.

A prompt is a list of parts. A part's `key` stands for its text: equal keys are equal bytes. Nothing here knows a
price, a cache or a rule.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from otelcost.model import Call, Context, Segment, Usage

BYTES_PER_TOKEN = 4


class Part(NamedTuple):
    """One part of a prompt."""

    role: str
    key: str
    tokens: int
    kind: str = "text"
    name: str | None = None  # a tool's
    cache: str | None = None  # "5m" or "1h": a breakpoint at its end
    volatile: str | None = None  # the class of a value that changes from call to call, near its start
    detail: str | None = None  # an image's


class Bill(NamedTuple):
    """How the provider bills one attempt, in tokens."""

    uncached: int
    read: int
    write_short: int
    write_long: int
    output: int | None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. Times in seconds since the epoch."""

    task: str
    at: float
    parts: tuple[Part, ...]
    provider: str = "anthropic"
    model: str = "claude-sonnet-5-5"
    seconds: float = 1.0
    output: int = 200
    reasoning: int | None = None
    trace: str = ""  # by default its own
    operation: str = ""  # of the logical request; by default its own
    attempt: int = 1
    root: str = "SERVER"
    root_name: str = "POST /v1/ask"
    parent: str = ""
    session: str = ""
    temperature: float | None = None
    schema: str | None = None
    answer: str = ""  # by default its own
    output_kind: str = "text"
    tools_called: tuple[str, ...] = ()
    stream: bool = False
    status: str = "ok"
    http: int | None = 200
    error: str | None = None
    finish: str = "stop"
    limit: int | None = None
    effort: str | None = None
    batch: bool = False
    tier: str | None = None
    geo: str | None = None
    embedding: bool = False
    billed: bool = True  # False: refused, no usage comes back
    simhash: int | None = None
    nonce: int = 0  # tells equal attempts apart
    bare: bool = False  # recorded by another instrumentation: usage, and neither hashes nor parts
    named: bool = True  # False: nobody gave the task a name
    site: str = "app/main.py:12"


def number(*parts: object, bits: int = 63) -> int:
    """A number for anything."""
    raw = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big") >> (64 - bits)


def identity(ask: Ask) -> str:
    """The span id of an ask: the same for the same ask, in 16 hex digits."""
    return f"{number(ask.task, ask.at, ask.attempt, ask.nonce, ask.trace, 'span'):016x}"


def record(ask: Ask, bill: Bill) -> Call:
    """The record of an attempt that was billed so."""
    own = identity(ask)
    trace = f"{number(ask.task, ask.trace) if ask.trace else number(own, 'trace'):032x}"
    operation = f"{number(ask.task, ask.operation):016x}" if ask.operation else own
    tools = [part.key for part in ask.parts if part.kind == "tool"]
    system = [_template(part) for part in ask.parts if part.role == "system"]
    openai = ask.provider in {"openai", "azure.ai.openai"}
    call = Call(
        context=Context(
            trace_id=trace,
            span_id=own,
            operation_id=operation,
            attempt=ask.attempt,
            start_unix_us=round(ask.at * 1_000_000),
            duration_us=round(ask.seconds * 1_000_000),
            parent_span_id=f"{number(ask.task, ask.parent):016x}" if ask.parent else None,
            root_span_name=ask.root_name if ask.root else None,
            root_span_kind=ask.root or None,
            call_site_file=None if ask.bare else ask.site.partition(":")[0],
            call_site_line=None if ask.bare else int(ask.site.partition(":")[2]),
            call_site_function=None if ask.bare else "run",
            task=ask.task if ask.named else None,
            session_id=ask.session or None,
        ),
        usage=_usage(ask, bill),
        provider=ask.provider,
        api="openai.embeddings" if ask.embedding else "openai.chat" if openai else "anthropic.messages",
        operation="embeddings" if ask.embedding else "chat",
        request_model=ask.model,
        response_model=ask.model,
        stream=ask.stream,
        batch=ask.batch,
        service_tier=ask.tier,
        inference_geo=ask.geo,
        status=ask.status,  # type: ignore[arg-type]
        http_status=ask.http,
        error_type=ask.error,
        finish_reason=None if ask.embedding else ask.finish,
        max_output_tokens=ask.limit,
        temperature=ask.temperature,
        effort=ask.effort,
        request_hash=_request(ask),
        system_template_hash=number("system", *system) if system else None,
        tools_hash=number("tools", *tools) if tools else None,
        schema_hash=number("schema", ask.schema) if ask.schema else None,
        simhash=ask.simhash,
        output_hash=None if ask.embedding else number("answer", ask.answer or own),
        output_bytes=None if ask.embedding else ask.output * BYTES_PER_TOKEN,
        output_kind="vector" if ask.embedding else ask.output_kind,  # type: ignore[arg-type]
        tools_called=ask.tools_called,
        segments=tuple(_segments(ask)),
    )
    return msgspec.structs.replace(call, **_BARE) if ask.bare else call


_BARE: dict[str, Any] = {
    "request_hash": None, "system_template_hash": None, "tools_hash": None, "schema_hash": None, "simhash": None,
    "output_hash": None, "output_bytes": None, "output_kind": None, "segments": (),
}  # fmt: skip


def _usage(ask: Ask, bill: Bill) -> Usage:
    if not ask.billed:
        return Usage()
    counts: dict[str, Any] = {
        "input_uncached_tokens": bill.uncached,
        "cache_read_tokens": bill.read,
        "cache_write_short_tokens": bill.write_short,
        "cache_write_long_tokens": bill.write_long,
        "output_tokens": bill.output,
        "reasoning_tokens": ask.reasoning,
    }
    if ask.embedding:
        counts = {"input_uncached_tokens": bill.uncached}
    return Usage(**counts)


def _request(ask: Ask) -> int:
    keys = tuple((part.role, part.kind, part.key, part.cache, part.detail) for part in ask.parts)
    return number(ask.task, ask.model, keys, ask.temperature, ask.schema, ask.limit, ask.effort, ask.tier)


def segment_hash(part: Part) -> int:
    """The hash of a part."""
    return number(part.role, part.kind, part.key)


def _template(part: Part) -> tuple[str, str, str]:
    """A part without the values that change: what stands before `#` in its key, where it is volatile."""
    return part.role, part.kind, part.key.partition("#")[0] if part.volatile else part.key


def _segments(ask: Ask) -> Iterable[Segment]:
    prefix = 0
    for part in ask.parts:
        own = segment_hash(part)
        prefix = number(prefix, own)
        yield Segment(
            role=part.role,
            kind="system" if part.role == "system" else part.kind,  # type: ignore[arg-type]
            hash=own,
            template_hash=number(_template(part)),
            prefix_hash=prefix,
            bytes=part.tokens * BYTES_PER_TOKEN,
            tokens=part.tokens,
            name=part.name,
            cache=part.cache,  # type: ignore[arg-type]
            volatile=(part.volatile,) if part.volatile else (),
            volatile_offset_bytes=0 if part.volatile else None,
            volatile_bytes=20 if part.volatile else None,
            image_detail=part.detail,
        )


def moment(day: int, hour: float) -> float:
    """Seconds since the epoch of an hour of the benchmark's days; 0 is Monday, 2 November 2026."""
    return datetime(2026, 11, 2, tzinfo=UTC).timestamp() + day * 86400 + hour * 3600


def arrivals(rng: random.Random, days: int, per_day: int, mean_gap_s: float, hour: float = 9) -> list[float]:
    """Times of independent requests, a Poisson stream from an hour of each day on."""
    found = []
    for day in range(days):
        at = moment(day, hour)
        for _ in range(per_day):
            at += rng.expovariate(1 / mean_gap_s)
            found.append(at)
    return found
