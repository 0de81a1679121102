"""The wall clock of records, replaceable by a simulation. Durations never come from here."""

from __future__ import annotations

import time
from collections.abc import Callable


def system_unix_us() -> int:
    """Microseconds since the Unix epoch by the system's clock."""
    return time.time_ns() // 1000


_source: Callable[[], int] = system_unix_us


def unix_us() -> int:
    """Microseconds since the Unix epoch, as records show them."""
    return _source()


def set_source(source: Callable[[], int] | None) -> None:
    """Take the time from `source` from now on; None: from the system again."""
    global _source  # noqa: PLW0603  (one clock a process is the point)
    _source = system_unix_us if source is None else source
