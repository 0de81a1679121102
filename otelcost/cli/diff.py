"""`otelcost diff`: two windows side by side, and what of the difference is volume, tokens, rate and mix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import Reader, reader
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.display import change, common_places, count, iso, money, plural, signed_money, tokens
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.store.queries import Moved, Movement, Side, Window

TOP = 10
PARTS = (
    ("volume", "more or fewer calls"),
    ("tokens", "longer or shorter calls"),
    ("rate", "dearer or cheaper tokens: prices, cache, share of output"),
    ("mix", "calls moved between models of a task"),
)
"""The parts of a difference, and what each means."""

FIELDS = (
    "section",
    "name",
    "base_calls",
    "head_calls",
    "base_unpriced_calls",
    "head_unpriced_calls",
    "base_tokens",
    "head_tokens",
    "base_picousd",
    "head_picousd",
    "compared_picousd",
    "change_picousd",
    "volume_picousd",
    "tokens_picousd",
    "rate_picousd",
    "mix_picousd",
    "usual_picousd",
    "verdict",
)


@click.command(
    "diff",
    epilog=options.examples(
        "diff --base 2026-11-14..2026-11-21", "diff --base 2026-11-14..2026-11-21 --format md > comment.md"
    ),
)
@click.option("--base", required=True, metavar="A..B", help="What to compare with: a window as of --window elsewhere.")
@click.option("--head", metavar="C..D", help="What is compared. Default: from the end of the base until now.")
@options.narrowing
@options.format_option
@options.drain_option
@options.debug_option
def command(base: str, head: str | None, format_: str, drain: bool, **filters: str | None) -> None:
    """Compare two windows: what moved, by how much, and why.

    The difference is told as volume, tokens, rate and mix, which add up. A task is flagged as dearer where a call
    costs more than it differs from day to day in the base. Use --format md for a pull-request comment.
    """
    from otelcost.store import queries  # noqa: PLC0415

    now = options.now()
    before = queries.Window.parse(base, now)
    later = head if head is not None else f"{before.end.isoformat()}.."
    if head is None and before.end >= now:
        raise UsageError(f"the base {base!r} reaches up to now", _earlier(before))
    request = options.Reading(later, True, format_, drain, options.chosen_filters(filters))
    with reader(request) as found:
        answer = document(queries.movement(found.connection, before, found.window), base, found)
    options.show(answer, format_)


def _earlier(base: Window) -> str:
    """What was probably meant: the window before the one that was said."""
    past = base.previous()
    such = f", such as --base {past.start:%Y-%m-%dT%H:%M}..{past.end:%Y-%m-%dT%H:%M}" if past else ""
    return f"end it earlier{such}, or say --head C..D"


def document(moved: Movement, base: str, found: Reader) -> Document:
    """The comparison as a document."""
    rows = [
        ("total", moved.total),
        *(("task", row) for row in moved.by_task),
        *(("model", row) for row in moved.by_model),
    ]
    return Document(
        envelope=envelope(moved, base, found),
        blocks=blocks(moved, found),
        fields=FIELDS,
        records=tuple({"section": section, **record(row)} for section, row in rows),
    )


def envelope(moved: Movement, base: str, found: Reader) -> dict[str, Any]:
    """The comparison as JSON; money in pico-dollars. `compared` is the base at the length of the head."""
    return {
        **windows.scope(found),
        "base": windows.envelope(moved.base, base),
        "head": windows.envelope(moved.head, found.label),
        "base_days": moved.base_days,
        "head_days": moved.head_days,
        "base_scaled_by": list(moved.scale),
        "total": record(moved.total),
        "by_task": [record(row) for row in moved.by_task],
        "by_model": [record(row) for row in moved.by_model],
        "as_of": iso(found.now),
    }


def record(row: Moved) -> dict[str, Any]:
    """A row as flat JSON."""
    sides = {
        f"{name}_{field}": getattr(side, field)
        for name, side in (("base", row.base), ("head", row.head))
        for field in ("calls", "unpriced_calls", "tokens", "picousd")
    }
    parts = {f"{part}_picousd": getattr(row, f"{part}_picousd") for part, _ in PARTS}
    rest = {"compared_picousd": row.compared_picousd, "change_picousd": row.change_picousd}
    return {"name": row.name, **sides, **rest, **parts, "usual_picousd": row.usual_picousd, "verdict": row.verdict}


def blocks(moved: Movement, found: Reader) -> tuple[Block, ...]:
    """For people and for a comment: the answer, the flags, the parts, then tasks and models."""
    head = Heading(("LLM cost: ", *_answer(moved)), level=1)
    part = found.scope.in_words()
    only: tuple[Line, ...] = (("only ", Name(part)),) if part else ()
    lines = Prose((*only, *_windows(moved), *_unpriced(moved)))
    if not any(side.calls or side.unpriced_calls for side in (moved.total.base, moved.total.head)):
        return head, lines, why_nothing(found)
    return (
        head,
        lines,
        *_flagged(moved),
        Heading("Why"),
        _parts(moved.total),
        Heading("By task"),
        *_table("task", moved.by_task),
        Heading("By model"),
        *_table("model", moved.by_model),
        Prose((_footnote(),)),
    )


def _answer(moved: Movement) -> tuple[str, ...]:
    total = moved.total
    if not total.head.calls and not total.base.calls:
        return ("no priced calls in either window",)
    now, then = _known(total.head, total.head.picousd), _known(total.base, total.compared_picousd)
    told = change(now, then)
    before = f"{money(then)} before" if total.base.calls or then is None else "nothing before"
    return (f"{money(now)}, {before}{', ' + told if told else ''}",)


def _known(side: Side, picousd: int) -> int | None:
    """An amount of a side; of one that has only calls without a price it is unknown, not nothing."""
    return None if side.unpriced_calls and not side.calls else picousd


def _moved(row: Moved, picousd: int) -> int | None:
    """A difference; where a side of it is unknown, so is it."""
    return None if None in {_known(row.base, 0), _known(row.head, 0)} else picousd


def _windows(moved: Movement) -> tuple[Line, ...]:
    above, below = moved.scale
    scaled = "" if above == below else f"; the base scaled by {above / below:.3g} to the same length"
    return (
        f"base {windows.bounds(moved.base)}, data on {plural(moved.base_days, 'day')}",
        f"head {windows.bounds(moved.head)}, data on {plural(moved.head_days, 'day')}{scaled}",
    )


def _unpriced(moved: Movement) -> tuple[Line, ...]:
    before, after = moved.total.base.unpriced_calls, moved.total.head.unpriced_calls
    if not before and not after:
        return ()
    told = f"unpriced: {plural(before, 'call')} before and {after:,} now are in no figure; see otelcost prices check"
    return (told,)


def _flagged(moved: Movement) -> tuple[Block, ...]:
    told = tuple(
        (Name(row.name or ""), f": a call costs {_per_call(row)}, {_usually(row)}")
        for row in moved.by_task
        if row.verdict == "dearer"
    )
    if not told:
        return (Prose(("no task became dearer by more than it differs from day to day",)),)
    return Heading("Dearer than from day to day"), Prose(told, bullets=True)


def _per_call(row: Moved) -> str:
    return money(row.head.picousd // row.head.calls) if row.head.calls else money(None)


def _usually(row: Moved) -> str:
    return f"{money(row.usual_picousd)} on a usual day of the base"


def _parts(row: Moved) -> Table:
    amounts = [_moved(row, getattr(row, f"{part}_picousd")) for part, _ in PARTS]
    places = common_places([row.compared_picousd, row.head.picousd, *amounts])
    cells = [(name, signed_money(amount, places), what) for (name, what), amount in zip(PARTS, amounts, strict=True)]
    cells.append(("together", signed_money(_moved(row, row.change_picousd), places), "the difference"))
    return Table((Column("part"), Column("change", right=True), Column("what it is", flex=20)), tuple(cells))


def _table(what: str, rows: Sequence[Moved]) -> tuple[Block, ...]:
    shown = rows[:TOP]
    places = common_places([one for row in shown for one in (row.compared_picousd, row.head.picousd)])
    columns = (
        Column(what, flex=16),
        Column("before", right=True, drop=2),
        Column("now", right=True),
        Column("change", right=True),
        *(Column(name, right=True, drop=4) for name, _ in PARTS),
        Column("calls", right=True, drop=5),
        Column("tok/call", right=True, drop=6),
        *((Column("a call is", drop=3),) if what == "task" else ()),
    )
    table = Table(columns, tuple(_cells(row, places, judged=what == "task") for row in shown))
    left = len(rows) - len(shown)
    return (table, Prose((f"and {left:,} more: --format csv",))) if left > 0 else (table,)


def _cells(row: Moved, places: int, *, judged: bool) -> tuple[str, ...]:
    parts = (signed_money(_moved(row, getattr(row, f"{part}_picousd")), places) for part, _ in PARTS)
    name = row.name if row.name is not None else "unknown"
    return (
        name,
        _cost(row.base, row.compared_picousd, places),
        _cost(row.head, row.head.picousd, places),
        signed_money(_moved(row, row.change_picousd), places),
        *parts,
        " > ".join(count(side.calls + side.unpriced_calls) for side in (row.base, row.head)),
        f"{_size(row.base)} > {_size(row.head)}",
        *((row.verdict or "",) if judged else ()),
    )


def _cost(side: Side, picousd: int, places: int) -> str:
    """A cost, with what it lacks."""
    doubt = " + ?" if side.unpriced_calls and side.calls else ""
    return money(_known(side, picousd), places) + doubt


def _size(side: Any) -> str:
    return tokens(side.tokens // side.calls) if side.calls else "-"


def _footnote() -> str:
    return (
        "Volume, tokens, rate and mix add up to the change, and are of priced calls. A call is dearer or cheaper where "
        "its cost moved by more than three robust standard deviations of the base's days, and by 5% at least."
    )
