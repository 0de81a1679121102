"""`otelcost import`: calls that another tool recorded, and what nobody can know of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, terminal
from otelcost.cli.reader import drain_spool
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.display import count, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.imports import Loaded, Reading

SOURCES = ("auto", "otlp", "langfuse", "helicone", "litellm", "openrouter", "openai-usage", "anthropic-usage")

FIELDS = ("file", "source", "rows", "calls", "new", "known", "covered", "skipped", "bad", "rejected")


@click.command("import", epilog=options.examples("import observations.jsonl", "import --from litellm spend-logs.csv"))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--from", "source", type=click.Choice(SOURCES), default="auto", show_default=True, help="Who wrote them.")
@options.format_option
@options.debug_option
def command(files: tuple[Path, ...], source: str, format_: str) -> None:
    """Load calls from OTLP JSON files and exports of Langfuse, Helicone, LiteLLM and OpenRouter.

    Importing a file again changes nothing, and a call that was recorded here as well counts once. Afterwards it says
    what such rows cannot tell. Usage files of providers hold sums and no calls: see otelcost reconcile.
    """
    from otelcost import settings  # noqa: PLC0415
    from otelcost.imports import load, read  # noqa: PLC0415

    readings = [(path, read(path, source)) for path in files]
    drain_spool()  # what was recorded here is there first, so that it is known to be the same
    done = [(path, reading, load(reading.records, settings.store_path())) for path, reading in readings]
    for warning in dict.fromkeys(warning for _, _, loaded in done for warning in loaded.warnings):
        terminal.warn(warning)
    options.show(document(done), format_)


def document(done: Sequence[tuple[Path, Reading, Loaded]]) -> Document:
    """What became of every file, and what its calls cannot tell."""
    records = tuple(record(*one) for one in done)
    return Document(
        envelope={
            "files": [
                {**row, "bad_rows": dict(reading.bad), "unknown": list(reading.shape.unknown)}
                for row, (_, reading, _) in zip(records, done, strict=True)
            ]
        },
        blocks=blocks(done, records),
        fields=FIELDS,
        records=records,
    )


def record(path: Path, reading: Reading, loaded: Loaded) -> dict[str, Any]:
    """One file as a flat record; `covered` of its calls are in no figure, because a better record is."""
    return {
        "file": str(path),
        "source": reading.shape.source,
        "rows": reading.rows,
        "calls": len(reading.records),
        "new": loaded.new,
        "known": loaded.known,
        "covered": loaded.covered,
        "skipped": reading.skipped,
        "bad": reading.bad.total(),
        "rejected": loaded.rejected,
    }


def blocks(done: Sequence[tuple[Path, Reading, Loaded]], records: Sequence[dict[str, Any]]) -> tuple[Block, ...]:
    """For people: a row a file, why rows were left out, and what cannot be known."""
    new = sum(row["new"] for row in records)
    columns = (
        Column("file", flex=20),
        Column("source"),
        Column("rows", right=True),
        Column("new", right=True),
        Column("known", right=True),
        Column("recorded here too", right=True),
        Column("no LLM call", right=True, drop=1),
        Column("unreadable", right=True),
    )
    rows = tuple(
        (
            row["file"], row["source"], count(row["rows"]), count(row["new"]), count(row["known"]),
            count(row["covered"]), count(row["skipped"]), count(row["bad"] + row["rejected"]),
        )
        for row in records
    )  # fmt: skip
    return (
        Heading(f"{plural(new, 'call')} imported", level=1),
        Table(columns, rows),
        *_bad(done),
        *_unknown([reading for _, reading, _ in done]),
    )


def _bad(done: Sequence[tuple[Path, Reading, Loaded]]) -> tuple[Block, ...]:
    lines: list[Line] = [
        (Name(str(path)), f": {plural(number, 'row')}: {reason}")
        for path, reading, _ in done
        for reason, number in sorted(reading.bad.items())
    ]
    return (Heading("Rows that could not be read"), Prose(tuple(lines), bullets=True)) if lines else ()


def _unknown(readings: Sequence[Reading]) -> tuple[Block, ...]:
    """What these sources cannot tell, each source once."""
    titles = {reading.shape.title: reading.shape.unknown for reading in readings if reading.records}
    found: list[Block] = []
    for title, unknown in titles.items():
        found += [Heading(f"What {title} cannot tell"), Prose(unknown, bullets=True)]
    return tuple(found)
