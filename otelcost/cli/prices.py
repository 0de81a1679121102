"""`otelcost prices`: what a model costs, where that comes from, and whether the book can be trusted today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import balance, options, price_data, windows
from otelcost.cli.reader import unknown
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.display import PICOUSD, UNKNOWN
from otelcost.errors import EXIT_OK, EXIT_STALE, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.pricing.book import Book, Resolution
    from otelcost.pricing.rates import PriceRow
    from otelcost.pricing.report import Finding
    from otelcost.store.queries import Health

PROVIDERS = (
    "openai",
    "anthropic",
    "azure.ai.openai",
    "gcp.gemini",
    "aws.bedrock",
    "mistral_ai",
    "groq",
    "deepseek",
    "x_ai",
)
"""Where a model is looked for when no provider is given, in this order."""

_TOKEN_RATES = (
    ("input", "input_picousd", 0),
    ("cache read", "cache_read_picousd", 2),
    ("write short", "cache_write_short_picousd", 3),
    ("write long", "cache_write_long_picousd", 4),
    ("output", "output_picousd", 0),
    ("reasoning", "reasoning_picousd", 5),
)
"""Title, field and how early the column goes where there is no room."""


@click.group("prices")
def command() -> None:
    """Prices: show a model's, check that every recorded call has one, and bring them up to date."""


@command.command(
    "show", epilog=options.examples("prices show gpt-4o", "prices show claude-haiku-4-5 --provider anthropic --history")
)
@click.argument("model")
@click.option("--provider", help="OpenTelemetry provider name, such as openai; without it the usual ones are tried.")
@click.option("--history", is_flag=True, help="Also prices that no longer hold, or not yet.")
@options.format_option
@options.debug_option
def show_command(model: str, provider: str | None, history: bool, format_: str) -> None:
    """Show what MODEL costs, in every variant, and which layer says so."""
    from otelcost import settings  # noqa: PLC0415
    from otelcost.pricing.book import compile_book  # noqa: PLC0415

    book = compile_book(settings.price_override_path())
    found, resolution = find(book, model, provider)
    assert resolution.price_key is not None  # noqa: S101  (find raises otherwise)
    keys = book.variants(resolution.price_key)
    now = options.now()
    rows = [row for key in keys for row in book.rows_for(key) if history or row.valid_from <= now < row.valid_to]
    options.show(document(model, found, resolution, distinct(rows)), format_)


def distinct(rows: Sequence[PriceRow]) -> list[PriceRow]:
    """Rows without those of a geography that costs what the whole world does."""
    home = {(row.price_key, row.valid_from, row.context_lo): row.rates for row in rows}
    return [
        row
        for row in rows
        if "+" not in row.price_key
        or home.get((row.price_key.partition("+")[0], row.valid_from, row.context_lo)) != row.rates
    ]


def find(book: Book, model: str, provider: str | None) -> tuple[str, Resolution]:
    """The provider whose price a model gets, and how it was found.

    Raises:
        UsageError: nobody has a price for it.
    """
    candidates = (provider,) if provider else PROVIDERS
    answers = [(name, book.resolve(name, model)) for name in candidates]
    priced = [(name, answer) for name, answer in answers if answer.price_key]
    for status in ("override", "exact", "alias"):
        for name, answer in priced:
            if answer.status == status:
                return name, answer
    if provider:
        raise UsageError(
            f"no price: {answers[0][1].reason}", "add it to prices.toml, or see otelcost prices show --help"
        )
    models = {key.split("/")[1] for key in (row.price_key for row in book.rows) if key.count("/") > 1}
    raise unknown("the price book has no model", model, models, "otelcost prices show --help")


def per_million(picousd: int | None) -> str:
    """A token rate as dollars per million tokens, exactly: `$2.50`, `$0.075`."""
    if picousd is None:
        return UNKNOWN
    millionths = picousd * 1_000_000
    whole, rest = divmod(millionths, PICOUSD)
    fraction = f"{rest:012d}".rstrip("0").ljust(2, "0")
    return f"${whole:,}.{fraction}"


def document(model: str, provider: str, resolution: Resolution, rows: Sequence[PriceRow]) -> Document:
    """Price rows as a document; JSON and CSV give pico-dollars per token or request."""
    records = tuple(_record(row) for row in rows)
    title: Line = ("Prices of ", Name(model), " at ", Name(provider), f" ({resolution.status})")
    return Document(
        envelope={
            "model": model,
            "provider": provider,
            "price_key": resolution.price_key,
            "price_status": resolution.status,
            "prices": list(records),
        },
        blocks=(Heading(title, level=1), Prose(("USD per million tokens",)), *_table(rows)),
        fields=tuple(records[0]) if records else ("price_key",),
        records=records,
    )


def _record(row: PriceRow) -> dict[str, Any]:
    from msgspec import to_builtins  # noqa: PLC0415

    from otelcost.pricing.rates import ANY_CONTEXT  # noqa: PLC0415

    return {
        "price_key": row.price_key,
        "valid_from": windows.boundary(row.valid_from),
        "valid_to": windows.boundary(row.valid_to),
        "context_lo_tokens": row.context_lo,
        "context_hi_tokens": None if row.context_hi == ANY_CONTEXT else row.context_hi,
        **to_builtins(row.rates),
        "source": row.source,
    }


def _table(rows: Sequence[PriceRow]) -> tuple[Block, ...]:
    if not rows:
        return (Prose(("no price holds today: see --history",)),)
    columns = (
        Column("variant"),
        Column("context"),
        Column("holds", drop=1),
        *(Column(title, right=True, drop=drop) for title, _, drop in _TOKEN_RATES),
        Column("source", drop=6, flex=12),
    )
    return (Table(columns, tuple(_row(row) for row in rows)),)


def _row(row: PriceRow) -> tuple[str, ...]:
    return (
        row.price_key.rpartition("/")[2],
        _context(row),
        _dates(row),
        *(per_million(getattr(row.rates, name)) for _, name, _ in _TOKEN_RATES),
        row.source,
    )


def _dates(row: PriceRow) -> str:
    start, end = windows.boundary(row.valid_from), windows.boundary(row.valid_to)
    since = f"from {start[:10]}" if start else ""
    until = f"until {end[:10]}" if end else ""
    return " ".join(part for part in (since, until) if part) or "always"


def _context(row: PriceRow) -> str:
    """The request's whole input, in tokens, that the row is for."""
    from otelcost.pricing.rates import ANY_CONTEXT  # noqa: PLC0415

    above = f"above {row.context_lo - 1:,}" if row.context_lo else ""
    upto = "" if row.context_hi == ANY_CONTEXT else f"up to {row.context_hi - 1:,}"
    return " ".join(part for part in (above, upto) if part) or "any"


@command.command("check", epilog=options.examples("prices check"))
@options.format_option
@options.drain_option
@options.debug_option
def check_command(format_: str, drain: bool) -> int:
    """Check that the price book compiles, is fresh, and prices every recorded call.

    Exits 0 when all is well, 4 when the book is stale or a call is unpriced, 2 when prices.toml has a mistake.
    """
    from otelcost import settings  # noqa: PLC0415
    from otelcost.cli.reader import drain_spool  # noqa: PLC0415
    from otelcost.pricing import report  # noqa: PLC0415
    from otelcost.pricing.book import compile_book  # noqa: PLC0415
    from otelcost.store import queries  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    compile_book(settings.price_override_path())
    if drain:
        drain_spool()
    today = options.now().date()
    with session() as connection:
        health = queries.health(connection, today=today)
        findings = report.check(connection, today=today)
    options.show(check_document(health, findings), format_)
    return EXIT_STALE if {finding.kind for finding in findings} & {"stale", "unpriced"} else EXIT_OK


def check_document(health: Health, findings: Sequence[Finding]) -> Document:
    """The book, and every reason not to trust a figure blindly, as a document."""
    from msgspec import to_builtins  # noqa: PLC0415

    from otelcost.pricing.report import NOTES  # noqa: PLC0415

    rows: list[dict[str, Any]] = to_builtins(findings)
    return Document(
        envelope={
            "ok": all(row["kind"] in NOTES for row in rows),
            "book": {
                "source": health.book_source,
                "sha256": health.book_sha256,
                "date": None if health.book_date is None else health.book_date.isoformat(),
                "age_days": health.book_age_days,
            },
            "findings": rows,
            "unpriced": to_builtins(health.unpriced),
        },
        blocks=(Prose((_book(health),)), *_findings(findings, recorded=health.calls + health.spans)),
        fields=("kind", "what", "fix"),
        records=tuple(rows),
    )


def _book(health: Health) -> str:
    if health.book_source is None:
        return "the price book is not compiled yet: otelcost drain"
    return f"{health.book_source}, prices up to {health.book_date}"


def _findings(findings: Sequence[Finding], *, recorded: int) -> tuple[Block, ...]:
    if not findings:
        return (Prose(("every recorded call has a price" if recorded else "no calls recorded yet",)),)
    rows = tuple((finding.kind, finding.what, finding.fix) for finding in findings)
    return (Table((Column("finding"), Column("what", flex=20), Column("what to do", flex=16)), rows),)


command.add_command(price_data.update_command)
command.add_command(price_data.sources_command)
command.add_command(balance.command)
