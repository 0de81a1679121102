"""What the user set in `otelcost.toml`: the project's file over the user's own, and `OTELCOST_*` over both.

    timezone = "Europe/Berlin"    # where days, weeks and months of budgets begin; UTC without it

    [[budget]]                    # or one [budget]
    name = "support"
    amount = 250                  # US dollars
    period = "month"              # day, week (from Monday) or month
    task = "support-*"            # globs over task, model, provider and feature; all that are given must match
    label = "customer=acme"

    [check]                       # the gates of `otelcost check`, as its options
    max_growth = 20

    [rules.OC101]                 # read by whoever owns the rules
    [digest.weekly]               # read by otelcost.digest.settings, and so is [smtp]

The project's file is the nearest `otelcost.toml` in the working directory or above it, up to the repository's
root, or the one that `OTELCOST_CONFIG` names. The user's own lies in `OTELCOST_HOME`, beside `prices.toml`. A
budget of the project replaces the user's of the same name; every other key is taken from the first that has it.
A key nobody knows is an error that names it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from otelcost import settings
from otelcost.errors import UsageError

FILE_NAME: Final = "otelcost.toml"
FILE_VARIABLE: Final = "OTELCOST_CONFIG"
DEFAULT: Final = "default"
"""The origin of a setting that nobody set."""

_PICOUSD: Final = 10**12
_MOST_USD: Final = 10**9
_UNKNOWN_FIELD: Final = re.compile(r"unknown field `(?P<name>[^`]*)`(?: - at `\$\.?(?P<where>[^`]*)`)?")


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount that some calls may cost in a period. Patterns are globs; those that are given must all match."""

    amount: Decimal  # US dollars
    name: str = "budget"
    period: Literal["day", "week", "month"] = "month"
    task: str | None = None
    model: str | None = None
    provider: str | None = None
    feature: str | None = None
    label: str | None = None  # key=value

    @property
    def amount_picousd(self) -> int:
        """The amount in pico-dollars."""
        return int(self.amount * _PICOUSD)


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gates of `otelcost check`, by the names of its options. Percents and dollars; None is no gate."""

    max_spend: Decimal | None = None
    max_growth: Decimal | None = None
    max_unpriced: Decimal | None = None
    max_anomaly: Decimal | None = None
    max_risk: Decimal | None = None
    max_age: str | None = None
    window: str | None = None
    baseline: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file."""

    timezone: str = "UTC"
    budget: tuple[Budget, ...] = ()
    check: Check = Check()
    rules: dict[str, Any] = {}
    digest: dict[str, Any] = {}
    smtp: dict[str, Any] = {}


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What holds, and where each key of it was set: a file, a variable, or nowhere."""

    settings: Settings
    origins: dict[str, str]

    @property
    def zone(self) -> tzinfo:
        """The user's time zone."""
        return zone_of(self.settings.timezone, self.origins.get("timezone", DEFAULT))

    def origin(self, key: str) -> str:
        """Where a key such as `check.max_spend` was set."""
        return self.origins.get(key, DEFAULT)

    def beside(self, key: str, path: str) -> Path:
        """A path that a key names: relative ones start at the file that says so."""
        origin = Path(self.origin(key))
        return (origin.parent / path) if origin.is_absolute() else Path(path)


def load(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """What holds in a folder; None means the working directory.

    Raises:
        UsageError: a file is not TOML, or a key or value of it, or of a variable, cannot be used.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for path in files(folder, environ):
        document = _read(path)
        _settings(document, str(path))
        _merge(merged, document, str(path), origins)
    for key, variable in _variables():
        if environ.get(variable):
            _put(merged, key, environ[variable])
            _settings(merged, variable, strict=False)
            origins[key] = variable
    return Config(settings=_settings(merged, "the settings", strict=False), origins=origins)


def files(folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that count, the user's own first.

    Raises:
        UsageError: `OTELCOST_CONFIG` names a file that is not there.
    """
    own = settings.home() / FILE_NAME
    project = _project_file(Path.cwd() if folder is None else folder, environ.get(FILE_VARIABLE, ""))
    found = [own] if own.is_file() else []
    return found if project is None or project == own else [*found, project]


def known_keys() -> list[str]:
    """Every key with one value, in the order they are shown."""
    return ["timezone", *(f"check.{name}" for name in Check.__struct_fields__)]


def variable_of(key: str) -> str:
    """The variable that sets a key: `OTELCOST_CHECK_MAX_SPEND` for `check.max_spend`."""
    return f"OTELCOST_{key.replace('.', '_').upper()}"


def _variables() -> Iterator[tuple[str, str]]:
    return ((key, variable_of(key)) for key in known_keys())


def _project_file(folder: Path, named: str) -> Path | None:
    if named:
        path = Path(named).expanduser().absolute()
        if not path.is_file():
            raise UsageError(f"{FILE_VARIABLE} names {path}, which is not there", "correct it or unset it")
        return path
    for place in (folder.absolute(), *folder.absolute().parents):
        if (place / FILE_NAME).is_file():
            return place / FILE_NAME
        if (place / ".git").exists():
            return None
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}", "correct that line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "make it a readable UTF-8 file") from error
    if isinstance(document.get("budget"), dict):
        document["budget"] = [document["budget"]]
    return document


def _settings(document: dict[str, Any], where: str, *, strict: bool = True) -> Settings:
    try:
        found = msgspec.convert(document, Settings, strict=strict)
    except msgspec.ValidationError as error:
        raise _explained(str(error), where) from error
    zone_of(found.timezone, where)
    _bounded({f"check.{name}": getattr(found.check, name) for name in Check.__struct_fields__}, where)
    names = [budget.name for budget in found.budget]
    for budget in found.budget:
        _bounded({f"budget {budget.name!r}, amount": budget.amount}, where)
        if names.count(budget.name) > 1:
            raise UsageError(f"{where}: two budgets are called {budget.name!r}", "give each a name of its own")
        if budget.label is not None and not all(budget.label.partition("=")):
            raise UsageError(f"{where}: budget {budget.name!r}, label: {budget.label!r}", "write it as key=value")
    return found


def _bounded(values: Mapping[str, object], where: str) -> None:
    for key, value in values.items():
        if isinstance(value, Decimal) and not (value.is_finite() and 0 <= value <= _MOST_USD):
            raise UsageError(f"{where}: {key}: {value} cannot be used", f"write a number from 0 to {_MOST_USD:,}")


def _explained(message: str, where: str) -> UsageError:
    """A validation's message as one line that names the key, with the nearest one that exists."""
    unknown = _UNKNOWN_FIELD.search(message)
    if unknown is None:
        text = message.replace("`$.", "`").replace(" - at ", ", at ")
        return UsageError(f"{where}: {text}", "see docs/reference/configuration.md")
    place = unknown["where"] or ""
    struct = Budget if place.startswith("budget") else Check if place.startswith("check") else Settings
    near = get_close_matches(unknown["name"], struct.__struct_fields__, n=1)
    hint = f"did you mean {near[0]!r}" if near else f"known here: {', '.join(struct.__struct_fields__)}"
    key = ".".join(part for part in (place, unknown["name"]) if part)
    return UsageError(f"{where}: unknown key {key!r}", hint)


def zone_of(name: str, where: str) -> tzinfo:
    """A time zone by its name; UTC needs no time zone data, which small images lack.

    Raises:
        UsageError: no time zone is called so; `where` says who names it.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"{where}: no time zone is called {name!r}",
            "write a name such as Europe/Berlin; where the system has no time zones, install the package tzdata",
        ) from error


def _merge(into: dict[str, Any], document: dict[str, Any], origin: str, origins: dict[str, str], key: str = "") -> None:
    for name, value in document.items():
        path = f"{key}.{name}" if key else name
        if path == "budget":
            _merge_budgets(into, value, origin, origins)
        elif isinstance(value, dict):
            below = into.get(name)
            into[name] = below if isinstance(below, dict) else {}
            _merge(into[name], value, origin, origins, path)
        else:
            into[name] = value
            origins[path] = origin


def _merge_budgets(into: dict[str, Any], budgets: list[dict[str, Any]], origin: str, origins: dict[str, str]) -> None:
    named = {entry.get("name", "budget"): entry for entry in into.get("budget", [])}
    named |= {entry.get("name", "budget"): entry for entry in budgets}
    into["budget"] = list(named.values())
    origins |= {f"budget.{entry.get('name', 'budget')}": origin for entry in budgets}


def _put(document: dict[str, Any], key: str, value: str) -> None:
    *tables, name = key.split(".")
    for table in tables:
        document = document.setdefault(table, {})
    document[name] = value
