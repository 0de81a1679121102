"""One document, four formats. The only place where a command's answer becomes text.

A command fills a `Document`: blocks for people (`table`, `md`), an envelope for programs (`json`) and flat
records (`csv`), which are escaped here: a task called `=cmd()` is shown and never obeyed.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from otelcost.display import spreadsheet
from otelcost.document import (
    Block,
    Column,
    Heading,
    Line,
    Name,
    Prose,
    Table,
    markdown_line,
    plain_line,
    to_markdown,
    to_plain,
    width,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FORMATS",
    "SCHEMA_VERSION",
    "Block",
    "Column",
    "Document",
    "Format",
    "Heading",
    "Line",
    "Name",
    "Prose",
    "Table",
    "markdown_line",
    "plain_line",
    "render",
    "to_csv",
    "to_json",
    "to_markdown",
    "to_plain",
    "width",
]

SCHEMA_VERSION = 1
"""Version of every JSON envelope. Fields are only ever added under one version."""

Format = Literal["table", "json", "csv", "md"]
FORMATS: tuple[str, ...] = get_args(Format)


@dataclass(frozen=True)
class Document:
    """A command's whole answer. Money is integer pico-dollars in `envelope` and `records`."""

    envelope: Mapping[str, Any]
    blocks: tuple[Block, ...]
    fields: tuple[str, ...]
    records: tuple[Mapping[str, Any], ...] = field(default=())


def render(document: Document, format_: str, *, terminal: bool = False) -> str:
    """The document as text that ends in a newline; `terminal` allows colour and boxes."""
    if format_ == "json":
        return to_json({"schema_version": SCHEMA_VERSION, **document.envelope})
    if format_ == "csv":
        return to_csv(document.fields, document.records)
    if format_ == "md":
        return to_markdown(document.blocks)
    if terminal:
        from otelcost.cli.colour import to_terminal  # noqa: PLC0415  (rich takes 60 ms that pipes need not pay)

        return to_terminal(document.blocks)
    return to_plain(document.blocks)


def to_json(envelope: Mapping[str, Any]) -> str:
    """Plain ASCII JSON: terminal escapes in names stay `\\u` codes."""
    return json.dumps(envelope, indent=2, allow_nan=False) + "\n"


def to_csv(fields: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    """RFC 4180 lines; unknown is an empty cell; text cannot be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([_cell(record.get(name)) for name in fields] for record in records)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return spreadsheet(" ".join(str(item) for item in value))
    if isinstance(value, dict):
        return spreadsheet(json.dumps(value, sort_keys=True))
    return spreadsheet(str(value))
