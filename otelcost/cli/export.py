"""`otelcost export`: calls, tasks and recommendations of a window for other programs."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import files, options, terminal
from otelcost.cli.exports import otlp, prometheus
from otelcost.cli.exports.rows import PAGE, ROWS, Exported
from otelcost.cli.reader import reader
from otelcost.cli.render import SCHEMA_VERSION, to_csv, to_json
from otelcost.cli.windows import head
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from otelcost.cli.reader import Reader

TARGETS = ("csv", "json", "parquet", "otlp", "prometheus")


@click.command(
    "export",
    epilog=options.examples(
        "export calls --window 30d --format parquet --output calls.parquet",
        "export tasks --format prometheus",
        "export recommendations --format json",
    ),
)
@click.argument("what", type=click.Choice(tuple(ROWS)))
@click.option(
    "--format",
    "target",
    type=click.Choice(TARGETS),
    default="csv",
    show_default=True,
    help="As other commands, or what other programs take: parquet, otlp (calls), prometheus.",
)
@click.option(
    "--output",
    metavar="FILE",
    default="-",
    shell_complete=options.files,
    help="Where to write it; - is standard output, the default.",
)
@options.writing
def command(request: options.Reading, what: str, target: str, output: str) -> None:
    """Write calls, tasks or recommendations of the window for other programs.

    Money is integer pico-dollars (10^-12 USD), unknown is empty or null. otlp is lines of OTLP JSON with GenAI
    attributes, of calls; prometheus is a text exposition with tasks or models as labels, never a call's id.
    """
    if target == "otlp" and what != "calls":
        raise UsageError(f"{what} are no spans", "otlp is for calls; use csv, parquet or json")
    if target == "parquet" and output == files.STDOUT:
        raise UsageError("Parquet is no text", "say --output FILE")
    with reader(request) as found:
        exported = ROWS[what](found)
        if target == "parquet":
            _parquet(found, exported, Path(output))
        else:
            files.write_text(output, _TEXT[target](found, exported))
    if output != files.STDOUT:
        terminal.progress(f"wrote {output}")


def _csv(_found: Reader, exported: Exported) -> Iterator[str]:
    yield to_csv(exported.fields, ())
    records = iter(exported.records)
    while page := list(islice(records, PAGE)):
        yield to_csv(exported.fields, page).partition("\n")[2]  # without the column names


def _json(found: Reader, exported: Exported) -> Iterator[str]:
    top = {"schema_version": SCHEMA_VERSION, **head(found)}
    before, _, after = to_json({**top, exported.name: []}).rpartition("[]")
    yield f"{before}["
    end = ""
    for record in exported.records:
        yield f"{',' if end else ''}\n{indent(json.dumps(record, indent=2, allow_nan=False), '    ')}"
        end = "\n  "
    yield f"{end}]{after}"


_TEXT: dict[str, Callable[[Any, Exported], Iterable[str]]] = {
    "csv": _csv,
    "json": _json,
    "otlp": otlp.lines,
    "prometheus": prometheus.text,
}


def _parquet(found: Reader, exported: Exported, target: Path) -> None:
    """Through DuckDB, which writes Parquet itself; typed by what each field holds."""
    from otelcost.cli.exports.parquet import write  # noqa: PLC0415

    with files.replacing(target) as part:
        write(found.connection, exported, part)
