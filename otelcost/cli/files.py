"""Files that commands write: whole or not at all, never over a half-written one; devices and pipes as they are."""

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

    Of a link, what it leads to is replaced. A device or a pipe cannot be: it is given itself.

    Raises:
        OtelcostError: it cannot be written; what was there before still is.
    """
    file = Path(os.path.realpath(target))
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        if target.exists() and not target.is_file():
            yield target
        else:
            yield part
            part.replace(file)
    except OSError as error:
        raise OtelcostError(
            f"{target} cannot be written ({error.strerror})",
            "check that its folder exists, can be written to and has space",
        ) from error
    finally:
        part.unlink(missing_ok=True)
