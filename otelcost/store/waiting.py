"""How old the oldest record is that applications wrote and nobody has loaded yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from otelcost import settings
from otelcost.spool.reader import Segment, list_segments

_LOADED: Final = "SELECT segment, max(offset_bytes) FROM ledger GROUP BY segment"
_LINE_BYTES: Final = 1 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Started(msgspec.Struct):
    start_unix_us: int


class _Record(msgspec.Struct):
    context: _Started


def oldest_waiting(connection: duckdb.DuckDBPyConnection, spool: Path | None = None) -> datetime | None:
    """When the oldest record started that is in the spool only; naive UTC, None where nothing waits."""
    loaded = dict(connection.execute(_LOADED).fetchall())
    waiting = [
        segment
        for segment in list_segments(settings.spool_dir() if spool is None else spool)
        if segment.size_bytes > loaded.get(segment.stem, 0)
    ]
    return min((_first(segment, loaded.get(segment.stem, 0)) for segment in waiting), default=None)


def _first(segment: Segment, offset: int) -> datetime:
    """The start of the first unread record; where it cannot be read, that of its file."""
    try:
        with segment.path.open("rb") as file:
            file.seek(offset)
            record = msgspec.json.decode(file.readline(_LINE_BYTES), type=_Record)
        started = record.context.start_unix_us
    except (OSError, msgspec.MsgspecError):
        started = segment.name.start_ns // 1000
    return (_EPOCH + timedelta(microseconds=started)).replace(tzinfo=None)
