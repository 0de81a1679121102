"""The digests that are set up, with the newest delivery of each on each channel."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from otelcost import config
from otelcost.digest.ledger import Delivery, Ledger
from otelcost.digest.schedule import next_due
from otelcost.digest.settings import named
from otelcost.tui.convert import like
from otelcost.tui.snapshot import DigestRow


def rows(ledger: Path, now: datetime) -> tuple[DigestRow, ...]:
    """One row a digest and channel, also of those that are no longer set up but were sent.

    Raises UsageError where a digest is set up wrongly, StoreError where the ledger cannot be read.
    """
    newest: dict[tuple[str, str], Delivery] = {}
    for delivery in Ledger(ledger).all():
        if not delivery.trial:
            newest.setdefault((delivery.digest, delivery.channel), delivery)
    due = {
        (one.name, channel): next_due(one.digest.schedule, one.zone, now)
        for one in named(config.load()).values()
        for channel in one.digest.channels
    }
    return tuple(_row(key, due.get(key), newest.get(key)) for key in sorted({*due, *newest}))


def _row(key: tuple[str, str], due: datetime | None, last: Delivery | None) -> DigestRow:
    name, channel = key
    return like(DigestRow, last, name=name, channel=channel, next_due=due)
