"""Draining: every good line exactly once, every bad one kept, whatever the spool looks like."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otelcost.errors import StoreError
from otelcost.model import Call, Usage
from otelcost.spool import reader
from otelcost.store import drain as drain_module
from otelcost.store import load
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import make


def ids(store: Path) -> list[int]:
    with session(store) as connection:
        return [row[0] for row in connection.execute("SELECT span_id FROM calls ORDER BY span_id").fetchall()]


def ask(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with session(store) as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def writing(spool: Path, data: bytes, **name: Any) -> Iterator[int]:
    """An open segment whose writer lives."""
    path = make.write(spool, data, sealed=False, **name)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_an_empty_home_drains_to_an_empty_store(store: Path) -> None:
    assert drain() == drain_module.DrainReport()
    assert ids(store) == []


def test_a_sealed_segment_is_loaded_and_removed(spool: Path, store: Path) -> None:
    make.write(spool, b"".join(make.line(make.call(number)) for number in (3, 1, 2)))
    report = drain()
    assert (report.calls, report.rejects, report.segments) == (3, 0, 1)
    assert ids(store) == [1, 2, 3]
    assert list(spool.iterdir()) == []


def test_a_living_writer_keeps_its_segment_and_is_read_to_the_last_newline(spool: Path, store: Path) -> None:
    whole, torn = make.line(make.call(1)), make.line(make.call(2))
    with writing(spool, whole + torn[:50]) as descriptor:
        assert drain().calls == 1
        assert drain().calls == 0
        os.write(descriptor, torn[50:] + make.line(make.call(3)))
        assert drain().calls == 2
        assert len(list(spool.iterdir())) == 1
    assert drain().calls == 0
    assert list(spool.iterdir()) == []
    assert ids(store) == [1, 2, 3]


def test_an_orphan_is_loaded_with_its_torn_line_in_quarantine(spool: Path, home: Path, store: Path) -> None:
    torn = make.line(make.call(2))[:60]
    make.write(spool, make.line(make.call(1)) + torn, sealed=False)
    report = drain()
    assert (report.calls, report.rejects) == (1, 1)
    (kept,) = (home / "quarantine").iterdir()
    assert kept.read_bytes() == torn + b"\n"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert list(spool.iterdir()) == []


def test_a_last_line_that_only_lacks_its_newline_is_a_record(spool: Path, store: Path) -> None:
    make.write(spool, make.line(make.call(1)).rstrip(b"\n"), sealed=False)
    assert drain().calls == 1


BAD = {
    "torn": b'{"context":{"trace_id":"00',
    "nul": b"\0\0\0\0x",
    "not json": b"hello",
    "wrong type": make.line(make.call(9)).rstrip().replace(b'"provider":"openai"', b'"provider":5'),
    "missing field": b'{"context":{"trace_id":"1"}}',
    "array": b"[1,2]",
    "negative tokens": make.line(make.call(9, usage=Usage(input_uncached_tokens=-1))).rstrip(),
    "absurd tokens": make.line(make.call(9, usage=Usage(output_tokens=10**12))).rstrip(),
    "absurd requests": make.line(make.call(9, usage=Usage(web_search_requests=10**9))).rstrip(),
    "no hex id": make.line(make.call(9, context={"span_id": "not hexadecimal!"})).rstrip(),
    "hash too large": make.line(make.call(9, request_hash=2**63)).rstrip(),
    "huge integer": make.line(make.call(9)).rstrip().replace(b'"duration_us":900000', b'"duration_us":' + b"9" * 60),
    "invalid utf-8": make.line(make.call(9)).rstrip().replace(b"openai.chat", b"openai\xff"),
    "deep": b'{"context":' + b"[" * 5000,
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_line_never_loses_its_neighbours(bad: bytes, spool: Path, home: Path, store: Path) -> None:
    make.write(spool, make.line(make.call(1)) + bad + b"\n" + make.line(make.call(2)))
    report = drain()
    assert (report.calls, report.rejects) == (2, 1)
    assert ids(store) == [1, 2]
    (kept,) = (home / "quarantine").iterdir()
    assert kept.read_bytes() == bad + b"\n"
    ((lines, size, file),) = ask(store, "SELECT lines, bytes, file FROM quarantine")
    assert (lines, size, file) == (1, len(bad), str(kept))


def test_a_record_glued_to_a_torn_one_is_saved(spool: Path, home: Path, store: Path) -> None:
    torn = make.line(make.call(1))[:80]
    make.write(spool, torn + make.line(make.call(2)))
    report = drain()
    assert (report.calls, report.rejects) == (1, 1)
    assert ids(store) == [2]
    (kept,) = (home / "quarantine").iterdir()
    assert kept.read_bytes() == torn + b"\n"


def test_a_record_behind_the_zeros_of_a_power_cut_is_saved(spool: Path, store: Path) -> None:
    make.write(spool, b"\0" * 100 + make.line(make.call(2)) + b"\n" + b"\0" * 9 + b"\n")
    report = drain()
    assert (report.calls, report.rejects) == (1, 0)


def test_unknown_fields_of_a_later_minor_version_do_not_reject_a_line(spool: Path, store: Path) -> None:
    data = make.line(make.call(1)).replace(b'"provider":', b'"novelty":{"a":1},"provider":')
    make.write(spool, data)
    assert drain().calls == 1


def test_segments_of_a_newer_schema_are_left_alone_and_reported(spool: Path, store: Path) -> None:
    theirs = make.write(spool, b"who knows\n", version=99)
    make.write(spool, make.line(make.call(1)))
    report = drain()
    assert report.calls == 1
    assert report.newer == (theirs.name,)
    assert "later otelcost" in report.warnings[0]
    assert theirs.read_bytes() == b"who knows\n"


def test_foreign_files_and_kinds_are_left_alone(spool: Path, store: Path) -> None:
    spool.mkdir(parents=True)
    (spool / "notes.txt").write_text("mine")
    (spool / "calls-v1-host-1-1-1.new").write_text("")
    make.write(spool, b"x\n", kind="metrics")
    assert drain() == drain_module.DrainReport()
    assert len(list(spool.iterdir())) == 3


def test_a_kill_between_commit_and_unlink_loads_nothing_twice(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make.write(spool, make.line(make.call(1)) + b"bad\n")
    with monkeypatch.context() as patched:
        patched.setattr(reader, "remove", lambda segment: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            drain()
    assert path.exists()
    assert drain().calls == 0
    assert not path.exists()
    assert ids(store) == [1]
    assert ask(store, "SELECT rows, rejects FROM ledger") == [(1, 1)]


def test_a_kill_before_the_commit_loses_nothing(spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make.write(spool, make.line(make.call(1)) + b"bad\n")
    with monkeypatch.context() as patched:
        patched.setattr(drain_module, "_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            drain()
    assert ids(store) == []
    assert drain().calls == 1
    assert ask(store, "SELECT sum(lines) FROM quarantine") == [(1,)]


def test_batches_smaller_than_a_line_still_load_everything(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "BATCH_BYTES", 10)
    for sequence in range(3):
        make.write(spool, b"".join(make.line(make.call(sequence * 10 + n)) for n in range(1, 4)), sequence=sequence)
    assert drain().calls == 9
    assert len(ids(store)) == 9
    assert ask(store, "SELECT count(*), sum(rows) FROM ledger") == [(3, 9)]


def test_a_segment_that_disappears_while_drained_is_no_error(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make.write(spool, make.line(make.call(1)))
    listed = reader.list_segments(spool)
    path.unlink()
    monkeypatch.setattr(reader, "list_segments", lambda folder: listed)
    assert drain().calls == 0


def test_a_quarantine_that_cannot_be_written_stops_before_anything_is_lost(
    spool: Path, home: Path, store: Path
) -> None:
    path = make.write(spool, make.line(make.call(1)) + b"bad\n")
    (home / "quarantine").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"quarantine .* cannot be written"):
        drain()
    assert path.exists()
    (home / "quarantine").unlink()
    assert drain().calls == 1


def test_a_failure_of_duckdb_itself_is_not_taken_for_a_bad_line(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.write(spool, make.line(make.call(1)))

    def explode(*_: object) -> None:
        raise duckdb.OutOfMemoryException("no memory")

    with monkeypatch.context() as patched:
        patched.setattr(load, "insert", explode)
        with pytest.raises(duckdb.OutOfMemoryException):
            drain()
    assert drain().calls == 1


def test_rows_carry_every_field(store: Path, spool: Path) -> None:
    part = make.part(5, volatile=("uuid",), volatile_offset_bytes=3, volatile_bytes=36, cache="1h", name="search")
    record = make.call(
        7,
        context={
            "parent_span_id": "00f067aa0ba902b7",
            "enclosing_llm_span_id": "ffffffffffffffff",
            "attempt": 3,
            "ttft_us": 5,
            "task": "triage",
            "labels": {"customer": "acme"},
            "pid": 42,
        },
        usage=Usage(input_uncached_tokens=1, cache_read_tokens=2, web_search_requests=3),
        usage_raw=msgspec.Raw(b'{"a":{"b":[1,2]}}'),
        stream=True,
        flags=("estimated", "lower_bound"),
        temperature=0.25,
        simhash=2**63 - 1,
        segments=(part,),
        tools_called=("search",),
    )
    make.write(spool, make.line(record))
    drain()
    with session(store) as connection:
        found = connection.execute("SELECT * FROM calls")
        row = dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))
    assert row["trace_id"].hex == f"{7:032x}"
    assert row["parent_span_id"] == 0x00F067AA0BA902B7
    assert row["enclosing_span_id"] == 2**64 - 1
    assert (row["attempt"], row["ttft_us"], row["task_name"], row["pid"]) == (3, 5, "triage", 42)
    assert row["labels"] == {"customer": "acme"}
    assert (row["input_uncached_tokens"], row["cache_read_tokens"], row["output_tokens"]) == (1, 2, None)
    assert row["usage_raw"] == {"a": {"b": [1, 2]}}
    assert row["start"] == datetime.fromtimestamp(make.START_US / 1_000_000 + 7, UTC).replace(tzinfo=None)
    assert (row["stream"], row["batch"], row["flags"]) == (True, False, ["estimated", "lower_bound"])
    assert (row["temperature"], row["simhash"], row["tools_called"]) == (0.25, 2**63 - 1, ["search"])
    assert row["segments"] == [
        {
            "role": "user", "kind": "text", "name": "search", "hash": 5, "template_hash": 5, "prefix_hash": 5,
            "bytes": 40, "tokens": 10, "cache": "1h", "volatile": ["uuid"], "volatile_offset_bytes": 3,
            "volatile_bytes": 36, "image_detail": None,
        }
    ]  # fmt: skip


@st.composite
def spools(draw: st.DrawFn) -> tuple[list[Call], list[bytes], list[tuple[int, int]]]:
    """Calls, the lines they make with rubbish between them, and where the spool is cut into files."""
    records = [draw(make.calls(number)) for number in range(1, draw(st.integers(1, 8)) + 1)]
    lines: list[bytes] = []
    for record in records:
        lines.append(make.line(record))
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from([b"rubbish\n", b"\n", b"{}\n", b"\0\0\n"])))
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    edges = [0, *cuts, len(lines)]
    return records, lines, list(pairwise(edges))


@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(spools(), st.data())
def test_any_cut_of_a_spool_into_files_and_drains_gives_the_same_rows(
    made: tuple[list[Call], list[bytes], list[tuple[int, int]]], data: st.DataObject
) -> None:
    records, lines, files = made
    with tempfile.TemporaryDirectory() as folder:
        whole, pieces = Path(folder, "whole"), Path(folder, "pieces")
        make.write(whole / "spool", b"".join(lines))
        drain(whole / "store.duckdb", whole / "spool")
        for sequence, (begin, end) in enumerate(files):
            text = b"".join(lines[begin:end])
            cut = data.draw(st.integers(0, len(text)), label="seen by the first drain")
            with writing(pieces / "spool", text[:cut], sequence=sequence) as descriptor:
                drain(pieces / "store.duckdb", pieces / "spool")
                os.write(descriptor, text[cut:])
        drain(pieces / "store.duckdb", pieces / "spool")
        assert list((pieces / "spool").iterdir()) == []
        columns = "* EXCLUDE (pricing_id, usage_raw), CAST(usage_raw AS VARCHAR)"
        sql = f"SELECT {columns} FROM calls ORDER BY span_id"
        expected, got = ask(whole / "store.duckdb", sql), ask(pieces / "store.duckdb", sql)
        assert len(expected) == len(records)
        assert got == expected


def test_spans_are_loaded_and_those_a_call_covers_are_billed_once(spool: Path, store: Path) -> None:
    covered = make.span(100)
    tied = make.span(101, response_id="resp_1")
    alone = make.span(102, status="ERROR", error_type="Timeout")
    root = make.span(103, is_llm=False, is_root=True)
    make.write(spool, b"".join(map(make.line, (covered, alone))), kind="spans")
    assert drain().spans == 2
    make.write(
        spool,
        make.line(make.call(1, context={"trace_id": covered.trace_id, "enclosing_llm_span_id": covered.span_id}))
        + make.line(make.call(2, response_id="resp_1"))
        + make.line(make.call(3, context={"parent_span_id": root.span_id})),
    )
    make.write(spool, b"".join(map(make.line, (tied, root))), kind="spans", sequence=1)
    report = drain()
    assert (report.calls, report.spans) == (3, 2)
    found = ask(store, "SELECT call_id, source, status, price_status, cost_picousd FROM v_calls ORDER BY span_id")
    assert [(row[0], row[1]) for row in found] == [
        (f"{1:016x}", "wire"),
        (f"{2:016x}", "wire"),
        (f"{3:016x}", "wire"),
        (f"{102:016x}", "span"),
    ]
    assert found[-1][2:] == ("error", "exact", 3_500_000_000)


def test_a_record_written_twice_is_one_call(spool: Path, store: Path) -> None:
    one, two = make.line(make.call(1)), make.line(make.call(2))
    make.write(spool, one + two + one)
    make.write(spool, two + one, sequence=1)
    make.write(spool, make.line(make.span(1)) * 2, kind="spans")
    report = drain()
    assert (report.calls, report.spans, report.rejects) == (2, 1, 0)
    make.write(spool, make.line(make.call(3)) + two, sequence=2)
    make.write(spool, make.line(make.span(1)), kind="spans", sequence=2)
    report = drain()
    assert (report.calls, report.spans) == (1, 0)
    assert ids(store) == [1, 2, 3]
    assert ask(store, "SELECT count(*) FROM spans") == [(1,)]


def test_every_whole_record_of_a_line_is_saved(spool: Path, home: Path, store: Path) -> None:
    first, second, third = (make.line(make.call(number)).rstrip() for number in (1, 2, 3))
    make.write(spool, first + second[:90] + third + b"rubbish\n" + first.replace(b"1}", b"4}")[:-1] + b"\n" + second)
    report = drain()
    assert ids(store) == [1, 2]
    assert report.rejects == 3
    kept = b"".join(path.read_bytes() for path in sorted((home / "quarantine").iterdir()))
    assert second[:90] + b"\n" + third + b"rubbish\n" in kept


def test_two_whole_records_on_one_line_are_two_calls(spool: Path, store: Path) -> None:
    make.write(spool, make.line(make.call(1)).rstrip() + b"\0\0" + make.line(make.call(2)))
    assert (drain().calls, drain().rejects) == (2, 0)
    assert ids(store) == [1, 2]


def test_what_a_dying_writer_left_unborn_is_removed(spool: Path) -> None:
    spool.mkdir(parents=True)
    old = spool / "calls-v1-host-1-1-1.new"
    old.touch()
    os.utime(old, (0, 0))
    drain()
    assert not old.exists()
