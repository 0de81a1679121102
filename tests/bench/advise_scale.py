"""How long advice takes at scale: `python tests/bench/advise_scale.py [calls ...]`. One JSON line for each size.

The calls are made by the store's own SQL from a small drained sample and spread over a month or, ten million of them,
over three, of which the last week is asked for; so the numbers speak of the engine and not
of the loader. With other work on the machine, `cpu_seconds` says more than `seconds`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "advise"))

import world

from otelcost.advise import recommend
from otelcost.advise.catalogue import load
from otelcost.store.db import session

SAMPLE = [
    world.spec(task="triage", prompt=[("system", "r", 9000), ("user", "{n}", 60)], count=50, days=10, every_s=20),
    world.spec(
        task="assistant", provider="openai", model="gpt-6.1-sol", write_short=2944, count=20, days=10, every_s=120,
        prompt=[("system", "a", 3000, "datetime"), ("user", "{n}", 60)],
    ),
    world.spec(
        task="nightly", provider="openai", model="gpt-4o", prompt=[("system", "n", 400), ("user", "{n}", 300)],
        output=900, count=30, days=10, every_s=25, at_s=7200, traces="day", root="INTERNAL", root_name="cron nightly",
    ),
    world.spec(
        task="invoices", model="claude-opus-5-5", prompt=[("system", "i", 300), ("user", "{n}", 200)], output=80,
        tools="t", output_kind="tool", count=30, days=10, every_s=600,
    ),
    world.spec(task="faq", temperature=0.0, prompt=[("user", "q{d}", 200)], answer="q{d}", count=7, days=10,
        every_s=311),
    world.spec(task="parser", prompt=[("user", "{n}", 300)], count=20, days=10, every_s=600,
        resends=[0, 0, 1, 0, 0, 2], first_kind="text", output_kind="json"),
]  # fmt: skip


MONTH = 30

SIZES = {100_000: (MONTH, MONTH), 1_000_000: (MONTH, MONTH), 10_000_000: (3 * MONTH, 7)}
"""How many calls a store has, over how many days, and for how many of the last of them advice is asked."""


def main(calls: int, days: int, asked: int) -> None:
    """Build a store, advise three times in processes of their own, print the median."""
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder), calls, days)
        runs = [_advise_apart(folder, days, asked) for _ in range(3)]
    print(
        json.dumps({"calls": calls, "days": days, "asked": asked, **sorted(runs, key=lambda run: run["seconds"])[1]}),
        flush=True,
    )


def _build(home: Path, calls: int, days: int) -> None:
    os.environ["OTELCOST_HOME"] = str(home)
    with world.store_of(world.expand(SAMPLE), home) as connection:
        (sample,) = connection.execute("SELECT count(*) FROM calls").fetchone() or (0,)
    copies = -(-calls // sample)
    with session(home / "store.duckdb", write=True) as connection:
        connection.execute(
            "INSERT INTO calls SELECT c.* REPLACE (hash(c.span_id, k) AS span_id, hash(c.operation_id, k) AS "
            "operation_id, md5(c.trace_id::VARCHAR || k)::UUID AS trace_id, "
            f"c.start + to_days((k % {days // 10} * 10)::INTEGER) + to_microseconds(k * 1000003 % 9000000000) "
            "AS start) "
            f"FROM calls c, range(1, {copies}) r(k)"
        )


def _advise_apart(folder: str, days: int, asked: int) -> dict[str, Any]:
    """In a process of its own, so that the peak is that of one run."""
    environment = {**os.environ, "OTELCOST_HOME": folder}
    command = [sys.executable, __file__, "--advise", str(days), str(asked)]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    )
    return found


def advise(days: int, asked: int) -> None:
    """Advise once on the store of this environment, and print the cost of it."""
    window = world.Window(world.BASE + timedelta(days=days - asked), world.BASE + timedelta(days=days + 1))
    with session() as connection:
        began, worked = time.perf_counter(), time.process_time()
        report = recommend(connection, window, now=world.NOW)
        seconds, busy = time.perf_counter() - began, time.process_time() - worked
    print(
        json.dumps(
            {
                "rules": len(load()[0]),
                "recommendations": len(report.recommendations),
                "calls_named": sum(card.calls for card in report.recommendations),
                "seconds": round(seconds, 2),
                "cpu_seconds": round(busy, 2),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--advise"]:
        advise(int(sys.argv[2]), int(sys.argv[3]))
    else:
        for size in map(int, sys.argv[1:] or SIZES):
            main(size, *SIZES.get(size, (MONTH, MONTH)))
