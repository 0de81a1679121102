"""Whole lines or none, whoever dies, forks, fills the disk or removes the directory."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from otelcost.spool import reader, writer
from otelcost.spool.diagnostics import diagnostics
from otelcost.spool.names import parse_name
from otelcost.spool.writer import Spool


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    diagnostics.after_fork()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "spool"


def lines(folder: Path) -> list[bytes]:
    whole = [reader.read_whole_lines(one, 0) for one in reader.list_segments(folder)]
    return b"".join(whole).splitlines()


def test_a_segment_is_open_while_written_and_sealed_after(folder: Path) -> None:
    spool = Spool(folder)
    assert spool.append(b"one")
    (open_one,) = reader.list_segments(folder)
    assert not open_one.sealed
    assert not reader.is_orphan(open_one)
    assert not reader.remove(open_one)
    spool.append(b"two")
    spool.close()
    (sealed,) = reader.list_segments(folder)
    assert sealed.sealed
    assert sealed.stem == open_one.stem
    assert reader.read_whole_lines(open_one, 4) == b"two\n", "found by its old name too"
    assert reader.remove(sealed)
    assert reader.list_segments(folder) == []


def test_modes(folder: Path) -> None:
    Spool(folder).append(b"x")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_it_rolls_by_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ROLL_BYTES", 100)
    spool = Spool(folder)
    for number in range(20):
        spool.append(b"%030d" % number)
    spool.append(b"y" * 500)
    spool.close()
    segments = reader.list_segments(folder)
    assert len(segments) == 8
    assert lines(folder) == [b"%030d" % number for number in range(20)] + [b"y" * 500]


def test_it_rolls_when_idle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(folder)
    assert spool.tidy() is None
    spool.append(b"x")
    assert spool.tidy() is not None
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.0)
    assert spool.tidy() is None
    (segment,) = reader.list_segments(folder)
    assert segment.sealed


def test_the_directory_is_bounded(folder: Path) -> None:
    spool = Spool(folder, max_bytes=1000)
    kept = [spool.append(b"z" * 99) for _ in range(15)]
    assert kept.count(True) == 10
    assert diagnostics.snapshot().counts["dropped_records"] == 5
    spool.close()
    for segment in reader.list_segments(folder):
        reader.remove(segment)
    spool._retry_at = 0
    assert spool.append(b"z"), "room again"


def test_the_bound_comes_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(writer.MAX_VARIABLE, "0.0001")
    assert not Spool(folder).append(b"z" * 200)
    monkeypatch.setenv(writer.MAX_VARIABLE, "plenty")
    assert Spool(folder).append(b"z" * 200)


def test_a_directory_that_cannot_be(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.write_text("in the way")
    spool = Spool(folder)
    assert not spool.append(b"x")
    assert not spool.append(b"x")
    assert len(caplog.records) == 1
    counts = diagnostics.snapshot().counts
    assert counts["dropped_records"] == 2
    assert counts["spool_error:FileExistsError:17"] == 1


def test_a_directory_removed_under_it(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(b"lost with its directory")
    shutil.rmtree(folder)
    assert spool.append(b"kept")
    spool.close()
    assert lines(folder) == [b"kept"]


def _limit_file_size(size: int) -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _write_against_a_limit(folder: Path) -> None:
    import resource

    spool = Spool(folder)
    assert spool.append(b"a" * 99)
    _limit_file_size(150)
    assert spool.append(b"b" * 99), "only half of it would fit: in a segment of its own"
    _limit_file_size(90)
    assert not spool.append(b"c" * 99)
    assert not spool.append(b"c" * 99)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    spool._retry_at = 0.0  # as if a second had passed
    assert spool.append(b"d" * 99)
    spool.close()


def _in_child(work: object, *args: object) -> int | None:
    assert callable(work)
    child = multiprocessing.get_context("fork").Process(target=work, args=args)
    child.start()
    child.join()  # by its own end: a grandchild may still hold what a timed wait looks at
    return child.exitcode


def test_half_a_line_is_taken_back(folder: Path) -> None:
    assert _in_child(_write_against_a_limit, folder) == 0
    assert lines(folder) == [b"a" * 99, b"b" * 99, b"d" * 99]


def test_half_a_line_that_cannot_be_taken_back_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(folder)
    spool.append(b"a")
    assert spool._segment is not None
    os.write(spool._segment.descriptor, b'{"torn')
    spool._segment.torn = True
    spool.append(b"b")
    assert lines(folder) == [b"a", b'{"torn', b"b"]


def test_an_orphan_is_known_by_its_lock(folder: Path) -> None:
    def die() -> None:
        Spool(folder).append(b"last words")
        os.kill(os.getpid(), signal.SIGKILL)

    assert _in_child(die) == -signal.SIGKILL
    (segment,) = reader.list_segments(folder)
    assert not segment.sealed
    assert reader.is_orphan(segment)
    assert reader.read_whole_lines(segment, 0) == b"last words\n"
    assert reader.remove(segment)


def test_a_forked_child_writes_its_own_segment(folder: Path) -> None:
    spool = Spool(folder)
    spool.append(b"parent")

    def child() -> None:
        spool.append(b"child")
        spool.close()

    assert _in_child(child) == 0
    spool.append(b"parent again")
    (mine, theirs) = sorted(reader.list_segments(folder), key=lambda segment: segment.sealed)
    assert not reader.is_orphan(mine)
    assert theirs.sealed
    assert theirs.name.pid != mine.name.pid
    spool.close()
    assert sorted(lines(folder)) == [b"child", b"parent", b"parent again"]


def test_the_parents_death_frees_its_lock_while_a_child_lives(folder: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"

    def parent() -> None:
        spool = Spool(folder)
        spool.append(b"parent")
        if os.fork() == 0:
            ready.with_suffix(".part").write_text(str(os.getpid()))
            ready.with_suffix(".part").rename(ready)
            time.sleep(30)
            os._exit(0)
        while not ready.exists():
            time.sleep(0.01)
        os._exit(0)

    assert _in_child(parent) == 0
    try:
        (segment,) = reader.list_segments(folder)
        assert reader.is_orphan(segment)
    finally:
        os.kill(int(ready.read_text()), signal.SIGKILL)


def test_threads_share_a_spool(folder: Path) -> None:
    spool = Spool(folder)

    def work(number: int) -> None:
        for line in range(200):
            spool.append(b"%d:%d" % (number, line))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    assert sorted(lines(folder)) == sorted(b"%d:%d" % (one, two) for one in range(8) for two in range(200))


def test_names_of_segments(folder: Path) -> None:
    Spool(folder, "spans").append(b"x")
    (segment,) = reader.list_segments(folder)
    assert parse_name(segment.stem) == segment.name
    assert (segment.name.kind, segment.name.pid) == ("spans", os.getpid())
