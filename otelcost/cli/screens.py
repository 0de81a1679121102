"""`otelcost` alone: the screens on a terminal, the plain overview anywhere else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from otelcost.cli import options, terminal

if TYPE_CHECKING:
    import click


def open_screens(context: click.Context) -> object:
    """Open the terminal screens, or print the overview where there is no terminal to open them on."""
    if terminal.is_terminal() and sys.stdin.isatty():
        from otelcost import config  # noqa: PLC0415
        from otelcost.tui import start  # noqa: PLC0415

        config.load()  # complains before the screens take the terminal
        start.run()
        return None
    from otelcost.cli.overview import command  # noqa: PLC0415

    return context.invoke(command, window=options.DEFAULT_WINDOW, format_="table", drain=True)


def print_screens() -> None:
    """Every screen as lines of text; in ASCII where the output takes nothing else."""
    from otelcost import config  # noqa: PLC0415
    from otelcost.tui import plain  # noqa: PLC0415
    from otelcost.tui.loader import Loader  # noqa: PLC0415
    from otelcost.tui.snapshot import Period  # noqa: PLC0415
    from otelcost.tui.spelling import spell, wanted  # noqa: PLC0415

    config.load()  # complains of what nobody could use
    text = plain.text(Loader(now=options.now()), Period(options.DEFAULT_WINDOW))
    terminal.data(spell(text) if wanted(os.environ, sys.stdout.encoding) else text)
