"""What an application's capture had to swallow or drop: counters, written rarely, read by `otelcost doctor`.

One file a process, `diag-{host}-{pid}.json` in the spool directory. It holds counts, exception types and our
own traceback, never a message of the host's data. A process where nothing went wrong writes none.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import stat
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from otelcost import native
from otelcost.settings import private_temporary
from otelcost.spool.names import host_name

_LOGGER = logging.getLogger("otelcost")
_LOGGER.addHandler(logging.NullHandler())  # not on the host's stderr: `otelcost doctor` tells
if os.environ.get("OTELCOST_DEBUG", "") not in {"", "0"}:
    _LOGGER.addHandler(logging.StreamHandler())
_WRITE_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """One process's account of itself."""

    host: str
    pid: int
    written_unix_us: int
    counts: dict[str, int] = field(default_factory=dict)
    """What happened how often: `error:{where}`, `dropped_records`, `dropped_bodies`, `suppressed`, ..."""
    first_tracebacks: dict[str, str] = field(default_factory=dict)
    """By `error:{where}`: the first traceback, without values."""


class Diagnostics:
    """Counters of one process. Every method is cheap, safe from any thread and never raises.

    Args:
        directory: where the report goes; asked for at each write because a test may move it.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = native.allocate_rlock()  # re-entrant: a garbage collection may come back in
        self._counts: Counter[str] = Counter()
        self._tracebacks: dict[str, str] = {}
        self._written: Counter[str] | None = None
        self._last_write = 0.0

    def after_fork(self) -> None:
        """In a forked child: the parent accounts for what happened before."""
        self._reset()

    def count(self, what: str, amount: int = 1) -> None:
        """Count an event that is no error of ours."""
        with self._lock:
            self._counts[what] += amount

    def error(self, where: str, error: BaseException) -> None:
        """Count a swallowed error of ours; keep and log the first traceback of each place."""
        name = f"error:{where}"
        with self._lock:
            self._counts[name] += 1
            first = name not in self._tracebacks
            if first:
                self._tracebacks[name] = _without_values(error)
        if first:
            _LOGGER.warning("otelcost: %s failed with %s; the application is not affected", where, type(error).__name__)

    def snapshot(self) -> Report:
        """The counters so far."""
        with self._lock:
            return Report(
                host=host_name(),
                pid=os.getpid(),
                written_unix_us=time.time_ns() // 1000,
                counts=dict(self._counts),
                first_tracebacks=dict(self._tracebacks),
            )

    def write(self, directory: Path, *, force: bool = False) -> None:
        """Write the report if anything changed, at most every ten seconds unless forced. Never raises OSError."""
        with self._lock:
            due = force or time.monotonic() - self._last_write >= _WRITE_INTERVAL_SECONDS
            if not self._counts or self._counts == self._written or not due:
                return
            self._written = Counter(self._counts)
            self._last_write = time.monotonic()
        report = self.snapshot()
        name, data = f"diag-{report.host}-{report.pid}.json", json.dumps(asdict(report)).encode()
        try:
            _replace(directory / name, data)
        except OSError:
            try:  # an unusable spool is what the report is about
                _replace(_private(_fallback(directory)) / name, data)
            except OSError:
                self._written = None  # nowhere: the end of the process tries once more


def _fallback(directory: Path) -> Path:
    """Where reports about an unusable spool directory go."""
    digest = hashlib.blake2b(os.fsencode(directory), digest_size=8).hexdigest()
    return private_temporary() / digest


def _private(directory: Path) -> Path:
    """The folder, made where it is missing. Raises OSError where others could have put something there."""
    for one in (directory.parent, directory):
        one.mkdir(mode=0o700, exist_ok=True)
        state = one.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
            raise PermissionError(errno.EPERM, "not a private folder", str(one))
    return directory


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))  # half a report says nothing
    finally:
        os.close(descriptor)
    temporary.replace(path)


def _without_values(error: BaseException) -> str:
    """Frames and types only: an exception's message can quote the data that it choked on."""
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__, limit=-20)))
    return f"{frames}{type(error).__module__}.{type(error).__qualname__}"


def read_reports(directory: Path) -> list[Report]:
    """Every process's report in the spool directory, newest first; unreadable ones are left out."""
    import msgspec  # noqa: PLC0415  (the application writes reports and reads none)

    reports = []
    for path in (*directory.glob("diag-*.json"), *_fallback(directory).glob("diag-*.json")):
        with suppress(OSError, msgspec.MsgspecError):
            reports.append(msgspec.json.decode(path.read_bytes(), type=Report))
    return sorted(reports, key=lambda report: -report.written_unix_us)


diagnostics = Diagnostics()
"""The counters of this process."""
