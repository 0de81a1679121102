"""What advice looks like to a reader: frozen figures in pico-dollars, nothing left to compute."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

Class = Literal["exact", "simulated", "needs-trial"]
"""How sure a saving is: a rate change; a replay of the cache; a hope until a trial has run."""


class Period(Protocol):
    """A half-open span of time in naive UTC, such as `otelcost.store.queries.Window`."""

    @property
    def start(self) -> datetime:
        """The first instant in it."""

    @property
    def end(self) -> datetime:
        """The first instant after it."""


class Span(msgspec.Struct, frozen=True):
    """A period as it was asked for."""

    start: datetime
    end: datetime


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """One change, what it would have saved on the recorded calls, and why it is proposed.

    `standalone_picousd` is the saving if nothing else is done, `marginal_picousd` its share of the joint
    figure; only marginals may be added up. `low_picousd` and `high_picousd` bound the standalone saving of
    the window (95 %, day blocks); None where there are too few days to say. Where the bill of a call is only
    estimated, the low end is without it, and so is what an exact saving adds to the joint figure.
    `monthly_picousd` is the standalone saving scaled to 30 days, without estimated bills where it is exact; None
    below seven UTC days with calls that it changes. `call_ids` are the first thousand in the order of start;
    `calls` counts all, and `otelcost.advise.calls_of` names them. `overlaps` are the ids of the other open
    recommendations that touch one of its calls.
    """

    id: str
    rule: str
    task: str
    title: str
    class_: Class = msgspec.field(name="class")
    calls: int
    call_ids: tuple[str, ...]
    window: Span
    cost_observed_picousd: int
    standalone_picousd: int
    marginal_picousd: int
    low_picousd: int | None
    high_picousd: int | None
    monthly_picousd: int | None
    transform: dict[str, Any]
    evidence: dict[str, Any]
    state: str
    call_site: str | None
    change: str
    risk: str
    effort: str
    reversibility: str
    overlaps: tuple[str, ...] = ()


class Insight(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth knowing about calls for which no saving is claimed: what a rule of class information found."""

    id: str
    rule: str
    task: str
    title: str
    calls: int
    cost_observed_picousd: int
    evidence: dict[str, Any]
    change: str


class NotChecked(msgspec.Struct, frozen=True):
    """A rule that could not judge a task, or anything (`task` None), and what it lacked. Not the same as clean."""

    rule: str
    task: str | None
    reason: str


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """The one line on top. `exact + simulated` is the joint saving; what needs a trial stands apart."""

    exact_picousd: int
    simulated_picousd: int
    simulated_low_picousd: int | None
    simulated_high_picousd: int | None
    needs_trial_picousd: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All advice for one window. `joint_picousd` never exceeds `spend_picousd`."""

    window: Span
    coverage_days: int  # UTC days of the window with a call
    spend_picousd: int
    recommendations: tuple[Recommendation, ...]
    joint_picousd: int
    headline: Headline
    not_checked: tuple[NotChecked, ...]
    insights: tuple[Insight, ...] = ()
