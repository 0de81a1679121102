"""What was sent: one row for each digest, period and channel, so that nothing is ever sent twice by itself.

    (none) -> pending -> sending -> sent
                 ^          |-----> unknown    cut off while the other side may already have it
                 '- failed <'                  the other side said no, or was never reached

`sending` stands in the ledger only from the moment something may arrive. Whoever holds the ledger's lock is the only
sender: a row it finds in `sending` was left by a process that died, and nobody can know what arrived.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from otelcost import settings
from otelcost.digest.content import Told
from otelcost.errors import StoreError
from otelcost.store import lock

State = Literal["pending", "sending", "sent", "failed", "unknown"]

FILE_NAME: Final = "digests.sqlite3"
_BUSY_S: Final = 30.0
_FIRST_PAUSE: Final = timedelta(minutes=1)
_LONGEST_PAUSE: Final = timedelta(hours=4)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS delivery (
    digest TEXT NOT NULL, period TEXT NOT NULL, channel TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, retry_at TEXT, detail TEXT NOT NULL,
    message_id TEXT NOT NULL, subject TEXT NOT NULL, told TEXT NOT NULL, trial INTEGER NOT NULL,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (digest, period, channel)
)
"""
_COLUMNS: Final = (
    "digest, period, channel, state, attempts, retry_at, detail, message_id, subject, told, trial, changed_at"
)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One digest of one period on one channel. Times are naive UTC; `period` is the time it was due, ISO 8601.

    `retry_at` is None where it is not tried again by itself. `trial`: sent to other people than it is meant for.
    """

    digest: str
    period: str
    channel: str
    state: State
    attempts: int = 0
    retry_at: datetime | None = None
    detail: str = ""
    message_id: str = ""
    subject: str = ""
    told: tuple[Told, ...] = ()
    trial: bool = False
    changed_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """What there is one of."""
        return self.digest, self.period, self.channel

    def open_at(self, now: datetime) -> bool:
        """Whether it may be tried by itself now."""
        return self.state == "pending" or (
            self.state == "failed" and self.retry_at is not None and self.retry_at <= now
        )


class Ledger:
    """The file of deliveries. Every change is on the disk before the call returns.

    Raises StoreError from every method where the file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = settings.home() / FILE_NAME if path is None else path

    @contextmanager
    def only_sender(self, timeout_s: float | None = None) -> Iterator[None]:
        """Be the only sender for the length of a block; what a dead one left half done becomes `unknown`."""
        self._make_folder()
        with lock.hold(self.path.with_suffix(".lock"), exclusive=True, timeout_s=timeout_s):
            with self._opened() as connection:
                connection.execute(
                    "UPDATE delivery SET state = 'unknown', detail = ? WHERE state = 'sending'",
                    ["the process that sent it ended before the answer came"],
                )
            yield

    def get(self, digest: str, period: str, channel: str) -> Delivery | None:
        """One delivery, or None where nobody ever tried."""
        found = self._rows("WHERE digest = ? AND period = ? AND channel = ?", [digest, period, channel])
        return found[0] if found else None

    def all(self, digest: str | None = None) -> list[Delivery]:
        """Every delivery (of one digest), the newest period first."""
        return self._rows("WHERE ? IS NULL OR digest = ? ORDER BY period DESC, digest, channel", [digest, digest])

    def last_told(self, digest: str, before: str) -> tuple[Told, ...]:
        """The actions of the newest digest before a period that arrived, or may have."""
        found = self._rows(
            "WHERE digest = ? AND period < ? AND state IN ('sent', 'unknown') AND NOT trial "
            "ORDER BY period DESC LIMIT 1",
            [digest, before],
        )
        return found[0].told if found else ()

    def put(self, delivery: Delivery) -> Delivery:
        """Write a delivery over the one with its key."""
        fields = msgspec.to_builtins(delivery)
        row = fields | {"told": msgspec.json.encode(delivery.told).decode()}
        names = _COLUMNS.split(", ")
        with self._opened() as connection:
            connection.execute(
                f"INSERT OR REPLACE INTO delivery ({_COLUMNS}) VALUES ({', '.join('?' * len(names))})",
                [row[name] for name in names],
            )
        return delivery

    def _rows(self, condition: str, parameters: Sequence[object]) -> list[Delivery]:
        if not self.path.is_file():
            return []
        with self._opened() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM delivery {condition}", parameters).fetchall()
        return [_delivery(row) for row in rows]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            new = not self.path.exists()
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as connection:
                if new:
                    self.path.chmod(0o600)
                connection.execute(_SCHEMA)
                yield connection
        except sqlite3.Error as error:
            raise StoreError(
                f"the ledger of digests {self.path} cannot be used ({error})",
                "check its permissions and the free space; if it is damaged, move it away",
            ) from error

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the folder {self.path.parent} cannot be made ({error.strerror})", "set OTELCOST_HOME to another"
            ) from error
        if not os.access(self.path.parent, os.W_OK):
            raise StoreError(f"the folder {self.path.parent} cannot be written", "set OTELCOST_HOME to another")


def pause(attempts: int) -> timedelta:
    """How long a failed delivery waits for its next run: doubling from a minute, at most four hours."""
    return min(_FIRST_PAUSE * int(2 ** min(attempts, 12)), _LONGEST_PAUSE)


def _delivery(row: tuple[Any, ...]) -> Delivery:
    fields = dict(zip(_COLUMNS.split(", "), row, strict=True))
    fields["told"] = msgspec.json.decode(fields["told"])
    return msgspec.convert(fields, Delivery, strict=False)
