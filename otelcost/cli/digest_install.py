"""`otelcost digest install` and `uninstall`: what runs digests on this machine or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from otelcost.cli import options, terminal

if TYPE_CHECKING:
    from otelcost.digest.install import Plan

_TARGETS = ("systemd", "launchd", "cron", "github", "kubernetes")

_target = click.argument("target", type=click.Choice(_TARGETS))
_dry_run = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
_image = click.option(
    "--image", default="otelcost:latest", show_default=True, help="For kubernetes: an image with otelcost in it."
)


def add_to(group: click.Group) -> None:
    """Put these commands into `digest`."""
    group.add_command(install_command)
    group.add_command(uninstall_command)


@click.command(
    "install",
    epilog=options.examples(
        "digest install systemd --dry-run", "digest install kubernetes --image registry.example/otelcost:1 --dry-run"
    ),
)
@_target
@_image
@_dry_run
@options.debug_option
def install_command(target: str, image: str, dry_run: bool) -> None:
    """Have this machine or a cluster send what is due.

    A systemd user timer, a launchd agent, a line for cron, a GitHub workflow or a Kubernetes CronJob. Each looks
    every quarter of an hour (GitHub every hour) with `otelcost digest run --due`.
    """
    from otelcost.digest.install import install  # noqa: PLC0415

    plan = _plan(target, image)
    if dry_run:
        terminal.data(_shown(plan))
        return
    for line in install(plan):
        terminal.progress(line)
    if plan.note:
        terminal.progress(plan.note)


@click.command("uninstall", epilog=options.examples("digest uninstall systemd --dry-run"))
@_target
@_dry_run
@options.debug_option
def uninstall_command(target: str, dry_run: bool) -> None:
    """Undo `install`. What was sent stays in the ledger."""
    from otelcost.digest.install import uninstall  # noqa: PLC0415

    plan = _plan(target, "")
    if dry_run:
        commands = [" ".join(command) for command, _ in (*plan.disable, *plan.after_removal)]
        terminal.data("".join(f"{line}\n" for line in (*commands, *(f"rm {path}" for path in plan.files))))
        return
    for line in uninstall(plan) or ["nothing was installed"]:
        terminal.progress(line)


def _plan(target: str, image: str) -> Plan:
    from otelcost.digest.install import TARGETS, job  # noqa: PLC0415

    return TARGETS[target](job(image))


def _shown(plan: Plan) -> str:
    """The files' text, each under its path, and the commands with what they are given."""
    files = "".join(f"# {path}\n{body}\n" for path, body in plan.files.items())
    commands = "".join(f"$ {' '.join(command)}\n{given or ''}" for command, given in plan.enable)
    return files + commands
