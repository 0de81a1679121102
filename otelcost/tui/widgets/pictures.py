"""Pictures for where people would rather look than read. Every bar starts at zero; words say what colour says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from textual.content import Content

from otelcost import display
from otelcost.charts import Step, duration_mark, money_mark
from otelcost.digest.outlook import Outlook
from otelcost.tui import charts, words
from otelcost.tui.snapshot import Advice, Day, Decided, Moved, Pictures, PromptShare, Recommendation
from otelcost.tui.text import MUTED, fit, line, rule
from otelcost.tui.widgets.daily import Daily

_LABEL: Final = 18
_WIDE_LABEL: Final = 48
"""Names are cut at the width of a narrow screen, and at a third of a wide one."""
_AMOUNT: Final = 11
_MOST_STEPS: Final = 6
_ROWS: Final = 8
_CACHE_ROWS: Final = 4
_SIDE: Final = 10
_WIDEST: Final = 120
_NOTE: Final = 23

_MEANS: Final = {
    "volume": "more or fewer calls",
    "tokens": "longer or shorter calls",
    "rate": "price, cache and output in a token",
    "mix": "other models for the same calls",
}


def paint(
    pictures: Pictures, advice: Advice | None, outlook: Outlook | None, width: int, days: tuple[Day, ...] = ()
) -> list[Content]:
    """All pictures there are facts for, one below the other; spend over time where `days` are given."""
    blocks = [
        over_time(days, width) if days else [],
        drivers(pictures.moved, width),
        unusual(outlook, pictures.task, width),
        prompt(pictures, width) if pictures.task is not None else [],
        savings(_fixes(advice, pictures.task), advice if pictures.task is None else None, width),
        kept(() if advice is None else advice.decided, pictures.task, width),
        cache(pictures, width),
        scatter(pictures, width),
    ]
    return [row for block in blocks if block for row in (*block, Content(""))]


def over_time(days: tuple[Day, ...], width: int) -> list[Content]:
    """Spend by day."""
    daily = Daily()
    daily.days, daily.rows = days, _ROWS // 2 + 1
    return daily.paint(width)


def drivers(moved: Moved | None, width: int) -> list[Content]:
    """From the window before to this one, in parts that add up."""
    title = "What moved the spend"
    if moved is None:
        return [rule(title, width), line(("  nothing to compare with in the window before", "$text-muted"))]
    steps = [Step("before", moved.before_picousd, total=True), *(Step(name, amount) for name, amount in moved.parts)]
    steps.append(Step("now", moved.after_picousd, total=True))
    notes = ["", *(_MEANS[name] for name, _ in moved.parts), ""]
    return [rule(title, width, "of priced calls; the parts add up"), *_steps(steps, notes, width)]


def unusual(found: Outlook | None, task: str | None, width: int) -> list[Content]:
    """What cost far more than usual, each beside its usual cost."""
    rows = [] if found is None else [one for one in found.unusual if task in (None, one.task)]
    if not rows:
        return []
    room, largest = _room(width), max(one.cost_picousd for one in rows)
    lines = [rule("What was unusual", width, "otelcost anomalies tells more")]
    for one in rows:
        places = display.common_places([one.cost_picousd, one.usual_picousd])
        lines.append(line(f"{display.clean(one.task)}, {one.when}"))
        for label, amount, style in (("  cost", one.cost_picousd, "$primary"), ("  usually", one.usual_picousd, MUTED)):
            lines.append(_bar(width, label, charts.bar(amount, largest, room), display.money(amount, places), style))
    return lines


def savings(fixes: Sequence[Recommendation], advice: Advice | None, width: int) -> list[Content]:
    """What each fix saves alone, what they share, and what all save together."""
    title = "What fixes save"
    if not fixes:
        return [rule(title, width), line(("  no fix without a trial in this window", "$text-muted"))]
    amounts = [(item.title, item.standalone_picousd or 0) for item in fixes]
    shown = amounts[:_MOST_STEPS]
    rest = sum(amount for _, amount in amounts[_MOST_STEPS:])
    # Of one task there is no joint figure: what does not add up does not stand on top of another.
    steps = [Step(display.clean(name), amount, total=advice is None) for name, amount in shown]
    if rest:
        steps.append(Step(f"{len(amounts) - _MOST_STEPS} more", rest, total=advice is None))
    if advice is not None:
        steps.append(Step("overlap", advice.joint_picousd - sum(amount for _, amount in amounts)))
        steps.append(Step("together", advice.joint_picousd, total=True))
    note = "each alone, then together" if advice is not None else "each alone; alone they do not add up"
    return [rule(title, width, note), *_steps(steps, [""] * len(steps), width)]


def kept(decided: Sequence[Decided], task: str | None, width: int) -> list[Content]:
    """What applied changes could have saved since, and what they did."""
    rows = [row for row in decided if row.measured is not None and task in (None, row.task)]
    if not rows:
        return []
    known = [
        (row, row.measured.expected_picousd, row.measured.realised_picousd)
        for row in rows
        if row.measured is not None
        and row.measured.expected_picousd is not None
        and row.measured.realised_picousd is not None
    ]
    lines = [
        rule(
            "Realised against promised", width, f"{len(rows) - len(known)} too early" if len(known) < len(rows) else ""
        )
    ]
    room = _room(width)
    largest = max((max(due, saved) for _, due, saved in known), default=1)
    for row, due, saved in known:
        places = display.common_places([due, saved])
        for label, amount, style in ((row.title, due, "$text-muted"), ("  saved", saved, "$primary")):
            lines.append(
                _bar(
                    width, display.clean(label), charts.bar(amount, largest, room), display.money(amount, places), style
                )
            )
    return lines


def prompt(pictures: Pictures, width: int) -> list[Content]:
    """What the input tokens of a task are for, and how much of each part stands in nearly every call."""
    title = "What the prompts are made of"
    total = sum(row.tokens for row in pictures.prompt)
    if not total:
        return [rule(title, width), line(("  no prompt was seen part by part", "$text-muted"))]
    largest, room = max(row.tokens for row in pictures.prompt), _room(width)
    places = display.common_places([row.picousd for row in pictures.prompt])
    note = f"{pictures.prompt_known_calls:,} of {display.plural(pictures.prompt_calls, 'call')} known"
    return [
        rule(title, width, note),
        *[_part(row, total, largest, room, places, _label(width)) for row in pictures.prompt if row.tokens],
    ]


def _part(row: PromptShare, total: int, largest: int, room: int, places: int, width: int) -> Content:
    share = display.percent(row.tokens, total)
    constant = f", {display.percent(row.static_tokens, row.tokens)} constant" if row.static_tokens else ""
    bar = charts.bar(row.tokens, largest, max(4, room - _NOTE + 2))
    note = f"{share}{constant}"
    return line(
        (fit(row.part, width), "$text-muted"),
        (bar, "$primary"),
        fit(f" {note}", _NOTE),
        f"{display.money(row.picousd, places):>{_AMOUNT - 2}}",
    )


def cache(pictures: Pictures, width: int) -> list[Content]:
    """The share of the input that was read from the provider's cache, over time."""
    title = "Read from the provider's cache"
    points = pictures.cache
    if not points:
        return [rule(title, width), line(("  no counted input", "$text-muted"))]
    read, whole = sum(one.read_tokens for one in points), sum(one.input_tokens for one in points)
    room = max(8, width - _SIDE)
    shares = _shares(pictures, room)
    filled = [share or 0 for share in shares]
    rows = [row[:-1] for row in charts.columns([*filled, 1000], _CACHE_ROWS)]  # what is cut off makes 100% the top
    rows[-1] = "".join("_" if share == 0 else cell for share, cell in zip(shares, rows[-1], strict=True))
    sides = ["100%", *[""] * (_CACHE_ROWS - 2), "0%"]
    first, last = f"{points[0].start:%d %b %H:%M}", f"{points[-1].start:%d %b %H:%M}"
    gap = max(1, len(shares) - len(first) - len(last))
    return [
        rule(title, width, f"{display.percent(read, whole)} of {display.tokens(whole)} tokens; _ none, blank no calls"),
        *[
            line((f"{side:>{_SIDE - 2}}  ", "$text-muted"), (row, "$text-success"))
            for side, row in zip(sides, rows, strict=True)
        ],
        line((f"{'':{_SIDE}}{first}{' ' * gap}{last} UTC", "$text-muted")),
    ]


def _shares(pictures: Pictures, room: int) -> list[int | None]:
    """Per mille by step of time; None where there were no calls."""
    step = max(1, pictures.cache_step_seconds)
    first = pictures.cache[0].start
    places = {round((one.start - first).total_seconds()) // step: one for one in pictures.cache}
    steps = range(min(room, max(places) + 1))
    found = [places.get(place) for place in steps]
    return [None if one is None else one.read_tokens * 1000 // one.input_tokens for one in found]


def scatter(pictures: Pictures, width: int) -> list[Content]:
    """Calls by what they took and what they cost, both axes in powers of ten."""
    title = "Latency against cost of a call"
    spots = pictures.spots
    if not spots:
        return [rule(title, width), line(("  no priced call with a duration", "$text-muted"))]
    across = _axis([spot.x for spot in spots], pictures.decade)
    up = _axis([spot.y for spot in spots], pictures.decade)
    room = min(_WIDEST, width - _SIDE)
    height = max(_ROWS, min(2 * _ROWS, 3 * (up[1] - up[0]) // pictures.decade))
    rows = charts.grid([(spot.x, spot.y, spot.calls) for spot in spots], across, up, room, height)
    costs = _marks(up, pictures.decade, height, money_mark)
    times = _marks(across, pictures.decade, room, duration_mark)
    calls = sum(spot.calls for spot in spots)
    return [
        rule(
            title, width, f"{display.plural(calls, 'call')}, {charts.density(1, 256)} few {charts.density(1, 1)} many"
        ),
        *[
            line((f"{costs.get(height - 1 - place, ''):>{_SIDE - 2}}  ", "$text-muted"), (row, "$primary"))
            for place, row in enumerate(rows)
        ],
        line((f"{'':{_SIDE}}{_spaced(times, room)}", "$text-muted")),
    ]


def _axis(values: Sequence[int], decade: int) -> charts.Span:
    """Whole powers of ten around some steps."""
    low, high = min(values) // decade * decade, (max(values) // decade + 1) * decade
    return low, high


def _marks(span: charts.Span, decade: int, cells: int, word: Callable[[int], str]) -> dict[int, str]:
    """The powers of ten of an axis by the cell in which they begin; the end has none of its own."""
    return {charts.placed(step, span, cells): word(10 ** (step // decade)) for step in range(*span, decade)}


def _spaced(marks: Mapping[int, str], room: int) -> str:
    """Marks under their cells; one that another would touch is left out."""
    row = ""
    for place, word in sorted(marks.items()):
        if (not row or place > cell_len(row) + 1) and place + cell_len(word) <= room:
            row = row.ljust(place) + word
    return row


def _fixes(advice: Advice | None, task: str | None) -> list[Recommendation]:
    """What is in the joint saving: still open, and sure without a trial; the largest first."""
    rows = () if advice is None else words.still_open(advice)
    mine = [row for row in rows if row.class_ != "needs-trial" and task in (None, row.task)]
    return sorted(mine, key=lambda row: -(row.standalone_picousd or 0))


def _steps(steps: Sequence[Step], notes: Sequence[str], width: int) -> list[Content]:
    room = _room(width)
    bars = charts.waterfall(steps, room)
    places = display.common_places([step.amount for step in steps])
    lines = []
    for step, bar, note in zip(steps, bars, notes, strict=True):
        text = display.money(step.amount, places) if step.total else words.signed(step.amount, places)
        style = "$primary" if step.total else "$text-error" if step.amount > 0 and note else "$text-success"
        tail = f"  {note}" if note and cell_len(bar) + len(note) + 2 <= room else ""
        lines.append(_bar(width, step.label, bar, text, style, tail))
    return lines


def _bar(width: int, label: str, bar: str, amount: str, style: str, tail: str = "") -> Content:
    """A name, a bar with what is said beside it, and an amount at the end of the line."""
    name = _label(width)
    padding = " " * max(0, _room(width) - cell_len(bar) - cell_len(tail))
    return line(
        (fit(label, name - 1) + " ", ""),
        (bar, style),
        (tail + padding, "$text-muted"),
        (f"{amount:>{_AMOUNT}}", "bold"),
    )


def _label(width: int) -> int:
    return max(_LABEL, min(_WIDE_LABEL, width // 3 - _SIDE))


def _room(width: int) -> int:
    return max(8, width - _label(width) - _AMOUNT)
