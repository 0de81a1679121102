"""The home folder and the spool: whether applications can write, and what waits, broke or was dropped."""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from otelcost import settings
from otelcost.cli.checks import Check
from otelcost.display import count, plural
from otelcost.model import SCHEMA_VERSION
from otelcost.spool import diagnostics, reader

if TYPE_CHECKING:
    from pathlib import Path

_FRAME = re.compile(r'File "(.+)", line (\d+), in (.+)')
_LARGE_BYTES = 256 * 1024 * 1024
_MIB = 1024 * 1024


def check_spool() -> list[Check]:
    """Everything between an application and the store."""
    home = _home()
    if home.state == "broken":
        return [home]
    return [home, _spool(), *_later_versions(), _quarantine(), *_swallowed()]


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


def _spool() -> Check:
    segments = reader.list_segments(settings.spool_dir())
    if not segments:
        return Check("spool", "ok", "empty: everything recorded is in the store")
    orphans = sum(reader.is_orphan(segment) for segment in segments)
    size = sum(segment.size_bytes for segment in segments)
    detail = f"{plural(len(segments), 'segment')}, {_mebibytes(size)}, of processes that have ended: {orphans}"
    if size > _LARGE_BYTES:
        return Check("spool", "warning", detail, "run otelcost drain, and keep a reader or a timer doing so")
    return Check("spool", "ok", detail)


def _mebibytes(size: int) -> str:
    tenths = (size * 10 + _MIB // 2) // _MIB
    return f"{tenths // 10:,}.{tenths % 10} MiB"


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
    trace = next(iter(report.first_tracebacks.values()), "")
    if not trace:
        return Check(name, "warning", counts, "see the spool's free space and the size of the bodies")
    return Check(
        name, "warning", f"{counts}; first: {_innermost(trace)}", "report it; the application was not affected"
    )


def _innermost(trace: str) -> str:
    """`KeyError at decode.py:12 in close`: the last frame and the type, which the trace's last line names."""
    kind = trace.splitlines()[-1].removeprefix("builtins.")
    frames = _FRAME.findall(trace)
    if not frames:
        return kind
    file, line, function = frames[-1]
    return f"{kind} at {PurePath(file).name}:{line} in {function}"
