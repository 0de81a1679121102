"""Calls to reconcile: a few by hand, written the way applications write them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from otelcost.model import Call, Context, Usage

EXPORTS = Path(__file__).parent / "exports"
_NUMBERS = itertools.count(1)


def call(
    at: str, model: str, *, provider: str = "openai", seconds: float = 1, batch: bool = False, **usage: int
) -> Call:
    """One call that began at an ISO 8601 moment in UTC."""
    number = next(_NUMBERS)
    start = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1_000_000)
    known: dict[str, Any] = {"cache_read_tokens": 0, **usage}
    return Call(
        context=Context(
            trace_id=f"{number:032x}",
            span_id=f"{number:016x}",
            operation_id=f"{number:016x}",
            start_unix_us=start,
            duration_us=int(seconds * 1_000_000),
        ),
        provider=provider,
        api="anthropic.messages" if provider == "anthropic" else "openai.chat",
        operation="chat",
        request_model=model,
        response_model=model,
        batch=batch,
        http_status=200,
        usage=Usage(**known),
    )


def spool(home: Path, calls: list[Call]) -> None:
    """Write calls as a sealed segment."""
    folder = home / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in calls)
    (folder / f"calls-v1-host-1-{next(_NUMBERS)}-0.ndjson").write_bytes(lines)


def openai_days() -> list[Call]:
    """Every call that the OpenAI exports of this folder bill."""
    big = [
        call(
            "2026-11-20T09:00:00",
            "gpt-4o-2024-08-06",
            input_uncached_tokens=700,
            cache_read_tokens=300,
            output_tokens=100,
        ),
        call(
            "2026-11-20T10:00:00",
            "gpt-4o-2024-08-06",
            input_uncached_tokens=600,
            cache_read_tokens=400,
            output_tokens=100,
        ),
        call(
            "2026-11-20T23:59:59",
            "gpt-4o-2024-08-06",
            input_uncached_tokens=700,
            cache_read_tokens=300,
            output_tokens=100,
        ),
        call("2026-11-21T00:00:00", "gpt-4o-2024-08-06", input_uncached_tokens=1000, output_tokens=100),
        call("2026-11-21T12:00:00", "gpt-4o-2024-08-06", input_uncached_tokens=1000, output_tokens=100),
    ]
    small = [
        call(f"2026-11-20T{hour:02}:30:00", "gpt-4o-mini-2024-07-18", input_uncached_tokens=1000, output_tokens=100)
        for hour in range(10)
    ]
    return big + small
