"""`otelcost completion SHELL`: the script a shell needs to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from otelcost.cli import options, terminal

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", epilog=options.examples("completion bash"))
@click.argument("shell", type=click.Choice(SHELLS))
@options.debug_option
def command(shell: str) -> None:
    """Print the completion script of a shell.

    bash: eval "$(otelcost completion bash)" in ~/.bashrc; zsh: eval "$(otelcost completion zsh)" in ~/.zshrc, after
    compinit; fish: otelcost completion fish > ~/.config/fish/completions/otelcost.fish
    """
    from otelcost.cli.main import cli  # noqa: PLC0415  (main imports this module)

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  (the choice above names click's own shells)
    terminal.data(found(cli, {}, "otelcost", "_OTELCOST_COMPLETE").source() + "\n")
