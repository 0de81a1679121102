"""The drain's half: listing, whole lines, what a crash left behind; and the diagnostics of applications."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.spool import reader
from otelcost.spool.diagnostics import Diagnostics, read_reports
from otelcost.spool.names import NEW, OPEN, SEALED, SegmentName, parse_name


def _put(folder: Path, name: SegmentName, suffix: str, data: bytes = b"x\n") -> Path:
    path = folder / f"{name}{suffix}"
    path.write_bytes(data)
    return path


def test_what_is_no_segment_is_left_alone(tmp_path: Path) -> None:
    for name in ("calls.ndjson", "diag-h-1.json", "calls-v1-h-1-2-3.txt", "calls-v1-h-1-2.open"):
        (tmp_path / name).touch()
    (tmp_path / f"{SegmentName('calls', 1, 'h', 1, 2, 3)}{NEW}").touch()
    assert reader.list_segments(tmp_path) == []
    assert reader.list_segments(tmp_path / "none") == []


def test_order_and_kind(tmp_path: Path) -> None:
    later = SegmentName("calls", 1, "h", 1, 20, 0)
    first = SegmentName("calls", 1, "z", 9, 10, 0)
    second = SegmentName("spans", 1, "z", 9, 10, 1)
    for name in (later, second, first):
        _put(tmp_path, name, SEALED)
    assert [segment.name for segment in reader.list_segments(tmp_path)] == [first, second, later]
    assert [segment.name for segment in reader.list_segments(tmp_path, "spans")] == [second]


def test_a_segment_seen_twice_while_it_is_sealed_is_one(tmp_path: Path) -> None:
    name = SegmentName("calls", 1, "h", 1, 20, 0)
    _put(tmp_path, name, OPEN)
    _put(tmp_path, name, SEALED)
    (segment,) = reader.list_segments(tmp_path)
    assert segment.sealed


@given(
    st.text(alphabet="abcxyz", min_size=1), st.integers(1, 99), st.text(alphabet="aZ_9", min_size=1),
    st.integers(1, 2**22), st.integers(0, 2**62), st.integers(0, 2**31),
)  # fmt: skip
def test_names_come_back(kind: str, version: int, host: str, pid: int, start: int, sequence: int) -> None:
    name = SegmentName(kind, version, host, pid, start, sequence)
    assert parse_name(str(name)) == name


@given(st.binary(max_size=300), st.integers(1, 50))
def test_reading_in_pieces_is_reading_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, limit: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    _put(folder, SegmentName("calls", 1, "h", 1, 1, 1), SEALED, data)
    (segment,) = reader.list_segments(folder)
    offset, seen = 0, []
    while piece := reader.read_whole_lines(segment, offset, limit):
        assert piece.endswith(b"\n")
        seen.append(piece)
        offset += len(piece)
    assert b"".join(seen) == data[: data.rfind(b"\n") + 1] == reader.read_whole_lines(segment, 0)
    assert reader.trailing_bytes(segment, offset) == data[offset:]


def test_a_segment_that_was_removed_meanwhile(tmp_path: Path) -> None:
    path = _put(tmp_path, SegmentName("calls", 1, "h", 1, 1, 1), OPEN)
    (segment,) = reader.list_segments(tmp_path)
    path.unlink()
    assert reader.read_whole_lines(segment, 0) == b""
    assert reader.trailing_bytes(segment, 0) == b""
    assert not reader.is_orphan(segment)
    assert not reader.remove(segment)


def test_only_old_leftovers_of_creation_are_removed(tmp_path: Path) -> None:
    old = _put(tmp_path, SegmentName("calls", 1, "h", 1, 1, 1), NEW, b"")
    young = _put(tmp_path, SegmentName("calls", 1, "h", 1, 1, 2), NEW, b"")
    os.utime(old, (1, 1))
    assert reader.remove_stale_new(tmp_path) == 1
    assert not old.exists()
    assert young.exists()


def test_diagnostics_are_written_when_there_is_something_to_say(tmp_path: Path) -> None:
    counters = Diagnostics()
    counters.write(tmp_path, force=True)
    assert read_reports(tmp_path) == []
    counters.count("dropped_records", 3)
    counters.error("record", ValueError("never quoted"))
    counters.error("record", KeyError("never quoted"))
    counters.write(tmp_path, force=True)
    counters.write(tmp_path / "missing", force=True)
    (report,) = read_reports(tmp_path)
    assert report.counts == {"dropped_records": 3, "error:record": 2}
    assert report.pid == os.getpid()
    assert "ValueError" in report.first_tracebacks["error:record"]
    assert "never" not in report.first_tracebacks["error:record"]
    (path,) = tmp_path.glob("diag-*.json")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{")
    assert read_reports(tmp_path) == []
