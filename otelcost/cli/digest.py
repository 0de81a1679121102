"""`otelcost digest`: what a digest says, sending it, and what was sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import digest_install, movement, options, terminal, windows
from otelcost.cli.reader import Reader, drain_spool, reader
from otelcost.cli.render import FORMATS, Column, Document, Table
from otelcost.digest.blocks import blocks
from otelcost.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otelcost.digest.content import Action, Followed, Preview, Told
    from otelcost.digest.ledger import Delivery
    from otelcost.digest.run import Post
    from otelcost.digest.settings import Named

FIELDS = ("section", "name", "what", "cost_picousd", "change_picousd", "low_picousd", "high_picousd", "basis")
STATUS_FIELDS = ("digest", "period", "channel", "state", "attempts", "changed_at", "retry_at", "subject", "detail")
FILES = ("text", "html", "eml")
"""The formats of a digest as a file, beside those of every command."""

UNNAMED = "digest"


@click.group("digest")
def command() -> None:
    """Digests: the answer, what drove it and what to do, short enough to read."""


@command.command(
    "preview", epilog=options.examples("digest preview", "digest preview weekly --format html > digest.html")
)
@click.argument("name", required=False)
@options.asks(
    click.option(
        "--format",
        "format_",
        type=click.Choice((*FORMATS, *FILES)),
        default="table",
        show_default=True,
        help="As other commands, or as the file that would leave: text, html, eml (an e-mail).",
    )
)
def preview_command(request: options.Reading, name: str | None) -> None:
    """Show the digest that would go out now. Sends nothing.

    NAME is one of otelcost.toml; without it everything in the window.
    """
    named = _named(name) if name else None
    if named is not None and not request.window_given:
        request = request.with_window(named.digest.window)
    with reader(request) as found:
        answer = read(found, named)
    if request.format in FILES:
        terminal.data(_file(answer, named, found.now, request.format))
        return
    options.show(document(answer, found), request.format)


@command.command("run", epilog=options.examples("digest run --due"))
@click.option("--due", is_flag=True, required=True, help="Send every digest that is due and was not sent.")
@options.debug_option
def run_command(due: bool) -> int:
    """Send what is due, once.

    Made to be called often: it does nothing where nothing is due.

    Of periods that were missed only the newest is sent. Two of these at once send one message.
    """
    del due
    from otelcost.digest.schedule import next_due  # noqa: PLC0415
    from otelcost.digest.settings import named  # noqa: PLC0415

    digests = named(_config())
    done = _sending(lambda post: post.run_due(digests))
    sent = {one.digest for one in done}
    for one in digests.values():
        if not one.digest.channels:
            terminal.warn(f"{one.name} goes nowhere: write [digest.{one.name}.channels.mail] into otelcost.toml")
        elif one.name not in sent:
            upcoming = next_due(one.digest.schedule, one.zone, options.now())
            terminal.progress(f"{one.name}: nothing to send now; next {_local(upcoming, one)}")
    if not digests:
        terminal.progress("no digest is configured: write [digest.weekly] into otelcost.toml")
    return _said(done)


@command.command("send", epilog=options.examples("digest send weekly"))
@click.argument("name")
@click.option("--to", multiple=True, metavar="ADDRESS", help="To this e-mail address only, as a trial. Repeatable.")
@options.debug_option
def send_command(name: str, to: tuple[str, ...]) -> int:
    """Send a digest of the window up to now."""
    named = _named(name)
    return _said(_sending(lambda post: post.send(named, to)))


@command.command("resend", epilog=options.examples("digest run --due", "digest resend weekly --force"))
@click.argument("name")
@click.option("--force", is_flag=True, help="Also what was sent, or may have been. It may arrive twice.")
@options.debug_option
def resend_command(name: str, force: bool) -> int:
    """Try the newest period again where it failed.

    What was sent, or may have been, is sent again only with --force.
    """
    named = _named(name)
    return _said(_sending(lambda post: post.resend(named, force=force)))


@command.command("status", epilog=options.examples("digest status"))
@click.argument("name", required=False)
@options.format_option
@options.debug_option
def status_command(name: str | None, format_: str) -> None:
    """Show when each digest is next due and what was sent.

    unknown: it was cut off, and may have arrived. It is not sent again unless you say so: otelcost digest resend.
    """
    from otelcost.digest.ledger import Ledger  # noqa: PLC0415
    from otelcost.digest.settings import named, one  # noqa: PLC0415

    config = _config()
    digests = {name: one(config, name)} if name else named(config)
    options.show(_status(list(digests.values()), Ledger().all(name)), format_)


def read(found: Reader, named: Named | None = None, told: tuple[Told, ...] | None = None) -> Preview:
    """The digest's content from an open store; a named one's last actions come from the ledger."""
    from otelcost.digest.gather import Request, gather  # noqa: PLC0415
    from otelcost.digest.ledger import Ledger  # noqa: PLC0415
    from otelcost.digest.run import period_of  # noqa: PLC0415
    from otelcost.store.scope import Scope  # noqa: PLC0415

    if told is None:
        told = Ledger().last_told(named.name, period_of(found.now)) if named is not None else ()
    scope = Scope() if named is None else named.scope
    zone = _config().zone if named is None else named.zone
    return gather(
        found.connection,
        Request(window=found.window, label=found.label, now=found.now, zone=zone, scope=scope, told=told),
    )


def document(preview: Preview, found: Reader) -> Document:
    """The digest as a document; a quiet one is its first line."""
    from otelcost.digest.message import facts  # noqa: PLC0415

    return Document(
        envelope={"window": windows.envelope(found.window, found.label), "digest": facts(preview)},
        blocks=blocks(preview, terminal.runnable),
        fields=FIELDS,
        records=(
            {"section": "subject", "what": preview.subject},
            *(movement.record(driver) for driver in preview.drivers),
            *(_action_record(action) for action in preview.actions),
            *(_followed_record(one) for one in preview.followed),
        ),
    )


def _action_record(action: Action) -> dict[str, Any]:
    return {
        "section": "action",
        "name": action.id,
        "what": action.title,
        "change_picousd": None if action.marginal_picousd is None else -action.marginal_picousd,
        "low_picousd": action.low_picousd,
        "high_picousd": action.high_picousd,
        "basis": action.class_,
    }


def _followed_record(one: Followed) -> dict[str, Any]:
    saved = None if one.realised_picousd is None else -one.realised_picousd
    return {"section": "followed", "name": one.id, "what": one.title, "change_picousd": saved, "basis": one.state}


def _file(preview: Preview, named: Named | None, now: datetime, format_: Any) -> bytes:
    from otelcost.digest.message import NOBODY, Message  # noqa: PLC0415
    from otelcost.digest.run import period_of  # noqa: PLC0415
    from otelcost.digest.settings import Email  # noqa: PLC0415

    channels = named.digest.channels if named else {}
    mail = next(((name, one) for name, one in channels.items() if isinstance(one, Email)), None)
    return Message(
        digest=named.name if named else UNNAMED,
        channel=mail[0] if mail else "preview",
        period=period_of(now),
        moment=now,
        preview=preview,
        sender=named.smtp.sender if named and named.smtp else NOBODY,
        to=mail[1].to if mail else (),
    ).in_format(format_)


def _config() -> Any:
    from otelcost.config import load  # noqa: PLC0415

    return load()


def _named(name: str) -> Named:
    from otelcost.digest.settings import one  # noqa: PLC0415

    return one(_config(), name)


def _sending(send: Callable[[Post], list[Delivery]]) -> list[Delivery]:
    """Send as the only sender. The store is drained once, and only where something is to be sent."""
    from otelcost.digest.ledger import Ledger  # noqa: PLC0415
    from otelcost.digest.reading import Reading  # noqa: PLC0415
    from otelcost.digest.run import Post  # noqa: PLC0415

    ledger = Ledger()
    with ledger.only_sender():
        return send(Post(ledger, Reading(drain_spool).read, options.now()))


def _said(done: Sequence[Delivery]) -> int:
    """Say on standard error what became of each; standard output may be a channel."""
    for one in done:
        detail = f" ({one.detail})" if one.detail else ""
        terminal.progress(f"{one.digest} of {one.period}, {one.channel}: {one.state}{detail}")
    return EXIT_OK if all(one.state == "sent" for one in done) else EXIT_ERROR


def _local(moment: datetime, named: Named) -> str:
    return f"{moment.replace(tzinfo=UTC).astimezone(named.zone):%Y-%m-%d %H:%M %Z}"


def _status(digests: Sequence[Named], deliveries: Sequence[Delivery]) -> Document:
    from msgspec import to_builtins  # noqa: PLC0415

    from otelcost.digest.schedule import next_due  # noqa: PLC0415
    from otelcost.display import iso  # noqa: PLC0415

    now = options.now()
    upcoming = {one.name: next_due(one.digest.schedule, one.zone, now) for one in digests}
    times = {"changed_at", "retry_at"}
    records = [
        {name: iso(getattr(row, name)) if name in times else getattr(row, name) for name in STATUS_FIELDS}
        for row in deliveries
    ]
    plans = Table(
        (Column("digest"), Column("next"), Column("over", flex=12), Column("channels", flex=12)),
        tuple(
            (one.name, _local(upcoming[one.name], one), one.scope.in_words() or "everything", _channels(one))
            for one in digests
        ),
    )
    shown = ("digest", "period", "channel", "state", "attempts", "detail")
    sent = Table(
        tuple(Column(name, right=name == "attempts", flex=16 if name == "detail" else 0) for name in shown),
        tuple(tuple(str(record[name]) for name in shown) for record in records),
    )
    envelope = {
        "digests": [
            {"name": one.name, "next": iso(upcoming[one.name]), "settings": {"schedule": one.digest.schedule,
             "window": one.digest.window, "channels": _kinds(one), **to_builtins(one.scope)}}
            for one in digests
        ],
        "deliveries": records,
    }  # fmt: skip
    return Document(envelope, (plans, sent) if records else (plans,), STATUS_FIELDS, tuple(records))


def _kinds(one: Named) -> dict[str, str]:
    """Each channel's kind: its address may be a secret."""
    return {name: str(channel.__struct_config__.tag) for name, channel in one.digest.channels.items()}


def _channels(one: Named) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in _kinds(one).items()) or "none"


digest_install.add_to(command)
