"""The `otelcost` command: finds the others by name and loads only the one that runs."""

from __future__ import annotations

import importlib
import os
from typing import NoReturn

import click

from otelcost import __version__
from otelcost.cli import terminal
from otelcost.cli.options import debug_option

COMPLETING = "_OTELCOST_COMPLETE"
"""The variable by which a shell asks what could come next."""

COMMANDS = {
    "overview": "overview",
    "tasks": "tasks",
    "context": "context",
    "calls": "calls",
    "diff": "diff",
    "rec": "rec",
    "check": "check",
    "forecast": "forecast",
    "anomalies": "anomalies",
    "rules": "rules",
    "digest": "digest",
    "report": "report",
    "prices": "prices",
    "reconcile": "reconcile",
    "import": "import_files",
    "export": "export",
    "config": "config",
    "doctor": "doctor",
    "demo": "demo",
    "run": "run",
    "drain": "drain",
    "completion": "completion",
}
"""Command name -> module in this package; each module names its command `command`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order a newcomer needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None for a name nobody has."""
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = importlib.import_module(f"otelcost.cli.{module}").command
        assert isinstance(found, click.Command)  # noqa: S101  (a table of this module points at it)
        return found


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.version_option(__version__, "-V", "--version", message="otelcost %(version)s")
@click.option("--plain", is_flag=True, help="Print every screen as lines of text instead of opening them.")
@click.option("--ascii", "ascii_", is_flag=True, help="Draw screens and lines with ASCII only.")
@debug_option
@click.pass_context
def cli(context: click.Context, plain: bool, ascii_: bool) -> object:
    """Says why an LLM bill grew, call by call, and what to change.

    Without a command: the screens on a terminal, the overview as plain text anywhere else.
    """
    if ascii_:
        os.environ["OTELCOST_ASCII"] = "1"  # where every way to the screens looks
    if context.invoked_subcommand is not None:
        return None
    from otelcost.cli import screens  # noqa: PLC0415  (the screens must not slow --help)

    if plain:
        screens.print_screens()
        return None
    return screens.open_screens(context)


def main() -> NoReturn:
    """Entry point of the `otelcost` script."""
    if COMPLETING in os.environ:
        importlib.import_module("otelcost.cli.completing")  # tells click how our scripts ask
    terminal.run(lambda: cli.main(prog_name="otelcost", complete_var=COMPLETING, standalone_mode=False))
