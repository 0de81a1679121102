"""What the user sets about rules: `[rules.*]` of `otelcost.toml`, the project's over the user's own.

    [rules.OC401]
    horizon_hours = 48        # a parameter, within the rule's bounds

    [rules.OC201]
    enabled = false

    [rules.limits]            # of each rule of one's own
    seconds = 10
    memory_mb = 512

Every mistake is one `UsageError` line with the file, the entry and what to do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

from otelcost.advise.catalogue import Parameter, Rule, Value
from otelcost.errors import UsageError

ENABLED: Final = "enabled"
LIMITS: Final = "limits"


class Limits(NamedTuple):
    """What one rule of one's own may take: seconds on the clock, and megabytes beside the window it reads."""

    seconds: float = 10
    memory_mb: int = 512


_BOUNDS: Final = {"seconds": (0.1, 600), "memory_mb": (64, 8192)}


class Entry(NamedTuple):
    """What one file says of one rule; `where` names both in errors."""

    where: str
    values: Mapping[str, Any]


class Config(NamedTuple):
    """What a file says, its shape checked; the values are checked against the rules by `chosen`."""

    rules: Mapping[str, Entry]
    limits: Mapping[str, int | float]


class Choice(NamedTuple):
    """What the user decided about one rule."""

    enabled: bool = True
    values: Mapping[str, Value] = {}


def read(path: Path) -> Config:
    """One file; nothing when there is no such file.

    Raises:
        UsageError: it cannot be read, or its `rules` have another shape. The other keys are not looked at.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config({}, {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}", "correct that line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "make it a readable UTF-8 file") from error
    rules = _table(document.get("rules", {}), f"{path}: rules")
    limits = _table(rules.pop(LIMITS, {}), f"{path}: rules.{LIMITS}")
    for name, value in limits.items():
        _limit(name, value, f"{path}: rules.{LIMITS}")
    where = {id_: f"{path}: rules.{id_}" for id_ in rules}
    return Config({id_: Entry(where[id_], _table(entry, where[id_])) for id_, entry in rules.items()}, limits)


def limits(configs: Iterable[Config]) -> Limits:
    """The limits in force; a later file overrides an earlier one."""
    found: dict[str, Any] = {}
    for config in configs:
        found |= config.limits
    return Limits(**found)


def choices(configs: Iterable[Config], rules: Mapping[str, Rule], broken: Collection[str] = ()) -> dict[str, Choice]:
    """What was decided about each rule; a later file overrides an earlier one, value by value.

    Args:
        configs: the files, the one that yields first.
        rules: by id, all that were loaded.
        broken: ids that exist but could not be loaded; what is said of them is not judged.

    Raises:
        UsageError: a rule or parameter nobody has, or a value out of its bounds.
    """
    found: dict[str, Choice] = {}
    for config in configs:
        for id_, entry in config.rules.items():
            if id_ in rules:
                found[id_] = _chosen(found.get(id_, Choice()), rules[id_], entry)
            elif id_ not in broken:
                raise UsageError(f"{entry.where}: there is no such rule", _nearest(id_, rules, "otelcost rules list"))
    return found


def _chosen(before: Choice, rule: Rule, entry: Entry) -> Choice:
    values = dict(before.values)
    enabled = before.enabled
    for name, value in entry.values.items():
        if name == ENABLED:
            if not isinstance(value, bool):
                raise UsageError(f"{entry.where}: {ENABLED} is {value!r}", "write true or false")
            enabled = value
        elif name in rule.parameters:
            values[name] = _fitting(name, value, rule.parameters[name], entry.where)
        else:
            known = (ENABLED, *rule.parameters)
            raise UsageError(
                f"{entry.where}: {name} is no parameter", _nearest(name, known, f"otelcost rules show {rule.id}")
            )
    return Choice(enabled, values)


def _fitting(name: str, value: Any, parameter: Parameter, where: str) -> Value:
    """A value of the kind of the default and within the bounds; a whole number will do for a fraction."""
    wanted = type(parameter.default)
    kinds = (int, float) if wanted is float else (wanted,)
    if isinstance(value, bool) or not isinstance(value, kinds):
        words = {int: "a whole number", float: "a number", str: "a text"}[wanted]
        raise UsageError(f"{where}: {name} is {value!r}", f"give {words}, such as {parameter.default!r}")
    if not isinstance(value, str) and not _within(value, parameter.minimum, parameter.maximum):
        raise UsageError(
            f"{where}: {name} is {value}", f"give a number from {parameter.minimum} to {parameter.maximum}"
        )
    return wanted(value)


def _limit(name: str, value: Any, where: str) -> None:
    if name not in _BOUNDS:
        raise UsageError(f"{where}: unknown limit {name!r}", f"known: {', '.join(_BOUNDS)}")
    low, high = _BOUNDS[name]
    whole = isinstance(value, int) or (isinstance(value, float) and name == "seconds")
    if isinstance(value, bool) or not whole or not _within(value, low, high):
        raise UsageError(f"{where}: {name} is {value!r}", f"give a number from {low} to {high}")


def _within(value: float, low: float | None, high: float | None) -> bool:
    """False also for what is not a number."""
    return low is not None and high is not None and low <= value <= high


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where} is {value!r}, not a table", "write it as [rules.OC401] with a line for each value")
    return value


def _nearest(name: str, known: Iterable[str], where: str) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}? see {where}" if near else f"see {where}"
