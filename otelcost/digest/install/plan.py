"""What an installation would do, as data: it can be shown, done and undone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

EVERY_MINUTES: Final = 15
"""How often timers look. A digest is late by as much at most."""

Commands = tuple[tuple[tuple[str, ...], str | None], ...]
"""Commands, each with what it gets on standard input."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The command to run, its variables, the project's folder, and the image for clusters."""

    command: tuple[str, ...]
    variables: dict[str, str]
    folder: Path
    image: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Files to write and commands to run after that; what undoes them.

    `hint` says what to do where a command cannot be run, `note` what is left for the user.
    """

    files: dict[Path, str]
    enable: Commands = ()
    disable: Commands = ()
    after_removal: Commands = ()
    hint: str = ""
    note: str = ""
