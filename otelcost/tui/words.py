"""How the terminal interface words figures: the shared wording of `otelcost.display`, with glyphs where it helps."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from textual.content import Content

from otelcost import display
from otelcost.digest import phrases
from otelcost.digest.outlook import Ahead, Outlook
from otelcost.tui.snapshot import Advice, Call, Class, Driver, Overview, Recommendation, Snapshot
from otelcost.tui.text import MUTED, crop, line

Piece = tuple[str, str]
"""A text and its style."""

NOT_BILLED: Final = "not_billed"
_WIDEST_SHARE: Final = 5
_WHOLE_DOLLARS_FROM: Final = 100 * 10**12
CLASS_GLYPHS: Final[dict[str, str]] = {"exact": "■", "simulated": "◪", "needs-trial": "□"}
CLASS_STYLES: Final[dict[str, str]] = {
    "exact": "$text-success",
    "simulated": "$text-primary",
    "needs-trial": "$text-warning",
}
_STATES: Final[dict[str, tuple[str, str]]] = {
    "open": ("○ open", "$text-muted"),
    "accepted": ("◔ accepted", "$text-primary"),
    "applied": ("◑ applied", "$text-primary"),
    "verified": ("● verified", "$text-success"),
    "failed": ("✗ failed", "$text-error"),
    "dismissed": ("⊘ dismissed", "$text-muted"),
    "snoozed": ("◌ snoozed", "$text-warning"),
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
    amount, more = spend_parts(picousd, calls, unpriced, places)
    return amount + (" + ?" if more else "")


def spend_parts(picousd: int | None, calls: int, unpriced: int, places: int | None = None) -> tuple[str, str]:
    """The sum, and what it misses: `("$12.30", " + 20 unpriced calls")`."""
    if picousd is None or (calls and unpriced >= calls):
        return (display.UNKNOWN if calls else display.money(0)), ""
    return display.money(picousd, places), f" + {display.plural(unpriced, 'unpriced call')}" if unpriced else ""


def call_cost(call: Call, places: int | None = None) -> str:
    """What a call cost. One the provider does not bill cost nothing, and that is no price of $0."""
    return "not billed" if call.price_status == NOT_BILLED else display.money(call.picousd, places)


def price(call: Call, price: str | None) -> str:
    """Whence a call's cost: `exact: openai/gpt-5.4/standard`, `not billed: HTTP 429`."""
    if call.price_status != NOT_BILLED:
        return f"{call.price_status}: {display.clean(price or 'no price found')}"
    why = f"HTTP {call.http_status}" if call.http_status is not None else call.error_type or price or call.status
    return f"not billed: {display.clean(why)}"


def change(current: int | None, previous: int | None, places: int | None = None) -> tuple[str, str]:
    """`▲ +$221.30 (+61%)` and its style: arrow and sign say it without colour."""
    if current is None or not previous:
        return "no earlier spend to compare", MUTED
    difference = current - previous
    if not difference:
        return "= unchanged", MUTED
    share = display.percent(abs(difference), previous)
    if difference > 0:
        return f"▲ {signed(difference, places)} (+{share})", "bold $text-error"
    return f"▼ {signed(difference, places)} (-{share})", "bold $text-success"


def signed(picousd: int, places: int | None = None) -> str:
    """An amount with its sign."""
    return ("+" if picousd > 0 else "") + display.money(picousd, places)


def driver(found: Driver, places: int | None = None) -> list[Piece]:
    """The task that moved the spend most, and by what: `triage +$2.08: 620 → 8.6k tokens in a call`."""
    style = "$text-error" if found.change_picousd > 0 else "$text-success"
    return [
        ("moved most by ", MUTED),
        (display.clean(found.task), "bold"),
        (f" {signed(found.change_picousd, places)}", style),
        (f": {_cause(found)}", ""),
    ]


def ahead(found: Ahead, places: int | None, room: int) -> Piece:
    """How the month will end, as fully as there is room for; nothing where that cannot be told.

    Nobody foretells the cents of a hundred dollars.
    """
    if found.total_picousd is None:
        return "", ""
    places = 0 if found.total_picousd >= _WHOLE_DOLLARS_FROM else places
    total = display.money(found.total_picousd, places) + (" + ?" if found.unpriced_calls else "")
    spread = display.range_text(found.low80_picousd, found.high80_picousd, places)
    name = found.period.partition(" ")[0]
    longer = [f"  forecast {name} {total} [80% {spread}]"] if spread else []
    texts = (*longer, f"  forecast {name} {total}", f"  forecast {total}")
    return next((text for text in texts if cell_len(text) <= room), texts[-1]), "$text-accent"


def unusual(found: Outlook, places: int | None = None) -> list[Piece]:
    """What cost most above the usual: `! unusual: triage +$2.08 on 2026-11-23: $2.30, usually $0.22 and 1 more`."""
    first, more = found.unusual[0], len(found.unusual) - 1
    cost, usual = (display.money(amount, places) for amount in (first.cost_picousd, first.usual_picousd))
    return [
        ("! unusual: ", "$text-warning"),
        (display.clean(first.task), "bold"),
        (f" {signed(first.excess_picousd, places)}", "$text-error"),
        (f" on {first.when}", ""),
        (f": {cost}, usually {usual}", ""),
        (f" and {more:,} more" if more else "", MUTED),
    ]


def _cause(found: Driver) -> str:
    if not found.previous_calls:
        return f"new, {display.plural(found.calls, 'call')}"
    if not found.calls:
        return f"none of its {display.plural(found.previous_calls, 'call')} any more"
    before, now = found.previous_tokens_per_call, found.tokens_per_call
    # Which moved by the larger factor, up or down.
    if before and now and _factor(now, before) >= _factor(found.calls, found.previous_calls):
        return f"{display.tokens(before)} → {display.tokens(now)} tokens in a call"
    return f"{found.previous_calls:,} → {display.plural(found.calls, 'call')}"


def _factor(one: int, other: int) -> float:
    return max(one, other) / min(one, other)


def moved(current: int | None, previous: int | None) -> tuple[str, str]:
    """The change in few cells: `▲+61%`, `▼-4.0%`, `new`."""
    if current is None or previous is None:
        return "-", "$text-muted"
    if not previous:
        return ("new", "$text-muted") if current else ("=", "$text-muted")
    if current == previous:
        return "=", "$text-muted"
    share = display.percent(abs(current - previous), previous).lstrip(">")
    if share.startswith("<"):
        return (f"▲{share}", "$text-error") if current > previous else (f"▼{share}", "$text-success")
    if len(share) > _WIDEST_SHARE:
        return ("▲>+999%", "$text-error") if current > previous else ("▼>-999%", "$text-success")
    return (f"▲+{share}", "$text-error") if current > previous else (f"▼-{share}", "$text-success")


def basis(class_: Class) -> tuple[str, str]:
    """A class with its glyph and style."""
    return f"{CLASS_GLYPHS[class_]} {class_}", CLASS_STYLES[class_]


def state(name: str) -> tuple[str, str]:
    """What became of a recommendation, with its glyph and style."""
    return _STATES.get(name, (display.clean(name), ""))


def status(name: str) -> tuple[str, str]:
    """A call's outcome with its glyph and style."""
    return _STATUS.get(name, (display.clean(name), ""))


def count(number: int | None, width: int) -> str:
    """A count, in full where it fits and rounded down where it does not."""
    text = display.count(number)
    return text if len(text) <= width else display.tokens(number)


def still_open(advice: Advice) -> tuple[Recommendation, ...]:
    """What still has to be done; the totals hold nothing else."""
    return tuple(item for item in advice.recommendations if item.state in phrases.OPEN_STATES)


def answer(advice: Advice, width: int) -> list[Content]:
    """What to do and what it saves, the sentence of every surface, over two lines."""
    todo = still_open(advice)
    trials = sum(item.class_ == "needs-trial" for item in todo)
    parts = phrases.savings_pieces(
        phrases.Saved(
            fixes=len(todo) - trials,
            trials=trials,
            joint_picousd=advice.joint_picousd,
            spend_picousd=advice.spend_picousd,
            exact_picousd=advice.exact_picousd,
            simulated_picousd=advice.simulated_picousd,
            simulated_low_picousd=advice.simulated_low_picousd,
            simulated_high_picousd=advice.simulated_high_picousd,
            needs_trial_picousd=advice.needs_trial_picousd,
        )
    )
    firm = "bold $text-success" if len(todo) > trials else MUTED
    pieces = [
        (part, firm if not place else "$text-warning" if "trial" in part else "") for place, part in enumerate(parts)
    ]
    if advice.not_checked:
        pieces.append((f" · {display.plural(len(advice.not_checked), 'check')} could not be made", MUTED))
    return _over_two_lines(pieces, width)


def _over_two_lines(pieces: list[Piece], width: int) -> list[Content]:
    used, first = 0, 0
    for text, _ in pieces:
        if first and used + cell_len(text) > width:
            break
        used, first = used + cell_len(text), first + 1
    rest = pieces[first:]
    if rest:
        rest = [(rest[0][0].lstrip(":;,· "), rest[0][1]), *rest[1:]]
    return [fitted(pieces[:first], width), fitted(rest or [("", "")], width)]


def nothing(snapshot: Snapshot | None) -> str:
    """What an empty list says, and the key that helps."""
    if snapshot is not None and not snapshot.overview.recorded_ever:
        return "no call recorded yet: 1 shows how to begin"
    return "no call in this window: t chooses a longer one"


def waiting(problem: bool, *, recorded: bool = True) -> Piece:
    """What stands where the recommendations will be: that they are being worked out, or could not be."""
    if not recorded:
        return "○ no call recorded yet: nothing to change", MUTED
    if problem:
        return "? what to change could not be worked out", "$text-warning"
    return "◌ working out what to change ...", MUTED


def no_fixes(snapshot: Snapshot, *, troubled: bool) -> str:
    """What an empty list of fixes says."""
    if not snapshot.overview.calls and not troubled:
        return nothing(snapshot)
    if snapshot.advice is not None:
        return "none in this window: t chooses another"
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
