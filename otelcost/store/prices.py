"""The book inside the store: compiled once, refreshed when its inputs change, resolved once per kind of call.

A broken `prices.toml` never stops a reader: the store keeps the last good book and says so in one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

import duckdb

from otelcost import settings
from otelcost.errors import PriceError
from otelcost.pricing import book as books
from otelcost.pricing.book import Book, Resolution
from otelcost.pricing.rates import RATE_NAMES, PriceRow
from otelcost.store.db import transaction
from otelcost.store.lines import Pricing

_BROKEN: Final = "prices.toml has a mistake, so new models wait for it: see `otelcost prices check`"
_RESOLUTION_COLUMNS: Final = (
    "pricing_id, provider, model, service_tier, speed, inference_geo, batch, price_key, status, book_status, reason"
)


def refresh(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Compile the book again if anything it is made of changed. Returns warnings, one line each.

    When it changed, every known kind of call is resolved again; costs follow by themselves, as they are
    joined and not stored.
    """
    override = settings.price_override_path()
    wanted = books.fingerprint(override)
    if wanted == _stored_fingerprint(connection):
        return ()
    try:
        book = books.compile_book(override)
    except PriceError as error:
        return _keep_last_good(connection, error)
    _store(connection, book, wanted, None)
    return ()


def resolve_new(connection: duckdb.DuckDBPyConnection, pricings: Iterable[Pricing]) -> None:
    """Give every combination not seen before its row in `price_resolution`. Inside a transaction."""
    known = set(_known(connection))
    fresh = sorted(set(pricings) - known, key=repr)
    if fresh:
        book = _usable_book(connection)
        _insert_resolutions(connection, book, list(enumerate(fresh, len(known) + 1)))


def _usable_book(connection: duckdb.DuckDBPyConnection) -> Book | None:
    """The book with the user's prices; without them where they never were good; None where they once were."""
    try:
        return books.compile_book(settings.price_override_path())
    except PriceError:
        never_good = _stored_fingerprint(connection) == books.fingerprint(None)
        return books.compile_book(None) if never_good else None


def _keep_last_good(connection: duckdb.DuckDBPyConnection, error: PriceError) -> tuple[str, ...]:
    warning = f"{error.what}: {error.fix}"
    plain = books.fingerprint(None)
    if _stored_fingerprint(connection) in {None, plain}:
        if _stored_fingerprint(connection) is None:
            _store(connection, books.compile_book(None), plain, warning)
        return (f"{warning} (using the book without it)",)
    return (f"{warning} (using the last good prices)",)


def _store(connection: duckdb.DuckDBPyConnection, book: Book, fingerprint: str, warning: str | None) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    known = _known(connection)
    with transaction(connection):
        connection.execute("DELETE FROM price")
        _insert_rows(connection, book.rows)
        connection.execute("DELETE FROM price_resolution")
        _insert_resolutions(connection, book, [(number, pricing) for pricing, number in known.items()])
        connection.execute("DELETE FROM book")
        connection.execute(
            "INSERT INTO book VALUES (?, ?, ?, ?, ?, ?)",
            [book.sha256, book.source, _snapshot_date(), fingerprint, warning, now],
        )


def _snapshot_date() -> date:
    from otelcost.pricing import snapshot  # noqa: PLC0415  (0.3 s)

    return snapshot.newest_date(datetime.now(UTC).date())


def _stored_fingerprint(connection: duckdb.DuckDBPyConnection) -> str | None:
    row = connection.execute("SELECT fingerprint FROM book").fetchone()
    return str(row[0]) if row else None


def _known(connection: duckdb.DuckDBPyConnection) -> dict[Pricing, int]:
    rows = connection.execute(
        "SELECT pricing_id, provider, model, service_tier, speed, inference_geo, batch FROM price_resolution"
    ).fetchall()
    return {(row[1], row[2], row[3], row[4], row[5], bool(row[6])): int(row[0]) for row in rows}


def _insert_resolutions(
    connection: duckdb.DuckDBPyConnection, book: Book | None, numbered: list[tuple[int, Pricing]]
) -> None:
    rows = []
    for number, pricing in numbered:
        found = _resolve(book, pricing)
        rows.append([number, *pricing, found.price_key, found.status, found.book_status, found.reason])
        if book is not None and found.price_key and found.price_key.startswith(books.OVERRIDE_PREFIX):
            _insert_override(connection, book, found.price_key)
    if rows:
        marks = ", ".join("?" * 11)
        connection.executemany(f"INSERT INTO price_resolution ({_RESOLUTION_COLUMNS}) VALUES ({marks})", rows)


def _resolve(book: Book | None, pricing: Pricing) -> Resolution:
    provider, model, tier, speed, geo, batch = pricing
    if book is None:
        return Resolution(price_key=None, status="unpriced", reason=_BROKEN)
    if provider is None:
        return Resolution(price_key=None, status="unpriced", reason="the span names no provider")
    return book.resolve(provider, model, tier, speed, geo, batch)


def _insert_override(connection: duckdb.DuckDBPyConnection, book: Book, key: str) -> None:
    for sibling in book.variants(key):
        there = connection.execute("SELECT 1 FROM price WHERE price_key = ? LIMIT 1", [sibling]).fetchone()
        if there is None:
            _insert_rows(connection, book.rows_for(sibling))


def _insert_rows(connection: duckdb.DuckDBPyConnection, rows: list[PriceRow]) -> None:
    """Append price rows in one statement: row by row, 3,000 of them take seconds."""
    if not rows:
        return
    columns: dict[str, list[object]] = {
        "price_key": [row.price_key for row in rows],
        "valid_from": [row.valid_from for row in rows],
        "valid_to": [row.valid_to for row in rows],
        "context_lo": [row.context_lo for row in rows],
        "context_hi": [row.context_hi for row in rows],
        **{name: [getattr(row.rates, name) for row in rows] for name in RATE_NAMES},
        "source": [row.source for row in rows],
    }
    types = dict.fromkeys(("price_key", "source"), "VARCHAR") | dict.fromkeys(("valid_from", "valid_to"), "TIMESTAMP")
    unnested = ", ".join(f"unnest(CAST(${name} AS {types.get(name, 'BIGINT')}[]))" for name in columns)
    connection.execute(f"INSERT INTO price ({', '.join(columns)}) SELECT {unnested}", columns)
