"""`otelcost reconcile`: recorded cost against a provider's usage or cost export."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, terminal
from otelcost.cli.render import Block, Column, Document, Heading, Name, Prose, Table
from otelcost.display import UNKNOWN, common_places, count, money, percent, signed_money
from otelcost.errors import EXIT_GATE, EXIT_OK, EXIT_STALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.reconcile.rows import Cause, Row, Total

FIELDS = (
    "provider",
    "day",
    "model",
    "item",
    "recorded_calls",
    "billed_requests",
    "recorded_tokens",
    "billed_tokens",
    "unpriced_calls",
    "recorded_picousd",
    "billed_picousd",
    "gap_picousd",
    "causes",
)

_CAUSES = {
    "uncaptured": "not recorded",
    "surplus": "recorded, not billed",
    "unpriced": "without a price",
    "day_boundary": "day boundary",
    "not_by_call": "not by the call",
    "rounding": "rounding",
    "price": "another price",
    "unexplained": "unexplained",
}
"""Each cause in words, in the order they are shown."""


@click.command("reconcile", epilog=options.examples("reconcile usage.json costs.json --max-gap 2"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--max-gap",
    type=click.FloatRange(min=0),
    metavar="PERCENT",
    help="Exit with 3 where recorded and billed differ by more than this share of the bill.",
)
@options.format_option
@options.drain_option
@options.debug_option
def command(files: tuple[Path, ...], max_gap: float | None, format_: str, drain: bool) -> int:
    """Compare recorded cost with a provider's export, by day and model, and name the gap's causes.

    FILES are OpenAI's usage or costs (JSON pages of the API, or CSV) and Anthropic's usage or cost report (JSON of
    the Admin API, or the console's CSV). Give usage and costs together: usage tells missing calls from other prices.

    Exits 3 when --max-gap is exceeded, 4 when calls of those days have no price, 1 when a file is no export.
    """
    from otelcost.cli.reader import drain_spool  # noqa: PLC0415
    from otelcost.reconcile.compare import compare, days, totals  # noqa: PLC0415
    from otelcost.reconcile.read import day_offset, read_files  # noqa: PLC0415
    from otelcost.reconcile.recorded import recorded  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    export = read_files(list(files))
    if drain:
        drain_spool()
    first, last = days(export)
    offset = day_offset(export.lines)
    with session() as connection:
        mine = recorded(connection, {line.provider for line in export.lines}, first, last, offset)
    rows = compare(export, mine)
    sums = totals(rows)
    for note in export.notes:
        terminal.warn(note)
    hours = offset.total_seconds() / 3600
    options.show(document(rows, sums, export.notes, hours), format_)
    if max_gap is not None and any(_exceeds(total, max_gap) for total in sums):
        return EXIT_GATE
    return EXIT_STALE if any(total.unpriced_calls for total in sums) else EXIT_OK


def _exceeds(total: Total, percents: float) -> bool:
    gap, billed = total.gap_picousd, total.billed_picousd
    if gap is None or billed is None:
        return False
    return abs(gap) * 100 > Decimal(str(percents)) * abs(billed)


def document(rows: Sequence[Row], sums: Sequence[Total], notes: tuple[str, ...], hours: float) -> Document:
    """A reconciliation as a document. Money in JSON and CSV is integer pico-dollars."""
    records = tuple(_record(row) for row in rows)
    blocks: list[Block] = []
    for total in sums:
        blocks += _total(total)
        blocks.append(_table([row for row in rows if row.provider == total.provider]))
    if hours:
        blocks.append(Prose((f"The export's days begin {hours:g} hours after midnight UTC, and so do these.",)))
    return Document(
        envelope={
            "totals": [_record_total(total) for total in sums],
            "rows": [{**record, "causes": _causes(row.causes)} for record, row in zip(records, rows, strict=True)],
            "notes": list(notes),
            "day_begins_utc_hours": hours,
        },
        blocks=tuple(blocks),
        fields=FIELDS,
        records=records,
    )


def _record(row: Row) -> dict[str, Any]:
    known = {name: getattr(row, name) for name in FIELDS if name != "causes"}
    causes = "; ".join(f"{cause.cause} {_amount_text(cause)}" for cause in row.causes)
    return {**known, "day": row.day.isoformat(), "causes": causes}


def _amount_text(cause: Cause) -> str:
    return "unknown" if cause.picousd is None else str(cause.picousd)


def _causes(causes: Sequence[Cause]) -> list[dict[str, Any]]:
    from msgspec import to_builtins  # noqa: PLC0415

    found: list[dict[str, Any]] = to_builtins(list(causes))
    return found


def _record_total(total: Total) -> dict[str, Any]:
    names = ("provider", "recorded_calls", "billed_requests", "unpriced_calls")
    money_names = ("recorded_picousd", "billed_picousd", "gap_picousd")
    return {
        **{name: getattr(total, name) for name in names},
        "first": total.first.isoformat(),
        "last": total.last.isoformat(),
        **{name: getattr(total, name) for name in money_names},
        "causes": _causes(total.causes),
    }


def _total(total: Total) -> list[Block]:
    title = Heading((Name(total.provider), f", {total.first} to {total.last}"), level=1)
    gap = total.gap_picousd
    if gap is None:
        line = f"recorded {money(total.recorded_picousd)}; the export tells no cost"
        return [title, Prose((line,)), *_cause_table(total)]
    places = common_places([total.recorded_picousd, total.billed_picousd])
    of_bill = percent(abs(gap), abs(total.billed_picousd)) if gap and total.billed_picousd else ""
    share = f" ({of_bill} of the bill)" if of_bill else ""
    line = (
        f"recorded {money(total.recorded_picousd, places)}, billed {money(total.billed_picousd, places)}, "
        f"gap {signed_money(gap, places) if gap else 'none'}{share}"
    )
    return [title, Prose((line,)), *_cause_table(total)]


def _cause_table(total: Total) -> list[Block]:
    if not total.causes:
        return []
    columns = (Column("cause"), Column("of the gap", right=True), Column("what", flex=30))
    return [Table(columns, tuple((_CAUSES[cause.cause], _gap(cause), cause.what) for cause in total.causes))]


def _gap(cause: Cause) -> str:
    if cause.picousd is None:
        return UNKNOWN
    return f"{'~' if cause.estimated else ''}{signed_money(cause.picousd)}"


def _table(rows: Sequence[Row]) -> Table:
    columns = (
        Column("day"),
        Column("model", flex=16),
        Column("calls", right=True, drop=2),
        Column("billed calls", right=True, drop=3),
        Column("recorded", right=True),
        Column("billed", right=True),
        Column("gap", right=True),
        Column("causes", drop=1, flex=14),
    )
    places = common_places([amount for row in rows for amount in (row.recorded_picousd, row.billed_picousd)])
    return Table(columns, tuple(_cells(row, places) for row in rows))


def _cells(row: Row, places: int) -> tuple[str, ...]:
    gap = row.gap_picousd
    return (
        row.day.isoformat(),
        row.item or row.model or "all models",
        count(row.recorded_calls) if not row.item else "-",
        count(row.billed_requests) if row.billed_requests is not None else "-" if row.item else UNKNOWN,
        money(row.recorded_picousd, places),
        UNKNOWN if row.billed_picousd is None else money(row.billed_picousd, places),
        UNKNOWN if gap is None else signed_money(gap, places) if gap else "-",
        ", ".join(_CAUSES[cause.cause] for cause in row.causes),
    )
