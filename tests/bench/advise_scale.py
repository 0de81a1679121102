"""How long advice takes at scale: `python tests/bench/advise_scale.py [calls]`. Prints one JSON line.

The calls are made by the store's own SQL from a small drained sample, so that the numbers speak of the
engine and not of the loader.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "advise"))

import world

from otelcost.advise import recommend
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


def main(calls: int) -> None:
    """Build, advise three times, report the fastest."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["OTELCOST_HOME"] = folder
        with world.store_of(world.expand(SAMPLE), home) as connection:
            (sample,) = connection.execute("SELECT count(*) FROM calls").fetchone() or (0,)
        copies = -(-calls // sample)
        with session(home / "store.duckdb", write=True) as connection:
            connection.execute(
                "INSERT INTO calls SELECT c.* REPLACE (hash(c.span_id, k) AS span_id, hash(c.operation_id, k) AS "
                "operation_id, md5(c.trace_id::VARCHAR || k)::UUID AS trace_id, c.start + to_microseconds(k * 1000003) "
                f"AS start) FROM calls c, range(1, {copies}) r(k)"
            )
        with session(home / "store.duckdb") as connection:
            seconds = []
            for _ in range(3):
                began = time.perf_counter()
                report = recommend(connection, world.ALL, now=world.NOW)
                seconds.append(round(time.perf_counter() - began, 2))
            (rows,) = connection.execute("SELECT count(*) FROM calls").fetchone() or (0,)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    named = sum(card.calls for card in report.recommendations)
    print(
        json.dumps(
            {
                "calls": rows,
                "calls_named": named,
                "recommendations": len(report.recommendations),
                "seconds": seconds,
                "peak_mb": peak_mb,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
