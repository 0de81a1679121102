"""Real records in a real spool, for the tests that need a store: a few days of two tasks, made here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from otelcost.model import Call, Context, Segment, Usage
from otelcost.spool.names import SegmentName

DAYS = 9


def record(index: int, start: datetime, *, task: str = "triage", model: str = "gpt-4o-mini") -> Call:
    """One call; `start` is naive UTC."""
    span_id = f"{index + 1:016x}"
    system = Segment(role="system", kind="system", hash=1, template_hash=1, prefix_hash=1, bytes=3200, tokens=800)
    user = Segment(
        role="user", kind="text", hash=9000 + index, template_hash=2, prefix_hash=9000 + index, bytes=800, tokens=200
    )
    return Call(
        context=Context(
            trace_id=f"{index + 1:032x}",
            span_id=span_id,
            operation_id=span_id,
            start_unix_us=int(start.replace(tzinfo=UTC).timestamp() * 1_000_000),
            duration_us=1_200_000,
            task=task,
            call_site_file="app/triage.py",
            call_site_line=88,
            call_site_function="classify",
        ),
        usage=Usage(input_uncached_tokens=400, cache_read_tokens=600, output_tokens=50),
        provider="openai",
        api="openai.chat",
        operation="chat",
        request_model=model,
        response_model=model,
        status="error" if index % 20 == 7 else "ok",
        segments=(system, user),
    )


def week(now: datetime, per_day: int = 40) -> list[Call]:
    """Calls of the days before now, oldest first; one task's model has no price."""
    calls = []
    for index in range(DAYS * per_day):
        start = now - timedelta(days=DAYS) + index * timedelta(days=DAYS) / (DAYS * per_day)
        odd = index % 40 == 0
        calls.append(record(index, start, task="draft" if odd else "triage", model="no-such" if odd else "gpt-4o-mini"))
    return calls


def spool(home: Path, calls: list[Call], sequence: int = 0) -> Path:
    """Write a sealed segment, as a process that has ended leaves it."""
    folder = home / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{SegmentName('calls', 1, 'host', 4242, 1_763_000_000_000_000_000, sequence)}.ndjson"
    path.write_bytes(b"".join(msgspec.json.encode(call) + b"\n" for call in calls))
    return path


def repeated(now: datetime, calls: int = 120) -> list[Call]:
    """A prompt of which nine tenths are the same every minute, and which nobody caches: something to recommend."""
    rows = []
    for index in range(calls):
        call = record(index, now - timedelta(days=2) + timedelta(minutes=index), model="claude-sonnet-4-5")
        parts = (msgspec.structs.replace(call.segments[0], tokens=9000, bytes=36_000), call.segments[1])
        usage = Usage(input_uncached_tokens=9200, cache_read_tokens=0, cache_write_short_tokens=0, output_tokens=50)
        rows.append(
            msgspec.structs.replace(
                call,
                usage=usage,
                provider="anthropic",
                api="anthropic.messages",
                status="ok",
                segments=parts,
            )
        )
    return rows
