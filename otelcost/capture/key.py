"""The local key of the keyed hashes: made once, mode 0600, the same for every process that starts at once."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


def load_or_create(path: Path) -> bytes:
    """The key at `path`, created if there is none.

    The new key is written in full under another name and then linked: linking fails where another process
    was first, so that nobody ever reads half a key or a key that is replaced later.

    Raises:
        OSError: the key can be neither read nor written.
    """
    for _ in range(3):
        key = _read(path)
        if key is not None:
            return key
        _create(path)
    raise OSError(f"the key at {path} is not {KEY_BYTES} bytes")


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == KEY_BYTES else None


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        return  # damaged: whoever it belongs to must decide, the hashes of the past depend on it
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
