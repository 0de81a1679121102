"""What became of the last digest's actions, from the log of decisions."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from otelcost.advise import recommend
from otelcost.advise.life_cycle import Decision, decide
from otelcost.digest.content import Followed, Told
from otelcost.digest.follow import follow
from otelcost.digest.phrases import became
from otelcost.model import Call, Context
from otelcost.spool.names import SegmentName
from otelcost.store.db import session
from otelcost.store.queries import Window
from otelcost.store.waiting import oldest_waiting

NOW = datetime(2026, 11, 23, 7, 30)  # noqa: DTZ001
FROZEN = {
    "task": "nightly", "calls": 10, "task_calls": 10, "standalone_picousd": 10**12, "since": "2026-11-22T00:00:00",
}  # fmt: skip


def told(*ids: str) -> tuple[Told, ...]:
    return tuple(Told(id=one, title=f"Fix {one}", task="nightly") for one in ids)


def test_each_action_is_followed_in_its_order(tmp_path: Path) -> None:
    decisions: list[dict[str, Any]] = [
        {"id": "R-acc", "state": "accepted", "frozen": FROZEN},
        {"id": "R-app", "state": "applied", "frozen": FROZEN},
        {"id": "R-dis", "state": "dismissed", "reason": "not ours"},
        {"id": "R-sno", "state": "snoozed", "until": NOW + timedelta(days=3)},
        {"id": "R-wak", "state": "snoozed", "until": NOW - timedelta(hours=1)},
    ]
    with session(tmp_path / "store.duckdb", write=True) as connection:
        for fields in decisions:
            decide(connection, Decision(actor="ann", **fields), now=NOW - timedelta(days=1))
        report = recommend(connection, Window.parse("7d", NOW), now=NOW)
        asked = told("R-sno", "R-acc", "R-app", "R-dis", "R-wak", "R-new")
        found = follow(connection, asked, report, NOW)
        assert follow(connection, (), report, NOW) == ()
    assert [one.id for one in found] == [one.id for one in asked]
    assert {one.id: became(one) for one in found} == {
        "R-sno": "snoozed until 2026-11-26",
        "R-acc": "accepted, not applied yet",
        "R-app": "applied, too early to measure",
        "R-dis": "dismissed",
        "R-wak": "no longer found",
        "R-new": "no longer found",
    }
    assert found[3].note == "not ours"


def test_what_was_measured_is_said_with_what_could_be_had() -> None:
    one = Followed(id="R", title="x", task="t", state="failed", realised_picousd=10**12, expected_picousd=3 * 10**12)
    assert became(one) == "failed: saved $1.00 of $3.00 that could be had"
    assert became(msgspec.structs.replace(one, realised_picousd=None, state="verified")) == "verified"
    assert became(msgspec.structs.replace(one, state="open", realised_picousd=None)) == "still open"


def test_the_oldest_record_that_waits(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    with session(tmp_path / "store.duckdb", write=True) as connection:
        assert oldest_waiting(connection, spool) is None
        starts = [NOW - timedelta(hours=2), NOW - timedelta(hours=1)]
        lines = [_line(start) for start in starts]
        name = SegmentName("calls", 1, "host", 1, 1_763_000_000_000_000_000, 0)
        (spool / f"{name}.ndjson").write_bytes(b"".join(lines))
        assert oldest_waiting(connection, spool) == starts[0]
        connection.execute("INSERT INTO ledger VALUES (?, ?, 1, 0, now())", [str(name), len(lines[0])])
        assert oldest_waiting(connection, spool) == starts[1]
        connection.execute("INSERT INTO ledger VALUES (?, ?, 1, 0, now())", [str(name), len(b"".join(lines))])
        assert oldest_waiting(connection, spool) is None


def _line(start: datetime) -> bytes:
    micros = (start - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001
    context = Context(
        trace_id="1" * 32, span_id="2" * 16, operation_id="2" * 16, start_unix_us=micros, duration_us=1
    )  # fmt: skip
    call = Call(context=context, provider="openai", api="openai.chat", operation="chat")
    return msgspec.json.encode(call) + b"\n"
