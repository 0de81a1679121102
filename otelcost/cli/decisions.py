"""The commands of `otelcost rec` that decide what becomes of a recommendation, and measure what became of it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import decision_text, options
from otelcost.cli.reader import drain_spool, unknown
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from otelcost.advise import Recommendation
    from otelcost.advise.life_cycle import State

_id = click.argument("recommendation_id", metavar="ID")


def install(group: click.Group) -> None:
    """Put these commands into `rec`."""
    for command in (accept, apply, dismiss, snooze, reopen, history, measure):
        group.add_command(command)


@click.command("accept", epilog=options.examples("rec accept R-65d46fa6"))
@_id
@options.reading
def accept(request: options.Reading, recommendation_id: str) -> None:
    """Accept a recommendation: it is to be done. Its figures of this window are frozen."""
    _decide(request, recommendation_id, "accepted", freeze=True)


@click.command(
    "apply", epilog=options.examples("rec apply R-65d46fa6 --dry-run", "rec apply R-65d46fa6 --live 2026-11-26")
)
@_id
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--live", metavar="ISO", help="When the change went live (UTC); by default now.")
@options.reading
def apply(request: options.Reading, recommendation_id: str, dry_run: bool, live: str | None) -> None:
    """Say that a recommendation has been applied: from then on it is measured.

    otelcost changes no code of yours. The change to make is shown by --dry-run.
    """
    if dry_run:
        _show_change(request, recommendation_id)
        return
    since = options.moment(live, f"--live is {live!r}") if live else options.now()
    if since > options.now():
        raise UsageError(f"--live is {live!r}, which is in the future", "say it once it is live")
    _decide(request, recommendation_id, "applied", freeze=True, since=since)


@click.command(
    "dismiss", epilog=options.examples('rec dismiss R-dceec287 --reason "the invoices of March went wrong with it"')
)
@_id
@click.option("--reason", required=True, help="Why; it stands in the history.")
@options.reading
def dismiss(request: options.Reading, recommendation_id: str, reason: str) -> None:
    """Dismiss a recommendation: it is not to be done. It leaves the total, and can be reopened."""
    if not reason.strip():
        raise UsageError("--reason is empty", "say why it is not to be done: it stands in the history")
    _decide(request, recommendation_id, "dismissed", reason=reason)


@click.command("snooze", epilog=options.examples("rec snooze R-bbf911f6 --until 14d"))
@_id
@click.option("--until", metavar="14d|ISO", required=True, help="For how many days, or until when (UTC).")
@click.option("--reason", help="Why; it stands in the history.")
@options.reading
def snooze(request: options.Reading, recommendation_id: str, until: str, reason: str | None) -> None:
    """Put a recommendation aside until a time. It leaves the total until then."""
    _decide(request, recommendation_id, "snoozed", reason=reason, until=_until(until))


@click.command("reopen", epilog=options.examples("rec snooze R-bbf911f6 --until 14d", "rec reopen R-bbf911f6"))
@_id
@click.option("--reason", help="Why; it stands in the history.")
@options.reading
def reopen(request: options.Reading, recommendation_id: str, reason: str | None) -> None:
    """Take a decision back: the recommendation is open again."""
    _decide(request, recommendation_id, "open", reason=reason)


@click.command("history", epilog=options.examples("rec accept R-65d46fa6", "rec history"))
@click.argument("recommendation_id", metavar="[ID]", required=False)
@options.format_option
@options.debug_option
def history(recommendation_id: str | None, format_: str) -> None:
    """Show every decision, or those on one recommendation: when, who, why, and the figures of that time."""
    from otelcost.advise.life_cycle import history as events_of  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    with session() as connection:
        events = events_of(connection, recommendation_id)
        if recommendation_id is not None and not events:
            known = {event.id for event in events_of(connection)}
            raise unknown("nothing was ever decided on", recommendation_id, known, "otelcost rec list")
    options.show(decision_text.history(events, recommendation_id), format_)


@click.command("measure", epilog=options.examples("rec apply R-65d46fa6 --live 2026-11-26", "rec measure"))
@options.format_option
@options.drain_option
@options.debug_option
def measure(format_: str, drain: bool) -> None:
    """Measure what applied changes really saved, and say so in their state.

    Verified: at least half of what could have been saved was. Failed: less. Too early: fewer than three days with
    calls, or than twenty calls. A verified change whose waste is back is open again.
    """
    from otelcost.advise.life_cycle import decide  # noqa: PLC0415
    from otelcost.advise.measure import measure as measured_of  # noqa: PLC0415
    from otelcost.advise.measure import verdicts  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    if drain:
        drain_spool()
    moment = options.now()
    with session(write=True) as connection:
        measured = measured_of(connection, moment)
        for _, decision, seen in verdicts(measured):
            decide(connection, decision, now=moment, seen=seen)
    options.show(decision_text.measured([measurement for measurement, _ in measured]), format_)


def _decide(
    request: options.Reading,
    id_: str,
    state: State,
    *,
    freeze: bool = False,
    since: datetime | None = None,
    **more: Any,
) -> None:
    """Read what is advised, then write the decision in a session of its own: nobody waits for the reading."""
    from otelcost.advise.freeze import actor  # noqa: PLC0415
    from otelcost.advise.life_cycle import Decision, decide  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    card, figures, seen = _found(request, id_, needed=freeze, since=since)
    moment = options.now()
    decision = Decision(id=id_, state=state, actor=actor(), frozen=figures if freeze else None, **more)
    with session(write=True) as connection:
        event = decide(connection, decision, now=moment, seen=seen)
    options.show(decision_text.decided(event, card), request.format)


def _found(
    request: options.Reading, id_: str, *, needed: bool, since: datetime | None = None
) -> tuple[Recommendation | None, dict[str, Any] | None, int]:
    """The card of an id in this window, its figures as they would be kept, and the newest event on it.

    An id that only the history knows will do where no figures are needed.
    """
    from otelcost.advise.freeze import frozen  # noqa: PLC0415
    from otelcost.advise.life_cycle import history as events_of  # noqa: PLC0415
    from otelcost.cli.reader import reader  # noqa: PLC0415
    from otelcost.cli.rec import report_of  # noqa: PLC0415

    with reader(request) as found:
        cards = {card.id: card for card in report_of(found).recommendations}
        events = events_of(found.connection, id_)
        card = cards.get(id_)
        figures = None if card is None else frozen(found.connection, card, found.window, since)
    if card is None and (needed or not events):
        raise unknown("no recommendation of this window has the id", id_, cards, "otelcost rec list")
    return card, figures, events[-1].seq if events else 0


def _until(text: str) -> datetime:
    complaint = f"--until is {text!r}"
    until = None
    with suppress(ValueError, OverflowError):
        until = options.now() + timedelta(days=int(text[:-1])) if text.endswith("d") else None
    until = until or options.moment(
        text, complaint, "give a number of days such as 14d, or a moment such as 2027-01-31"
    )
    if until <= options.now():
        raise UsageError(f"{complaint}, which is past", "give a time to come, such as 14d or 2027-01-31")
    return until


def _show_change(request: options.Reading, id_: str) -> None:
    card, _, _ = _found(request, id_, needed=True)
    assert card is not None  # noqa: S101  (needed)
    options.show(decision_text.change(card), request.format)
