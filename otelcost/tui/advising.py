"""Works out the recommendations of a window: here, or in a process of its own that takes its memory with it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import duckdb

from otelcost import advise
from otelcost.advise import life_cycle
from otelcost.advise.measure import Measurement, measure
from otelcost.advise.report import Report
from otelcost.errors import StoreError
from otelcost.store.db import session
from otelcost.store.queries import Window
from otelcost.tui import apart, guard
from otelcost.tui.host import StaleError

_GENTLE: Final = 10
"""How much it stands back for whoever else wants the processor."""

Step = Callable[[int, int], None]
"""Told how many steps are done, and how many there are."""


class Job(NamedTuple):
    """Which window of which store; `now` is naive UTC."""

    store: Path
    window: Window
    now: datetime


class Found(NamedTuple):
    """The advice for a window, what became of applied changes, and all decisions."""

    report: Report
    measured: Sequence[Measurement]
    events: Sequence[life_cycle.Event]


class Advisor(Protocol):
    """Works a job out; StaleError says that it was interrupted."""

    def advise(self, job: Job, step: Step) -> Found:
        """The advice for a window."""

    def calls(self, job: Job, id_: str) -> Sequence[tuple[datetime, str]]:
        """Start and id of every call that a recommendation or insight is about, oldest first."""

    def cancel(self, threads: str) -> None:
        """Interrupt what runs for threads whose names begin so. Thread-safe."""


class Here:
    """An `Advisor` in this process."""

    def __init__(self) -> None:
        self._open: dict[duckdb.DuckDBPyConnection, str] = {}
        self._guard = threading.Lock()

    def advise(self, job: Job, step: Step) -> Found:
        """See `Advisor`; so for the others."""
        with self._session(job.store) as connection:
            report = advise.recommend(connection, job.window, now=job.now, step=step)
            found = [one for one, _ in measure(connection, job.now)]
            return Found(report, found, life_cycle.history(connection))

    def calls(self, job: Job, id_: str) -> Sequence[tuple[datetime, str]]:
        """See `Advisor`."""
        with self._session(job.store) as connection:
            return advise.calls_of(connection, job.window, id_, now=job.now)[1]

    def cancel(self, threads: str) -> None:
        """See `Advisor`."""
        with self._guard:
            for connection, name in self._open.items():
                if name.startswith(threads):
                    connection.interrupt()

    @contextmanager
    def _session(self, store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with session(store) as connection:
                with self._guard:
                    self._open[connection] = threading.current_thread().name
                try:
                    yield connection
                finally:
                    with self._guard:
                        self._open.pop(connection, None)
        except duckdb.InterruptException as error:
            raise StaleError from error


class Apart:
    """An `Advisor` that starts a process for every job; interrupting it is ending that process."""

    def __init__(self) -> None:
        self._running: dict[apart.Process, str] = {}
        self._ended: set[apart.Process] = set()
        self._guard = threading.Lock()

    def advise(self, job: Job, step: Step) -> Found:
        """See `Advisor`; so for the others."""
        found: Found = self._ask("advise", job, step)
        return found

    def calls(self, job: Job, id_: str) -> Sequence[tuple[datetime, str]]:
        """See `Advisor`."""
        found: Sequence[tuple[datetime, str]] = self._ask("calls", job, id_)
        return found

    def cancel(self, threads: str) -> None:
        """See `Advisor`."""
        with self._guard:
            for process, name in self._running.items():
                if name.startswith(threads):
                    self._ended.add(process)
                    process.kill()

    def _ask(self, name: str, job: Job, more: Any) -> Any:
        process = apart.Process("otelcost.tui.advising")
        with self._guard:
            self._running[process] = threading.current_thread().name
        try:
            process.say((name, job, None if callable(more) else more))
            while not isinstance(said := process.hear(), guard.Answer):
                more(*said)
            return said.given()
        except (EOFError, OSError) as error:
            if process in self._ended:
                raise StaleError from error
            raise StoreError("the process that works out recommendations ended by itself", "r tries again") from error
        finally:
            with self._guard:
                del self._running[process]
                self._ended.discard(process)
            process.kill()
            process.close()


def main() -> None:
    """Work out the one job that the socket says, and say what was found."""
    os.nice(_GENTLE)
    line = apart.joined()
    name, job, more = line.recv()
    threading.Thread(target=_end_with, args=(line.recv,), daemon=True).start()
    if name == "advise":
        line.send(guard.run(lambda: Here().advise(job, lambda done, whole: line.send((done, whole)))))
    else:
        line.send(guard.run(lambda: Here().calls(job, more)))


def _end_with(hear: Callable[[], object]) -> None:
    """Whoever asked is gone, and so is the reason to go on."""
    try:
        hear()
    except (EOFError, OSError):
        os._exit(0)
