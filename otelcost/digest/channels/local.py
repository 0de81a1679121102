"""A file, and standard output."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from otelcost.digest.channels.base import Outcome, failed

if TYPE_CHECKING:
    from otelcost.digest.message import Message
    from otelcost.digest.settings import FileFormat


class InFile(msgspec.Struct, frozen=True, kw_only=True):
    """Writes whole files only: a reader sees the old one or the new one."""

    path: Path
    format: FileFormat

    def send(self, message: Message, leaving: Callable[[], None]) -> Outcome:
        """Write it; again over the same file does no harm, so nothing is ever unknown."""
        del leaving
        path = Path(str(self.path).replace("{digest}", message.digest).replace("{date}", f"{message.moment:%Y-%m-%d}"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, message.in_format(self.format))
        except OSError as error:
            return failed(f"{path}: {error.strerror or error}", again=True)
        return Outcome("sent", str(path))


class OnStdout(msgspec.Struct, frozen=True, kw_only=True):
    """Prints it."""

    format: FileFormat

    def send(self, message: Message, leaving: Callable[[], None]) -> Outcome:
        """Print it whole."""
        body = message.in_format(self.format)
        leaving()
        try:
            sys.stdout.buffer.write(body)
            sys.stdout.buffer.flush()
        except OSError as error:
            return failed(f"standard output: {error.strerror or error}")
        return Outcome("sent")


def _replace(path: Path, body: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        Path(name).chmod(0o644 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    current = os.umask(0o077)
    os.umask(current)
    return current
