"""What a process keeps over time, and how it ends: memory over many calls, an exit with everything still queued."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from contenders import BARE, Contender
from figures import Bench
from process import running

_STEPS: Final = 10


class Memory(NamedTuple):
    """Memory after each tenth of the calls, MB, and records written by then in all."""

    mb: list[float]
    records: int

    def growth(self, calls: int) -> float:
        """Bytes a call, over the second half."""
        half = len(self.mb) // 2
        return (self.mb[-1] - self.mb[half - 1]) * 1024 * 1024 / (calls * (len(self.mb) - half) / len(self.mb))


def memory(bench: Bench, contender: Contender) -> Memory:
    """Make the calls in ten steps; the spool is read and emptied between them, as draining it would."""
    held: list[float] = []
    records = 0
    with running(contender, bench.rivals, bench.url) as child:
        for _ in range(_STEPS):
            held.append(child.ask("memory", calls=bench.effort.memory // _STEPS)["kb"] / 1024)
            records += _taken(child.home)
            (child.home / "spans").unlink(missing_ok=True)
    return Memory(held, records)


def _taken(home: Path) -> int:
    return sum(_lines(path, remove=True) for path in (home / "otelcost" / "spool").glob("calls-*"))


def _lines(path: Path, *, remove: bool = False) -> int:
    with path.open("rb") as file:
        count = sum(1 for _ in file)
    if remove:
        path.unlink()
    return count


class Exit(NamedTuple):
    """Seconds from the last call to the end of the process, and records that are nowhere afterwards."""

    seconds: float
    lost: int


class Exits(NamedTuple):
    """The median of what a contender adds to the end of the same program without it, seconds; the most records lost."""

    added: float
    lost: int


def exits(bench: Bench, contender: Contender, collector: str, *, held: bool) -> Exits:
    """End fresh pairs of processes, the bare SDK's and the contender's in turn."""
    bare = BARE._replace(environment=contender.environment)
    pairs = [
        (_leave(bench, bare, collector, held=held), _leave(bench, contender, collector, held=held))
        for _ in range(bench.effort.exits)
    ]
    return Exits(
        statistics.median(own.seconds - alone.seconds for alone, own in pairs), max(own.lost for _, own in pairs)
    )


def _leave(bench: Bench, contender: Contender, collector: str, *, held: bool) -> Exit:
    """Make calls, then end. `held`: no other thread got to run since the first of them."""
    calls = bench.effort.backlog
    with running(contender, bench.rivals, bench.url, f"otlp:{collector}") as child:
        child.ask("backlog", calls=calls, held=held)
        began = time.perf_counter()
        assert child.process.stdin is not None
        child.process.stdin.close()
        child.process.wait(120)
        seconds = time.perf_counter() - began
        kept = sum(map(_lines, (child.home / "otelcost" / "spool").glob("calls-*")))
    return Exit(seconds, calls - kept)


@contextmanager
def refusing() -> Iterator[str]:
    """The address of a collector that is down."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1/traces"


@contextmanager
def silent() -> Iterator[str]:
    """The address of a collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/traces"
