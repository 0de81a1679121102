"""`x`: what a table shows, as a CSV file in the working directory. Money in pico-dollars, moments in naive UTC."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from otelcost import display


def write(rows: Sequence[msgspec.Struct], name: str, now: datetime, folder: Path) -> Path:
    """Write rows of one kind, all fields of each, and return the file; an existing one is never touched.

    Args:
        rows: at least one.
        name: what they are, part of the file's name.
        now: naive UTC, the other part.
        folder: where to.

    Raises OSError where it cannot be written.
    """
    path = folder / f"otelcost-{name}-{now:%Y%m%d-%H%M%S}.csv"
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0].__struct_fields__)
        for row in rows:
            writer.writerow([_cell(getattr(row, field)) for field in row.__struct_fields__])
    return path


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return display.spreadsheet(value)
    if isinstance(value, tuple):
        return display.spreadsheet(msgspec.json.encode(value).decode()) if value else ""
    return value.isoformat() if isinstance(value, datetime) else value
