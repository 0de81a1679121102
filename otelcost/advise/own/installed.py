"""All rules there are for this user in this project, with what was set about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import msgspec

from otelcost import settings
from otelcost.advise.catalogue import Rule, Source, load_all, rule_folders
from otelcost.advise.own import config
from otelcost.advise.own.config import Choice, Limits
from otelcost.config import files
from otelcost.errors import RuleError


class Known(NamedTuple):
    """A rule as it was written, and what the user decided about it."""

    rule: Rule
    choice: Choice

    @property
    def in_force(self) -> Rule:
        """The rule with the user's values for its parameters."""
        parameters = {
            name: msgspec.structs.replace(parameter, default=self.choice.values.get(name, parameter.default))
            for name, parameter in self.rule.parameters.items()
        }
        return msgspec.structs.replace(self.rule, parameters=parameters)


class Installed(NamedTuple):
    """The catalogue: built-in rules, the project's and the user's."""

    known: tuple[Known, ...]
    errors: tuple[RuleError, ...]
    limits: Limits

    @property
    def active(self) -> tuple[Rule, ...]:
        """Those that run, in the order of their ids."""
        return tuple(one.in_force for one in self.known if one.choice.enabled)


def installed() -> Installed:
    """Load every rule, and what every `otelcost.toml` says of them.

    Raises:
        UsageError: an `otelcost.toml` has a mistake in `rules`. A malformed rule is one of `errors` instead.
    """
    rules, errors = load_all(_roots())
    broken = {found[1] for error in errors if (found := re.match(r"rule ((?:OC|X)\d{3})_", error.what))}
    configs = [config.read(path) for path in files()]
    chosen = config.choices(configs, {rule.id: rule for rule in rules}, broken)
    known = tuple(Known(rule, chosen.get(rule.id, Choice())) for rule in rules)
    return Installed(known, errors, config.limits(configs))


def folders() -> dict[str, tuple[Source, Traversable]]:
    """Every rule's folder by the id in its name, whether it can be loaded or not; of two the first."""
    found: dict[str, tuple[Source, Traversable]] = {}
    for source, root in _roots():
        for folder in rule_folders(root, source):
            found.setdefault(folder.name.partition("_")[0], (source, folder))
    return found


def _roots() -> list[tuple[Source, Traversable]]:
    return [("built-in", resources.files("otelcost_rules")), *own_roots()]


def own_roots() -> Iterator[tuple[Source, Path]]:
    """The folders of rules of one's own that exist, the project's first."""
    project = settings.project_dir()
    if project is not None and (project / "rules").is_dir():
        yield "project", project / "rules"
    if settings.rules_dir().is_dir():
        yield "user", settings.rules_dir()
