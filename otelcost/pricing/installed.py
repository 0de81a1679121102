"""The price data in use instead of the library's own: a file in the otelcost home, put there on request only.

`prices/current.json` says which file it is, where it came from and its SHA-256. Both are written whole and then
moved into place, so a killed process leaves the old ones or the new ones. A file that is not what was installed
counts as absent: the library's own data is used then, and `otelcost prices check` says so.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from otelcost import settings


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the installed data. `newest` is the day its prices are known to be good for."""

    sha256: str
    source: str
    installed_at: datetime
    newest: date
    models: int


def folder() -> Path:
    """Where it is kept. It may not exist."""
    return settings.home() / "prices"


def current() -> Installed | None:
    """What is installed, None where nothing is or it was damaged."""
    found = _read()
    return found if found is not None and _intact(found) else None


def is_damaged() -> bool:
    """Whether something was installed that cannot be used any more."""
    return (folder() / "current.json").exists() and current() is None


def data(installed: Installed) -> bytes:
    """The installed data itself."""
    return _path(installed).read_bytes()


def install(content: bytes, installed: Installed) -> None:
    """Put data in place, and what it is after it; then remove what was there before."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(_path(installed), content)
    _write(folder() / "current.json", msgspec.json.encode(installed))
    for old in folder().glob("data-*.json"):
        if old != _path(installed):
            old.unlink(missing_ok=True)


def remove() -> bool:
    """Go back to the library's own data. False where nothing was installed."""
    there = (folder() / "current.json").exists()
    (folder() / "current.json").unlink(missing_ok=True)
    for old in folder().glob("data-*.json"):
        old.unlink(missing_ok=True)
    return there


def _read() -> Installed | None:
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((folder() / "current.json").read_bytes(), type=Installed)
    return None


def _intact(installed: Installed) -> bool:
    path = _path(installed)
    with suppress(OSError):
        there = path.stat()
        return _digest(path, there.st_mtime_ns, there.st_size) == installed.sha256
    return False


@lru_cache(maxsize=4)
def _digest(path: Path, *_state: int) -> str:
    """The digest of a file, read once as long as it stays as it is."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _path(installed: Installed) -> Path:
    return folder() / f"data-{installed.sha256[:16]}.json"


def _write(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
