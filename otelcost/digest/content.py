"""A digest's content: subject with the answer, at most 3 drivers, at most 5 actions, coverage and freshness.

Pure: `compose` turns the query layer's answers into frozen facts; whoever shows them formats and escapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from otelcost.digest import phrases
from otelcost.digest.outlook import Outlook
from otelcost.display import plural

if TYPE_CHECKING:
    from otelcost.advise import Recommendation, Report
    from otelcost.store.queries import Overview, TaskSpend

MAX_DRIVERS: Final = 3
MAX_ACTIONS: Final = 5

DRIVER_SHARE: Final = 20
"""A task drives the bill when it moved by at least a twentieth of the larger window's spend."""

QUIET_SHARE: Final = 10
"""A week is quiet when spend moved by less than a tenth and nothing is left to do."""


GONE: Final = "gone"
"""An action nobody decided on and no rule finds any more."""

MEASURED: Final = frozenset({"applied", "verified", "failed"})
"""States of an action that somebody carried out."""


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """A task that moved the bill. Money in pico-dollars; `None` is unknown."""

    task: str
    cost_picousd: int | None
    previous_picousd: int | None
    change_picousd: int
    calls: int
    previous_calls: int
    tokens_per_call: int | None
    previous_tokens_per_call: int | None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A change worth making, with its range and what it rests on."""

    id: str
    title: str
    task: str
    class_: str = msgspec.field(name="class")
    marginal_picousd: int | None
    standalone_picousd: int | None
    low_picousd: int | None
    high_picousd: int | None
    call_site: str | None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An action as a digest named it: what the ledger keeps. The saving is in pico-dollars."""

    id: str
    title: str
    task: str
    marginal_picousd: int | None = None


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an action. `state` is a life cycle's, or `gone`; money in pico-dollars, None where unknown.

    `note` is the reason of a dismissal or the day a snooze ends.
    """

    id: str
    title: str
    task: str
    state: str
    realised_picousd: int | None = None
    expected_picousd: int | None = None
    note: str | None = None

    @property
    def carried_out(self) -> bool:
        """Whether somebody did it."""
        return self.state in MEASURED


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A UTC day's spend in pico-dollars; `None` is unknown."""

    day: date
    cost_picousd: int | None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one digest says. A quiet one is its subject and nothing else. Times are naive UTC."""

    subject: str
    quiet: bool
    drivers: tuple[Driver, ...]
    compared: bool  # whether there is a window before to compare with
    actions: tuple[Action, ...]
    more_actions: int
    savings: str
    unknowns: tuple[str, ...]
    coverage_days: int
    last_call: datetime | None
    scope: str  # which calls, in words; empty for all
    start: datetime
    end: datetime
    spend_picousd: int | None
    previous_picousd: int | None
    calls: int
    unpriced_calls: int
    estimated_calls: int
    waiting_since: datetime | None  # the oldest record that is in the spool only
    followed: tuple[Followed, ...]  # what became of the last digest's actions
    days: tuple[Day, ...]
    outlook: Outlook | None = None  # the running month at its end, and what was out of the usual

    @property
    def told(self) -> tuple[Told, ...]:
        """The actions it names, as the next digest has to know them."""
        return tuple(
            Told(id=one.id, title=one.title, task=one.task, marginal_picousd=one.marginal_picousd)
            for one in self.actions
        )


def compose(
    overview: Overview,
    tasks: Sequence[TaskSpend],
    previous: Sequence[TaskSpend],
    report: Report,
    label: str,
    *,
    scope: str = "",
    followed: tuple[Followed, ...] = (),
    waiting_since: datetime | None = None,
    outlook: Outlook | None = None,
) -> Preview:
    """Pick what a digest says of a window.

    Args:
        overview: the window's figures.
        tasks: the window's tasks; `previous` those of the equally long window before, empty without data.
        report: the recommendations over the same window.
        label: the window in words, for the subject; `scope` the calls in words where it is not all of them.
        followed: what became of the last digest's actions.
        waiting_since: the start of the oldest record that nobody has loaded yet.
        outlook: the running month, and what was out of the usual in the window.
    """
    fixes = phrases.open_fixes(report)
    quiet = (
        not fixes
        and _steady(overview)
        and not _upset(overview, outlook)
        and not any(one.carried_out for one in followed)
    )
    actions = tuple(_action(fix) for fix in fixes[:MAX_ACTIONS])
    return Preview(
        subject=_subject(overview, report, f"{f' ({scope})' if scope else ''}, {label}", quiet=quiet),
        quiet=quiet,
        drivers=() if quiet else drivers(tasks, previous),
        compared=bool(previous),
        actions=actions,
        more_actions=len(fixes) - len(actions),
        savings=phrases.savings(report),
        unknowns=phrases.unknowns(overview),
        coverage_days=overview.coverage_days,
        last_call=overview.last_call,
        scope=scope,
        start=overview.window.start,
        end=overview.window.end,
        spend_picousd=overview.spend_picousd,
        previous_picousd=overview.previous_picousd,
        calls=overview.calls,
        unpriced_calls=overview.unpriced_calls,
        estimated_calls=overview.estimated_calls,
        waiting_since=waiting_since,
        followed=followed,
        outlook=outlook,
        days=tuple(Day(day=row.day, cost_picousd=row.cost_picousd) for row in overview.by_day),
    )


def _subject(overview: Overview, report: Report, what: str, *, quiet: bool) -> str:
    if not overview.calls:
        return f"LLM spend{what}: no calls recorded"
    unpriced = f", {plural(overview.unpriced_calls, 'call')} unpriced" if overview.unpriced_calls else ""
    answer = f"LLM spend{what}: {phrases.spend(overview)}{unpriced}"
    if quiet:
        return f"{answer}. A quiet week: nothing to do"
    return f"{answer}. {phrases.savings(report)}"


def _steady(overview: Overview) -> bool:
    current, previous = overview.spend_picousd, overview.previous_picousd
    if overview.unpriced_calls:
        return False
    if not overview.calls:
        return not previous
    if current is None or not previous:
        return False
    return abs(current - previous) * QUIET_SHARE < previous


def _upset(overview: Overview, outlook: Outlook | None) -> bool:
    """Whether a tenth of the window's spend came out of the usual, though the rest may have made up for it."""
    return outlook is not None and outlook.excess_picousd * QUIET_SHARE > (overview.spend_picousd or 0)


def drivers(tasks: Sequence[TaskSpend], previous: Sequence[TaskSpend]) -> tuple[Driver, ...]:
    """The tasks that moved the bill most, largest first; without a past, the most expensive ones."""
    now = {row.task: row for row in tasks}
    before = {row.task: row for row in previous}
    found = [_driver(name, now.get(name), before.get(name)) for name in sorted({*now, *before})]
    total = max(_spend(tasks), _spend(previous))
    moved = [driver for driver in found if abs(driver.change_picousd) * DRIVER_SHARE >= total and driver.change_picousd]
    return tuple(sorted(moved, key=lambda driver: -abs(driver.change_picousd))[:MAX_DRIVERS])


def _spend(rows: Sequence[TaskSpend]) -> int:
    return sum(row.cost_picousd or 0 for row in rows)


def _driver(name: str, now: TaskSpend | None, before: TaskSpend | None) -> Driver:
    current = now.cost_picousd if now else 0
    past = before.cost_picousd if before else 0
    return Driver(
        task=name,
        cost_picousd=current,
        previous_picousd=past,
        # What was never priced cannot be said to have moved.
        change_picousd=0 if current is None or past is None else current - past,
        calls=now.calls if now else 0,
        previous_calls=before.calls if before else 0,
        tokens_per_call=_tokens_per_call(now),
        previous_tokens_per_call=_tokens_per_call(before),
    )


def _tokens_per_call(row: TaskSpend | None) -> int | None:
    """The mean of a task's calls, in and out together; None where there are no calls or a count is unknown."""
    if row is None or not row.calls or row.input_tokens is None or row.output_tokens is None:
        return None
    return (row.input_tokens + row.output_tokens) // row.calls


def _action(fix: Recommendation) -> Action:
    return Action(
        id=fix.id,
        title=fix.title,
        task=fix.task,
        class_=fix.class_,
        marginal_picousd=fix.marginal_picousd,
        standalone_picousd=fix.standalone_picousd,
        low_picousd=fix.low_picousd,
        high_picousd=fix.high_picousd,
        call_site=fix.call_site,
    )
