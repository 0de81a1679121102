"""Sending: what is due goes out once a channel, whatever happens in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from msgspec.structs import replace

from otelcost.digest import schedule
from otelcost.digest.channels import Outcome, Sender, pick
from otelcost.digest.channels.pick import mail
from otelcost.digest.content import Preview, Told
from otelcost.digest.ledger import Delivery, Ledger, pause
from otelcost.digest.message import NOBODY, Message
from otelcost.digest.secrets import Vault
from otelcost.digest.settings import Named
from otelcost.errors import OtelcostError, UsageError

Read = Callable[[Named, datetime, tuple[Told, ...]], Preview]
"""Reads a digest's content: which, the end of its window (naive UTC), and the actions of the one before."""

MOST_ATTEMPTS: Final = 12
TO: Final = "to"
"""The channel of people named on the command line."""


class Job(NamedTuple):
    """One digest of one period."""

    named: Named
    moment: datetime  # naive UTC
    period: str
    trial: bool = False


class Post:
    """Sends digests. Only inside `Ledger.only_sender`.

    Args:
        ledger: what was sent.
        read: reads a digest's content; called only where something is to be sent.
        now: naive UTC.
        sleep: waits between attempts, in seconds.
    """

    def __init__(self, ledger: Ledger, read: Read, now: datetime, sleep: Callable[[float], None] = time.sleep) -> None:
        self._ledger = ledger
        self._read = read
        self._now = now
        self._sleep = sleep

    def run_due(self, digests: Mapping[str, Named]) -> list[Delivery]:
        """Send what is due and not sent; of periods that were missed, only the newest of each digest."""
        done = []
        for named in digests.values():
            moment = schedule.newest_due(named.digest.schedule, named.zone, self._now)
            if moment is None:
                continue
            job = Job(named, moment, period_of(moment))
            wanted = [name for name in named.digest.channels if self._is_wanted(job, name)]
            done += self._deliver(job, wanted)
        return done

    def send(self, named: Named, to: tuple[str, ...] = ()) -> list[Delivery]:
        """Send one now, because somebody said so: to its channels, or to these people only."""
        job = Job(named, self._now, period_of(self._now), trial=bool(to))
        if not to:
            return self._deliver(job, _channels(named))
        if named.smtp is None:
            raise UsageError("there is no mail server to send with", "write [smtp] with host and sender")
        return self._deliver(job, [TO], to)

    def resend(self, named: Named, *, force: bool) -> list[Delivery]:
        """Try the newest period again: what failed, and with `force` also what was sent or may have been."""
        job, rows = self.newest(named)
        wanted = [name for name, row in rows.items() if force or unsent(row)]
        if not wanted:
            raise UsageError(
                f"digest {named.name} of {job.period}: " + _in_words(rows),
                f"otelcost digest resend {named.name} --force sends it again all the same",
            )
        return self._deliver(job, wanted)

    def newest(self, named: Named) -> tuple[Job, dict[str, Delivery | None]]:
        """The newest period a digest was due at, and what the ledger has of it by channel.

        Raises:
            UsageError: it was never due, or goes nowhere.
        """
        moment = schedule.newest_due(named.digest.schedule, named.zone, self._now)
        if moment is None:
            raise UsageError(f"digest {named.name} was never due", "see otelcost digest status")
        job = Job(named, moment, period_of(moment))
        return job, {name: self._ledger.get(named.name, job.period, name) for name in _channels(named)}

    def _is_wanted(self, job: Job, channel: str) -> bool:
        row = self._ledger.get(job.named.name, job.period, channel)
        return row is None or (row.open_at(self._now) and row.attempts < MOST_ATTEMPTS)

    def _deliver(self, job: Job, channels: list[str], to: tuple[str, ...] = ()) -> list[Delivery]:
        if not channels:
            return []
        preview = self._read(job.named, job.moment, self._ledger.last_told(job.named.name, job.period))
        return [self._one(job, channel, preview, to) for channel in channels]

    def _one(self, job: Job, channel: str, preview: Preview, to: tuple[str, ...]) -> Delivery:
        message = Message(
            digest=job.named.name, channel=channel, period=job.period, moment=job.moment, preview=preview,
            sender=job.named.smtp.sender if job.named.smtp else NOBODY,
        )  # fmt: skip
        before = self._ledger.get(job.named.name, job.period, channel)
        row = self._ledger.put(
            Delivery(
                digest=job.named.name, period=job.period, channel=channel, state="pending",
                attempts=before.attempts if before else 0, message_id=message.message_id, subject=message.subject,
                told=preview.told, trial=job.trial, changed_at=self._now,
            )
        )  # fmt: skip
        vault = Vault(job.named.config)
        try:
            way = mail(job.named, to, vault) if to else pick(job.named, channel, vault)
        except OtelcostError as error:
            return self._close(row, Outcome("failed", vault.redacted(str(error)), again=True))
        return self._attempts(row, message, way, vault, job.named.digest.retry_s)

    def _attempts(
        self, row: Delivery, message: Message, way: Sender, vault: Vault, pauses: tuple[float, ...]
    ) -> Delivery:
        for wait in (*pauses, None):
            row = self._ledger.put(replace(row, attempts=row.attempts + 1, state="pending"))
            outcome = self._attempt(row, message, way)
            outcome = replace(outcome, detail=vault.redacted(outcome.detail))
            if not outcome.again or wait is None:
                break
            self._ledger.put(replace(row, detail=outcome.detail))
            self._sleep(wait)
        return self._close(row, outcome)

    def _attempt(self, row: Delivery, message: Message, way: Sender) -> Outcome:
        try:
            return way.send(message, lambda: self._leaving(row))
        except OtelcostError as error:
            return Outcome("failed", str(error))

    def _leaving(self, row: Delivery) -> None:
        self._ledger.put(replace(row, state="sending"))

    def _close(self, row: Delivery, outcome: Outcome) -> Delivery:
        retry_at = self._now + pause(row.attempts) if outcome.again else None
        return self._ledger.put(replace(row, state=outcome.state, detail=outcome.detail, retry_at=retry_at))


def unsent(row: Delivery | None) -> bool:
    """Whether a digest surely did not arrive: nobody tried, or it failed."""
    return row is None or row.state in {"pending", "failed"}


def period_of(moment: datetime) -> str:
    """A period's name: when it was due. Names sort as their times do."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _channels(named: Named) -> list[str]:
    if not named.digest.channels:
        raise UsageError(
            f"digest {named.name} has no channel", f"write [digest.{named.name}.channels.mail] with kind and to"
        )
    return list(named.digest.channels)


def _in_words(rows: Mapping[str, Delivery | None]) -> str:
    return ", ".join(f"{name} {row.state}" for name, row in rows.items() if row is not None)
