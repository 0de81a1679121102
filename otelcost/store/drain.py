"""From the spool into the store: nothing lost, nothing twice, whatever is killed when.

The ledger says how far each segment has been loaded, and it moves in the same transaction as the rows. So a
drain that dies before its commit never happened, and one that dies after it left files whose bytes the
ledger already covers; the next drain only removes them. Bad lines are kept, byte for byte, in files whose
names follow from segment and offset, so that writing them again changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from otelcost import settings
from otelcost.errors import StoreError
from otelcost.model import SCHEMA_VERSION
from otelcost.spool import reader
from otelcost.spool.reader import Segment
from otelcost.store import fresh, hourly, load, prices, task_decisions, tasks
from otelcost.store.cover import cover
from otelcost.store.db import session, transaction
from otelcost.store.lines import Parsed, Reject, parse
from otelcost.store.settle import settle

BATCH_BYTES: Final = 32 * 1024 * 1024
"""About how much is read and committed at a time: it bounds memory, not correctness."""

KINDS: Final = ("calls", "spans")

LOADING: Final = "loading records"
SUMMING: Final = "summing hours"

Step = Callable[[str, int, int], None]
"""Told which work it is, `LOADING` or `SUMMING`, and of how many bytes or hours how many are done."""


class DrainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one drain did."""

    calls: int = 0
    spans: int = 0
    rejects: int = 0  # lines put into quarantine
    segments: int = 0  # segments that had something new
    newer: tuple[str, ...] = ()  # segments left to a later otelcost that can read them
    warnings: tuple[str, ...] = ()  # one line each, for people


class _Piece(msgspec.Struct):
    """A stretch of one segment, parsed, and where it ends."""

    segment: Segment
    kind: str
    offset: int
    end: int
    parsed: Parsed
    quarantine: Path | None = None


def drain(
    path: Path | None = None,
    spool: Path | None = None,
    *,
    step: Step | None = None,
    batch_bytes: int = BATCH_BYTES,
    memory: str | None = None,
) -> DrainReport:
    """Load everything whole the spool holds, and bring the prices up to date.

    Args:
        path: the store; None means `settings.store_path()`.
        spool: the spool folder; None means `settings.spool_dir()`.
        step: is told how far the work is after everything that was committed, and may end it with an exception.
        batch_bytes: about how much is read and committed at a time.
        memory: how much the database may use, as in `session`.

    Raises:
        StoreError: the store or the quarantine cannot be written. Nothing was lost: the spool stays.
    """
    store = settings.store_path() if path is None else path
    folder = settings.spool_dir() if spool is None else spool
    with session(store, write=True, memory=memory) as connection:
        warnings = prices.refresh(connection)
        with transaction(connection):
            new = tasks.assign_missing(connection)
            warnings += task_decisions.refresh(connection, store, new_tasks=bool(new))
            hourly.check(connection)
            hourly.sign(connection)
        report = _Drain(connection, store, folder, step, batch_bytes).run(warnings)
        hourly.roll(connection, None if step is None else partial(step, SUMMING))
        return report


class _Drain:
    """One run over the spool, under the store's exclusive lock."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, store: Path, folder: Path, step: Step | None, batch_bytes: int
    ) -> None:
        self._connection = connection
        self._step = step
        self._batch_bytes = batch_bytes
        self._store = store
        self._quarantine = store.with_name("quarantine")
        self._stage = store.with_name("stage.ndjson")
        self._folder = folder
        self._ledger = {
            str(name): int(offset)
            for name, offset in connection.execute("SELECT segment, offset_bytes FROM ledger").fetchall()
        }
        self._counts = {"calls": 0, "spans": 0, "rejects": 0}
        self._touched: set[str] = set()

    def run(self, warnings: tuple[str, ...]) -> DrainReport:
        segments = [segment for segment in reader.list_segments(self._folder) if segment.name.kind in KINDS]
        newer = tuple(segment.path.name for segment in segments if segment.name.version > SCHEMA_VERSION)
        if newer:
            warnings += (f"{len(newer)} spool segments need a later otelcost and wait in {self._folder}",)
        mine = [segment for segment in segments if segment.name.version <= SCHEMA_VERSION]
        finished = {segment.stem for segment in mine if segment.sealed or reader.is_orphan(segment)}
        self._load_all(mine, finished)
        for segment in mine:
            if segment.stem in finished:
                reader.remove(segment)
        reader.remove_stale_new(self._folder)
        return DrainReport(
            calls=self._counts["calls"],
            spans=self._counts["spans"],
            rejects=self._counts["rejects"],
            segments=len(self._touched),
            newer=newer,
            warnings=warnings,
        )

    def _load_all(self, segments: list[Segment], finished: set[str]) -> None:
        batch: list[_Piece] = []
        room = self._batch_bytes
        whole = sum(max(0, segment.size_bytes - self._ledger.get(segment.stem, 0)) for segment in segments)
        loaded = 0
        for segment in segments:
            while True:
                offset = self._ledger.get(segment.stem, 0)
                data = _read(segment, offset, room, finished=segment.stem in finished)
                if not data:
                    break
                batch.append(_piece(segment, offset, data))
                self._ledger[segment.stem] = offset + len(data)
                room -= len(data)
                loaded += len(data)
                if room <= 0:
                    self._commit(batch)
                    batch, room = [], self._batch_bytes
                    if self._step is not None:
                        self._step(LOADING, loaded, max(loaded, whole))
        if batch:
            self._commit(batch)

    def _commit(self, batch: list[_Piece]) -> None:
        self._drop_known(batch)
        try:
            self._try_commit(batch)
        except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
            for piece in batch:
                self._weed(piece)
            self._try_commit(batch)
        for piece in batch:
            self._counts[piece.kind] += len(piece.parsed.lines)
            self._counts["rejects"] += len(piece.parsed.rejects)
            self._touched.add(piece.segment.stem)

    def _drop_known(self, batch: list[_Piece]) -> None:
        for kind in KINDS:
            pieces = [piece for piece in batch if piece.kind == kind]
            facts = [fact for piece in pieces for fact in piece.parsed.facts]
            seen = fresh.known(self._connection, kind, facts)
            for piece in pieces:
                piece.parsed = _unseen(piece.parsed, seen)

    def _weed(self, piece: _Piece) -> None:
        """Move the lines that DuckDB cannot hold, though the check passed them, to the rejects."""
        parsed = piece.parsed
        bad = set(load.refused(self._connection, piece.kind, parsed.lines, self._stage))
        rejects = [Reject(parsed.lines[position], "a value the store cannot hold") for position in sorted(bad)]
        keep = [position for position in range(len(parsed.lines)) if position not in bad]
        piece.parsed = Parsed(
            [parsed.lines[position] for position in keep],
            [parsed.facts[position] for position in keep],
            parsed.rejects + rejects,
        )

    def _try_commit(self, batch: list[_Piece]) -> None:
        for piece in batch:
            self._keep_rejects(piece)
        facts = [fact for piece in batch for fact in piece.parsed.facts]
        now = datetime.now(UTC).replace(tzinfo=None)
        with transaction(self._connection):
            prices.resolve_new(self._connection, {fact.pricing for fact in facts})
            resolver = tasks.Resolver(self._connection)
            for kind in KINDS:
                pieces = [piece for piece in batch if piece.kind == kind]
                lines = [line for piece in pieces for line in piece.parsed.lines]
                keys = [(fact.start_unix_us, fact.task) for piece in pieces for fact in piece.parsed.facts]
                if lines:
                    load.insert(self._connection, kind, lines, resolver.resolve_all(keys), self._stage)
            if resolver.save():
                task_decisions.refresh(self._connection, self._store, new_tasks=True)
            if facts:
                moments = [fact.start_unix_us for fact in facts]
                hourly.touch(self._connection, {hourly.hour_of(moment) for moment in moments})
                settle(self._connection, min(moments), max(moments))
                cover(self._connection, min(moments), max(moments))
                hourly.sign(self._connection)
            _record(self._connection, batch, now)

    def _keep_rejects(self, piece: _Piece) -> None:
        rejects = piece.parsed.rejects
        if not rejects:
            return
        target = self._quarantine / f"{piece.segment.stem}-{piece.offset}.bad"
        try:
            self._quarantine.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_durably(target, b"".join(reject.data + b"\n" for reject in rejects))
        except OSError as error:
            raise StoreError(
                f"the quarantine {self._quarantine} cannot be written ({error.strerror})",
                "free space or correct its permissions; the spool keeps the records until then",
            ) from error
        piece.quarantine = target


def _read(segment: Segment, offset: int, limit: int, *, finished: bool) -> bytes:
    """The next whole lines; at the end of a finished segment also its torn last line."""
    data = reader.read_whole_lines(segment, offset, limit)
    return data if data or not finished else reader.trailing_bytes(segment, offset)


def _piece(segment: Segment, offset: int, data: bytes) -> _Piece:
    kind = segment.name.kind
    return _Piece(segment, kind, offset, offset + len(data), parse(kind, data))


def _unseen(parsed: Parsed, seen: set[fresh.Identity]) -> Parsed:
    """The records that were not seen before; they are from now on."""
    keep = []
    for position, fact in enumerate(parsed.facts):
        identity = fresh.identity(fact)
        if identity not in seen:
            seen.add(identity)
            keep.append(position)
    if len(keep) == len(parsed.facts):
        return parsed
    lines, facts = [parsed.lines[position] for position in keep], [parsed.facts[position] for position in keep]
    return Parsed(lines, facts, parsed.rejects)


def _write_durably(target: Path, data: bytes) -> None:
    part = target.with_suffix(".part")
    part.touch(mode=0o600)
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        # Once the ledger has moved past these bytes this file is the only copy.
        os.fsync(file.fileno())
    part.replace(target)


def _record(connection: duckdb.DuckDBPyConnection, batch: list[_Piece], now: datetime) -> None:
    """Move the ledger: one row a segment, with totals, so that it stays as short as the spool is long."""
    for piece in batch:
        rows, rejects = len(piece.parsed.lines), len(piece.parsed.rejects)
        name = piece.segment.stem
        before = connection.execute("SELECT rows, rejects FROM ledger WHERE segment = ?", [name]).fetchone()
        if before is not None:
            rows, rejects = rows + int(before[0]), rejects + int(before[1])
            connection.execute("DELETE FROM ledger WHERE segment = ?", [name])
        connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)", [name, piece.end, rows, rejects, now])
        if piece.parsed.rejects:
            size = sum(len(reject.data) for reject in piece.parsed.rejects)
            reason = piece.parsed.rejects[0].reason[:200]
            connection.execute(
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, ?)",
                [name, piece.offset, len(piece.parsed.rejects), size, reason, str(piece.quarantine), now],
            )
