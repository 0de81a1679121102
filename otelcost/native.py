"""Threads, locks, queues and sleep as the operating system has them, whatever the program has put in their place.

gevent replaces these in the standard library, before or after this module is imported. A mixture (a greenlet
that waits for a lock of the system) stops the whole process, so capture takes one family and never another.
"""

from __future__ import annotations

import _thread
import os
import sys
import time
from _queue import Empty, SimpleQueue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

__all__ = [
    "Empty",
    "Mark",
    "SimpleQueue",
    "allocate_lock",
    "allocate_rlock",
    "get_ident",
    "giving_way",
    "hand_over",
    "importing",
    "original",
    "sleep",
    "start_thread",
    "threads_may_stay",
]

_GATE_SECONDS: Final = 2.0
_WAKING_NS: Final = 3000
_TURN_NS: Final = 200_000
_PATIENCE_NS: Final = 500_000_000
_HANDING_OVER_SECONDS: Final = 0.00005
_ENDS_WITH_A_THREAD: Final[bool] = sys.version_info >= (3, 12)
_PROFILES_ONE_THREAD: Final = sys.version_info < (3, 12)
"""Since Python 3.12 the code of all threads is prepared for a profiler of one, which costs them more than it saves."""


def original(module: str, name: str) -> Any:
    """What a name of the standard library meant before gevent replaced it."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original(module, name)
    return getattr(import_module(module), name)


start_thread: Final[Callable[[Callable[[], None], tuple[()]], int]] = original("_thread", "start_new_thread")
get_ident: Final[Callable[[], int]] = original("_thread", "get_ident")
allocate_lock: Final[Callable[[], Any]] = original("_thread", "allocate_lock")
allocate_rlock: Final[Callable[[], Any]] = original("_thread", "RLock")
sleep: Final[Callable[[float], None]] = original("time", "sleep")
_let_go: Final[Callable[[], None]] = os.sched_yield
_clock_ns: Final[Callable[[], int]] = time.perf_counter_ns


def threads_may_stay() -> bool:
    """Whether a thread may be left when this interpreter ends.

    Since Python 3.12 a sub-interpreter that has one left ends the whole process.
    """
    if not _ENDS_WITH_A_THREAD:
        return True
    is_main = getattr(_thread, "_is_main_interpreter", None)  # since 3.13
    if is_main is None:
        interpreters = import_module("_xxsubinterpreters")
        return bool(interpreters.get_current() == interpreters.get_main())
    return bool(is_main())


def _wanted() -> bool:
    """Whether another thread waits for the interpreter's lock.

    Letting go of the lock wakes a thread that waits for it, by a call of the system that takes ten times as long as
    letting go does where nobody waits. The caller has the lock again before that thread runs: to hand it over, sleep.
    """
    before = _clock_ns()
    _let_go()
    return _clock_ns() - before > _WAKING_NS


def hand_over() -> bool:
    """Let another thread have the interpreter's lock if one waits for it. Whether one did."""
    if not _wanted():
        return False
    sleep(_HANDING_OVER_SECONDS)
    return True


class Mark:
    """A flag that is set once and waited for."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let the one who waits go on."""
        self._lock.release()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until it is set. False: it was not, within the time."""
        return bool(self._lock.acquire(timeout=timeout_seconds))


class _Gate:
    """Lets a fork wait for an import under way: the child would have half a module, locked by a thread it has not.

    One for all of ours. With two, a thread that imports and one that forks could each hold what the other waits for.
    """

    def __init__(self) -> None:
        self.lock = allocate_rlock()
        self.awaited = False
        """Whether a fork waits: then whoever imports should be quick."""

    def before_fork(self) -> None:
        self.awaited = True
        self.lock.acquire(timeout=_GATE_SECONDS)
        self.awaited = False

    def after_in_parent(self) -> None:
        if self.lock._is_owned():
            self.lock.release()

    def after_in_child(self) -> None:
        if self.lock._is_owned():
            self.lock.release()
        else:
            self.lock._at_fork_reinit()


_gate = _Gate()
os.register_at_fork(
    before=_gate.before_fork, after_in_parent=_gate.after_in_parent, after_in_child=_gate.after_in_child
)


@contextmanager
def importing() -> Iterator[None]:
    """Import something meanwhile that another thread may fork in the middle of, and that others need not wait for."""
    if _gate.awaited:  # whoever lets go of the lock and wants it again at once gets it before one who waits
        sleep(_HANDING_OVER_SECONDS)
    held = _gate.lock.acquire(timeout=_GATE_SECONDS)  # bounded: whoever imports holds locks of modules too
    try:
        with giving_way():
            yield
    finally:
        if held:
            _gate.lock.release()
    hand_over()


@contextmanager
def giving_way() -> Iterator[None]:
    """Let a thread that waits for the interpreter's lock have it, in the middle of what takes milliseconds.

    A module that is imported has no place where to stop, nor has a pattern that is compiled: the interpreter tells
    profilers of every call, so that this thread hears of its own. Where somebody else profiles it, nothing is done.
    """
    if sys.getprofile() is not None or not _PROFILES_ONE_THREAD:
        yield
        return
    sys.setprofile(_GivingWay())
    try:
        yield
    finally:
        sys.setprofile(None)


class _GivingWay:
    """A profiler that hands the lock over at a call, for a while: others may wait for what this thread is at."""

    __slots__ = ("_since_ns", "_until_ns")

    def __init__(self) -> None:
        self._since_ns = _clock_ns()
        self._until_ns = self._since_ns + _PATIENCE_NS

    def __call__(self, _frame: object, _event: str, _argument: object) -> None:
        now = _clock_ns()
        if now - self._since_ns > _TURN_NS and now < self._until_ns and not _gate.awaited:
            hand_over()
            self._since_ns = _clock_ns()
