"""Secrets: fetched when they are needed, kept in memory only, and blotted out of every text that is shown or kept."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from otelcost.config import Config
from otelcost.digest.settings import Secret, Source
from otelcost.errors import UsageError

BLOT: Final = "***"
_COMMAND_TIMEOUT_S: Final = 30
_SHORTEST: Final = 3
"""A secret of fewer characters is no secret, and blotting it out would leave nothing to read."""


class Vault:
    """The secrets of one run."""

    def __init__(self, config: Config, environ: Mapping[str, str] = os.environ) -> None:
        self._config = config
        self._environ = environ
        self._known: set[str] = set()

    def reveal(self, secret: Secret, key: str) -> str:
        """A secret's text; from here on it is blotted out.

        Args:
            secret: what the configuration says.
            key: where it says so, for messages and for the file's permissions.

        Raises:
            UsageError: it is not where the configuration says, or the file may be read by others.
        """
        text = self._plain(secret, key) if isinstance(secret, str) else self._fetched(secret, key)
        if not text:
            raise UsageError(f"{key}: the secret is empty", "set it where the configuration says it is")
        self._remember(text)
        return text

    def redacted(self, text: str) -> str:
        """A text without any secret that was revealed, also as URLs and mail logins carry them."""
        for known in sorted(self._known, key=len, reverse=True):
            text = text.replace(known, BLOT)
        return text

    def _remember(self, text: str) -> None:
        parts = {text, quote(text, safe=""), base64.b64encode(text.encode()).decode()}
        address = urlsplit(text) if "://" in text else None
        if address is not None:
            parts |= {address.path.strip("/"), address.query, address.netloc.rpartition("@")[0]}
        self._known |= {part for part in parts if len(part) >= _SHORTEST}

    def _plain(self, text: str, key: str) -> str:
        origin = Path(self._config.origin(key))
        if origin.is_file() and origin.stat().st_mode & 0o077:
            raise UsageError(
                f"{key}: {origin} holds a secret and can be read by others",
                f"chmod 600 {origin}, or take it from {{env = ...}}, {{file = ...}} or {{command = ...}}",
            )
        return text

    def _fetched(self, source: Source, key: str) -> str:
        given = [name for name in ("env", "file", "command") if getattr(source, name)]
        if len(given) != 1:
            raise UsageError(f"{key}: a secret has one place", "give one of env, file and command")
        if source.env:
            return self._variable(source.env, key)
        if source.file:
            return self._file(self._config.beside(f"{key}.file", source.file), key)
        return _printed(source.command or (), key)

    def _variable(self, name: str, key: str) -> str:
        if name not in self._environ:
            raise UsageError(f"{key}: the variable {name} is not set", "set it for the job that sends digests")
        return self._environ[name].strip()

    def _file(self, path: Path, key: str) -> str:
        try:
            return path.expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{key}: {path} cannot be read", "make it a readable text file") from error


def _printed(command: tuple[str, ...], key: str) -> str:
    """What a command prints. No shell is between, and what it says on standard error is shown to nobody."""
    try:
        done = subprocess.run(  # noqa: S603  (the user's own configuration names it)
            command, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"{key}: {command[0]} gave no secret ({type(error).__name__})", "try it by hand") from error
    return done.stdout.strip()
