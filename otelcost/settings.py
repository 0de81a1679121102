"""Where things live and what the user set. Reads the environment only; imports nothing heavy.

`OTELCOST_HOME` moves everything otelcost writes. Without it the place is the platform's user data folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

HOME_VARIABLE = "OTELCOST_HOME"


def home() -> Path:
    """The folder that holds everything otelcost writes. It may not exist yet."""
    return _home(os.environ.get(HOME_VARIABLE, ""), os.environ.get("HOME", ""), os.environ.get("XDG_DATA_HOME", ""))


@cache
def _home(configured: str, *_others: str) -> Path:
    """Found once: a program that goes to another directory must not split its records."""
    path = _expanded(configured) if configured else _platform_home()
    if not configured and not path.is_absolute():  # a user that the system does not know, without HOME
        path = private_temporary()
    with suppress(OSError):  # the working directory is gone
        path = path.absolute()
    return path


def _expanded(configured: str) -> Path:
    try:
        return Path(configured).expanduser()
    except RuntimeError:
        return private_temporary()


def _platform_home() -> Path:
    import platformdirs  # noqa: PLC0415  (3 ms that a process with OTELCOST_HOME need not pay)

    try:
        return Path(platformdirs.user_data_dir("otelcost", appauthor=False))
    except (RuntimeError, KeyError):
        return private_temporary()


def private_temporary() -> Path:
    """This user's own folder for temporary files, where there is no better place. It may not exist yet."""
    import tempfile  # noqa: PLC0415  (seldom needed)

    path = Path(tempfile.gettempdir()) / f"otelcost-{os.getuid()}"
    with suppress(OSError):
        if path.lstat().st_uid != os.getuid():
            return Path(os.devnull) / "otelcost"  # somebody else's, under our name: nowhere then
    return path


def spool_dir() -> Path:
    """Where applications append their records."""
    return home() / "spool"


def quarantine_dir() -> Path:
    """Where lines that could not be loaded are kept."""
    return home() / "quarantine"


def store_path() -> Path:
    """The DuckDB file."""
    return home() / "store.duckdb"


def key_path() -> Path:
    """The local key of the keyed hashes, mode 0600."""
    return home() / "key"


def price_override_path() -> Path:
    """The user's own prices (TOML)."""
    return home() / "prices.toml"


def rules_dir() -> Path:
    """The user's own rules."""
    return home() / "rules"


PROJECT_FOLDER = ".otelcost"
"""The folder of a project that holds its `rules/`."""


def project_dir() -> Path | None:
    """The nearest `.otelcost` in the working directory or above it; None without one.

    Somebody else's folder, such as one planted in a shared `/tmp`, does not count, but for root.
    """
    try:
        here = Path.cwd()
        for folder in (here, *here.parents):
            found = folder / PROJECT_FOLDER
            if found.is_dir():
                return found if os.getuid() in {0, found.stat().st_uid} else None
    except OSError:  # the working directory is gone, or may not be looked at
        return None
    return None


DEMO_MARKER = "otelcost-demo.json"
"""The file that marks a home as the demo's own."""


def is_demo_home() -> bool:
    """Whether everything here was recorded by `otelcost demo`, against its loopback provider."""
    return (home() / DEMO_MARKER).is_file()


def vocabulary_wanted() -> bool:
    """Whether missing token counts are to be made with a vocabulary and not by length: `OTELCOST_ESTIMATE`."""
    return os.environ.get("OTELCOST_ESTIMATE", "").strip().lower() == "tiktoken"


def trusted_hosts() -> frozenset[str]:
    """Hosts (`name` or `name:port`) that forward to the wire format's own provider: `OTELCOST_TRUSTED_HOSTS`."""
    raw = os.environ.get("OTELCOST_TRUSTED_HOSTS", "")
    return frozenset(part.strip().lower() for part in raw.split(",") if part.strip())
