"""`otelcost completion SHELL`: the script a shell needs to complete our commands."""

from __future__ import annotations

import click

from otelcost.cli import options, terminal

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", epilog=options.examples("completion bash"))
@click.argument("shell", type=click.Choice(SHELLS))
@options.debug_option
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash, in ~/.bashrc:  eval "$(otelcost completion bash)"
    zsh, in ~/.zshrc:    eval "$(otelcost completion zsh)"
    fish, once:          otelcost completion fish > ~/.config/fish/completions/otelcost.fish
    """
    from otelcost.cli import completing  # noqa: PLC0415  (nobody else needs it)

    terminal.data(completing.script(shell))
