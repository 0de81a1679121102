"""The digests that are set up: what became of the newest of each, what the next one says, and sending one."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from otelcost import config
from otelcost.digest.blocks import blocks
from otelcost.digest.content import Preview
from otelcost.digest.gather import Request, gather
from otelcost.digest.ledger import FILE_NAME, Delivery, Ledger
from otelcost.digest.reading import Reading
from otelcost.digest.run import Post, period_of, unsent
from otelcost.digest.schedule import next_due
from otelcost.digest.settings import Named, Stdout, named, one
from otelcost.document import to_plain
from otelcost.errors import UsageError
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Window
from otelcost.tui.convert import like
from otelcost.tui.snapshot import DigestRow, DigestText, Sent

UNNAMED = "digest"


class Desk:
    """Digests of a store, with the ledger beside it.

    Args:
        store: the DuckDB file.
        spool: what is drained before a digest is read.
        patience_s: how long another sender is waited for.
    """

    def __init__(self, store: Path, spool: Path, patience_s: float = 5.0) -> None:
        self._patience_s = patience_s
        self._store = store
        self._spool = spool
        self._ledger = Ledger(store.with_name(FILE_NAME))

    def rows(self, now: datetime) -> tuple[DigestRow, ...]:
        """One row a digest and channel, also of those that are no longer set up but were sent.

        Raises UsageError where a digest is set up wrongly, StoreError where the ledger cannot be read.
        """
        newest: dict[tuple[str, str], Delivery] = {}
        for delivery in self._ledger.all():
            if not delivery.trial:
                newest.setdefault((delivery.digest, delivery.channel), delivery)
        due = {
            (digest.name, channel): next_due(digest.digest.schedule, digest.zone, now)
            for digest in named(config.load()).values()
            for channel in digest.digest.channels
        }
        return tuple(_row(key, due.get(key), newest.get(key)) for key in sorted({*due, *newest}))

    def sample(self, window: Window, label: str, now: datetime) -> DigestText:
        """What a digest of a window says where none is set up."""
        zone = config.load().zone
        with session(self._store) as connection:
            found = gather(connection, Request(window=window, label=label, now=now, zone=zone))
        return _text(UNNAMED, found)

    def text(self, name: str, now: datetime) -> DigestText:
        """What sending would send: the newest period that was due, or where that is sent, the window up to now."""
        digest = one(config.load(), name)
        reading = self._reading()
        job, rows = self._post(reading, now).newest(digest)
        printed = {name for name, channel in digest.digest.channels.items() if isinstance(channel, Stdout)}
        waiting = tuple(channel for channel, row in rows.items() if channel not in printed and unsent(row))
        moment, period = (job.moment, job.period) if waiting else (now, period_of(now))
        found = reading.read(digest, moment, self._ledger.last_told(name, period))
        return _text(name, found, job.moment if waiting else None, waiting)

    def send(self, name: str, now: datetime) -> tuple[Sent, ...]:
        """Send the newest period that was due to every channel it did not reach, trying once.

        Raises UsageError where it was sent or may have been, StoreError where somebody else is sending.
        """
        digest = _elsewhere(one(config.load(), name))
        with self._ledger.only_sender(timeout_s=self._patience_s):
            done = self._post(self._reading(), now).resend(digest, force=False)
        return tuple(like(Sent, row) for row in done)

    def _reading(self) -> Reading:
        return Reading(partial(drain, self._store, self._spool), self._store)

    def _post(self, reading: Reading, now: datetime) -> Post:
        return Post(self._ledger, reading.read, now)


def _elsewhere(digest: Named) -> Named:
    """A digest without the channels that print, which would print over the screen; nobody waits for a second try."""
    kept = {name: channel for name, channel in digest.digest.channels.items() if not isinstance(channel, Stdout)}
    if digest.digest.channels and not kept:
        raise UsageError(f"digest {digest.name} is only printed", f"leave, and otelcost digest resend {digest.name}")
    return replace(digest, digest=replace(digest.digest, channels=kept, retry_s=()))


def _text(name: str, found: Preview, due: datetime | None = None, channels: tuple[str, ...] = ()) -> DigestText:
    return DigestText(name=name, subject=found.subject, text=to_plain(blocks(found)), due=due, channels=channels)


def _row(key: tuple[str, str], due: datetime | None, last: Delivery | None) -> DigestRow:
    name, channel = key
    return like(DigestRow, last, name=name, channel=channel, next_due=due)
