"""The measurements themselves, inside a contender's process. Times are nanoseconds."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import reading
from cases import CASES
from load import Concurrent, in_memory, loads

_SPIN_NS: Final = 8_000_000
_GAP_NS: Final = 20_000
_PAGE_KB: Final = os.sysconf("SC_PAGESIZE") // 1024


def resident_kb() -> int:
    """Memory of this process, in KB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KB


def answers(host: Any) -> dict[str, Callable[..., Any]]:
    """What a process can be asked, by name."""
    ready, bare, together = loads(host.url), loads(host.url, bare=True), Concurrent(host.url)

    def block(load: str, calls: int) -> dict[str, Any]:
        """Thread CPU and wall of every call, CPU of all threads until all is written."""
        made = [ready[load]() for _ in range(calls)]
        thread, wall = [], []
        gc.collect()
        before = time.process_time_ns()
        for call in made:
            began, cpu = time.perf_counter_ns(), time.thread_time_ns()
            call()
            thread.append(time.thread_time_ns() - cpu)
            wall.append(time.perf_counter_ns() - began)
        host.flush()
        return {"thread": thread, "wall": wall, "process": time.process_time_ns() - before}

    def mixed(load: str, calls: int) -> list[dict[str, Any]]:
        """Calls past the contender and calls through it, one by one in turns, everything written in between.

        As `block`, for either side. For a contender that replaces `send`, and nothing above it.
        """
        sides: list[dict[str, Any]] = [{"thread": [], "wall": [], "process": 0} for _ in range(2)]
        gc.collect()
        for number in range(calls * 2):
            side = (number + number // 2) % 2  # 0 1 1 0 0 1 1 0: neither is always the one that follows
            call = (ready if side else bare)[load]()
            before, began, cpu = time.process_time_ns(), time.perf_counter_ns(), time.thread_time_ns()
            call()
            sides[side]["thread"].append(time.thread_time_ns() - cpu)
            sides[side]["wall"].append(time.perf_counter_ns() - began)
            host.flush()
            sides[side]["process"] += time.process_time_ns() - before
        return sides

    def concurrent(calls: int, kilobytes: float) -> dict[str, Any]:
        """Wall and CPU of calls made at once; the background goes on meanwhile, what is left of it is waited for."""
        gc.collect()
        began, cpu = time.perf_counter_ns(), time.process_time_ns()
        together.run(calls, kilobytes)
        wall = time.perf_counter_ns() - began
        host.flush()
        return {"wall": wall, "process": time.process_time_ns() - cpu}

    def stall(load: str, calls: int) -> list[int]:
        """How long the host's thread was held up, spinning after calls and while the rest is written."""
        gaps: list[int] = []
        for _ in range(calls):
            ready[load]()()
            _spin(gaps, _later(_SPIN_NS))
        together.run(50, 20)
        flushing = threading.Thread(target=host.flush)
        _spin(gaps, lambda: not flushing.is_alive(), flushing.start)
        flushing.join()
        return gaps

    def memory(calls: int) -> dict[str, Any]:
        """Make calls; then the memory held."""
        for _ in range(calls):
            ready["openai-1"]()()
        host.flush()
        gc.collect()
        return {"kb": resident_kb(), "modules": len(sys.modules)}

    def backlog(calls: int, *, held: bool) -> int:
        """Make calls that are answered from memory; `held`: no other thread gets to run until all are made."""
        call = in_memory()
        call()  # what is imported at the first call is imported
        host.flush()
        sys.setswitchinterval(1000 if held else 0.005)
        for _ in range(calls - 1):
            call()
        sys.setswitchinterval(0.005)
        return calls

    return {
        "block": block, "mixed": mixed, "concurrent": concurrent, "stall": stall, "memory": memory, "backlog": backlog,
        "matrix": lambda: _matrix(host),
    }  # fmt: skip


def _spin(gaps: list[int], over: Callable[[], bool], begin: Callable[[], None] = lambda: None) -> None:
    """Note the times in which this thread stood still while another thread of this process used the CPU.

    What `begin` starts may hold this thread up before it has returned.
    """
    last, cpu = time.perf_counter_ns(), _others_ns()
    begin()
    while not over():
        now, others = time.perf_counter_ns(), _others_ns()
        if now - last > _GAP_NS:
            gaps.append(min(now - last, others - cpu))
        last, cpu = now, others


def _later(nanoseconds: int) -> Callable[[], bool]:
    until = time.perf_counter_ns() + nanoseconds
    return lambda: time.perf_counter_ns() > until


def _others_ns() -> int:
    return time.process_time_ns() - time.thread_time_ns()


def _matrix(host: Any) -> dict[str, Any]:
    """What the contender saw of every case; a string where the case could not be run with this SDK."""
    ours = host.contender.name == "otelcost"
    seen: dict[str, Any] = {}
    gc.collect()
    gc.freeze()  # what was imported need not be looked through again after every case
    for case in CASES:
        if case.sdk != "none" and case.sdk not in host.contender.sdk:
            continue
        host.memory.clear()
        try:
            with _task(case.name) if ours else nullcontext(), contextlib.redirect_stderr(io.StringIO()):
                case.run(f"{host.url}/{case.answers}")
        except (TypeError, AttributeError) as error:  # an SDK that does not know what the case asks for
            seen[case.name] = f"{type(error).__name__}: {error}"
            continue
        gc.collect()
        host.flush()
        scope = "" if case.scopes else host.contender.scope
        seen[case.name] = [one._asdict() for one in reading.of_spans(host.memory.get_finished_spans(), scope)]
    if not ours:
        return seen
    stored = reading.of_store()
    return {name: _own(said, stored.get(name, [])) for name, said in seen.items()}


def _own(said: Any, stored: list[reading.Seen]) -> Any:
    return said if isinstance(said, str) else [one._asdict() for one in stored]


def _task(name: str) -> Any:
    import otelcost

    return otelcost.task(name)
