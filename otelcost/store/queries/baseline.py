"""What a window cost by task and day, kept to compare a later one with: as a value, and as a file.

A file holds task names, counts and costs, nothing of a prompt, so that it can lie in a repository.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from otelcost.errors import UsageError
from otelcost.store.queries.rows import fetch, one, sql
from otelcost.store.queries.window import Window

FORMAT: Final = 1
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_DAYS_FROM: Final = 4
"""A window of so many days is looked at by days of 24 hours, a shorter one by hours."""

_EPOCH_YEAR: Final = 1970
_MOST_BLOCKS: Final = 10_000


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The calls of a task in a day or an hour. Tokens are of `counted_calls`, the cost is of `priced_calls`."""

    block: int  # counted back from the window's end
    calls: int
    counted_calls: int
    tokens: int
    priced_calls: int
    cost_picousd: int


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A window's blocks by task; blocks without calls are left out."""

    otelcost_baseline: int = FORMAT
    start: datetime  # naive UTC
    end: datetime
    block_minutes: int
    whole: bool = False  # all there is, such as one run of a test suite: its length means nothing
    tasks: dict[str, tuple[Block, ...]]

    @property
    def length(self) -> int:
        """How many blocks there are, with and without calls."""
        return max(-(-(self.end - self.start) // timedelta(minutes=self.block_minutes)), 1)

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return sum(block.calls for blocks in self.tasks.values() for block in blocks)


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    task: str
    block: int
    calls: int
    counted_calls: int
    tokens: int
    priced_calls: int
    cost_picousd: int


def baseline(connection: duckdb.DuckDBPyConnection, window: Window) -> Baseline:
    """Measure a window that has a beginning."""
    block = _DAY if window.length >= _DAYS_FROM * _DAY else _HOUR
    parameters = {"start": window.start, "end": window.end, "block_us": block // timedelta(microseconds=1)}
    tasks: dict[str, list[Block]] = {}
    for row in fetch(connection, sql("blocks"), parameters, _Row):
        fields = {name: getattr(row, name) for name in Block.__struct_fields__}
        tasks.setdefault(row.task, []).append(Block(**fields))
    return Baseline(
        start=window.start,
        end=window.end,
        block_minutes=block // timedelta(minutes=1),
        whole=window.whole,
        tasks={task: tuple(blocks) for task, blocks in tasks.items()},
    )


def bounded(connection: duckdb.DuckDBPyConnection, window: Window) -> Window:
    """The window from its first call on, where it has no beginning of its own."""
    if window.start.year != _EPOCH_YEAR:
        return window
    parameters = {"start": window.start, "end": window.end}
    first = one(
        connection, "SELECT min(start) AS first FROM v_calls WHERE start >= $start AND start < $end", parameters
    )["first"]
    return window if first is None else Window(first, window.end, whole=window.whole)


def save(measured: Baseline, path: Path) -> None:
    """Write a baseline as JSON that reads well in a difference."""
    text = msgspec.json.format(msgspec.json.encode(measured, order="sorted"), indent=1)
    path.write_bytes(text + b"\n")


def read(path: Path) -> Baseline:
    """Read what `save` wrote.

    Raises:
        UsageError: there is no such file, or it is no baseline of this format.
    """
    how = "write one with otelcost check --save-baseline FILE"
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except FileNotFoundError:
        raise UsageError(f"there is no baseline {path}", how) from None
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{path} is no baseline ({error})", how) from error
    if not _is_sound(found):
        raise UsageError(f"{path} is a baseline this otelcost does not read", how)
    return found


def _is_sound(found: Baseline) -> bool:
    """Whether a file somebody may have edited can be reckoned with."""
    if found.otelcost_baseline != FORMAT or found.start.tzinfo or found.end.tzinfo:
        return False
    if found.block_minutes <= 0 or found.start >= found.end or found.length > _MOST_BLOCKS:
        return False
    blocks = [block for task in found.tasks.values() for block in task]
    return all(0 <= block.block < found.length and min(msgspec.structs.astuple(block)) >= 0 for block in blocks)
