"""The sentences that the digest and the command line share, so that both always say the same figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from otelcost.digest import outlook
from otelcost.display import (
    UNKNOWN,
    change,
    common_places,
    count,
    instant,
    money,
    percent,
    plural,
    range_text,
    signed_money,
    tokens,
)

if TYPE_CHECKING:
    from datetime import datetime

    from otelcost.advise import Recommendation, Report
    from otelcost.digest.content import Action, Driver, Followed, Preview
    from otelcost.store.queries import Overview

OPEN_STATES = frozenset({"open", "accepted"})
"""States of a recommendation that still has to be carried out."""


EPOCH_YEAR = 1970
"""Where a window without a beginning starts."""

MOST_UNUSUAL = 3

_SECONDS = re.compile(r"T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?")
_UNITS = {"h": "hour", "d": "day", "w": "week"}


class Bounds(Protocol):
    """A window of time, naive UTC."""

    @property
    def start(self) -> datetime:
        """Included."""
        ...

    @property
    def end(self) -> datetime:
        """Not included."""
        ...


def in_words(label: str) -> str:
    """`last 7 days`, `everything recorded`, or the range as it was given, to the minute."""
    match = re.fullmatch(r"(\d+)([hdw])", label.strip())
    if match:
        number, unit = int(match[1]), _UNITS[match[2]]
        return f"last {unit}" if number == 1 else f"last {number} {unit}s"
    return "everything recorded" if label.strip() == "all" else _SECONDS.sub(r" \1", label)


def bounds(window: Bounds) -> str:
    """Where the window starts and ends, to the minute, UTC."""
    if window.start.year == EPOCH_YEAR:
        return f"until {instant(window.end)}"
    return f"{instant(window.start)} to {instant(window.end)}"


def plain_day(moment: datetime | None) -> str:
    """A day of naive UTC: `2026-11-30`."""
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d}"


def open_fixes(report: Report) -> tuple[Recommendation, ...]:
    """What still has to be done and has a price of its own, in the report's order."""
    return tuple(found for found in report.recommendations if found.state in OPEN_STATES)


def spend(overview: Overview) -> str:
    """`$12.34, up 61% (+$4.70)`; `?` where nothing could be priced."""
    moved = change(overview.spend_picousd, overview.previous_picousd)
    amount = money(overview.spend_picousd)
    return f"{amount}, {moved}" if moved else amount


def driver(moved: Driver, *, compared: bool) -> str:
    """What a task did to the bill: `+$2.08 ($0.22 to $2.30; 250 to 250 calls, 620 to 8.6k tokens in a call)`."""
    if not compared:
        return f"{money(moved.cost_picousd)} in {plural(moved.calls, 'call')}"
    places = common_places([moved.cost_picousd, moved.previous_picousd])
    figures = f"{money(moved.previous_picousd, places)} to {money(moved.cost_picousd, places)}"
    calls = f"{moved.previous_calls:,} to {moved.calls:,} calls"
    change_ = signed_money(moved.change_picousd, places)
    return f"{change_} ({figures}; {calls}{_sizes(moved)})"


def moved_title(*, compared: bool) -> str:
    """What the drivers are called."""
    return "What moved it" if compared else "Where it went"


def saves(action: Action) -> str:
    """`saves $2.01 (simulated, alone $1.96-$2.06)`."""
    spread = range_text(action.low_picousd, action.high_picousd)
    alone = f", alone {spread}" if spread else ""
    return f"saves {money(action.marginal_picousd)} ({action.class_}{alone})"


def became(one: Followed) -> str:
    """What became of an action: `verified: saved $3.10 of $3.40 that could be had`."""
    fixed = {
        "open": "still open",
        "accepted": "accepted, not applied yet",
        "gone": "no longer found",
        "snoozed": f"snoozed until {one.note}",
    }
    if one.state in fixed:
        return fixed[one.state]
    if not one.carried_out:
        return one.state
    if one.realised_picousd is None or one.expected_picousd is None:
        return f"{one.state}, too early to measure" if one.state == "applied" else one.state
    places = common_places([one.realised_picousd, one.expected_picousd])
    figures = f"{money(one.realised_picousd, places)} of {money(one.expected_picousd, places)}"
    return f"{one.state}: saved {figures} that could be had"


def expected_title(preview: Preview) -> str:
    """What `expected` is called."""
    return "Forecast, and what was unusual" if preview.outlook and preview.outlook.unusual else "Forecast"


def expected(preview: Preview) -> tuple[tuple[str, str], ...]:
    """How the month will end, and what was out of the usual: names, and what is said of each."""
    if preview.outlook is None:
        return ()
    known, more = preview.outlook.unusual[:MOST_UNUSUAL], len(preview.outlook.unusual) - MOST_UNUSUAL
    return (
        ("", outlook.month(preview.outlook.ahead)),
        *((one.task, f": {outlook.excess(one)}") for one in known),
        *((("", f"and {more:,} more: otelcost anomalies"),) if more > 0 else ()),
    )


def basis(preview: Preview) -> tuple[str, ...]:
    """What the figures rest on: the window, how much of it is covered, how fresh, what is unknown."""
    waiting = preview.waiting_since
    return (
        f"{bounds(preview)}, data on {plural(preview.coverage_days, 'day')}",
        f"{plural(preview.calls, 'call')}, newest call {instant(preview.last_call)}",
        *((f"records since {instant(waiting)} wait in the spool: see otelcost doctor",) if waiting else ()),
        *preview.unknowns,
    )


def _sizes(moved: Driver) -> str:
    if moved.tokens_per_call is None or moved.previous_tokens_per_call is None:
        return ""
    return f", {tokens(moved.previous_tokens_per_call)} to {tokens(moved.tokens_per_call)} tokens in a call"


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """What the open fixes save together. `fixes` can be carried out as they are; `trials` need a trial first."""

    fixes: int
    trials: int
    joint_picousd: int
    spend_picousd: int | None
    exact_picousd: int
    simulated_picousd: int
    simulated_low_picousd: int | None
    simulated_high_picousd: int | None
    needs_trial_picousd: int


def saved(report: Report) -> Saved:
    """The headline's figures. Never the sum of the single cards: all fixes were applied to every call once."""
    trials = sum(found.class_ == "needs-trial" for found in open_fixes(report))
    head = report.headline
    return Saved(
        fixes=len(open_fixes(report)) - trials,
        trials=trials,
        joint_picousd=report.joint_picousd,
        spend_picousd=report.spend_picousd,
        exact_picousd=head.exact_picousd,
        simulated_picousd=head.simulated_picousd,
        simulated_low_picousd=head.simulated_low_picousd,
        simulated_high_picousd=head.simulated_high_picousd,
        needs_trial_picousd=head.needs_trial_picousd,
    )


def savings(report: Report) -> str:
    """The one headline of every surface, as a sentence."""
    return "".join(savings_pieces(saved(report)))


def savings_pieces(figures: Saved) -> tuple[str, ...]:
    """The headline in pieces that join to the sentence, most important first.

    `5 fixes save $4.12 (46% of spend)`, `: $1.66 exact + $2.45 simulated [$2.42-$2.47]`,
    `; 1 more needs a trial: $0.21`. The dollars of one sentence all have the same decimals.
    """
    if not figures.fixes and not figures.trials:
        return ("no fixes found",)
    places = common_places([figures.joint_picousd, figures.needs_trial_picousd])
    firm = _firm(figures, places) if figures.fixes else ()
    return (*firm, *_trials(figures, places)) if figures.trials else firm


def _firm(figures: Saved, places: int) -> tuple[str, ...]:
    what = plural(figures.fixes, "fix", "fixes")
    if not figures.joint_picousd:
        return (f"{what}: nothing that can be priced",)
    share = percent(figures.joint_picousd, figures.spend_picousd)
    verb = "saves" if figures.fixes == 1 else "save"
    return f"{what} {verb} {money(figures.joint_picousd, places)} ({share} of spend)", _sure(figures, places)


def _sure(figures: Saved, places: int) -> str:
    """How sure the joint saving is: its exact and its simulated part."""
    if not figures.simulated_picousd:
        return ", exact"
    spread = range_text(figures.simulated_low_picousd, figures.simulated_high_picousd, places)
    ends = f" [{spread}]" if spread else ""
    if not figures.exact_picousd:
        return f", simulated{ends}"
    exact, simulated = (money(part, places) for part in (figures.exact_picousd, figures.simulated_picousd))
    return f": {exact} exact + {simulated} simulated{ends}"


def _trials(figures: Saved, places: int) -> tuple[str]:
    need = "needs" if figures.trials == 1 else "need"
    who = f"; {figures.trials:,} more" if figures.fixes else plural(figures.trials, "fix", "fixes")
    amount = f": {money(figures.needs_trial_picousd, places)}" if figures.needs_trial_picousd else ""
    return (f"{who} {need} a trial{amount}",)


def unknowns(overview: Overview) -> tuple[str, ...]:
    """Everything that keeps the figure from being the bill: unpriced and estimated calls. Empty: nothing does."""
    lines = []
    if overview.unpriced_calls:
        share = percent(overview.unpriced_calls, overview.calls)
        lines.append(
            f"unpriced: {plural(overview.unpriced_calls, 'call')} ({share}) of unknown cost are in no figure; "
            "see otelcost prices check"
        )
    if overview.estimated_calls:
        share = percent(overview.estimated_calls, overview.calls)
        lines.append(f"estimated: the tokens of {plural(overview.estimated_calls, 'call')} ({share}) were counted here")
    return tuple(lines)


def activity(overview: Overview) -> str:
    """`1,234 calls, 12 errors (1.0%)`."""
    errors = f"{plural(overview.errors, 'error')} ({percent(overview.errors, overview.calls)})"
    return f"{plural(overview.calls, 'call')}, {errors if overview.errors else 'no errors'}"


def token_use(overview: Overview) -> str:
    """`input 1,234,567 tokens, 40% of it read from cache; output 12,345`."""
    cached = percent(overview.cache_read_tokens, overview.input_tokens)
    return (
        f"input {count(overview.input_tokens)} tokens, {cached} of it read from cache; "
        f"output {count(overview.output_tokens)} tokens"
    )
