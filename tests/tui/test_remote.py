"""The reading process against a real store: the same answers as here, interrupted, stopped, killed and asked again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from textual.pilot import Pilot

from otelcost import settings
from otelcost.errors import OtelcostError, StoreError
from otelcost.store.db import session
from otelcost.tui.advising import Apart, Job
from otelcost.tui.app import OtelcostApp
from otelcost.tui.host import StaleError
from otelcost.tui.loader import LOADING_THREADS, Loader, window
from otelcost.tui.remote import Remote
from otelcost.tui.snapshot import CallQuery, Period, Progress

from . import look, traffic
from .facts import NOW

EVER = Period("2026-01-01..2027-01-01")
"""Both ends written out: nothing hangs on the moment of asking."""
PATIENCE_S = 60


@pytest.fixture
def store(home: Path) -> Path:
    traffic.spool(home, traffic.week(NOW))
    return home / "store.duckdb"


@pytest.fixture
def remote(store: Path) -> Iterator[Remote]:
    with closing(Remote(store)) as source:
        yield source


def wait(for_: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not for_():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_its_answers_are_those_of_a_loader_here(remote: Remote, store: Path) -> None:
    here = Loader(store)
    assert remote.refresh(EVER, force=True) == here.refresh(EVER, force=True)
    assert remote.advise(EVER) == here.advise(EVER)
    query = CallQuery(period=EVER, limit=5)
    assert remote.calls(query) == here.calls(query)
    row = here.calls(query).rows[0]
    assert remote.call(row.id) == here.call(row.id)
    assert remote.call("0" * 16) is None
    assert remote.trace(row.trace) == here.trace(row.trace)
    assert remote.pictures(EVER, None) == here.pictures(EVER, None)
    assert remote.digests() == here.digests()
    assert remote.outlook(EVER).unusual == here.outlook(EVER).unusual


def test_records_that_need_more_memory_get_it(store: Path) -> None:
    loader = Loader(store)
    loader.refresh(EVER, force=True)
    query = CallQuery(period=EVER, limit=5)
    expected = loader.calls(query)
    loader.memory = "8MB"
    with pytest.raises(duckdb.OutOfMemoryException):
        loader.calls(query)
    assert loader.with_room(lambda: loader.calls(query)) == expected
    assert loader.memory is None, "and is asked with as much from then on"


def test_an_error_over_there_is_the_error_here(remote: Remote) -> None:
    with pytest.raises(OtelcostError, match="window of time") as caught:
        remote.refresh(Period("soon"), force=True)
    assert caught.value.fix


def test_what_was_asked_in_vain_is_void_and_the_next_question_is_answered(remote: Remote) -> None:
    """The store is held by a writer, so that the first question is still open when it is cancelled."""
    remote.refresh(EVER, force=True)
    query = CallQuery(period=EVER, limit=5)
    with ThreadPoolExecutor(1, "otelcost-page") as pool:
        with session(settings.store_path(), write=True):
            stale = pool.submit(remote.calls, query)
            time.sleep(0.3)
            remote.cancel("otelcost-page")
        with pytest.raises(StaleError):
            stale.result(PATIENCE_S)
        assert len(pool.submit(remote.calls, query).result(PATIENCE_S).rows) == 5


def test_a_query_that_runs_is_interrupted_where_nobody_waits_for_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = Loader(store)
    loader.refresh(EVER, force=True)
    running = threading.Event()

    def endless(connection: duckdb.DuckDBPyConnection, *_: object, **__: object) -> object:
        running.set()
        return connection.execute("SELECT sum(a.range * b.range) FROM range(9000000) a, range(9000000) b").fetchall()

    monkeypatch.setattr("otelcost.store.queries.calls", endless)
    with ThreadPoolExecutor(1, "otelcost-page") as pool:
        asked = pool.submit(loader.calls, CallQuery(period=EVER, limit=5))
        assert running.wait(PATIENCE_S)
        time.sleep(0.1)
        loader.cancel("otelcost-load")  # another lane's business
        assert not asked.done()
        while not asked.done():
            loader.cancel("otelcost-page")
            time.sleep(0.01)
        with pytest.raises(StaleError):
            asked.result()


def test_loading_tells_how_far_it_is_and_stops_with_the_store_whole(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otelcost.tui.loader._BATCH", 20_000)
    traffic.spool(home, traffic.week(NOW))
    whole = len(traffic.week(NOW))
    loader = Loader(home / "store.duckdb")
    told: list[Progress] = []

    def hear(progress: Progress | None) -> None:
        if progress is not None:
            told.append(progress)
            if len(told) == 1:
                loader.stop()

    loader.listen(hear)
    part = loader.refresh(EVER, force=True)
    assert part is not None
    assert 0 < part.overview.calls < whole
    assert "still wait in the spool" in part.warnings[0]
    assert [progress.what for progress in told] == ["loading records"]
    assert 0 < told[0].done < told[0].whole
    rest = loader.refresh(EVER, force=True)
    assert rest is not None
    assert (rest.overview.calls, rest.warnings) == (whole, ())
    assert told[-1].what == "summing hours"


def test_advice_apart_is_the_same_and_ends_when_nobody_waits(store: Path) -> None:
    loader = Loader(store, NOW)
    loader.refresh(EVER, force=True)
    job = Job(store, window(EVER, NOW), NOW)
    steps: list[tuple[int, int]] = []
    advisor = Apart()
    found = advisor.advise(job, lambda *step: steps.append(step))
    assert steps[0][0] == 0
    assert steps[-1] == (steps[-1][1], steps[-1][1])
    assert loader.advise(EVER) == Loader(store, NOW, advisor=advisor).advise(EVER)
    assert found.report.recommendations
    first = found.report.recommendations[0]
    assert [id_ for _, id_ in advisor.calls(job, first.id)][:3] == list(first.call_ids[:3])

    begun = threading.Event()
    with ThreadPoolExecutor(1, LOADING_THREADS) as pool:
        asked = pool.submit(advisor.advise, job, lambda *_: begun.set())
        assert begun.wait(PATIENCE_S)
        advisor.cancel(LOADING_THREADS)
        with pytest.raises(StaleError):
            asked.result(PATIENCE_S)
    with session(store, write=True):  # nobody holds it any more
        pass


def test_a_process_that_died_is_named_and_another_one_answers(remote: Remote, store: Path) -> None:
    remote.refresh(EVER, force=True)
    with ThreadPoolExecutor(1, "otelcost-page") as pool, session(store, write=True):
        asked = pool.submit(remote.calls, CallQuery(period=EVER, limit=5))
        time.sleep(0.3)
        assert remote._process is not None
        os.kill(remote._process.pid, signal.SIGKILL)
        with pytest.raises(StoreError, match="ended by itself"):
            asked.result(PATIENCE_S)
    assert len(remote.calls(CallQuery(period=EVER, limit=5)).rows) == 5


def test_leaving_lets_go_of_who_waits_and_leaves_no_process(store: Path) -> None:
    source = Remote(store)
    source.refresh(EVER, force=True)
    assert source._process is not None
    pid = source._process.pid
    with ThreadPoolExecutor(1, "otelcost-page") as pool, session(store, write=True):
        asked = pool.submit(source.calls, CallQuery(period=EVER, limit=5))
        time.sleep(0.3)
        source.close()
        with pytest.raises(StaleError):
            asked.result(PATIENCE_S)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(StaleError):
        source.refresh(EVER, force=True)


def test_the_process_ends_when_the_screens_are_killed(store: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom otelcost.tui.remote import Remote\n"
        "source = Remote(Path(sys.argv[1]))\nprint(source._process.pid, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as screens:
        assert screens.stdout is not None
        pid = int(screens.stdout.readline())
        screens.kill()
    wait(lambda: _gone(pid))


def _gone(pid: int) -> bool:
    """Ended, whether or not somebody has taken note of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    for _ in range(PATIENCE_S * 100):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError(look.text(pilot.app))


async def test_ctrl_c_stops_what_is_worked_out_and_r_goes_on(store: Path) -> None:
    with closing(Remote(store)) as source:
        app = OtelcostApp(source, "all", live=False)
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: app.state.progress is not None)
            assert "ctrl+c stops" in look.text(app)
            await pilot.press("ctrl+c")
            await until(pilot, lambda: not app.state.loading)
            assert app.snapshot is not None
            assert app.snapshot.overview.calls
            assert app.snapshot.advice is None
            assert app.state.paused
            assert "paused" in look.text(app)
            await pilot.press("r")
            await until(pilot, lambda: app.snapshot is not None and app.snapshot.advice is not None)
            assert app.state.problem is None
