"""What the caller's thread pays for at all: wrappers of `send` that do less than capture, between an SDK's own work.

    python tests/bench/capture/floor.py [--calls N]

One process, one client; the wrappers take turns in runs of calls, in an order of their own each time, and nothing is
read in the background meanwhile. Then what the background reads takes turns: all of it, the usage alone, nothing.
Printed is the difference of medians to the bare SDK, whose second row is the noise.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

os.environ["OTELCOST_HOME"] = tempfile.mkdtemp(prefix="otelcost-floor-")

import httpx2
import msgspec
from load import loads
from opentelemetry import context
from provider import serving

import otelcost
from otelcost.capture import clock, site
from otelcost.capture.attempt import DONE, LAST_BYTES
from otelcost.capture.worker import Worker, worker
from otelcost.wire.registry import recognise

Send = Callable[..., Any]

_RUN: Final = 8
_WARM: Final = 2
_KEPT: Final = 64
_BLOCK: Final = 60
_kept: deque[Any] = deque(maxlen=_KEPT)


class _Noted:
    """References and times, as little as a record can be made of."""

    done = False


def _empty(send: Send) -> Send:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return send(*args, **kwargs)

    return wrapped


def _times(send: Send) -> Send:
    def wrapped(client: Any, request: Any, **kwargs: Any) -> Any:
        noted = _Noted()
        noted.unix_ns, noted.began_ns = clock.unix_ns(), time.perf_counter_ns()  # type: ignore[attr-defined]
        response = send(client, request, **kwargs)
        noted.ended_ns = time.perf_counter_ns()  # type: ignore[attr-defined]
        _kept.append(noted)
        return response

    return wrapped


def _keeps(send: Send) -> Send:
    """Two references and nothing else: what the SDK allocates next is no longer where it freed something just now."""

    def wrapped(client: Any, request: Any, **kwargs: Any) -> Any:
        response = send(client, request, **kwargs)
        _kept.append((request, response))
        return response

    return wrapped


def _lean(send: Send) -> Send:
    """The whole of it in one function: no number, no label, no bound on memory, no error of ours caught."""

    def wrapped(client: Any, request: Any, **kwargs: Any) -> Any:
        url = request.url
        if recognise(request.method, url.host, url.path) is None:
            return send(client, request, **kwargs)
        noted: Any = _Noted()
        noted.request, noted.client, noted.context = request, id(client), context.get_current()
        noted.site = site.find_site(2)
        noted.unix_ns, noted.began_ns = clock.unix_ns(), time.perf_counter_ns()
        response = send(client, request, **kwargs)
        noted.ended_ns, noted.done = time.perf_counter_ns(), True
        noted.status, noted.headers, noted.body = response.status_code, response.headers, response.content
        _kept.append(noted)
        return response

    return wrapped


class _Passing(httpx2.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Any:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


class _Keeping(_Passing):
    def __iter__(self) -> Any:
        chunks: list[bytes] = []
        for chunk in self._stream:
            chunks.append(chunk)
            yield chunk
        _kept.append(chunks)


class _Looking(_Passing):
    def __iter__(self) -> Any:
        chunks: list[bytes] = []
        for chunk in self._stream:
            if chunk.rfind(DONE, -LAST_BYTES) < 0:
                chunks.append(chunk)
            yield chunk
        _kept.append(chunks)


class _Asking(_Looking):
    """As a stream that looks like the one inside it: what it has not itself is looked for there."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_stream"], name)


def _tee(kind: type) -> Callable[[Send], Send]:
    def make(send: Send) -> Send:
        def wrapped(client: Any, request: Any, **kwargs: Any) -> Any:
            response = send(client, request, **kwargs)
            response.stream = kind(response.stream)
            return response

        return wrapped

    return make


CALLS: Final = {
    "an empty wrapper": _empty,
    "request and response kept": _keeps,
    "times and an object": _times,
    "the same in one function": _lean,
}
CHUNKS: Final = {
    "a generator around it": _tee(_Passing),
    "chunks kept": _tee(_Keeping),
    "and the end looked for": _tee(_Looking),
    "and attributes passed through": _tee(_Asking),
}


class Switch:
    """`Client.send`, by whichever wrapper is asked for."""

    def __init__(self) -> None:
        self.bare: Send = httpx2.Client.send
        otelcost.instrument()
        self.ours: Send = httpx2.Client.send
        self.now = self.ours

        def send(*args: Any, **kwargs: Any) -> Any:
            return self.now(*args, **kwargs)

        httpx2.Client.send = send  # type: ignore[method-assign]


def measure(switch: Switch, prepare: Any, wrappers: dict[str, Any], calls: int, per: int) -> list[tuple[str, float]]:
    """Median CPU of the calling thread beyond the bare SDK's, in microseconds a call (or chunk, `per` of them)."""
    sends = {"bare SDK": switch.bare, "bare SDK again": switch.bare}
    sends |= {name: make(switch.bare) for name, make in wrappers.items()}
    sends["otelcost"] = switch.ours
    taken: dict[str, list[int]] = {name: [] for name in sends}
    for _ in range(max(calls // _RUN, 2)):
        for name in random.sample(list(sends), len(sends)):
            switch.now = sends[name]
            made = [prepare() for _ in range(_WARM + _RUN)]
            for number, call in enumerate(made):
                began = time.thread_time_ns()
                call()
                if number >= _WARM:
                    taken[name].append(time.thread_time_ns() - began)
    bare = statistics.median(taken["bare SDK"])
    return [(name, (statistics.median(times) - bare) / per / 1000) for name, times in taken.items()]


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Answer(msgspec.Struct):
    id: str
    model: str
    usage: _Usage


_ANSWERS: Final = msgspec.json.Decoder(_Answer)
_LINES: Final = msgspec.json.Encoder()


def _nothing(_: Worker, _attempt: Any) -> bytes:
    """Not read: what the caller's part costs, and letting go of what it kept."""
    return b""


def _usage_alone(_: Worker, attempt: Any) -> bytes:
    """Four numbers and two names of the answer, two times and a place: no prompt, no hash, no label, no price."""
    answer = _ANSWERS.decode(attempt.body())
    site = attempt.site
    told = (answer.id, answer.model, attempt.unix_ns, attempt.ended_ns, site.code.co_qualname, site.line)
    return _LINES.encode((answer.usage, told))


READ: Final = {"nothing read": _nothing, "the answer's usage read": _usage_alone}


def measure_all(switch: Switch, prepare: Any, calls: int) -> list[tuple[str, float]]:
    """Median CPU of all threads beyond the bare SDK's until all is written, in microseconds a call."""
    whole = Worker._whole
    reads = {"bare SDK": whole, "bare SDK again": whole, **READ, "otelcost": whole}
    taken: dict[str, list[float]] = {name: [] for name in reads}
    for _ in range(max(calls // _BLOCK, 2)):
        for name in random.sample(list(reads), len(reads)):
            switch.now = switch.bare if name.startswith("bare") else switch.ours
            Worker._whole = reads[name]  # type: ignore[method-assign, assignment]
            made = [prepare() for _ in range(_BLOCK)]
            gc.collect()
            began = time.process_time_ns()
            for call in made:
                call()
            otelcost.flush(20)
            taken[name].append((time.process_time_ns() - began) / _BLOCK / 1000)
    Worker._whole = whole  # type: ignore[method-assign]
    bare = statistics.median(taken["bare SDK"])
    return [(name, statistics.median(times) - bare) for name, times in taken.items()]


def hand_over() -> tuple[float, float]:
    """What letting go of the interpreter's lock takes where nobody waits for it, and where a thread does, in us."""
    over = threading.Event()

    def spin() -> None:
        while not over.is_set():
            pass

    quiet = _letting_go(2000)
    spinning = threading.Thread(target=spin)
    spinning.start()
    busy = _letting_go(200)
    over.set()
    spinning.join()
    return quiet, busy


def _letting_go(times: int) -> float:
    taken = []
    for _ in range(times):
        until = time.perf_counter_ns() + 100_000
        while time.perf_counter_ns() < until:
            pass
        began = time.perf_counter_ns()
        os.sched_yield()
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1000


def _never(self: Worker) -> float:
    """Read nothing; the references go when there are many."""
    time.sleep(0.05)
    if len(self._queue) > _KEPT:
        self._queue.clear()
    return 0.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2400, help="of each wrapper")
    calls = parser.parse_args().calls
    quiet, busy = hand_over()
    print(f"letting go of the lock, us: {quiet:.1f} where nobody waits, {busy:.1f} where a thread does\n")
    with serving() as url:
        ready, switch = loads(url), Switch()
        for load in ready:
            ready[load]()()
        otelcost.flush()
        together = {
            f"{sdk}, us a call in all threads": measure_all(switch, ready[f"{sdk}-1"], calls)
            for sdk in ("openai", "anthropic")
        }
        Worker._round = _never  # type: ignore[method-assign]
        rows = {
            f"{sdk}, us a call": measure(switch, ready[f"{sdk}-1"], CALLS, calls, 1) for sdk in ("openai", "anthropic")
        } | {
            f"{sdk}, us a chunk": measure(switch, ready[f"{sdk}-stream-500"], CHUNKS, calls // 20, 500)
            for sdk in ("openai", "anthropic")
        }
        worker._queue.clear()
    shutil.rmtree(os.environ["OTELCOST_HOME"], ignore_errors=True)
    for title, figures in (together | rows).items():
        print(f"| {title} | |\n|---|---|")
        print("\n".join(f"| {name} | {figure:.2f} |" for name, figure in figures), end="\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
