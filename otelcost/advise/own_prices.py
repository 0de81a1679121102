"""What a cheaper model would cost a user with prices of their own, also if they never called it.

The store keeps the user's prices only for models it has seen. Under a rule for many models, such as a discount on
everything, a candidate's price is laid out here, by the same book, under the key where the engine looks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from otelcost import settings
from otelcost.errors import PriceError
from otelcost.pricing import book as books
from otelcost.pricing.facts import model_facts
from otelcost.pricing.rates import RATE_NAMES

_COLUMNS = ("price_key", "valid_from", "valid_to", "context_lo", "context_hi", *RATE_NAMES, "source")


def add_own_prices(connection: duckdb.DuckDBPyConnection, answered: Iterable[tuple[str, str, str]]) -> None:
    """Add to `w_price` the candidates of the models that are priced by the user.

    Args:
        answered: provider, model and price list (the first part of its price key) of the models that answered.

    Without a readable book nothing is added: the candidates then have no price.
    """
    wanted = sorted(
        {pair for row in answered if row[2].startswith(books.OVERRIDE_PREFIX) for pair in _candidates(*row)}
    )
    there = {row[0] for row in connection.execute("SELECT DISTINCT price_key FROM w_price").fetchall()}
    wanted = [one for one in wanted if f"{one[2]}/{one[1]}/standard" not in there]
    if not wanted:
        return
    try:
        book = books.compile_book(settings.price_override_path())
    except PriceError:
        return
    rows = [row for provider, candidate, place in wanted for row in _rows(book, provider, candidate, place)]
    if rows:
        marks = ", ".join("?" * len(_COLUMNS))
        connection.executemany(f"INSERT INTO w_price ({', '.join(_COLUMNS)}) VALUES ({marks})", rows)


def _candidates(provider: str, model: str, price_list: str) -> Iterator[tuple[str, str, str]]:
    facts = model_facts(provider, model)
    for name in facts.downgrade if facts is not None else ():
        yield provider, name, price_list


def _rows(book: books.Book, provider: str, candidate: str, price_list: str) -> Iterator[tuple[Any, ...]]:
    """Every variant of a candidate's price, the user's rules included where one matches it."""
    found = book.resolve(provider, candidate).price_key
    for key in book.variants(found) if found is not None else ():
        for row in book.rows_for(key):
            place = f"{price_list}/{candidate}/{key.rpartition('/')[2]}"
            rates = (getattr(row.rates, name) for name in RATE_NAMES)
            yield (place, row.valid_from, row.valid_to, row.context_lo, row.context_hi, *rates, row.source)
