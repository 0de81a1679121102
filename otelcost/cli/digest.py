"""`otelcost digest preview`: what a digest of this window would say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import movement, options, terminal, windows
from otelcost.cli.reader import Reader, reader
from otelcost.cli.render import Block, Document, Heading, Line, Name, Prose
from otelcost.display import instant, iso, money, plural, range_text

if TYPE_CHECKING:
    from otelcost.digest.content import Action, Preview

FIELDS = ("section", "name", "what", "cost_picousd", "change_picousd", "low_picousd", "high_picousd", "basis")


@click.group("digest")
def command() -> None:
    """Digests: the answer, what drove it and what to do, short enough to read."""


@command.command("preview")
@options.reading
def preview_command(request: options.Reading) -> None:
    """Show the digest of the window. Sends nothing."""
    with reader(request) as found:
        answer = read(found)
    options.show(document(answer, found), request.format)


def read(found: Reader) -> Preview:
    """The digest's content from an open store."""
    from otelcost.advise import recommend  # noqa: PLC0415
    from otelcost.digest.content import compose  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415

    tasks = movement.read(found)
    return compose(
        queries.overview(found.connection, found.window),
        tasks.now,
        tasks.before,
        recommend(found.connection, found.window, now=found.now),
        windows.in_words(found.label),
    )


def document(preview: Preview, found: Reader) -> Document:
    """The digest as a document; a quiet one is its first line."""
    return Document(
        envelope={"window": windows.envelope(found.window, found.label), "digest": _envelope(preview)},
        blocks=blocks(preview, found),
        fields=FIELDS,
        records=(
            {"section": "subject", "what": preview.subject},
            *(movement.record(driver) for driver in preview.drivers),
            *(_action_record(action) for action in preview.actions),
        ),
    )


def _envelope(preview: Preview) -> dict[str, Any]:
    from msgspec import to_builtins  # noqa: PLC0415

    facts: dict[str, Any] = to_builtins(preview)
    return facts | {"last_call": iso(preview.last_call)}


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


def blocks(preview: Preview, found: Reader) -> tuple[Block, ...]:
    """Subject, drivers, actions, what the figures rest on."""
    head = Heading(preview.subject, level=1)
    if preview.quiet:
        return (head,)
    return (
        head,
        *movement.blocks(preview.drivers, compared=preview.compared),
        *_section("What to do", _actions(preview)),
        *_section("What this rests on", _basis(preview, found)),
    )


def _section(title: str, lines: tuple[Line, ...]) -> tuple[Block, ...]:
    return (Heading(title), Prose(lines, bullets=True)) if lines else ()


def _actions(preview: Preview) -> tuple[Line, ...]:
    more: tuple[Line, ...] = (f"and {preview.more_actions:,} more: otelcost rec list",) if preview.more_actions else ()
    return tuple(_action(action) for action in preview.actions) + more


def _action(action: Action) -> Line:
    saves = f": saves {money(action.marginal_picousd)} ({action.class_}{_range(action)}); "
    place = (Name(action.call_site), "; ") if action.call_site else ()
    return Name(action.title), saves, *place, terminal.runnable(f"otelcost rec show {action.id}")


def _range(action: Action) -> str:
    spread = range_text(action.low_picousd, action.high_picousd)
    return f", alone {spread}" if spread else ""


def _basis(preview: Preview, found: Reader) -> tuple[Line, ...]:
    return (
        f"{windows.bounds(found.window)}, data on {plural(preview.coverage_days, 'day')}",
        f"newest call {instant(preview.last_call)}",
        *preview.unknowns,
    )
