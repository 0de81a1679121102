"""The drain's half of the spool: which segments there are, whose writer is gone, and the bytes that are whole.

A segment is identified by its stem for good: `X.open` and, after its writer sealed it, `X.ndjson` are the
same bytes. Reading needs no lock; removing does.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from otelcost.spool.locks import try_lock
from otelcost.spool.names import NEW, OPEN, SEALED, SegmentName, parse_name

_STALE_NEW_SECONDS = 60
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment file as it was when the directory was listed."""

    path: Path
    name: SegmentName
    sealed: bool
    size_bytes: int

    @property
    def stem(self) -> str:
        """The identity of the segment, whatever its suffix is by now."""
        return str(self.name)


def list_segments(directory: Path, kind: str | None = None) -> list[Segment]:
    """Segments of the directory (of one kind), oldest first. A missing directory holds none."""
    found: dict[str, Segment] = {}
    try:
        entries = list(os.scandir(directory))
    except FileNotFoundError:
        return []
    for entry in entries:
        segment = _segment(entry, kind)
        # A rename between two directory reads can show a segment twice: the sealed face is the later one.
        if segment is not None and (segment.sealed or segment.stem not in found):
            found[segment.stem] = segment
    return sorted(found.values(), key=lambda segment: (segment.name.start_ns, segment.name.seq, segment.stem))


def _segment(entry: os.DirEntry[str], kind: str | None) -> Segment | None:
    stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122  (a Path for each foreign file is waste)
    name = parse_name(stem) if suffix in {OPEN, SEALED} else None
    if name is None or (kind is not None and name.kind != kind):
        return None
    with suppress(FileNotFoundError):
        return Segment(Path(entry.path), name, suffix == SEALED, entry.stat().st_size)
    return None


def is_orphan(segment: Segment) -> bool:
    """Whether an open segment's writer is gone: its lock can be had, so nobody will write to it again.

    A sealed segment is no orphan, nor is one that disappeared meanwhile.
    """
    if segment.sealed:
        return False
    try:
        descriptor = os.open(segment.path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def current_path(segment: Segment) -> Path | None:
    """Where the segment's bytes are now: it may have been sealed since it was listed. None: removed."""
    if segment.path.exists():
        return segment.path
    sealed = segment.path.with_suffix(SEALED)
    return sealed if sealed.exists() else None


def read_whole_lines(segment: Segment, offset: int, limit_bytes: int | None = None) -> bytes:
    """Bytes from `offset` to the last newline (at most `limit_bytes`, but always a whole line if there is one).

    Empty: nothing new, or the segment was removed. The next offset is `offset + len(result)`.
    """
    with suppress(FileNotFoundError):
        return _read(segment.path, offset, limit_bytes)
    with suppress(FileNotFoundError):
        return _read(segment.path.with_suffix(SEALED), offset, limit_bytes)
    return b""


def _read(path: Path, offset: int, limit_bytes: int | None) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read() if limit_bytes is None else file.read(limit_bytes)
        end = data.rfind(b"\n") + 1
        while not end and limit_bytes is not None:
            more = file.read(_TAIL_BYTES)
            if not more:
                return b""
            data += more
            end = data.rfind(b"\n") + 1
        return data[:end]


def trailing_bytes(segment: Segment, offset: int) -> bytes:
    """What follows the last newline after `offset`: in a sealed or orphaned segment, a line torn by a crash."""
    path = current_path(segment)
    if path is None:
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    return data[data.rfind(b"\n") + 1 :]


def remove(segment: Segment) -> bool:
    """Unlink a segment whose bytes are safe elsewhere, only if no writer can still append to it.

    An open segment is removed under its lock. False: it is still written to, or it is gone already.
    """
    path = current_path(segment)
    if path is None:
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        if path.suffix == OPEN and not try_lock(descriptor):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def remove_stale_new(directory: Path, now: float | None = None) -> int:
    """Remove `.new` files left by a process that died while it created one. Returns how many."""
    removed = 0
    moment = time.time() if now is None else now
    for path in directory.glob(f"*{NEW}"):
        with suppress(FileNotFoundError):
            if moment - path.stat().st_mtime > _STALE_NEW_SECONDS:
                path.unlink()
                removed += 1
    return removed
