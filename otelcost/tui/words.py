"""How the terminal interface words figures: the shared wording of `otelcost.display`, with glyphs where it helps."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from otelcost import display
from otelcost.digest.phrases import OPEN_STATES
from otelcost.tui.snapshot import Advice, Call, Class, Overview, Recommendation
from otelcost.tui.text import MUTED, crop, line

Piece = tuple[str, str]
"""A text and its style."""

NOT_BILLED: Final = "not_billed"
_WIDEST_SHARE: Final = 5
CLASS_GLYPHS: Final[dict[str, str]] = {"exact": "■", "simulated": "◪", "needs-trial": "□"}
CLASS_STYLES: Final[dict[str, str]] = {
    "exact": "$text-success",
    "simulated": "$text-primary",
    "needs-trial": "$text-warning",
}
_STATUS: Final[dict[str, tuple[str, str]]] = {
    "ok": ("✓ ok", "$text-success"),
    "incomplete": ("◒ incomplete", "$text-warning"),
    "error": ("✗ error", "$text-error"),
    "aborted": ("◌ aborted", "$text-warning"),
    "cancelled": ("◌ cancelled", "$text-warning"),
    "timeout": ("✗ timeout", "$text-error"),
}


def spend(picousd: int | None, calls: int, unpriced: int, places: int | None = None) -> str:
    """A sum that may miss calls: `$12.30`, `$12.30 + ?` where some have no price, `?` where none has one."""
    if picousd is None or (calls and unpriced >= calls):
        return display.UNKNOWN if calls else display.money(0)
    return display.money(picousd, places) + (" + ?" if unpriced else "")


def call_cost(call: Call, places: int | None = None) -> str:
    """What a call cost. One the provider does not bill cost nothing, and that is no price of $0."""
    return "not billed" if call.price_status == NOT_BILLED else display.money(call.picousd, places)


def price(call: Call, price: str | None) -> str:
    """Whence a call's cost: `exact: openai/gpt-5.4/standard`, `not billed: HTTP 429`."""
    if call.price_status != NOT_BILLED:
        return f"{call.price_status}: {display.clean(price or 'no price found')}"
    why = f"HTTP {call.http_status}" if call.http_status is not None else call.error_type or price or call.status
    return f"not billed: {display.clean(why)}"


def change(current: int | None, previous: int | None) -> tuple[str, str]:
    """`▲ +$221.30 (+61%)` and its style: arrow and sign say it without colour."""
    if current is None or not previous:
        return "no earlier spend to compare", "$text-muted"
    difference = current - previous
    if not difference:
        return "= unchanged", "$text-muted"
    share = display.percent(abs(difference), previous)
    if difference > 0:
        return f"▲ {display.signed_money(difference)} (+{share})", "bold $text-error"
    return f"▼ {display.signed_money(difference)} (-{share})", "bold $text-success"


def moved(current: int | None, previous: int | None) -> tuple[str, str]:
    """The change in few cells: `▲+61%`, `▼-4.0%`, `new`."""
    if current is None or previous is None:
        return "-", "$text-muted"
    if not previous:
        return ("new", "$text-muted") if current else ("=", "$text-muted")
    if current == previous:
        return "=", "$text-muted"
    share = display.percent(abs(current - previous), previous)
    if len(share) > _WIDEST_SHARE:
        return ("▲>+999%", "$text-error") if current > previous else ("▼>-999%", "$text-success")
    return (f"▲+{share}", "$text-error") if current > previous else (f"▼-{share}", "$text-success")


def basis(class_: Class) -> tuple[str, str]:
    """A class with its glyph and style."""
    return f"{CLASS_GLYPHS[class_]} {class_}", CLASS_STYLES[class_]


def status(name: str) -> tuple[str, str]:
    """A call's outcome with its glyph and style."""
    return _STATUS.get(name, (display.clean(name), ""))


def with_range(amount: int | None, low: int | None, high: int | None) -> str:
    """`$74.70 [$60.00-$88.00]`; the range only where it says more than the amount."""
    text = display.money(amount)
    if amount is None or low is None or high is None or (low == amount == high):
        return text
    return f"{text} [{display.money_range(low, high)}]"


def count(number: int | None, width: int) -> str:
    """A count, in full where it fits and rounded down where it does not."""
    text = display.count(number)
    return text if len(text) <= width else display.tokens(number)


def fixes(count: int) -> str:
    """`1 fix`, `2 fixes`."""
    return "1 fix" if count == 1 else f"{count:,} fixes"


def still_open(advice: Advice) -> tuple[Recommendation, ...]:
    """What still has to be done; the totals hold nothing else."""
    return tuple(item for item in advice.recommendations if item.state in OPEN_STATES)


def headline(advice: Advice) -> list[Piece]:
    """The joint saving in pieces, most important first."""
    todo = still_open(advice)
    firm = sum(item.class_ != "needs-trial" for item in todo)
    if not firm:
        return (
            [("No fix to recommend without a trial.", "$text-muted")]
            if todo
            else [("Nothing to recommend in this window.", "$text-muted")]
        )
    verb = "saves" if firm == 1 else "save"
    simulated = with_range(advice.simulated_picousd, advice.simulated_low_picousd, advice.simulated_high_picousd)
    return [
        (
            f"{fixes(firm)} {verb} {display.money(advice.joint_picousd)}:",
            "bold $text-success",
        ),
        (f" {display.money(advice.exact_picousd)} exact + {simulated} simulated", ""),
        (f" ({display.percent(advice.joint_picousd, advice.spend_picousd)} of spend)", "$text-muted"),
    ]


def trials(advice: Advice) -> list[Piece]:
    """What stays outside the total, in pieces."""
    waiting = sum(item.class_ == "needs-trial" for item in still_open(advice))
    parts: list[Piece] = []
    if waiting:
        glyph, amount = CLASS_GLYPHS["needs-trial"], display.money(advice.needs_trial_picousd)
        parts.append((f"{glyph} {amount} more needs {'a trial' if waiting == 1 else 'trials'}", "$text-warning"))
    if advice.not_checked:
        lead = " · " if waiting else ""
        parts.append((f"{lead}{display.plural(len(advice.not_checked), 'check')} could not be made", "$text-muted"))
    return parts


def waiting(problem: bool) -> Piece:
    """What stands where the recommendations will be: that they are being worked out, or could not be."""
    if problem:
        return "? what to change could not be worked out", "$text-warning"
    return "◌ working out what to change ...", MUTED


def no_fixes(advice: Advice | None, *, troubled: bool) -> str:
    """What an empty list of fixes says."""
    if advice is not None:
        return "none in this window"
    return "not known" if troubled else "working ..."


def volume(overview: Overview) -> list[Piece]:
    """Calls, what the figures do not hold, and tokens, in pieces, most important first."""
    share = display.percent(overview.unpriced_calls, overview.calls)
    parts: list[Piece] = [(display.plural(overview.calls, "call"), "")]
    if overview.unpriced_calls:
        parts.append((f" · unpriced {overview.unpriced_calls:,} ({share})", "$text-warning"))
    else:
        parts.append((" · unpriced 0", "$text-muted"))
    if overview.errors:
        parts.append((f" · {display.plural(overview.errors, 'error')}", "$text-error"))
    read, whole = overview.cache_read_tokens, overview.input_tokens
    parts.append((f" · {display.tokens(whole)} in, {display.percent(read, whole)} cached", ""))
    parts.append((f", {display.tokens(overview.output_tokens)} out", ""))
    if overview.estimated_calls:
        parts.append((f" · {overview.estimated_calls:,} estimated", "$text-muted"))
    return parts


def fitted(pieces: list[Piece], width: int) -> Content:
    """As many pieces, from the first on, as fit: a figure is shown whole or not at all."""
    kept: list[Piece] = []
    used = 0
    for text, style in pieces:
        used += cell_len(text)
        if kept and used > width:
            break
        kept.append((crop(text, width), style))
    return line(*kept)
