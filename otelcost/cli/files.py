"""Files that commands write: whole or not at all, and never over a half-written one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from otelcost.cli import terminal
from otelcost.errors import OtelcostError

STDOUT: Final = "-"
"""The file name that stands for standard output."""


def write_text(target: str, text: str) -> None:
    """Write text to a file, or to standard output for `-`.

    Raises:
        OtelcostError: the file cannot be written; what was there before still is.
    """
    if target == STDOUT:
        terminal.data(text)
    else:
        write_bytes(Path(target), text.encode("utf-8", "backslashreplace"))


def write_bytes(target: Path, data: bytes) -> None:
    """Write a file in one step: readers see the old one or the new one.

    Raises:
        OtelcostError: it cannot be written; what was there before still is.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OtelcostError(
            f"{target} cannot be written ({error.strerror})", "check that its folder exists and can be written to"
        ) from error
