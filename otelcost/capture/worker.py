"""The background thread: gathers finished attempts until the host is at rest, and makes records of them.

Waking a thread, passing the interpreter's lock to and fro with a busy one, and code that has left the processor's
caches each cost more than a record does. So the thread waits until nothing has finished for `REST_SECONDS`, at most
`GATHER_SECONDS`, makes the records of all in one go, and lets the host run wherever it wants to meanwhile.

The caller's side never blocks and takes no lock that a garbage collection could meet again. Bytes that wait are
bounded: beyond the bound an attempt gives up its bodies and is recorded without them. What making records takes is
loaded by the thread, while the first call is under way; a fork waits for the module that is being imported.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, TypeAlias

from otelcost import native, settings
from otelcost.capture import attempt as attempts
from otelcost.capture.attempt import Attempt
from otelcost.capture.guard import Guard
from otelcost.capture.pace import Pace
from otelcost.spool.diagnostics import diagnostics

if TYPE_CHECKING:
    from otelcost.capture.record import Recorder
    from otelcost.capture.results import Piece
    from otelcost.spool.writer import Spool

PENDING_VARIABLE: Final = "OTELCOST_PENDING_MAX_MB"
DEFAULT_PENDING_MB: Final = 64.0
MAX_PENDING_RECORDS: Final = 100_000
EXIT_SECONDS: Final = 2.0
_LATE_SECONDS: Final = 0.8
"""So long before the end of the exit's time results of batches are given up: their file can be read again."""
_LEFT_OUT: Final = {"brief": "brief_records", "unread": "minimal_records"}
REST_SECONDS: Final = 0.02
"""The host is at rest when no attempt has finished for so long: what a SIGKILL can take is not much older."""
GATHER_SECONDS: Final = 0.15
"""A host that never rests is waited for no longer than this."""
_HASTEN_RECORDS: Final = 1000
_STINT_SECONDS: Final = 0.02
"""After so long the lines made are written, and what waits is looked at again."""
_TURN_SECONDS: Final = 0.0001
"""So long the thread works, rounded up to whole steps of a record, before it looks whether another thread waits for
the interpreter's lock: by force that would get it only after 5 ms."""
_FEW_RECORDS: Final = 32
"""Where more wait than this the host never lets the thread run: its turns grow with what waits."""
_ENDING: Final = frozenset({"KeyboardInterrupt", "SystemExit"})

_NEEDED: Final = (
    "otelcost.model",
    "otelcost.wire.jsonview",
    "otelcost.wire.usage_plain",
    "otelcost.wire.usage",
    "otelcost.wire.parts",
    "otelcost.wire.hashing",
    "otelcost.wire.masks",
    "otelcost.wire.anatomy",
    "otelcost.wire.reply",
    "otelcost.wire.body",
    "otelcost.wire.sse",
    "otelcost.wire.codecs",
    "otelcost.wire.multipart",
    "otelcost.wire.exchange",
    "otelcost.capture.estimate",
    "otelcost.capture.attributes",
    "otelcost.capture.interop",
    "otelcost.capture.record",
    "otelcost.spool.writer",
)
"""What making records takes, in the order of import: nobody waits for the interpreter's lock longer than one takes."""

_Item: TypeAlias = "Attempt | Piece | native.Mark"


class _Thread:
    """A thread of the system's own kind, which nobody waits for at exit. Starting it may raise RuntimeError."""

    def __init__(self, target: Callable[[], None]) -> None:
        self._target = target
        self.alive = True
        self.ident = 0
        native.start_thread(self._run, ())

    def _run(self) -> None:
        self.ident = native.get_ident()
        hook = threading.gettrace()
        if hook is not None:  # debuggers and coverage see this thread as they see others
            sys.settrace(hook)
        try:
            self._target()
        finally:
            self.alive = False


class Worker:
    """The queue, the thread that empties it, and their behaviour at fork and exit. One a process."""

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._spool: Spool | None = None
        self._limit = _pending_limit()
        self._registered = False
        self._reset()

    def _reset(self) -> None:
        self._queue: deque[_Item] = deque()
        self._alarm: native.SimpleQueue[None] = native.SimpleQueue()  # something in it: wake up, do not wait for rest
        self._asleep = self._urgent = False
        self.ready = False
        """Whether nothing has to be started for an attempt that begins now."""
        self._thread: _Thread | None = None
        self._starting = native.allocate_lock()
        self._bytes_lock = native.allocate_rlock()  # re-entrant: a garbage collection may submit in the middle
        self._draining = native.allocate_lock()
        self._pending_bytes = 0
        self._hurry = False
        self._exited = False
        self._deadline: float | None = None
        self._pace: Pace | None = None
        self._exit_seconds = EXIT_SECONDS
        self._turn = 0.0
        """When it was last looked whether the host wants to run."""

    def ensure(self) -> None:
        """Have the thread running. Called where a call begins, never from a garbage collection."""
        thread = self._thread
        if (thread is None or not thread.alive) and not self._exited:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None and self._thread.alive:
                return
            self.prepare()
            try:
                thread = _Thread(self._run)
            except RuntimeError:  # no more threads, as late in an exit: records are made where calls end
                self._load()
                self._exited = True
            else:
                self._thread = thread
            self.ready = True

    def prepare(self) -> None:
        """See to the exit of the process. Once; the earlier, the more of the host's exit handlers come before ours."""
        if self._registered:
            return
        self._registered = True
        if settings.vocabulary_wanted():
            import_module("concurrent.futures.thread")  # tiktoken would, in the background, and it watches forks
        atexit.register(self._exit)
        # Also where `atexit` does not run (a forked worker of multiprocessing), and before tracers shut down.
        register = getattr(threading, "_register_atexit", None)
        if register is not None:
            with suppress(RuntimeError):  # the process is exiting already
                register(self._flush_before_exit)

    def _load(self) -> Recorder:
        """What making records takes, imported in steps that a fork need not wait for together."""
        if self._recorder is None:
            for name in _NEEDED:
                with native.importing():
                    import_module(name)
            from otelcost.capture.record import Recorder  # noqa: PLC0415
            from otelcost.spool.writer import Spool  # noqa: PLC0415

            self._recorder = Recorder(self._let_host_run)
            self._spool = Spool(settings.spool_dir(), "calls")
        return self._recorder

    def submit(self, attempt: Attempt | Piece) -> None:
        """Take a finished attempt. From any thread, at any time, also from a garbage collection."""
        queue = self._queue
        if len(queue) >= MAX_PENDING_RECORDS:
            diagnostics.count("dropped_records")
            return
        held = attempt.held_bytes()
        with self._bytes_lock:
            if self._pending_bytes + held > self._limit:
                diagnostics.count("dropped_bodies")
                held = attempt.shrink(max(self._limit - self._pending_bytes, 0))
            self._pending_bytes += held
        attempt.size = held
        queue.append(attempt)
        if self._pending_bytes > self._limit // 4 or len(queue) > _HASTEN_RECORDS:
            self._hasten()
        elif self._asleep:
            self._wake()
        if self._exited:
            self._drain_inline()

    def _hasten(self) -> None:
        """Have the thread begin now."""
        self._urgent = True
        self._wake()

    def _wake(self) -> None:
        if self._alarm.empty():
            self._alarm.put(None)

    def _run(self) -> None:
        try:
            with Guard("load"):
                self._load()
            wait: float | None = None
            while True:
                wait = self._round() if self._sleep(wait) else self._tidy()
        finally:
            self.ready = False  # whatever ended it: the next attempt starts another

    def _sleep(self, seconds: float | None) -> bool:
        """Sleep until something waits. False: nothing does, after that time."""
        self._asleep = True
        try:
            if not self._queue:  # nothing came before anybody could see that this thread sleeps
                self._urgent = False
                self._alarm.get(timeout=seconds)
        except native.Empty:
            pass
        finally:
            self._asleep = False
        return bool(self._queue)

    def _round(self) -> float:
        """Gather, and handle what waits by then; what comes meanwhile waits for the next. Seconds until tidying."""
        if not self._hurry:
            self._gather()
        left = len(self._queue)
        while left > 0 and self._queue:
            left -= self._stint(left)
        return 0.5

    def _gather(self) -> None:
        """Let more attempts finish, unless somebody waits or memory fills."""
        until = time.monotonic() + GATHER_SECONDS
        while not self._urgent:
            seen = len(self._queue)
            try:
                self._alarm.get(timeout=REST_SECONDS)
            except native.Empty:
                if len(self._queue) == seen or time.monotonic() >= until:
                    break
        self._urgent = False

    def _stint(self, most: int) -> int:
        """Handle what waits, as far as it goes before lines should be written. How many of them, `most` at most."""
        lines: list[bytes] = []
        if self._pace is None and self._deadline is not None:
            self._pace = Pace(self._deadline)
        until, handled = time.perf_counter() + _STINT_SECONDS, 0
        try:
            while handled < most and time.perf_counter() < until:
                item = self._next()
                if item is None:
                    break
                handled += 1
                self._handle(item, lines)
                self._let_host_run()
        finally:
            self._write(lines)
        return handled

    def _let_host_run(self) -> None:
        """Hand the interpreter's lock to a thread that waits for it, if one does, unless the process is ending."""
        if self._hurry:
            return
        seconds = _TURN_SECONDS * max(1.0, len(self._queue) / _FEW_RECORDS)
        if time.perf_counter() - self._turn >= min(seconds, _STINT_SECONDS):
            native.hand_over()
            self._turn = time.perf_counter()

    def _next(self) -> _Item | None:
        try:
            return self._queue.popleft()
        except IndexError:
            return None

    def _handle(self, item: _Item, lines: list[bytes]) -> None:
        """Add an attempt's line to those that wait to be written; of a mark, see that they are."""
        if isinstance(item, native.Mark):
            self._write(lines)
            item.set()
            return
        with self._bytes_lock:
            self._pending_bytes -= item.size
        with Guard("record"):
            if not isinstance(item, Attempt):
                self._add_results(item, lines)
                return
            line = self._line(item)
            if line:
                lines.append(line)
            item.forget()

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        with Guard("write"):
            self._load()
            assert self._spool is not None  # noqa: S101  (loading made it)
            self._spool.append(*lines)
        lines.clear()

    def _line(self, attempt: Attempt) -> bytes:
        pace = self._pace
        if pace is None:
            return self._whole(attempt)
        care = pace.choose(len(self._queue))
        if care == "whole":
            return self._whole(attempt)
        diagnostics.count(_LEFT_OUT[care])
        return self._load().brief(attempt, unread=care == "unread")

    def _whole(self, attempt: Attempt) -> bytes:
        # Compiling a string, as some modules do when imported, makes Python forget that it ends by Ctrl-C.
        quick = self._hurry or attempt.error in _ENDING or not threading.main_thread().is_alive()
        return self._load().record(attempt, quick=quick)

    def _add_results(self, piece: Piece, lines: list[bytes]) -> None:
        """The results in a piece of a download, letting the host run as often as between attempts.

        Not while so much waits that what comes next would be lost: all of it is money.
        """
        until = time.perf_counter() + _STINT_SECONDS
        for line in self._load().results(piece):
            lines.append(line)
            if self._deadline is not None and time.monotonic() > self._deadline - _LATE_SECONDS:
                diagnostics.count("abandoned_results")  # reading the file again makes up for them
                return
            if self._pending_bytes < self._limit // 4:
                self._let_host_run()
            if time.perf_counter() >= until:
                self._write(lines)
                until = time.perf_counter() + _STINT_SECONDS

    def _tidy(self) -> float | None:
        with Guard("tidy"):
            diagnostics.write(settings.spool_dir())
            return None if self._spool is None else self._spool.tidy()
        return None

    def flush(self, timeout_seconds: float = EXIT_SECONDS) -> bool:
        """Wait until everything submitted so far is written. False: it was not, within the time."""
        thread = self._thread
        if self._exited or thread is None or not thread.alive:
            self._drain_inline()
            return True
        if self.works_here():  # a processor of the host's that flushes whenever a span ends
            return False
        done = native.Mark()
        self._queue.append(done)
        self._hasten()
        return done.wait(timeout_seconds)

    def works_here(self) -> bool:
        """Whether this very thread is the one that makes records."""
        return self._thread is not None and self._thread.ident == native.get_ident()

    def _drain_inline(self) -> None:
        if not self._draining.acquire(blocking=False):
            return  # whoever drains sees what was put meanwhile
        try:
            while self._queue:
                self._stint(len(self._queue))
        finally:
            self._draining.release()

    def _flush_before_exit(self) -> None:
        with Guard("exit"):
            self._flush_in_time()
            self._hurry = False
            self._deadline = self._pace = None

    def _flush_in_time(self) -> None:
        """Flush, in what is left of the time that an exit may take as a whole."""
        self._hurry = True
        began = time.monotonic()
        self._deadline = began + self._exit_seconds
        if not self.flush(self._exit_seconds):
            diagnostics.count("abandoned_records", max(len(self._queue) - 1, 1))
        self._exit_seconds = max(self._exit_seconds - (time.monotonic() - began), _LATE_SECONDS)

    def _exit(self) -> None:
        """The last of the process: what is still open is recorded as it is, and the segment is sealed."""
        with Guard("exit"):
            for attempt in sorted(attempts.open_attempts.values(), key=lambda one: len(one.chunks)):
                attempt.finish("closed")
            self._flush_in_time()
            self._exited = True
            diagnostics.write(settings.spool_dir(), force=True)
            if self._spool is not None:
                self._spool.close()

    def after_fork(self) -> None:
        """In a forked child: leave the parent's queue to the parent and start afresh when a call comes."""
        self._reset()
        attempts.reset_after_fork()

    def move(self) -> None:
        """Forget where records go and what was read from the environment: the next one asks again."""
        self.flush()
        if self._spool is not None:
            self._spool.close()
        self._spool = self._recorder = None
        self._limit = _pending_limit()


def _pending_limit() -> int:
    try:
        return int(float(os.environ.get(PENDING_VARIABLE, "")) * 1024 * 1024)
    except (ValueError, OverflowError):
        return int(DEFAULT_PENDING_MB * 1024 * 1024)


worker = Worker()
"""The worker of this process."""

os.register_at_fork(after_in_child=worker.after_fork)
