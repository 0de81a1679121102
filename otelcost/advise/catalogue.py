"""The rules: folders of data, loaded and checked before anything runs.

`<family>/OCnnn_name/` (`Xnnn_name`, if it is the user's own) holds `rule.toml` (what it is), `rule.sql` or
`check.py` (what it selects), `doc.md` (why) and `cases.toml` (proof). A folder that breaks this form is an error
with a name, never a silent gap.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, Literal

import msgspec

from otelcost.advise.coverage import COLUMNS as CHECKED_COLUMNS
from otelcost.advise.report import Class
from otelcost.errors import RuleError

HEADINGS: Final = ("What it does", "Why it costs", "When it is wrong", "Example", "Fix")
"""The sections of every `doc.md`, in order."""

Source = Literal["built-in", "project", "user"]
"""Where a rule comes from. Only built-in ones are trusted to run inside this process."""

PREFIXES: Final[dict[Source, str]] = {"built-in": "OC", "project": "X", "user": "X"}
"""What the ids of each source begin with: a rule of one's own can never pass for a built-in one."""

_FOLDER: Final = re.compile(r"^(OC|X)\d{3}_[a-z0-9_]+$")
_Text = Annotated[str, msgspec.Meta(min_length=1)]
Value = int | float | str
"""What a parameter can be."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A threshold of a rule: its default, its bounds where it is a number, and what it means."""

    default: Value
    description: _Text
    minimum: int | float | None = None
    maximum: int | float | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`rule.toml`, with the texts that stand beside it.

    `title` and `change` are templates over the finding's evidence, transform, task and model. A rule of class
    `information` names no change: what it finds has no dollars.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^(OC|X)\d{3}$")]
    version: Annotated[int, msgspec.Meta(ge=1)]
    title: _Text
    family: Annotated[str, msgspec.Meta(pattern=r"^[a-z]+$")]
    class_: Class | Literal["information"] = msgspec.field(name="class")
    risk: Literal["none", "low", "medium", "high"]
    effort: Literal["low", "medium", "high"]
    reversibility: _Text
    requires: tuple[_Text, ...]
    columns: tuple[_Text, ...] = ()  # without these a task is not judged, and the engine says so
    false_positives: tuple[_Text, ...]
    change: _Text
    parameters: dict[str, Parameter] = {}
    sql: str | None = None
    check: str | None = None  # the source of `check.py`: a function `check(connection, parameters)` of rows
    folder: str = ""
    source: Source = "built-in"

    def defaults(self) -> dict[str, Value]:
        """The parameters as they are when the user sets nothing."""
        return {name: parameter.default for name, parameter in self.parameters.items()}


def load(root: Traversable | None = None) -> tuple[tuple[Rule, ...], tuple[RuleError, ...]]:
    """All built-in rules (under `root`) in the order of their ids, and an error for each malformed folder."""
    return load_all([("built-in", resources.files("otelcost_rules") if root is None else root)])


def load_all(roots: Iterable[tuple[Source, Traversable]]) -> tuple[tuple[Rule, ...], tuple[RuleError, ...]]:
    """All rules of several places in the order of their ids, and an error for each malformed folder.

    Of two rules with one id the first is kept and the other is an error.
    """
    rules: dict[str, Rule] = {}
    errors: list[RuleError] = []
    for source, root in roots:
        for folder in rule_folders(root, source):
            try:
                rule = read_rule(folder, source)
            except RuleError as error:
                errors.append(error)
                continue
            if rule.id in rules:
                taken = f"rule {rule.folder}: the id {rule.id} is taken by {rules[rule.id].folder}"
                errors.append(RuleError(taken, "give it a free id"))
            else:
                rules[rule.id] = rule
    return tuple(rules[key] for key in sorted(rules)), tuple(errors)


def rule_folders(root: Traversable, source: Source = "built-in") -> Iterator[Traversable]:
    """Every `<family>/OCnnn_name` below `root`, in alphabetical order; of one's own, whatever its name."""
    families = (entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))
    for family in sorted(families, key=lambda entry: entry.name):
        for folder in sorted(family.iterdir(), key=lambda entry: entry.name):
            own = source != "built-in" and not folder.name.startswith((".", "__"))
            if folder.is_dir() and (own or _FOLDER.match(folder.name)):
                yield folder


def read_rule(folder: Traversable, source: Source = "built-in") -> Rule:
    """Load and check one folder. Raises RuleError that names the folder and what is wrong with it."""
    where = f"rule {folder.name}"
    data = _toml(folder, where)
    for name, key in (("rule.sql", "sql"), ("check.py", "check")):
        data[key] = _text(folder.joinpath(name), f"{where}: {name}")
    try:
        rule = msgspec.convert(data | {"folder": folder.name, "source": source}, Rule)
    except msgspec.ValidationError as error:
        raise RuleError(f"{where}: rule.toml: {error}", "see the fields of the other rules") from error
    _check_form(rule, where)
    _check_source(rule, where)
    return rule


def _text(file: Traversable, where: str) -> str | None:
    if not file.is_file():
        return None
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{where} cannot be read ({error})", "make it a readable UTF-8 file") from error


def _check_source(rule: Rule, where: str) -> None:
    prefix = PREFIXES[rule.source]
    if not re.fullmatch(prefix + r"\d{3}", rule.id):
        raise RuleError(f"{where}: the id {rule.id} is not {prefix}nnn", f"{rule.source} rules are {prefix}001 and up")
    if not _FOLDER.match(rule.folder):
        raise RuleError(f"{where}: the folder's name is not {prefix}nnn_name", "use small letters, digits and _")
    if rule.source != "built-in" and rule.check is not None:
        raise RuleError(f"{where}: check.py is code and is not run", "say it in rule.sql")


def _toml(folder: Traversable, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(folder.joinpath("rule.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError(f"{where}: rule.toml cannot be read ({error})", "every rule needs one, in UTF-8") from error


def _check_form(rule: Rule, where: str) -> None:
    if not rule.folder.startswith(rule.id + "_"):
        raise RuleError(f"{where}: the folder's name does not begin with its id {rule.id}", "rename one of them")
    if (rule.sql is None) == (rule.check is None):
        raise RuleError(f"{where}: it needs either rule.sql or check.py", "keep exactly one")
    for column in rule.columns:
        if column not in CHECKED_COLUMNS:
            raise RuleError(
                f"{where}: columns: {column} is not one of {', '.join(CHECKED_COLUMNS)}", "name one of them"
            )
    for name, parameter in rule.parameters.items():
        if not _within(parameter):
            raise RuleError(
                f"{where}: parameter {name}: {parameter.default!r} is not between {parameter.minimum} and "
                f"{parameter.maximum}",
                "give numbers both bounds and a default between them",
            )


def _within(parameter: Parameter) -> bool:
    if isinstance(parameter.default, str):
        return parameter.minimum is None and parameter.maximum is None
    if parameter.minimum is None or parameter.maximum is None:
        return False
    return parameter.minimum <= parameter.default <= parameter.maximum


def doc_headings(folder: Traversable) -> tuple[str, ...]:
    """The second-level headings of a rule's `doc.md`, in order."""
    text = folder.joinpath("doc.md").read_text(encoding="utf-8")
    return tuple(line[3:].strip() for line in text.splitlines() if line.startswith("## "))
