"""The sentences that the digest and the command line share, so that both always say the same figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otelcost.display import change, count, money, money_range, percent, plural

if TYPE_CHECKING:
    from otelcost.advise import Headline, Recommendation, Report
    from otelcost.store.queries import Overview

OPEN_STATES = frozenset({"open", "accepted"})
"""States of a recommendation that still has to be carried out."""


def open_fixes(report: Report) -> tuple[Recommendation, ...]:
    """What still has to be done and has a price of its own, in the report's order."""
    return tuple(found for found in report.recommendations if found.state in OPEN_STATES)


def spend(overview: Overview) -> str:
    """`$12.34, up 61% (+$4.70)`; `?` where nothing could be priced."""
    moved = change(overview.spend_picousd, overview.previous_picousd)
    amount = money(overview.spend_picousd)
    return f"{amount}, {moved}" if moved else amount


def savings(report: Report) -> str:
    """What the open fixes save together: `3 fixes: $9.66 exact + $1.20 simulated [...]; $30.00 needs a trial`.

    Never the sum of the single cards: the parts come from applying all of them to every call once.
    """
    head = report.headline
    fixes = open_fixes(report)
    if not fixes:
        return "no fixes found"
    sure = [f"{money(head.exact_picousd)} exact"] if head.exact_picousd else []
    if head.simulated_picousd:
        sure.append(f"{money(head.simulated_picousd)} simulated{_ends(head)}")
    parts = [" + ".join(sure)] if sure else []
    if head.needs_trial_picousd:
        parts.append(f"{money(head.needs_trial_picousd)} needs a trial")
    what = "; ".join(parts) or "nothing that can be priced"
    return f"{plural(len(fixes), 'fix', 'fixes')}: {what}"


def _ends(head: Headline) -> str:
    """The range of the simulated part; nothing where too few days say anything of it."""
    low, high = head.simulated_low_picousd, head.simulated_high_picousd
    if low is None or high is None or low == high:
        return ""
    return f" [{money_range(low, high)}]"


def savings_share(report: Report) -> str:
    """What part of the window's spend the exact and simulated fixes are."""
    sure = (report.headline.exact_picousd or 0) + (report.headline.simulated_picousd or 0)
    return percent(sure, report.spend_picousd)


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
