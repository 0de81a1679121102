"""Stores made of declared calls: real records, through the real spool line format and the real drain.

The fields of `Spec` and `Part` are those of a rule's `cases.toml`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb
import msgspec
from msgspec import structs

from otelcost.advise.catalogue import Rule
from otelcost.advise.engine import recommend
from otelcost.advise.report import Report
from otelcost.errors import StoreError
from otelcost.model import Call, Context, Segment, Usage
from otelcost.spool.names import segment_name
from otelcost.store.db import session
from otelcost.store.drain import drain

BASE = datetime.fromisoformat("2026-11-02")
"""A Monday after the last change of prices in the book that matters here."""
BYTES_PER_TOKEN = 4
"""How long the text of a declared segment is."""


class Window(NamedTuple):
    """A half-open window in naive UTC."""

    start: datetime
    end: datetime


NOW = datetime.fromisoformat("2026-11-30")
"""The end of the declared world."""
ALL = Window(datetime.fromisoformat("2026-01-01"), NOW)
"""All of it."""


class Part(msgspec.Struct, forbid_unknown_fields=True):
    """One declared prompt segment. `{n}` in its key makes it unique to each call, `{d}` to each day."""

    role: str
    key: str
    tokens: int
    volatile: str | None = None  # a class of values that change, at the start of the segment
    cache: Literal["5m", "1h"] | None = None
    kind: str = "text"
    name: str | None = None  # a tool's
    detail: str | None = None  # an image's


class Spec(msgspec.Struct, forbid_unknown_fields=True):
    """Calls as a case declares them: `count` calls, `every_s` apart, on each of `days` days.

    `traces` says which of them share a trace: each its own, or all of a day. `resends` repeats each call
    as often as the list says, in turn, `resend_s` after its end, in the same trace.
    """

    task: str
    provider: str = "anthropic"
    model: str = "claude-haiku-4-5"
    prompt: list[Part] = []
    output: int = 100
    count: int = 1
    every_s: float = 60
    at_s: float = 9 * 3600
    days: int = 1
    traces: Literal["own", "day"] = "own"
    series: int | None = None  # take part in the traces of the declaration with this index
    root: str = "SERVER"  # "" is unknown
    root_name: str | None = "POST /x"
    resends: list[int] = []
    resend_s: float = 2
    duration_s: float = 1
    operation: str = "chat"
    temperature: float | None = None
    stream: bool = False
    status: str = "ok"
    http_status: int | None = 200
    finish: str | None = None
    first_kind: str | None = None  # the kind of an answer that is asked for again
    output_kind: str = "text"
    answer: str = "{n}"
    reasoning: int | None = None
    read: int = 0
    write_short: int = 0
    write_long: int = 0
    flags: list[str] = []
    grows: list[Part] = []  # what each call of a day adds to the prompt of the one before; `{p}` is its place
    parent: bool = False  # the calls of a trace share a parent span
    simhash: str | None = None  # what the last message is about; each call's words differ a little
    tier: str | None = None  # the service tier, as asked for and as served
    tools: str | None = None
    called: list[str] = []
    effort: str | None = None
    geo: str | None = None
    schema: str | None = None
    max_output: int | None = None
    max_output_grows: bool = False
    attempts: int = 1  # attempts of the SDK, all but the last with `failed_status`
    failed_status: str = "error"
    failed_http: int | None = 429
    failed_usage: bool = False
    hashed: bool = True
    site: str | None = "app/main.py"


def digest(*parts: object) -> int:
    """A 63-bit number for anything."""
    raw = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(raw[:8], "big") >> 1


def expand(specs: Iterable[Spec]) -> list[Call]:
    """All calls that the declarations stand for."""
    return [call for index, spec in enumerate(specs) for call in _series(index, spec)]


def _series(index: int, spec: Spec) -> Iterator[Call]:
    number = 0
    for day in range(spec.days):
        for position in range(spec.count):
            at = BASE + timedelta(days=day, seconds=spec.at_s + position * spec.every_s)
            series = index if spec.series is None else spec.series
            trace = digest(series, day) if spec.traces == "day" else digest(series, day, position)
            copies = 1 + (spec.resends[number % len(spec.resends)] if spec.resends else 0)
            for copy in range(copies):
                sent = structs.replace(spec, prompt=[*spec.prompt, *_grown(spec, position)])
                yield from _operation(index, sent, at, trace, (number, day, copy, copies))
                at += timedelta(seconds=spec.duration_s + spec.resend_s)
            number += 1


def _grown(spec: Spec, position: int) -> Iterator[Part]:
    for place in range(position):
        for part in spec.grows:
            yield structs.replace(part, key=part.key.replace("{p}", str(place)))


def _operation(index: int, spec: Spec, at: datetime, trace: int, which: tuple[int, int, int, int]) -> Iterator[Call]:
    number, _, copy, _ = which
    operation = digest(index, number, copy, "operation")
    for attempt in range(1, spec.attempts + 1):
        yield _call(spec, at, trace, operation, attempt, which)
        at += timedelta(seconds=spec.duration_s + 0.5)


def _call(spec: Spec, at: datetime, trace: int, operation: int, attempt: int, which: tuple[int, int, int, int]) -> Call:
    number, day, copy, copies = which
    failed = attempt < spec.attempts
    again = copy < copies - 1
    segments = tuple(_segments(spec, number, day))
    total = sum(part.tokens for part in spec.prompt)
    grown = spec.max_output * 4 if spec.max_output_grows and not again and spec.max_output else spec.max_output
    usage = Usage(
        input_uncached_tokens=total - spec.read - spec.write_short - spec.write_long,
        cache_read_tokens=spec.read,
        cache_write_short_tokens=spec.write_short,
        cache_write_long_tokens=spec.write_long or None,
        output_tokens=spec.output,
        reasoning_tokens=spec.reasoning,
    )
    keys = tuple(part.key.format(n=number, d=day) for part in spec.prompt)
    request = digest(spec.task, spec.model, keys, spec.temperature, grown, spec.tools, spec.schema)
    status = spec.failed_status if failed else spec.status
    return Call(
        context=Context(
            trace_id=f"{trace:032x}",
            span_id=f"{digest(operation, attempt, 'span'):016x}",
            operation_id=f"{operation:016x}",
            attempt=attempt,
            start_unix_us=int(at.replace(tzinfo=UTC).timestamp() * 1_000_000),
            duration_us=int(spec.duration_s * 1_000_000),
            parent_span_id=f"{digest(trace, 'parent'):016x}" if spec.parent else None,
            root_span_name=spec.root_name if spec.root else None,
            root_span_kind=spec.root or None,
            call_site_file=spec.site,
            call_site_line=12 if spec.site else None,
            call_site_function="run" if spec.site else None,
            task=spec.task,
        ),
        usage=Usage() if failed and not spec.failed_usage else usage,
        provider=spec.provider,
        api="anthropic.messages" if spec.provider == "anthropic" else "openai.chat",
        operation=spec.operation,
        request_model=spec.model,
        response_model=spec.model,
        stream=spec.stream,
        status=status,  # type: ignore[arg-type]
        http_status=spec.failed_http if failed else spec.http_status,
        finish_reason=spec.finish if again or not spec.max_output_grows else "stop",
        flags=tuple(spec.flags),  # type: ignore[arg-type]
        request_tier=spec.tier,
        service_tier=spec.tier,
        max_output_tokens=grown,
        temperature=spec.temperature,
        request_hash=request if spec.hashed else None,
        tools_hash=digest(spec.tools) if spec.tools else None,
        schema_hash=digest(spec.schema) if spec.schema else None,
        simhash=digest(spec.simhash.format(n=number, d=day)) ^ (1 << number % 61) if spec.simhash else None,
        output_hash=digest("answer", spec.answer.format(n=number, d=day, copy=copy)),
        output_kind=(spec.first_kind or spec.output_kind) if again else spec.output_kind,  # type: ignore[arg-type]
        tools_called=tuple(spec.called),
        effort=spec.effort,
        inference_geo=spec.geo,
        segments=segments,
    )


def _segments(spec: Spec, number: int, day: int) -> Iterator[Segment]:
    prefix = 0
    for part in spec.prompt:
        key = part.key.format(n=number, d=day)
        hash_ = digest(part.role, key, number if part.volatile else None)
        prefix = digest(prefix, hash_)
        yield Segment(
            role=part.role,
            kind="system" if part.role == "system" else part.kind,  # type: ignore[arg-type]
            hash=hash_,
            template_hash=digest(part.role, key),
            prefix_hash=prefix,
            bytes=part.tokens * BYTES_PER_TOKEN,
            tokens=part.tokens,
            cache=part.cache,
            name=part.name,
            image_detail=part.detail,
            volatile=(part.volatile,) if part.volatile else (),
            volatile_offset_bytes=14 if part.volatile else None,
            volatile_bytes=20 if part.volatile else None,
        )


@contextmanager
def store_of(calls: Iterable[Call], home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A drained store that holds these calls, open for reading."""
    spool = home / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(call) + b"\n" for call in calls)
    (spool / f"{segment_name('calls', 1, 1, 1)}.ndjson").write_bytes(lines)
    report = drain(home / "store.duckdb", spool)
    if report.rejects:
        raise StoreError(f"{report.rejects} declared calls could not be loaded", "correct the case")
    with session(home / "store.duckdb") as connection:
        yield connection


def advise(specs: Iterable[Spec], home: Path, rules: list[Rule] | None = None) -> Report:
    """What the engine says about declared calls."""
    with store_of(expand(specs), home) as connection:
        return recommend(connection, ALL, now=NOW, rules=rules)


def spec(**fields: Any) -> Spec:
    """A declaration with `prompt` as rows of role, key, tokens and the rest."""
    prompt = [part if isinstance(part, Part) else Part(*part) for part in fields.pop("prompt", [])]
    return Spec(prompt=prompt, **fields)


def from_table(row: dict[str, Any]) -> Spec:
    """A declaration as `cases.toml` writes it."""
    return msgspec.convert(row | {name: _parts(row[name]) for name in ("prompt", "grows") if name in row}, Spec)


def _parts(rows: list[Any]) -> list[dict[str, Any]]:
    return [part if isinstance(part, dict) else dict(zip(Part.__struct_fields__, part, strict=False)) for part in rows]
