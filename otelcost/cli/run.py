"""`otelcost run -- CMD ...`: start a program with every LLM call recorded."""

from __future__ import annotations

import click

from otelcost.cli import options, terminal


@click.command(
    "run",
    epilog=options.examples("run -- python app.py"),
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@options.debug_option
@click.argument(
    "program",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    metavar="[--] PROGRAM [ARGUMENTS]...",
    shell_complete=options.programs,
)
def command(program: tuple[str, ...]) -> None:
    """Run PROGRAM with every LLM call of it recorded; nothing in it needs to change.

    This process becomes the program: its output, signals and exit code are its own.
    """
    from otelcost.capture import launch  # noqa: PLC0415

    launch.run(program, terminal.warn)
