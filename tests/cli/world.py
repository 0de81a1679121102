"""A small recorded world with fixed times, written the way applications write: lines in a spool.

The window of seven days before `NOW` holds a growing triage task, a nightly job done call by call, a retried
call, a model nobody has a price for and a task whose name is an attack; the week before holds a cheaper
triage. Everything is made here, nothing is recorded traffic.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from otelcost.model import Call, Context, Segment, Usage
from otelcost.spool.names import SegmentName

NOW = "2026-11-22T12:00:00Z"
_MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)

HOSTILE_TASK = "=cmd|' /C calc'!A1\x1b[2J\x1b]0;owned\x07|<b>*x*</b>\u202e"


def run(
    home: Path, *arguments: str, now: str | None = NOW, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `otelcost` for real, with this home, this moment and no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "otelcost.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        env=environ(home, now, **environment),
        timeout=120,
        check=False,
    )


_LIMITED = (
    "import os, resource, sys\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'otelcost.cli', *sys.argv[2:]])"
)


def run_on_a_full_disk(
    home: Path, *arguments: str, room: int, stdout: Any = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """Run `otelcost` where no file can grow beyond `room` bytes, which fails at the places a full disk does."""
    return subprocess.run(
        [sys.executable, "-c", _LIMITED, str(room), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=environ(home, PYTHONUNBUFFERED=""),
        timeout=120,
        check=False,
    )


def on_terminal(home: Path, columns: int, *arguments: str) -> str:
    """What `otelcost` shows on a terminal of this width, without colours and line ends of the terminal."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, columns))
    environment = {**environ(home), "TERM": "xterm", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    del environment["COLUMNS"]
    with subprocess.Popen(
        [sys.executable, "-m", "otelcost.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env=environment,
    ) as process:
        os.close(follower)
        text = b"".join(iter(lambda: _read(leader), b"")).decode()
        os.close(leader)
    assert process.returncode == 0, text
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """What the terminal holds; a closed one reads as its end."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def environ(home: Path, now: str | None = NOW, **more: str) -> dict[str, str]:
    """This process's environment without what would change the commands' answers."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "COVERAGE"))}
    moment = {} if now is None else {"OTELCOST_NOW": now}
    return {**kept, "OTELCOST_HOME": str(home), "COLUMNS": "100", **moment, **more}


def spool(home: Path, lines: list[bytes], pid: int = 4242) -> Path:
    """Write a sealed segment, as a process that has ended leaves it."""
    folder = home / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{SegmentName('calls', 1, 'host', pid, 1_763_000_000_000_000_000, 0)}.ndjson"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def lines() -> list[bytes]:
    """Every call of the world as a spool line, oldest first."""
    calls = sorted(_calls(), key=lambda call: call.context.start_unix_us)
    return [msgspec.json.encode(call) for call in calls]


def failing(number: int) -> list[bytes]:
    """Calls that a provider refused, as spool lines."""
    refused: dict[str, Any] = {
        "model": "gpt-4o",
        "status": "error",
        "http_status": 401,
        "error_type": "AuthenticationError",
    }
    return [msgspec.json.encode(_call(one, 1, hour=one, task="chat", **refused)) for one in range(1, number + 1)]


def _calls() -> Iterator[Call]:
    for day in range(13, -1, -1):
        yield from _triage(day, heavy=day < 7)
    for day in range(6, -1, -1):
        yield from _nightly(day)
    yield from _retried()
    yield _call(90, 1, hour=9, task="draft", model="in-house-7b", usage=_usage(500, 50))
    yield _call(91, 1, hour=10, task=HOSTILE_TASK, model="gpt-4o-mini", usage=_usage(800, 40))
    yield _call(
        92,
        2,
        hour=11,
        task="draft",
        model="gpt-4o-mini",
        usage=_usage(700, 30),
        status="aborted",
        flags=("estimated", "lower_bound"),
    )


def _triage(day: int, *, heavy: bool) -> Iterator[Call]:
    """A long prompt with a changing line near its top, every few minutes of a morning's hour."""
    for minute in range(0, 60, 4):
        yield _call(
            1000 + day * 100 + minute,
            day,
            hour=9,
            minute=minute,
            task="support-triage",
            model="claude-sonnet-4-5",
            provider="anthropic",
            usage=_usage(14_000 if heavy else 5_000, 120),
            segments=_segments(day * 100 + minute, 14_000 if heavy else 5_000),
            root_span_kind="SERVER",
            root_span_name="POST /ticket",
            output_kind="text",
            output_hash=60_000 + day * 100 + minute,
            system_template_hash=77,
            call_site_file="app/triage.py",
            call_site_line=88,
            call_site_function="triage",
        )


def _segments(salt: int, tokens: int) -> tuple[Segment, ...]:
    system = Segment(
        role="system",
        kind="system",
        hash=7000 + salt,
        template_hash=77,
        prefix_hash=7000 + salt,
        bytes=(tokens - 200) * 4,
        tokens=tokens - 200,
        volatile=("datetime",),
        volatile_offset_bytes=40,
        volatile_bytes=19,
    )
    user = Segment(
        role="user",
        kind="text",
        hash=9000 + salt,
        template_hash=9000 + salt,
        prefix_hash=8000 + salt,
        bytes=800,
        tokens=200,
    )
    return system, user


def _nightly(day: int) -> Iterator[Call]:
    """A report made call by call, at night, by something no user waits for."""
    for minute in range(40):
        yield _call(
            5000 + day * 100 + minute,
            day,
            hour=2,
            minute=minute,
            task="nightly-report",
            model="gpt-4o",
            usage=_usage(3_000, 400),
            request_hash=50_000 + day * 100 + minute,
            segments=_segments(50_000 + day * 100 + minute, 3_000)[1:],
            output_kind="text",
            output_hash=70_000 + day * 100 + minute,
            root_span_kind="CONSUMER",
            root_span_name="nightly",
            call_site_file="jobs/nightly.py",
            call_site_line=12,
            call_site_function="main",
        )


def _retried() -> Iterator[Call]:
    """One operation: refused, then answered."""
    shared: dict[str, Any] = {"task": "extract", "model": "gpt-4o", "operation_id": 9001}
    yield _call(9001, 1, hour=15, status="error", http_status=429, error_type="RateLimitError", **shared)
    yield _call(9002, 1, hour=15, minute=1, attempt=2, usage=_usage(2_000, 100), **shared)


def _usage(uncached: int, output: int) -> Usage:
    return Usage(input_uncached_tokens=uncached, cache_read_tokens=0, output_tokens=output, reasoning_tokens=0)


_CONTEXT_FIELDS = frozenset(Context.__struct_fields__)


def _call(
    number: int,
    day: int,
    *,
    hour: int,
    minute: int = 0,
    model: str,
    provider: str = "openai",
    operation_id: int | None = None,
    **fields: Any,
) -> Call:
    """A call `day` days before the last midnight."""
    start = _MIDNIGHT - timedelta(days=day) + timedelta(hours=hour, minutes=minute)
    context = Context(
        trace_id=f"{operation_id or number:032x}",
        span_id=f"{number:016x}",
        operation_id=f"{operation_id or number:016x}",
        start_unix_us=int(start.timestamp()) * 1_000_000,
        duration_us=1_234_500,
        service_name="shop",
        sdk=provider,
        **{key: value for key, value in fields.items() if key in _CONTEXT_FIELDS},
    )
    return Call(
        context=context,
        provider=provider,
        api="anthropic.messages" if provider == "anthropic" else "openai.chat",
        operation="chat",
        request_model=model,
        response_model=None if fields.get("status") == "error" else model,
        http_status=fields.pop("http_status", 200),
        **{"request_hash": number, **{key: value for key, value in fields.items() if key not in _CONTEXT_FIELDS}},
    )
