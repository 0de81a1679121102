"""The application's half of the spool: append whole lines, roll, survive forks and full disks.

Nothing here raises to the caller: a line that cannot be written is dropped, counted and logged once.
"""

from __future__ import annotations

import errno
import logging
import os
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from otelcost import native
from otelcost.spool.diagnostics import diagnostics
from otelcost.spool.locks import try_lock
from otelcost.spool.names import NEW, OPEN, SEALED, segment_name

ROLL_BYTES: Final = 4 * 1024 * 1024
IDLE_SECONDS: Final = 5.0
SYNC_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
DEFAULT_MAX_BYTES: Final = 512 * 1024 * 1024
MAX_VARIABLE: Final = "OTELCOST_SPOOL_MAX_MB"

_LOGGER = logging.getLogger("otelcost")
_TOO_MUCH: Final = frozenset({errno.EFBIG, errno.ENOSPC})
_CREATE = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL


class SpoolFullError(OSError):
    """The spool directory holds as much as it may."""


class _Open(msgspec.Struct):
    """The segment that is being written."""

    descriptor: int
    path: Path
    allowed_bytes: int
    size: int = 0
    dirty: bool = False
    torn: bool = False


class Spool:
    """A process's own series of segments of one kind.

    Args:
        directory: the spool directory; created with mode 0700 when the first line comes.
        prefix: the kind of record, first part of every segment's name.
        max_bytes: what the whole directory may hold before lines are dropped; default `OTELCOST_SPOOL_MAX_MB`.
    """

    def __init__(self, directory: Path, prefix: str = "calls", max_bytes: int | None = None) -> None:
        self._directory = directory
        self._kind = prefix
        self._max_bytes = limit_bytes() if max_bytes is None else max_bytes
        self._sequence = 0
        self._logged = False
        self._forget()
        _INSTANCES.add(self)

    def _forget(self) -> None:
        self._lock = native.allocate_lock()
        self._segment: _Open | None = None
        self._start_ns = time.time_ns()
        self._last_append = self._last_sync = 0.0
        self._retry_at = 0.0

    def append(self, *lines: bytes) -> bool:
        """Write lines (without their newlines) at once. False: dropped and counted; never raises OSError."""
        with self._lock:
            return self._append(lines)

    def _append(self, lines: tuple[bytes, ...]) -> bool:
        if self._segment is None and time.monotonic() < self._retry_at:
            diagnostics.count("dropped_records", len(lines))
            return False
        try:
            self._write_or_move_on(b"\n".join((*lines, b"")))
        except OSError as error:
            if error.errno in _TOO_MUCH and len(lines) > 1:  # at once: one by one some of them may fit
                return sum(self._append((line,)) for line in lines) == len(lines)
            self._drop(error, len(lines))
            return False
        self._last_append = time.monotonic()
        return True

    def _write_or_move_on(self, data: bytes) -> None:
        try:
            self._write(data)
        except OSError as error:
            # The limit of this one file (RLIMIT_FSIZE), which a write reaches by being cut short first.
            if error.errno not in _TOO_MUCH or self._segment is None or not self._segment.size:
                raise
            self._seal()
            self._write(data)

    def _write(self, data: bytes) -> None:
        segment = self._writable(len(data))
        if segment.torn:
            data = b"\n" + data
        written = os.write(segment.descriptor, data)
        if written < len(data):
            self._undo(segment)
            raise OSError(errno.ENOSPC, "short write")
        segment.torn = False
        segment.size += written
        segment.dirty = True

    def _undo(self, segment: _Open) -> None:
        """Cut a half-written line off again; where even that fails the next line starts with a newline."""
        try:
            os.ftruncate(segment.descriptor, segment.size)
        except OSError:
            segment.torn = True

    def _writable(self, needed: int) -> _Open:
        segment = self._segment
        if segment is not None and os.fstat(segment.descriptor).st_nlink == 0:
            self._close()  # somebody removed the file under us: what follows must not vanish with it
            segment = None
        if segment is not None and segment.size and segment.size + needed > segment.allowed_bytes:
            self._seal()
            segment = None
        if segment is None:
            segment = self._segment = self._open(needed)
        return segment

    def _open(self, needed: int) -> _Open:
        self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        free = self._max_bytes - _size_of(self._directory)
        if free < needed:
            raise SpoolFullError(errno.ENOSPC, f"the spool holds its limit of {self._max_bytes} bytes")
        while True:
            stem = str(segment_name(self._kind, os.getpid(), self._start_ns, self._sequence))
            self._sequence += 1
            created = _create(self._directory / stem)
            if created is not None:
                return _Open(created, self._directory / (stem + OPEN), max(min(ROLL_BYTES, free), needed))

    def _drop(self, error: OSError, lines: int) -> None:
        diagnostics.count("dropped_records", lines)
        diagnostics.count(f"spool_error:{type(error).__name__}:{error.errno}")
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if self._segment is not None and not self._segment.size:
            self._seal()
        if not self._logged:
            self._logged = True
            reason = error.strerror or type(error).__name__
            _LOGGER.warning("otelcost: cannot write to the spool %s: %s; records are dropped", self._directory, reason)

    def tidy(self) -> float | None:
        """Sync and roll what is due. Returns seconds until it wants to be called again, None: not before a write."""
        with self._lock:
            segment = self._segment
            if segment is None:
                return None
            now = time.monotonic()
            if segment.dirty and now - self._last_sync >= SYNC_SECONDS:
                segment.dirty = False
                self._last_sync = now
                with suppress(OSError):
                    os.fdatasync(segment.descriptor)
            if now - self._last_append >= IDLE_SECONDS:
                self._seal()
                return None
            return SYNC_SECONDS if segment.dirty else IDLE_SECONDS

    def close(self) -> None:
        """Seal the current segment; a later append opens another one."""
        with self._lock:
            self._seal()

    def _seal(self) -> None:
        segment = self._segment
        if segment is None:
            return
        with suppress(OSError):  # the file was removed, or the directory became read-only: an orphan is drained too
            if segment.size:
                segment.path.rename(segment.path.with_suffix(SEALED))
            else:
                segment.path.unlink()
        self._close()

    def _close(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            with suppress(OSError):
                os.close(segment.descriptor)

    def after_fork(self) -> None:
        """In a forked child: let go of the parent's segment (its lock stays with the parent) and of its lock."""
        self._close()
        self._forget()


def _create(base: Path) -> int | None:
    """Create, lock, then show a segment. None: somebody was faster with this name, take the next."""
    new = base.with_name(base.name + NEW)
    try:
        descriptor = os.open(new, _CREATE, 0o600)
    except FileExistsError:
        return None
    try:
        if try_lock(descriptor):
            new.rename(base.with_name(base.name + OPEN))
            return descriptor
    except FileNotFoundError:
        pass  # a cleaner took the empty file for a leftover
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _size_of(directory: Path) -> int:
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                total += entry.stat().st_size
    return total


def limit_bytes() -> int:
    """What the spool directory may hold by this process's environment."""
    try:
        return int(float(os.environ.get(MAX_VARIABLE, "")) * 1024 * 1024)
    except (ValueError, OverflowError):
        return DEFAULT_MAX_BYTES


_INSTANCES: weakref.WeakSet[Spool] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    diagnostics.after_fork()
    for spool in list(_INSTANCES):
        spool.after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
