"""How tasks and their measured context scale: synthetic calls of seven days in the real tables, six segments each.

    python tests/bench/tasks_scale.py --calls 1000000

Prints CPU and wall seconds of giving every call its task, of reading the tasks, and of `otelcost context`, with the
peak memory of the process; then the cost of recognising tasks while loading, per line. Numbers depend on the machine,
which is printed with them.
"""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from otelcost.model import Call, Context
from otelcost.store import prices, queries, task_key, tasks
from otelcost.store.db import session, transaction

NOW = datetime(2026, 11, 22, 12, 0, 0)
WEEK = queries.Window(NOW - timedelta(days=7), NOW)
MODELS = (("openai", "gpt-4o-2024-08-06"), ("anthropic", "claude-haiku-4-5"))

GENERATE = """
INSERT INTO calls BY NAME
SELECT
    CAST(md5(CAST(i // 3 AS VARCHAR)) AS UUID) AS trace_id, CAST(hash(i) AS UBIGINT) AS span_id,
    CAST(hash(i) AS UBIGINT) AS operation_id, 1 AS attempt,
    TIMESTAMP '2026-11-22 12:00:00' - to_microseconds(CAST((1 - i / $rows) * 604800000000 AS BIGINT)) AS start,
    m.provider, 'chat' AS api, 'chat' AS operation, m.model AS request_model, m.model AS response_model,
    false AS stream, false AS batch, 'default' AS service_tier, 'ok' AS status, 200 AS http_status,
    []::VARCHAR[] AS flags, 5800 - (i % 3) * 1000 AS input_uncached_tokens, (i % 3) * 1000 AS cache_read_tokens,
    hash(i, 4) % 900 AS output_tokens, hash(i % 40) >> 1 AS system_template_hash, ['search'] AS tools_called,
    list_transform(range(6), lambda k: {
        'role': ['tool', 'tool', 'system', 'user', 'assistant', 'user'][k + 1],
        'kind': ['tool', 'tool', 'text', 'text', 'text', 'text'][k + 1],
        'name': ['search', 'write', NULL, NULL, NULL, NULL][k + 1],
        'hash': (CASE WHEN k < 4 THEN hash(k, i % 40) ELSE hash(k, i) END) >> 1,
        'template_hash': (CASE WHEN k < 4 THEN hash(k, i % 40) ELSE hash(k, i) END) >> 1, 'prefix_hash': k,
        'bytes': 4000, 'tokens': [500, 300, 3000, 1500, 100, 400][k + 1], 'cache': NULL, 'volatile': NULL,
        'volatile_offset_bytes': NULL, 'volatile_bytes': NULL, 'image_detail': NULL}) AS segments,
    CASE WHEN i % 4 > 0 THEN 'app/task' || (i % 40) || '.py' END AS call_site_file, 'run' AS call_site_function,
    'POST /things/' || (i % 500) AS root_span_name, 'service' AS service_name, MAP {} AS labels, m.pricing_id
FROM range($from, $to) r(i)
JOIN (SELECT *, row_number() OVER (ORDER BY pricing_id) - 1 AS slot FROM price_resolution) m ON m.slot = i % $models
ORDER BY start
"""


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Run once and print what it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what:<34} cpu {time.process_time() - cpu:7.2f} s  wall {time.perf_counter() - wall:7.2f} s  peak {peak} MiB",
        flush=True,
    )
    return result


def fill(store: Path, rows: int) -> None:
    """Write `rows` calls of seven days that have no task yet."""
    with session(store, write=True) as connection:
        prices.refresh(connection)
        with transaction(connection):
            prices.resolve_new(connection, [(p, m, "default", None, None, False) for p, m in MODELS])
        for begin in range(0, rows, 100_000):
            slots = {"rows": float(rows), "from": begin, "to": min(rows, begin + 100_000), "models": len(MODELS)}
            connection.execute(GENERATE, slots)


def assign(store: Path) -> None:
    """Give every call its task."""
    with session(store, write=True) as connection, transaction(connection):
        tasks.assign_missing(connection)


def read(store: Path) -> None:
    """Read the tasks and their context as the commands do."""
    with session(store) as connection:
        timed("tasks, 7 days", lambda: queries.tasks(connection, WEEK))
        rows = timed("context of all tasks, 7 days", lambda: queries.context(connection, WEEK))
        timed("context of one task", lambda: queries.context(connection, WEEK, rows[0].task))
        assert all(sum(part.tokens for part in row.parts) == row.input_tokens for row in rows)


def recognise(lines: int) -> None:
    """The cost of a line's task while it is loaded."""
    known = [
        Call(
            context=Context(
                trace_id="", span_id="", start_unix_us=n, operation_id="", call_site_file=f"app/task{n % 40}.py",
                root_span_name=f"POST /things/{n % 500}",
            ),
            provider="openai", api="openai.chat", operation="chat",
        )
        for n in range(lines)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, session(Path(folder) / "store.duckdb", write=True) as connection:
        resolver = tasks.Resolver(connection)
        cpu = time.process_time()
        resolver.resolve_all([(call.context.start_unix_us, task_key.of_call(call)) for call in known])
        print(f"{'recognised while loading':<34} cpu {(time.process_time() - cpu) / lines * 1e6:7.2f} us a line")


def main() -> None:
    """Fill, assign, read, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--calls", type=int, default=200_000)
    calls = parser.parse_args().calls
    print(f"{calls:,} calls; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.duckdb"
        timed("filled", lambda: fill(store, calls))
        timed("task of every call", lambda: assign(store))
        read(store)
    recognise(100_000)


if __name__ == "__main__":
    main()
