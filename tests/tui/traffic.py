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
