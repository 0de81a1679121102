"""How the store's main queries scale: synthetic calls in the real tables, times in milliseconds.

    python tests/bench/store_scale.py --rows 1000000

Numbers depend on the machine, which is printed with them. The drain is measured with real spool files.
"""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from otelcost.model import Call, Context, Segment, Usage
from otelcost.spool.writer import Spool
from otelcost.store import prices, queries, tasks
from otelcost.store.db import session, transaction
from otelcost.store.drain import drain

NOW = datetime(2026, 11, 22, 12, 0, 0)
DAYS = 90
DRAINED = 40_000
MODELS = (
    ("openai", "gpt-4o-2024-08-06"),
    ("openai", "gpt-6-luna"),
    ("openai", "gpt-6.1-terra"),
    ("openai", "gpt-5.6-sol"),
    ("anthropic", "claude-opus-5-5"),
    ("anthropic", "claude-sonnet-5-5"),
    ("anthropic", "claude-haiku-5-5"),
    ("openai", "in-house-7b"),
)

GENERATE = """
INSERT INTO calls BY NAME
SELECT
    CAST(md5(CAST(i // 3 AS VARCHAR)) AS UUID) AS trace_id, CAST(hash(i) AS UBIGINT) AS span_id,
    CAST(hash(i) AS UBIGINT) AS operation_id, 1 AS attempt,
    TIMESTAMP '2026-11-22 12:00:00' - to_microseconds(CAST((1 - i / $rows) * $span_us AS BIGINT)) AS start,
    200000 + hash(i, 1) % 4000000 AS duration_us, 100000 AS ttft_us,
    m.provider, 'chat' AS api, 'chat' AS operation, m.model AS request_model, m.model AS response_model,
    i % 3 = 0 AS stream, false AS batch, 'default' AS service_tier, 'ok' AS status, 200 AS http_status,
    []::VARCHAR[] AS flags,
    200 + hash(i, 2) % 8000 AS input_uncached_tokens, hash(i, 3) % 2000 AS cache_read_tokens,
    hash(i, 4) % 900 AS output_tokens, 0 AS reasoning_tokens,
    '{"prompt_tokens": 1, "details": {"cached": 2}}'::JSON::VARIANT AS usage_raw,
    hash(i % 200000) >> 1 AS request_hash, hash(i % 40) >> 1 AS system_template_hash,
    [{'role': 'system', 'kind': 'system', 'name': NULL, 'hash': k, 'template_hash': k, 'prefix_hash': i % 1000 + k,
      'bytes': 4000, 'tokens': 1000, 'cache': NULL, 'volatile': NULL, 'volatile_offset_bytes': NULL,
      'volatile_bytes': NULL, 'image_detail': NULL} for k in range(6)] AS segments,
    'app/task' || (i % 40) || '.py' AS call_site_file, 12 AS call_site_line, 'run' AS call_site_function,
    'service' AS service_name, MAP {'customer': 'c' || (i % 50)} AS labels, 'host' AS host, 1 AS pid,
    m.pricing_id
FROM range($from, $to) r(i)
JOIN (SELECT *, row_number() OVER (ORDER BY pricing_id) - 1 AS slot FROM price_resolution) m
    ON m.slot = hash(i, 5) % $models
ORDER BY start
"""


def fill(store: Path, rows: int) -> None:
    """Write `rows` calls spread evenly over 90 days, in transactions of 100,000."""
    with session(store, write=True) as connection:
        prices.refresh(connection)
        with transaction(connection):
            prices.resolve_new(connection, [(p, m, "default", None, None, False) for p, m in MODELS])
        step = 100_000
        for begin in range(0, rows, step):
            parameters = {
                "rows": float(rows),
                "span_us": timedelta(days=DAYS) // timedelta(microseconds=1),
                "from": begin,
                "to": min(rows, begin + step),
                "models": len(MODELS),
            }
            connection.execute(GENERATE, parameters)
        with transaction(connection):
            tasks.assign_missing(connection)


def measure(store: Path, repeats: int) -> None:
    """Print the median time of each query, each in a session of its own as commands have it."""
    week, ever = queries.Window(NOW - timedelta(days=7), NOW), queries.Window(datetime(1970, 1, 1), NOW)
    with session(store) as connection:
        middle = queries.calls(connection, ever, limit=1, order="cost")[0]
    cases: list[tuple[str, Callable[[duckdb.DuckDBPyConnection], Any]]] = [
        ("open and close", lambda c: None),
        ("overview, 7 days", lambda c: queries.overview(c, week)),
        ("overview, all time", lambda c: queries.overview(c, ever)),
        ("tasks, 7 days", lambda c: queries.tasks(c, week)),
        ("tasks, all time", lambda c: queries.tasks(c, ever)),
        ("newest 50 calls", lambda c: queries.calls(c, ever, limit=50)),
        ("dearest 50 calls", lambda c: queries.calls(c, ever, limit=50, order="cost")),
        (
            "next 50 by cost",
            lambda c: queries.calls(c, ever, limit=50, order="cost", after=queries.position(middle, "cost")),
        ),
        ("one call with segments", lambda c: queries.call(c, middle.span_id)),
        ("health", lambda c: queries.health(c, today=NOW.date(), store=store, spool=store.parent / "none")),
        ("sum of costs, all time", lambda c: c.execute("SELECT sum(cost_picousd) FROM v_calls").fetchall()),
        ("operations, 7 days", lambda c: c.execute(_WEEK.format("v_operations"), {"start": week.start}).fetchall()),
        ("segments, 7 days", lambda c: c.execute(_WEEK.format("v_segments"), {"start": week.start}).fetchall()),
    ]
    for name, query in cases:
        times = [_timed(store, query) for _ in range(repeats)]
        print(f"{name:28} {statistics.median(times):8.0f} ms   (lowest {min(times):.0f})")


_WEEK = "SELECT count(*), any_value(task) FROM {} WHERE start >= $start"


def _timed(store: Path, query: Callable[[duckdb.DuckDBPyConnection], Any]) -> float:
    begin = time.perf_counter()
    with session(store) as connection:
        query(connection)
    return (time.perf_counter() - begin) * 1000


def measure_drain(home: Path) -> None:
    """Print how fast spool files are loaded into an empty store."""
    spool = Spool(home / "spool")
    part = Segment(role="user", kind="text", hash=1, template_hash=2, prefix_hash=3, bytes=400, tokens=100)
    for number in range(DRAINED):
        identity = Context(
            trace_id=f"{number:032x}",
            span_id=f"{number + 1:016x}",
            operation_id=f"{number + 1:016x}",
            start_unix_us=1_790_000_000_000_000 + number,
            call_site_file="app/triage.py",
            call_site_line=7,
            call_site_function="run",
        )
        call = Call(
            context=identity,
            provider="openai",
            api="openai.chat",
            operation="chat",
            request_model="gpt-4o",
            response_model="gpt-4o-2024-08-06",
            usage=Usage(input_uncached_tokens=900, cache_read_tokens=100, output_tokens=50),
            usage_raw=msgspec.Raw(b'{"prompt_tokens":1000,"completion_tokens":50}'),
            segments=(part,) * 6,
        )
        spool.append(msgspec.json.encode(call))
    spool.close()
    size = sum(path.stat().st_size for path in (home / "spool").iterdir())
    store = home / "drained.duckdb"
    with session(store, write=True) as connection:
        prices.refresh(connection)
    begin_wall, begin_cpu = time.perf_counter(), time.process_time()
    report = drain(store, home / "spool")
    wall, cpu = time.perf_counter() - begin_wall, time.process_time() - begin_cpu
    print(f"drain: {report.calls:,} calls of {size // DRAINED:,} bytes in {wall:.2f} s wall, {cpu:.2f} s CPU")
    print(f"       {report.calls / wall:,.0f} calls/s wall, {cpu / report.calls * 1e6:.1f} us CPU a call")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(
        f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.1f}, {arguments.rows:,} rows over {DAYS} days")
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.duckdb"
        begin = time.perf_counter()
        fill(store, arguments.rows)
        size = store.stat().st_size
        seconds = time.perf_counter() - begin
        print(f"filled in {seconds:.0f} s, {size / 1e6:.0f} MB, {size / arguments.rows:.0f} bytes a call")
        measure(store, arguments.repeats)
        measure_drain(Path(folder))


if __name__ == "__main__":
    main()
