"""A fair shared/exclusive lock between processes, and between threads of one process.

Two advisory locks on two files: the turnstile and the lock itself. Everybody passes the turnstile first and
holds it only until the lock is theirs, so a waiting writer stops later readers from overtaking it, and
waiting is done by the kernel: no polling, no unlucky waiter.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from otelcost.errors import StoreError

TIMEOUT_S = 60.0
"""How long to wait for the store before giving up: sessions last milliseconds, a stopped process forever."""

NOTICE_S = 2.0
"""How long to wait in silence."""

on_wait: Callable[[str], None] | None = None
"""Told after `NOTICE_S`, once a wait, who is waited for; set by whoever can show it."""


@contextmanager
def hold(path: Path, *, exclusive: bool, timeout_s: float | None = None) -> Iterator[None]:
    """Hold the lock at `path` while the block runs.

    Args:
        path: the lock file; made if missing. Beside it lies `{path}.turnstile`.
        exclusive: True to write, False to read beside other readers.
        timeout_s: how long to wait, in seconds; None means `TIMEOUT_S`.

    Raises:
        StoreError: the file cannot be made, or somebody else held the lock all the time.
    """
    patience = TIMEOUT_S if timeout_s is None else timeout_s
    turnstile = _open(path.with_name(path.name + ".turnstile"))
    try:
        _take(turnstile, fcntl.LOCK_EX, path, patience)
        lock = _open(path)
        try:
            _take(lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH, path, patience)
        except BaseException:
            os.close(lock)
            raise
    finally:
        os.close(turnstile)
    try:
        yield
    finally:
        os.close(lock)  # closing the only descriptor releases the lock


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"the store's lock {path} cannot be opened ({error.strerror})",
            "check the permissions of the folder, or set OTELCOST_HOME to one that can be written",
        ) from error


def _take(descriptor: int, operation: int, path: Path, patience_s: float) -> None:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        _wait(descriptor, operation, path, patience_s)


def _wait(descriptor: int, operation: int, path: Path, patience_s: float) -> None:
    """Block in a thread of its own, because flock knows no timeout.

    The thread works on a duplicate: it stays valid when the caller gives up and closes its own, and closing
    the duplicate does not release a lock the caller's descriptor still holds.
    """
    duplicate = os.dup(descriptor)

    def block() -> None:
        try:
            fcntl.flock(duplicate, operation)
        finally:
            os.close(duplicate)

    waiter = threading.Thread(target=block, name="otelcost-store-lock", daemon=True)
    waiter.start()
    waiter.join(min(patience_s, NOTICE_S))
    if waiter.is_alive() and patience_s > NOTICE_S:
        if on_wait is not None:
            on_wait(f"waiting for {_holder(descriptor)}, which uses the store (lock {path})")
        waiter.join(patience_s - NOTICE_S)
    if waiter.is_alive():
        raise StoreError(
            f"the store is in use by {_holder(descriptor)} (lock {path}, waited {patience_s:g} s)",
            "wait for it or end it",
        )


def _holder(descriptor: int) -> str:
    """Who holds the lock, where the system says so: `process 4711`."""
    place = f":{os.fstat(descriptor).st_ino}"
    try:
        rows = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
    except OSError:
        rows = []
    # `1: FLOCK ADVISORY WRITE 4711 00:2d:815 0 EOF`; who waits has an arrow before FLOCK, another container no number.
    pids = [row[4] for row in rows if row[1] == "FLOCK" and row[5].endswith(place) and row[4] not in {"0", "-1"}]
    return f"process {pids[0]}" if pids else "another process"
