"""How long gates take at scale: `python tests/bench/check_scale.py --rows 10000000`. Prints a line a question.

The calls are those of `store_scale.py`: 90 days, 40 tasks, 8 models, one of them without a price. Each question is
asked three times, in a session of its own as the commands have it; the median wall time is told with the time the
process itself worked.
"""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

sys.path.insert(0, str(Path(__file__).resolve().parent))

import store_scale

from otelcost.store import queries
from otelcost.store.db import session
from otelcost.store.queries import Scope, Window
from otelcost.store.queries.baseline import baseline

NOW = datetime(2026, 11, 22, 12)
WEEK = Window(NOW - timedelta(days=7), NOW)
BERLIN = ZoneInfo("Europe/Berlin")

Question = Callable[[duckdb.DuckDBPyConnection], Any]
QUESTIONS: dict[str, Question] = {
    "spend of 7 days": lambda c: queries.overview(c, WEEK),
    "growth, 7 days against 7": lambda c: queries.compare(
        baseline(c, Window(WEEK.start - timedelta(days=7), WEEK.start)), baseline(c, WEEK)
    ),
    "anomalies of 7 days, 8 weeks behind": lambda c: queries.anomalies(c, WEEK, BERLIN),
    "forecast of the month": lambda c: queries.forecast(c, "month", NOW, BERLIN, amount_picousd=10**15),
    "a budget by task and label": lambda c: queries.forecast(
        c, "month", NOW, UTC, scope=Scope(task="app/task1*", label="customer=c7"), amount_picousd=10**15
    ),
}


def main(rows: int, store: Path | None) -> None:
    """Fill a store unless there is one, then ask."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb" if store is None else store
        if not path.exists():
            store_scale.fill(path, rows)
        for name, question in QUESTIONS.items():
            times = [_timed(path, question) for _ in range(3)]
            wall, work = (statistics.median(column) for column in zip(*times, strict=True))
            print(f"{name:38} {wall:6.2f} s wall, {work:6.2f} s of work", flush=True)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


def _timed(store: Path, question: Question) -> tuple[float, float]:
    wall, work = time.perf_counter(), time.process_time()
    with session(store) as connection:
        question(connection)
    return time.perf_counter() - wall, time.process_time() - work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--store", type=Path, help="use or fill this file, and keep it")
    arguments = parser.parse_args()
    main(arguments.rows, arguments.store)
