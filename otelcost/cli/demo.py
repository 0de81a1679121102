"""`otelcost demo`: the whole path on a loopback provider, then the screens or the overview."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import movement, options, terminal
from otelcost.cli.render import Block, Document, Line, Name, Prose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.advise import Report
    from otelcost.cli.reader import Reader
    from otelcost.demo import DemoResult
    from otelcost.digest.content import Driver
    from otelcost.store.queries import Overview

FOLDER = "demo"

SAID = (
    "This is a demo: the provider is a loopback one on this machine, the clock is virtual, and nobody is billed. "
    "SDKs, capture, store, prices and recommendations are the real ones."
)


@click.command("demo", epilog=options.examples("demo --no-tui"))
@click.option("--seed", type=int, default=7, show_default=True, help="Fixes the workload and the answers.")
@click.option("--tui/--no-tui", default=True, help="Open the screens afterwards, where there is a terminal.")
@options.format_option
@options.debug_option
def command(seed: int, tui: bool, format_: str) -> None:
    """Run a small team's fortnight through the real SDKs against a loopback provider, and find what to change.

    Needs no key and no network. It keeps to a folder of its own beside the store.
    """
    from otelcost import demo, settings  # noqa: PLC0415

    home = settings.home() / FOLDER
    # From here on this process looks at the demo's home: its store, its prices, nothing of the user's.
    os.environ[settings.HOME_VARIABLE] = str(home)
    terminal.progress("demo: a loopback provider on this machine, a virtual clock, nobody is billed")
    try:
        result = demo.run(home, seed=seed, until=options.now(), progress=terminal.step)
    finally:
        terminal.step_done()
    interactive = tui and format_ == "table" and terminal.is_terminal() and sys.stdin.isatty()
    if interactive:
        _open_screens()
    else:
        _print(result, seed, format_)
    terminal.progress(f"look again: {settings.HOME_VARIABLE}={shlex.quote(str(home))} {terminal.program()}")


def _open_screens() -> None:
    from otelcost.tui import start  # noqa: PLC0415

    start.run(window=options.DEFAULT_WINDOW)


def _print(result: DemoResult, seed: int, format_: str) -> None:
    from otelcost.advise import recommend  # noqa: PLC0415
    from otelcost.cli.reader import reader  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415

    request = options.Reading(window=options.DEFAULT_WINDOW, window_given=False, format=format_, drain=True)
    with reader(request) as found:
        overview = queries.overview(found.connection, found.window)
        report = recommend(found.connection, found.window, now=found.now)
        drivers = movement.read(found).drivers()
        # Drawn while the store is open: an empty answer looks into it for the reason.
        answer = document(result, seed, overview, report, drivers, found)
    options.show(answer, format_)


def document(
    result: DemoResult, seed: int, overview: Overview, report: Report, drivers: Sequence[Driver], found: Reader
) -> Document:
    """The demo's answer: the recommendations' envelope with the overview's totals and what the demo was."""
    from otelcost.cli import overview as overview_command  # noqa: PLC0415
    from otelcost.cli import recommendation  # noqa: PLC0415

    envelope = recommendation.envelope(report, found.window, found.label)
    return Document(
        envelope={
            "demo": facts(result, seed),
            "totals": overview_command.totals(overview),
            "drivers": movement.as_json(drivers),
            **envelope,
        },
        blocks=(*_said(result), *overview_command.blocks(overview, report, drivers, found)),
        fields=recommendation.FIELDS,
        records=tuple(envelope["recommendations"]),
    )


def facts(result: DemoResult, seed: int) -> dict[str, Any]:
    """What was real and what was not."""
    return {
        "provider": "loopback",
        "clock": "virtual",
        "billed": False,
        "seed": seed,
        "calls": result.calls,
        "home": str(result.home),
        "provider_log": str(result.provider_log),
        "says": SAID,
    }


def _said(result: DemoResult) -> tuple[Block, ...]:
    lines: tuple[Line, ...] = (SAID, ("its home: ", Name(str(result.home))))
    return (Prose(lines),)
