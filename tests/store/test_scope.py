"""A part of the calls is the whole for everything that reads: views, queries, advice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from otelcost.advise import recommend
from otelcost.model import Call, Context, Usage
from otelcost.spool.names import SegmentName
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Window, overview, tasks
from otelcost.store.scope import Scope, restricted

NOW = datetime(2026, 11, 22)  # noqa: DTZ001
WINDOW = Window.parse("7d", NOW)
CALLS = [
    {"task": "support-triage", "feature": "inbox", "labels": {"customer": "acme"}, "service_name": "web"},
    {"task": "support-reply", "feature": "inbox", "labels": {"customer": 'it\'s "x"'}, "service_name": "web"},
    {"task": "nightly", "feature": "report", "service_name": "jobs"},
]


def line(number: int, **context: Any) -> bytes:
    start = int(datetime.fromisoformat("2026-11-20T10:00:00+00:00").timestamp()) + number
    known = Context(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        operation_id=f"{number:016x}",
        start_unix_us=start * 1_000_000,
        duration_us=1000,
        **context,
    )
    usage = Usage(input_uncached_tokens=1000 * number, cache_read_tokens=0, output_tokens=10, reasoning_tokens=0)
    call = Call(
        context=known, provider="openai", api="openai.chat", operation="chat", request_model="gpt-4o",
        response_model="gpt-4o", http_status=200, usage=usage, request_hash=7,
    )  # fmt: skip
    return msgspec.json.encode(call)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    spool = tmp_path / "spool"
    spool.mkdir()
    name = SegmentName("calls", 1, "host", 1, 1_763_000_000_000_000_000, 0)
    lines = [line(number, **context) for number, context in enumerate(CALLS, start=1)]
    (spool / f"{name}.ndjson").write_bytes(b"".join(one + b"\n" for one in lines))
    drain(tmp_path / "store.duckdb", spool=spool)
    with session(tmp_path / "store.duckdb") as connection:
        yield connection


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(), {"support-triage", "support-reply", "nightly"}),
        (Scope(task="support-*"), {"support-triage", "support-reply"}),
        (Scope(task="support-*", label="customer=acme"), {"support-triage"}),
        (Scope(label='customer=it\'s "x"'), {"support-reply"}),
        (Scope(feature="rep*"), {"nightly"}),
        (Scope(service="web"), {"support-triage", "support-reply"}),
        (Scope(task="'; DROP VIEW v_calls; --"), set()),
    ],
)
def test_everything_sees_the_same_part(store: duckdb.DuckDBPyConnection, scope: Scope, expected: set[str]) -> None:
    whole = overview(store, WINDOW).spend_picousd
    by_task = {row.task: row.cost_picousd or 0 for row in tasks(store, WINDOW)}
    with restricted(store, scope):
        assert {row.task for row in tasks(store, WINDOW)} == expected
        part = overview(store, WINDOW)
        assert (part.spend_picousd or 0) == sum(by_task[name] for name in expected)
        advice = recommend(store, WINDOW, now=NOW)
        assert (advice.spend_picousd or 0) == (part.spend_picousd or 0)
        assert {card.task for card in advice.recommendations} <= expected
        for view in ("v_tasks", "v_operations", "v_calls", "v_base"):
            found = store.execute(f"SELECT DISTINCT task FROM {view}").fetchall()
            assert {name for (name,) in found} == expected
        store.execute("SELECT count(*) FROM v_segments").fetchone()
    assert overview(store, WINDOW).spend_picousd == whole


def test_words() -> None:
    assert Scope().everything
    assert Scope(task="a*", label="k=v").in_words() == "task a*, label k=v"
