"""`otelcost prices update`: newer price data, from a file or an address, checked before it replaces anything.

The only code of otelcost that opens a connection to fetch something, and only when that command is run.
"""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from otelcost.errors import PriceError
from otelcost.pricing import installed, snapshot
from otelcost.pricing.installed import Installed

LATEST: Final = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
"""Where the price library itself publishes its newest data."""

_MOST_BYTES: Final = 64 << 20
_TIMEOUT_S: Final = 30
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_HELP: Final = "give the price library's data.json: a file, or an https address"
_KEPT: Final = "nothing was changed"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What an update did, counted over the price keys of all models and variants."""

    installed: Installed
    added: int
    removed: int
    changed: int


def update(source: str, now: datetime) -> Update:
    """Install price data.

    Args:
        source: a path, or an https address (http only of this machine).
        now: naive UTC.

    Raises:
        PriceError: it cannot be read, is no price data, or lacks much of what is known; nothing was changed.
    """
    remote = "://" in source
    content = _fetch(source) if remote else _load(Path(source).expanduser())
    providers = _providers(content, source)
    fresh = snapshot.table("new", providers)
    known = snapshot.table("old")
    _complete(set(fresh), set(known), source)
    one = Installed(
        sha256=hashlib.sha256(content).hexdigest(),
        source=_without_secrets(source) if remote else str(Path(source).expanduser().absolute()),
        installed_at=now,
        newest=now.date() if remote else _newest(content, now.date()),
        models=sum(len(provider.models) for provider in providers.values()),
    )
    try:
        installed.install(content, one)
    except OSError as error:
        raise PriceError(f"{installed.folder()} cannot be written ({error.strerror})", _KEPT) from error
    both = fresh.keys() & known.keys()
    return Update(
        installed=one,
        added=len(fresh.keys() - known.keys()),
        removed=len(known.keys() - fresh.keys()),
        changed=sum(_rates(fresh[key]) != _rates(known[key]) for key in both),
    )


def _rates(rows: list[Any]) -> list[Any]:
    return [msgspec.structs.replace(row, source="") for row in rows]


def _load(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise PriceError(f"{path} cannot be read ({error.strerror})", _HELP) from error
    return _bounded(content, str(path))


def _fetch(address: str) -> bytes:
    _check_address(address, address)
    shown = _without_secrets(address)
    request = urllib.request.Request(address, headers={"user-agent": "otelcost"})  # noqa: S310  (checked above)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310  (checked above)
            _check_address(response.url, address)
            content: bytes = response.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise PriceError(f"{shown} cannot be fetched ({reason})", _KEPT) from error
    return _bounded(content, shown)


def _check_address(address: str, asked: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise PriceError(f"{_without_secrets(asked)} is not an https address", _HELP)


def _without_secrets(address: str) -> str:
    """An address without its user, password, query and fragment."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _bounded(content: bytes, where: str) -> bytes:
    if len(content) > _MOST_BYTES:
        raise PriceError(f"{where} is larger than {_MOST_BYTES >> 20} MB", _HELP)
    return content


def _providers(content: bytes, where: str) -> dict[str, Any]:
    try:
        return snapshot.parse(content)
    except (ValueError, TypeError, RecursionError) as error:
        reason = (str(error).splitlines() or ["not the expected form"])[0]
        raise PriceError(f"{_shown(where)} is no price data ({reason})", f"{_KEPT}; {_HELP}") from error


def _shown(where: str) -> str:
    return _without_secrets(where) if "://" in where else where


def _complete(fresh: set[str], known: set[str], where: str) -> None:
    """Data that lost half of what is known is a part of a file, or another one."""
    if len(fresh & known) * 2 < len(known):
        missing = len(known - fresh)
        raise PriceError(f"{_shown(where)} lacks {missing} of {len(known)} known prices", f"{_KEPT}; is it whole?")


def _newest(content: bytes, today: date) -> date:
    return snapshot.newest_in(json.dumps(json.loads(content)), today)
