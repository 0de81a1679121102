"""The home folder and the spool: whether applications can write, and what waits, broke or was dropped."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
from pathlib import PurePath
from typing import TYPE_CHECKING

from otelcost import settings
from otelcost.cli.checks import Check, State
from otelcost.display import count, plural
from otelcost.model import SCHEMA_VERSION
from otelcost.spool import diagnostics, reader, writer

if TYPE_CHECKING:
    from pathlib import Path

_FRAME = re.compile(r'File "(.+)", line (\d+), in (.+)')
_LARGE_BYTES = 256 * 1024 * 1024
_LOW_BYTES = 64 * 1024 * 1024
_MIB = 1024 * 1024
_FIXES = {
    "suppressed": "calls made under suppress_instrumentation() are left out as asked; take it away to record them",
    "dropped_records": "records were lost: free some space, drain more often, raise OTELCOST_SPOOL_MAX_MB",
    "dropped_bodies": "some calls are recorded without their prompts' sizes and hashes: raise OTELCOST_PENDING_MAX_MB",
    "brief_records": "some calls ended too late in an exit for their prompts to be read: what they cost is recorded",
    "minimal_records": "some calls ended too late in an exit to be read: call otelcost.flush() before the program ends",
    "abandoned_records": "records were lost in an exit: call otelcost.flush() before the program ends",
}
"""Count of a process -> what it means and what to do."""
_SPOOL_ERROR = "records were lost: see that the application's user may write to the spool and that the disk has room"


def check_spool() -> list[Check]:
    """Everything between an application and the store."""
    home = _home()
    if home.state == "broken":
        return [home]
    return [home, *_access(), _spool(), *_later_versions(), _quarantine(), *_swallowed()]


def _home() -> Check:
    home = settings.home()
    existing = next((path for path in (home, *home.parents) if path.exists()), home)
    fix = f"give your user write access to it, or set {settings.HOME_VARIABLE} to a folder that can be written"
    if not existing.is_dir():
        return Check("home", "broken", f"{existing} is not a folder", fix)
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check("home", "broken", f"{existing} cannot be written", fix)
    spool = settings.spool_dir()
    if spool.is_dir() and not os.access(spool, os.W_OK | os.X_OK):
        return Check("home", "broken", f"{spool} cannot be written: applications drop their records", fix)
    made = "" if home.exists() else " (made when something is recorded)"
    return Check("home", "ok", f"{home}{made}")


def _access() -> list[Check]:
    """Whose the spool is, and who else could read or write it."""
    try:
        state = settings.spool_dir().stat()
    except OSError:
        return []
    detail = f"owner {_user(state.st_uid)}, mode {stat.S_IMODE(state.st_mode):04o}"
    if state.st_mode & 0o077:
        return [Check("access", "warning", f"{detail}: others may look", f"chmod 700 {settings.spool_dir()}")]
    if state.st_uid != os.getuid():
        fix = f"run otelcost as {_user(state.st_uid)}, or give both a {settings.HOME_VARIABLE} of one user"
        return [Check("access", "warning", f"{detail}; this command runs as {_user(os.getuid())}", fix)]
    return [Check("access", "ok", detail)]


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _room() -> tuple[int, str]:
    """Free bytes where the spool is or will be, and the words for them."""
    spool = settings.spool_dir()
    there = next((path for path in (spool, *spool.parents) if path.exists()), spool)
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        return _LARGE_BYTES, "free space unknown"
    return free, f"{_mebibytes(free)} free"


def _spool() -> Check:
    free, room = _room()
    segments = reader.list_segments(settings.spool_dir())
    if not segments:
        detail = f"empty: everything recorded is in the store; {room}"
        return _full(detail) if free < _LOW_BYTES else Check("spool", "ok", detail)
    orphans = sum(reader.is_orphan(segment) for segment in segments)
    size = sum(segment.size_bytes for segment in segments)
    files = f"{plural(len(segments), 'segment')}, {_mebibytes(size)}"
    detail = f"{files}, of processes that have ended: {orphans}; {room}"
    if free < _LOW_BYTES:
        return _full(detail)
    limit = writer.limit_bytes()
    if size > limit - min(writer.ROLL_BYTES, limit // 10):
        detail = f"{detail}; full: it may hold {_mebibytes(limit)}, and records beyond that are dropped"
        fix = f"run otelcost drain now and from a timer, or raise {writer.MAX_VARIABLE}"
        return Check("spool", "warning", detail, fix)
    if size > _LARGE_BYTES:
        return Check("spool", "warning", detail, "run otelcost drain, and keep a reader or a timer doing so")
    return Check("spool", "ok", detail)


def _full(detail: str) -> Check:
    return Check("spool", "warning", f"{detail}: records will be dropped soon", "free some disk space")


def _mebibytes(size: int) -> str:
    tenths = (size * 10 + _MIB // 2) // _MIB
    return f"{tenths // 10:,}.{tenths % 10} MiB" if size < 10 * 1024 * _MIB else f"{size // (1024 * _MIB):,} GiB"


def _later_versions() -> list[Check]:
    newer = [part for part in reader.list_segments(settings.spool_dir()) if part.name.version > SCHEMA_VERSION]
    if not newer:
        return []
    detail = f"{plural(len(newer), 'segment')} of a later otelcost wait in the spool"
    return [Check("spool version", "warning", detail, "update this otelcost to the version the applications use")]


def _quarantine() -> Check:
    folder = settings.quarantine_dir()
    files = sorted(_files(folder))
    if not files:
        return Check("quarantine", "ok", "empty: every recorded line was read")
    size = sum(path.stat().st_size for path in files)
    detail = f"{plural(len(files), 'file')}, {_mebibytes(size)} of lines that could not be read in {folder}"
    return Check("quarantine", "warning", detail, "report them; nothing else is affected, and deleting them is safe")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _swallowed() -> list[Check]:
    """What capture did not let the applications notice."""
    reports = diagnostics.read_reports(settings.spool_dir())
    if not reports:
        return [Check("capture", "ok", "no application reported an error or a dropped record")]
    return [_account(report) for report in reports]


def _account(report: diagnostics.Report) -> Check:
    counts = ", ".join(f"{name} {count(number)}" for name, number in sorted(report.counts.items()))
    name = f"capture {report.host}:{report.pid}"
    state: State = "note" if set(report.counts) == {"suppressed"} else "warning"
    fixes = dict.fromkeys(_fix(what) for what in sorted(report.counts))
    trace = next(iter(report.first_tracebacks.values()), "")
    detail = f"{counts}; first: {_innermost(trace)}" if trace else counts
    return Check(name, state, detail, "; ".join(fixes), trace)


def _fix(what: str) -> str:
    if what.startswith("error:"):
        return "report the error; the application was not affected"
    if what.startswith("spool_error:"):
        return _FIXES["dropped_records"] if "SpoolFull" in what else _SPOOL_ERROR
    return _FIXES.get(what, "report it; the application was not affected")


def _innermost(trace: str) -> str:
    """`KeyError at decode.py:12 in close`: the last frame and the type, which the trace's last line names."""
    kind = trace.splitlines()[-1].removeprefix("builtins.")
    frames = _FRAME.findall(trace)
    if not frames:
        return kind
    file, line, function = frames[-1]
    return f"{kind} at {PurePath(file).name}:{line} in {function}"
