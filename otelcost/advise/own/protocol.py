"""What the engine and the process that runs the user's rules say to each other: a job, then a line an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import duckdb
import msgspec

from otelcost.advise.catalogue import Rule

MOST_ROWS: Final = 1000
"""Findings and abstentions of one rule."""

MOST_TEXT: Final = 65_536
"""Characters of one value, but for its calls."""

_FINGERPRINT: Final = "SELECT count(*), coalesce(bit_xor(hash(n, span_id)), 0)::VARCHAR FROM w_calls"


class Job(msgspec.Struct, frozen=True):
    """What to run over which window (naive UTC) of which store. `scratch` is a folder for what does not fit."""

    store: str
    scratch: str
    start: datetime
    end: datetime
    memory_mb: int
    cpu_seconds: int  # of the whole process: the last resort, should nobody be there to stop it
    rules: tuple[Rule, ...]


class Ready(msgspec.Struct, frozen=True):
    """The window is there; `window` tells whether both sides number its calls alike."""

    window: tuple[int, str]


class Answer(msgspec.Struct, frozen=True):
    """The rows of one rule: the type of its column `calls`, and the six columns with `calls` as JSON text.

    Where `error` is set it failed, and that is why.
    """

    calls: str = ""
    rows: tuple[tuple[str | None, ...], ...] = ()
    error: str | None = None


def most_bytes(calls: int) -> int:
    """How long one rule's answer may be over a window of so many calls: each may be named a few times."""
    return (4 << 20) + 64 * calls


def fingerprint(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """How many calls the materialised window has, and a hash over their numbers and ids."""
    found = connection.execute(_FINGERPRINT).fetchone()
    return (0, "") if found is None else (int(found[0]), str(found[1]))
