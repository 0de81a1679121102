"""Running the user's rules where they can break nothing: in a process of their own, on the clock.

A rule that takes too long, or with which the process ends, is named; the process is started anew for the others.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple, TypeVar

import duckdb
import msgspec

from otelcost.advise.catalogue import Rule
from otelcost.advise.own.config import Limits
from otelcost.advise.own.protocol import MOST_ROWS, MOST_TEXT, Answer, Job, Ready, most_bytes
from otelcost.advise.report import Period

_PREPARING_S: Final = 300.0
"""For making the window, which is our own work and not the rule's."""

_KEPT: Final = ("OTELCOST_", "PYTHON", "XDG_", "LC_", "LD_", "DYLD_", "COV_")
_KEPT_NAMES: Final = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV"})
_WORKER: Final = (sys.executable, "-P", "-m", "otelcost.advise.own.worker")
_T = TypeVar("_T")


class Answers(NamedTuple):
    """By rule id, what each said; `window` is what they saw of it, to be compared with one's own."""

    window: tuple[int, str] | None
    by_rule: Mapping[str, Answer]


class _Gone(Exception):  # noqa: N818  (an outcome, not a fault)
    """The process said nothing more, and why."""


def ask(connection: duckdb.DuckDBPyConnection, window: Period, rules: Sequence[Rule], limits: Limits) -> Answers:
    """Run these rules over the window of the store behind `connection`, which must be open for reading."""
    store = _path(connection)
    answers: dict[str, Answer] = {}
    seen: tuple[int, str] | None = None
    while pending := tuple(rule for rule in rules if rule.id not in answers):
        if store is None:
            why = "the store is not a file"
        else:
            with TemporaryDirectory(prefix="otelcost-rules-") as scratch:
                seen, why = _run(_job(store, scratch, window, pending, limits), limits, answers)
        if why and seen is None:  # not a rule's fault: the next try would end the same way
            answers |= {rule.id: Answer(error=f"the user's rules cannot be run: {why}") for rule in pending}
    return Answers(seen, answers)


def _run(job: Job, limits: Limits, answers: dict[str, Answer]) -> tuple[tuple[int, str] | None, str]:
    """One process; adds to `answers`. Returns what it saw of the window, and why it ended early."""
    seen = None
    with _started(job) as process:
        try:
            seen = process.next(Ready, _PREPARING_S).window
            process.most = 8 * MOST_ROWS * MOST_TEXT + 2 * most_bytes(seen[0])  # of JSON, which may escape
            for rule in job.rules:
                try:
                    answers[rule.id] = process.next(Answer, limits.seconds)
                except _Gone as gone:
                    answers[rule.id] = Answer(error=str(gone))
                    raise
        except _Gone as gone:
            return seen, f"{gone}{_last_words(Path(job.scratch))}"
    return seen, ""


class _Process:
    """The worker, and what it said that was not taken yet."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101  (both pipes were asked for)
        assert process.stdout is not None  # noqa: S101
        self._in, self._out = process.stdin, process.stdout
        self._said = bytearray()
        self.most = 1 << 20

    def give(self, job: Job) -> None:
        """Hand it the job."""
        with suppress(BrokenPipeError):  # it ended at once; listening to it will say so
            self._in.write(msgspec.json.encode(job))
            self._in.close()

    def next(self, kind: type[_T], seconds: float) -> _T:
        """What it says next, within so many seconds."""
        until = time.monotonic() + seconds
        while (end := self._said.find(b"\n")) < 0:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._out], [], [], left)[0]:
                raise _Gone(f"it took longer than {seconds:g} s")
            piece = os.read(self._out.fileno(), 1 << 20)
            if not piece or len(self._said) > self.most:
                raise _Gone("it needed more memory than a rule may take, or broke the database")
            self._said += piece
        line = bytes(self._said[:end])
        del self._said[: end + 1]
        return msgspec.json.decode(line, type=kind)


@contextmanager
def _started(job: Job) -> Iterator[_Process]:
    environment = {name: text for name, text in os.environ.items() if name in _KEPT_NAMES or name.startswith(_KEPT)}
    with (
        (Path(job.scratch) / "errors").open("wb") as errors,
        subprocess.Popen(  # noqa: S603  (our own module under our own interpreter)
            _WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process,
    ):
        try:
            worker = _Process(process)
            worker.give(job)
            yield worker
        finally:
            process.kill()


def _last_words(scratch: Path) -> str:
    lines = (scratch / "errors").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f" ({lines[-1]})" if lines else ""


def _job(store: str, scratch: str, window: Period, rules: tuple[Rule, ...], limits: Limits) -> Job:
    seconds = 2 * int(_PREPARING_S + limits.seconds * len(rules))  # two threads
    return Job(store, scratch, window.start, window.end, limits.memory_mb, seconds, rules)


def _path(connection: duckdb.DuckDBPyConnection) -> str | None:
    found: Any = connection.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return None if found is None or not found[0] else str(found[0])
