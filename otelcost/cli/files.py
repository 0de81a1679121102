"""Files that commands write: whole or not at all, and never over a half-written one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from otelcost.cli import terminal
from otelcost.errors import OtelcostError

STDOUT: Final = "-"
"""The file name that stands for standard output."""


def write_text(target: str, chunks: Iterable[str]) -> None:
    """Write text, as it comes, to a file, or to standard output for `-`.

    Raises:
        OtelcostError: the file cannot be written; what was there before still is.
    """
    if target == STDOUT:
        for chunk in chunks:
            terminal.data(chunk)
        return
    with replacing(Path(target)) as part, part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(chunks)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a new file to write, which takes the target's place in one step: readers see the old one or the new one.

    Raises:
        OtelcostError: it cannot be written; what was there before still is.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    except OSError as error:
        raise OtelcostError(
            f"{target} cannot be written ({error.strerror})", "check that its folder exists and can be written to"
        ) from error
    finally:
        part.unlink(missing_ok=True)
