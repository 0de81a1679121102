"""The wall clock of records, replaceable by a simulation. Durations never come from here."""

from __future__ import annotations

import time
from collections.abc import Callable

unix_ns: Callable[[], int] = time.time_ns
"""Nanoseconds since the Unix epoch, as records show them. To be looked up here at every call: `set_source` replaces
it, and a function in between would cost more than the clock."""


def set_source(unix_us: Callable[[], int] | None) -> None:
    """Take the time from `unix_us` (microseconds) from now on; None: from the system again."""
    global unix_ns  # noqa: PLW0603  (one clock a process is the point)
    unix_ns = time.time_ns if unix_us is None else lambda: unix_us() * 1000
