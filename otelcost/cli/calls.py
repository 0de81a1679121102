"""`otelcost calls`: single calls, newest first, or the ones a recommendation names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, windows
from otelcost.cli.figures import costs
from otelcost.cli.nothing import why_nothing
from otelcost.cli.reader import Reader, reader
from otelcost.cli.render import Block, Column, Document, Table
from otelcost.display import duration, iso, tokens
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otelcost.store.queries import CallRow

_CALL_ID = re.compile(r"[0-9a-fA-F]{16}")

ORDERS = ("newest", "oldest", "cost", "duration", "tokens", "input", "output", "task", "model", "status")
"""As in the query layer, which is too heavy to load for a help text."""

FIELDS: dict[str, Callable[[CallRow], Any]] = {
    "trace_id": lambda row: row.trace_id,
    "span_id": lambda row: row.span_id,
    "operation_id": lambda row: row.operation_id,
    "start": lambda row: iso(row.start),
    "duration_ms": lambda row: _milliseconds(row.duration_us),
    "ttft_ms": lambda row: _milliseconds(row.ttft_us),
    "provider": lambda row: row.provider,
    "operation": lambda row: row.operation,
    "request_model": lambda row: row.request_model,
    "response_model": lambda row: row.response_model,
    "service_tier": lambda row: row.service_tier,
    "task": lambda row: row.task,
    "status": lambda row: row.status,
    "error_type": lambda row: row.error_type,
    "attempt": lambda row: row.attempt,
    "flags": lambda row: list(row.flags),
    "input_uncached_tokens": lambda row: row.input_uncached_tokens,
    "cache_read_tokens": lambda row: row.cache_read_tokens,
    "cache_write_short_tokens": lambda row: row.cache_write_short_tokens,
    "cache_write_long_tokens": lambda row: row.cache_write_long_tokens,
    "output_tokens": lambda row: row.output_tokens,
    "reasoning_tokens": lambda row: row.reasoning_tokens,
    "cost_picousd": lambda row: row.cost_picousd,
    "price_status": lambda row: row.price_status,
    "price_source": lambda row: row.price_source,
    "price_key": lambda row: row.price_key,
    "price_valid_from": lambda row: windows.boundary(row.price_valid_from),
    "price_context_lo_tokens": lambda row: row.price_context_lo_tokens,
    "call_site": lambda row: row.call_site,
}
"""The stable fields of a call, in JSON and CSV alike. `null` or an empty cell is unknown, never 0."""

COLUMNS = (
    Column("id"),
    Column("start (UTC)", drop=1),
    Column("task", flex=10),
    Column("model", drop=3),
    Column("in", right=True, drop=4),
    Column("cached", right=True, drop=7),
    Column("out", right=True, drop=5),
    Column("cost", right=True),
    Column("time", right=True, drop=6),
    Column("status", drop=2, flex=9),
)


@click.command(
    "calls",
    epilog=options.examples(
        "calls --since 24h --order cost --limit 10",
        "calls --task triage.triage_ticket",
        "calls --rec R-65d46fa6 --format csv > calls.csv",
    ),
)
@click.option("--limit", type=click.IntRange(1, 10**9), default=50, show_default=True, help="At most so many calls.")
@click.option("--ids", multiple=True, metavar="ID[,ID...]", help="Only these calls (span ids); may be repeated.")
@click.option("--rec", metavar="ID", help="Only the calls of this recommendation or insight.")
@click.option("--order", type=click.Choice(ORDERS), default="newest", show_default=True, help="What comes first.")
@options.viewing
def command(
    request: options.Reading,
    limit: int,
    ids: tuple[str, ...],
    rec: str | None,
    order: str,
) -> None:
    """List calls: one HTTP attempt at a provider each, with its tokens and exact cost.

    With --ids, the whole store is searched unless a window is given, and --limit does not apply. Nor does it with
    --rec in json and csv: they have every call of the recommendation.
    """
    if rec is not None:
        from otelcost.cli import rec_calls  # noqa: PLC0415

        if ids:
            raise UsageError("--rec and --ids exclude each other", "give one of them")
        rec_calls.show(request, rec, order, limit)
        return
    from otelcost.store import queries  # noqa: PLC0415

    wanted = _split(ids)
    with reader(request.with_window("all") if wanted and not request.window_given else request) as found:
        rows = queries.calls(
            found.connection,
            found.window,
            limit=len(wanted) if wanted else limit,
            ids=wanted or None,
            order=order,
        )
        shown = table(rows) if rows else why_nothing(found)
        blocks = (windows.line(found), shown)
        head = envelope(found)
    _check_found(wanted, rows)
    options.show(document(rows, blocks, head), request.format)


def _split(ids: tuple[str, ...]) -> list[str]:
    """`a,b` and repeated options as one list without repeats, in the order given."""
    wanted = [part.strip().lower() for group in ids for part in group.split(",") if part.strip()]
    for call_id in wanted:
        if not _CALL_ID.fullmatch(call_id):
            raise UsageError(f"{call_id!r} is no call id", "a call id is 16 hexadecimal digits: see otelcost calls")
    if ids and not wanted:
        raise UsageError("--ids names no call", "give call ids with commas between them: see otelcost calls")
    return list(dict.fromkeys(wanted))


def _check_found(wanted: list[str], rows: Sequence[CallRow]) -> None:
    missing = sorted(set(wanted) - {row.span_id for row in rows})
    if missing:
        raise UsageError(f"no call in this window has the id {missing[0]!r}", "see otelcost calls --window all")


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def envelope(found: Reader) -> dict[str, Any]:
    """What stands above calls in JSON: their window, and the price book that their costs can be computed from."""
    from otelcost.store import queries  # noqa: PLC0415

    return {
        **windows.head(found),
        "book_sha256": queries.book_sha256(found.connection),
    }


def document(rows: Sequence[CallRow], blocks: tuple[Block, ...], head: dict[str, Any]) -> Document:
    """Calls as a document under its `envelope`."""
    records = tuple({name: read(row) for name, read in FIELDS.items()} for row in rows)
    return Document(
        envelope={**head, "calls": list(records)},
        blocks=blocks,
        fields=tuple(FIELDS),
        records=records,
    )


def table(rows: Sequence[CallRow]) -> Table:
    """Calls for people."""
    amounts = costs([row.cost_picousd for row in rows])
    return Table(COLUMNS, tuple(_row(row, _cost(row, cost)) for row, cost in zip(rows, amounts, strict=True)))


def _cost(row: CallRow, amount: str) -> str:
    """What a provider does not bill cost nothing, and that is no price of $0."""
    return "not billed" if row.price_status == "not_billed" else amount


def _row(row: CallRow, cost: str) -> tuple[str, ...]:
    return (
        row.span_id,
        row.start.strftime("%Y-%m-%d %H:%M:%S"),
        row.task,
        row.model or "?",
        tokens(row.input_tokens),
        tokens(row.cache_read_tokens),
        tokens(row.output_tokens),
        cost,
        duration(row.duration_us),
        _status(row),
    )


def _status(row: CallRow) -> str:
    """`ok`, `error RateLimitError`, and what to know about the figures: `ok (estimated)`."""
    words = f"{row.status} {row.error_type}" if row.error_type else row.status
    attempt = f", attempt {row.attempt}" if row.attempt > 1 else ""
    flags = f" ({', '.join(row.flags)})" if row.flags else ""
    return f"{words}{attempt}{flags}"
