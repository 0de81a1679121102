"""A rule proves itself: each case of its `cases.toml` in a store of its own, through the real drain and engine."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from otelcost import settings
from otelcost.advise import text
from otelcost.advise.cases import advise, from_table
from otelcost.advise.catalogue import Rule
from otelcost.advise.report import Report
from otelcost.errors import OtelcostError, RuleError


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[case]]`: the calls it declares, and what must come of them.

    `selected` is how many calls the only finding names, `not_checked` a part of the reason for an abstention.
    """

    name: str
    fires: bool
    calls: list[dict[str, Any]]
    trap: bool = False
    selected: int | None = None
    transform: dict[str, Any] | None = None
    not_checked: str | None = None


class Verdict(NamedTuple):
    """How a case went; `failure` is None where it holds."""

    case: str
    failure: str | None


def cases(folder: Traversable) -> list[Case]:
    """The cases of a rule's folder. Raises RuleError where there are none, or one is malformed."""
    where = f"rule {folder.name}: cases.toml"
    try:
        document = tomllib.loads(folder.joinpath("cases.toml").read_text(encoding="utf-8"))
        found = msgspec.convert(document.get("case", []), list[Case])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RuleError(f"{where}: {error}", "see the cases of the other rules") from error
    if not found:
        raise RuleError(f"{where} has no case", "declare calls that fire the rule, and calls that do not")
    return found


def prove(rule: Rule, found: list[Case]) -> Iterator[Verdict]:
    """Try each case, at the prices of the list: what the user pays has no part in it."""
    for case in found:
        with TemporaryDirectory(prefix="otelcost-case-") as folder, _home(Path(folder)):
            yield Verdict(case.name, failure(rule, case, Path(folder)))


def failure(rule: Rule, case: Case, home: Path) -> str | None:
    """Why a case does not hold, None where it does. Its store is made in `home`."""
    try:
        specs = [from_table(row) for row in case.calls]
        report = advise(specs, home, [rule])
    except (OtelcostError, msgspec.ValidationError, KeyError, IndexError, ValueError) as error:
        return f"its calls cannot be made: {error}"
    return next(_wrong(case, report), None)


def _wrong(case: Case, report: Report) -> Iterator[str]:
    found: Any = report.recommendations or report.insights
    yield from (entry.reason for entry in report.not_checked if entry.task is None)
    reasons = "; ".join(entry.reason for entry in report.not_checked) or "nothing"
    if bool(found) != case.fires:
        what = [(one.title, one.calls) for one in found]
        yield f"it should {'fire' if case.fires else 'be silent'}: found {what}, not checked: {reasons}"
    calls = [one.calls for one in found]
    if case.selected is not None and calls != [case.selected]:
        yield f"it should select {case.selected} calls once: it selects {calls}"
    if case.transform is not None and not any(getattr(one, "transform", None) == case.transform for one in found[:1]):
        yield f"its transform should be {case.transform}: it is {[getattr(one, 'transform', None) for one in found]}"
    if case.not_checked is not None and case.not_checked not in reasons:
        yield f"it should not be checked because of {case.not_checked!r}: {reasons}"
    yield from (f"a sentence has no value for a name: {one.title} / {one.change}" for one in found
        if text.UNKNOWN in one.title + one.change)  # fmt: skip
    yield from (f"{one.title} saves nothing" for one in report.recommendations if one.standalone_picousd <= 0)
    yield from (f"{one.title} names calls twice" for one in report.recommendations
        if not len(one.call_ids) == one.calls == len(set(one.call_ids)))  # fmt: skip


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Everything of otelcost is in this folder for a while, also for the processes that are started."""
    before = os.environ.get(settings.HOME_VARIABLE)
    os.environ[settings.HOME_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[settings.HOME_VARIABLE]
        else:
            os.environ[settings.HOME_VARIABLE] = before
