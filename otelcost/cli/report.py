"""`otelcost report --html FILE`: the window as one page to share, with the figures of every other surface."""

from __future__ import annotations

from pathlib import Path

import click

from otelcost.cli import files, options, terminal
from otelcost.cli.reader import reader


@click.command(
    "report",
    epilog=options.examples("report --html report.html --window 30d", "report --html nightly.html --task 'nightly.*'"),
)
@click.option(
    "--html",
    "target",
    required=True,
    metavar="FILE",
    shell_complete=options.files,
    help="Where to write the page; - is standard output.",
)
@options.writing
def command(request: options.Reading, target: str) -> None:
    """Write the window as one HTML file: charts, fixes and what is unknown.

    The file loads nothing, runs no script and can be printed, mailed and read in the dark, on a phone and by a screen
    reader. It holds names of tasks and models and places in your code, and no word of a prompt.
    """
    from otelcost.cli import page  # noqa: PLC0415  (the template engine must not slow other commands)

    with reader(request) as found:
        text = page.page(page.read(found))
    files.write_text(target, [text])
    if target != files.STDOUT:
        terminal.progress(f"wrote {Path(target)}")
