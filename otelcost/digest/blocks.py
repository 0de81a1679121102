"""A digest as blocks of text: what terminals, Markdown and the plain half of an e-mail show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from otelcost.digest import phrases
from otelcost.document import Block, Heading, Line, Name, Prose

if TYPE_CHECKING:
    from otelcost.digest.content import Action, Driver, Followed, Preview

Runnable = Callable[[str], str]
"""Turns a command of ours into what the reader has to type."""

SNOOZE_FOR = "14d"


def blocks(preview: Preview, runnable: Runnable = str) -> tuple[Block, ...]:
    """Subject, drivers, forecast, actions, what became of them, what the figures rest on; a quiet one its subject."""
    head = Heading(preview.subject, level=1)
    if preview.quiet:
        return (head,)
    return (
        head,
        *moved(preview.drivers, compared=preview.compared),
        *_section(
            phrases.expected_title(preview), tuple(_named(name, text) for name, text in phrases.expected(preview))
        ),
        *_section("What to do", _actions(preview, runnable)),
        *_section("What became of the last digest's actions", tuple(_followed(one) for one in preview.followed)),
        *_section("What this rests on", phrases.basis(preview)),
    )


def moved(drivers: Sequence[Driver], *, compared: bool = True) -> tuple[Block, ...]:
    """The drivers, a line each; nothing where nothing moved."""
    lines = tuple((Name(driver.task), f": {phrases.driver(driver, compared=compared)}") for driver in drivers)
    return _section(phrases.moved_title(compared=compared), lines)


def _named(name: str, text: str) -> Line:
    return (Name(name), text) if name else text


def _section(title: str, lines: tuple[Line, ...]) -> tuple[Block, ...]:
    return (Heading(title), Prose(lines, bullets=True)) if lines else ()


def _actions(preview: Preview, runnable: Runnable) -> tuple[Line, ...]:
    if not preview.actions:
        return ()
    more = (f"and {preview.more_actions:,} more: {runnable('otelcost rec list')}",) if preview.more_actions else ()
    snooze = f"not now? {runnable(f'otelcost rec snooze {preview.actions[0].id} --until {SNOOZE_FOR}')}"
    return *(_action(action, runnable) for action in preview.actions), *more, snooze


def _action(action: Action, runnable: Runnable) -> Line:
    place = (Name(action.call_site), "; ") if action.call_site else ()
    return Name(action.title), f": {phrases.saves(action)}; ", *place, runnable(f"otelcost rec show {action.id}")


def _followed(one: Followed) -> Line:
    note = (": ", Name(one.note)) if one.note and one.state == "dismissed" else ()
    return Name(one.title), f": {phrases.became(one)}", *note
