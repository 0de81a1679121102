"""`otelcost doctor`: explains every zero, with its fix."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from otelcost.cli import options, terminal
from otelcost.cli.render import Column, Document, Heading, Prose, Table
from otelcost.errors import EXIT_ERROR, EXIT_OK

if TYPE_CHECKING:
    from otelcost.cli.checks import Check

_MARKS = {"ok": "ok", "note": "note", "warning": "WARNING", "broken": "BROKEN"}


@click.command("doctor", epilog=options.examples("doctor", 'doctor --app "python app.py"'))
@click.option(
    "--app",
    metavar="COMMAND",
    help='Look at the interpreter of this command, such as "python app.py", instead of this one.',
)
@options.format_option
@options.drain_option
@options.debug_option
def command(app: str | None, format_: str, drain: bool) -> int:
    """Check the set-up from the application to the figures, and say what to do.

    With --app the application does not run: the Python it would run with is started as otelcost run
    would start it, tells what it finds in itself, and ends.

    Exits 1 when something is broken, 0 otherwise.
    """
    from otelcost.cli.checks.application import check_application  # noqa: PLC0415
    from otelcost.cli.checks.configuration import check_configuration  # noqa: PLC0415
    from otelcost.cli.checks.environment import check_environment  # noqa: PLC0415
    from otelcost.cli.checks.spool import check_spool  # noqa: PLC0415
    from otelcost.cli.checks.store import check_store  # noqa: PLC0415

    # A copy: the launcher's defaults, which are looked at too, would set what they are checked for.
    first = check_environment(dict(os.environ)) if app is None else check_application(app)
    checks = [*first, *check_configuration(), *check_spool(), *check_store(options.now(), drain=drain)]
    options.show(document(checks), format_)
    return EXIT_ERROR if any(check.state == "broken" for check in checks) else EXIT_OK


def document(checks: list[Check]) -> Document:
    """The checks as a document; fixes of what is not right come last, where they are read."""
    records = tuple(asdict(check) for check in checks)
    rows = tuple((check.name, _MARKS[check.state], check.detail) for check in checks)
    fixes = tuple(f"{check.name}: {terminal.runnable(check.fix)}" for check in checks if check.fix)
    return Document(
        envelope={"ok": all(check.state != "broken" for check in checks), "checks": list(records)},
        blocks=(
            Table((Column("check"), Column("state"), Column("found", flex=30)), rows),
            Heading("What to do" if fixes else "Nothing to do"),
            *((Prose(fixes, bullets=True),) if fixes else ()),
            *(block for check in checks if check.traceback for block in _traceback(check)),
        ),
        fields=("name", "state", "detail", "fix", "traceback"),
        records=records,
    )


def _traceback(check: Check) -> tuple[Heading, Prose]:
    return Heading(f"First error of {check.name}"), Prose(tuple((line,) for line in check.traceback.splitlines()))
