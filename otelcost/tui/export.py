"""`x`: what a table lists, as a CSV file in the working directory. Money in pico-dollars, moments in naive UTC."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from otelcost import display


def write(rows: Iterable[msgspec.Struct], name: str, now: datetime, folder: Path) -> tuple[Path, int]:
    """Write rows of one kind, all fields of each. Returns the file and how many rows it has.

    An existing file is never touched, and one that cannot be finished is not left behind.

    Args:
        rows: as they come.
        name: what they are, part of the file's name.
        now: naive UTC, the other part.
        folder: where to.

    Raises OSError where it cannot be written.
    """
    path = folder / f"otelcost-{name}-{now:%Y%m%d-%H%M%S}.csv"
    with path.open("x", encoding="utf-8", newline="") as file:
        try:
            return path, _write(csv.writer(file, lineterminator="\n"), rows)
        except BaseException:
            with suppress(OSError):
                path.unlink()
            raise


def _write(writer: Any, rows: Iterable[msgspec.Struct]) -> int:
    written = 0
    for row in rows:
        if not written:
            writer.writerow(row.__struct_fields__)
        writer.writerow([_cell(getattr(row, field)) for field in row.__struct_fields__])
        written += 1
    return written


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return display.spreadsheet(value)
    if isinstance(value, tuple):
        return display.spreadsheet(msgspec.json.encode(value).decode()) if value else ""
    return value.isoformat() if isinstance(value, datetime) else value
