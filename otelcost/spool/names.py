"""Names of segment files: `{kind}-v{version}-{host}-{pid}-{start_ns}-{seq}` and a suffix that says its state."""

from __future__ import annotations

import re
import socket
from typing import Final, NamedTuple

NEW: Final = ".new"
"""Being created: empty, not yet locked for certain. Readers leave it alone."""
OPEN: Final = ".open"
"""Written to by the process that holds its lock, or orphaned when nobody holds it."""
SEALED: Final = ".ndjson"
"""Complete: nobody writes to it again."""

_PATTERN = re.compile(
    r"(?P<kind>[a-z]+)-v(?P<version>\d+)-(?P<host>[A-Za-z0-9_]+)-(?P<pid>\d+)-(?P<start_ns>\d+)-(?P<seq>\d+)"
)


class SegmentName(NamedTuple):
    """The parts of a segment's name. `str()` of it is the stem, which identifies the segment for good."""

    kind: str
    version: int
    host: str
    pid: int
    start_ns: int
    seq: int

    def __str__(self) -> str:
        return f"{self.kind}-v{self.version}-{self.host}-{self.pid}-{self.start_ns}-{self.seq}"


def host_name() -> str:
    """This machine's name, with everything that a file name or our separators forbid replaced."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", socket.gethostname())[:64] or "unknown"


def segment_name(kind: str, pid: int, start_ns: int, seq: int) -> SegmentName:
    """The name of a new segment of this process in the current schema version."""
    from otelcost.model import SCHEMA_VERSION  # noqa: PLC0415  (a name is needed where no record is made yet)

    return SegmentName(kind, SCHEMA_VERSION, host_name(), pid, start_ns, seq)


def parse_name(stem: str) -> SegmentName | None:
    """The parts of a stem, or None for a file that is not a segment."""
    match = _PATTERN.fullmatch(stem)
    if match is None:
        return None
    part = match.groupdict()
    return SegmentName(
        part["kind"], int(part["version"]), part["host"], int(part["pid"]), int(part["start_ns"]), int(part["seq"])
    )
