"""The cost: SQL and Python agree on every usage and rate, and both with the price library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.model import Usage
from otelcost.pricing import snapshot
from otelcost.pricing.book import compile_book
from otelcost.pricing.cost import PARTS, TERMS, cost, cost_parts, cost_parts_sql, cost_sql
from otelcost.pricing.rates import RATE_NAMES, Rates
from otelcost.pricing.values import MAX_RATE_PICOUSD

counts = st.one_of(st.none(), st.just(0), st.integers(0, 10**9))
requests = st.one_of(st.none(), st.integers(0, 10**6))
rates = st.builds(
    Rates,
    **dict.fromkeys(RATE_NAMES, st.one_of(st.none(), st.integers(0, 10**9))),
)
usages = st.builds(
    Usage,
    **{term.units: requests if term.units.endswith("_requests") else counts for term in TERMS},
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def in_sql(connection: duckdb.DuckDBPyConnection, usage: Usage, price: Rates) -> dict[str, int | None]:
    call = ", ".join(f"CAST(${name} AS BIGINT) AS {name}" for name in Usage.__struct_fields__)
    row = ", ".join(f"CAST(${name} AS BIGINT) AS {name}" for name in RATE_NAMES)
    parts = ", ".join(f"{text} AS {name}" for name, text in cost_parts_sql().items())
    values = {name: getattr(usage, name) for name in Usage.__struct_fields__}
    values |= {name: getattr(price, name) for name in RATE_NAMES}
    found = connection.execute(
        f"SELECT {parts}, {cost_sql()} AS total FROM (SELECT {call}) c, (SELECT {row}) p", values
    )
    return dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))


@settings(max_examples=150, deadline=None)
@given(usage=usages, price=rates)
def test_sql_and_python_are_the_same_integer(connection: duckdb.DuckDBPyConnection, usage: Usage, price: Rates) -> None:
    found = in_sql(connection, usage, price)
    assert found.pop("total") == cost(usage, price)
    assert found == cost_parts(usage, price)
    assert all(part is None or part >= 0 for part in found.values())


def test_the_largest_call_at_the_highest_price_stays_inside_63_bits(connection: duckdb.DuckDBPyConnection) -> None:
    usage = Usage(input_uncached_tokens=10**6, output_tokens=10**6, web_search_requests=10**6)
    price = Rates(**dict.fromkeys(RATE_NAMES, MAX_RATE_PICOUSD))
    assert in_sql(connection, usage, price)["total"] == cost(usage, price)


BASE = {"input_picousd": 100, "output_picousd": 400, "reasoning_picousd": 400, "cache_read_picousd": 10}


@pytest.mark.parametrize(
    ("usage", "price", "expected"),
    [
        (Usage(), BASE, None),
        (Usage(input_uncached_tokens=1), BASE, None),
        (Usage(output_tokens=1), BASE, None),
        (Usage(input_uncached_tokens=0, output_tokens=0), BASE, 0),
        (Usage(input_uncached_tokens=7), {"input_picousd": 100}, 700),
        (Usage(input_uncached_tokens=7, output_tokens=1), {"input_picousd": 100}, None),
        (Usage(input_uncached_tokens=7, output_tokens=2), BASE, 1500),
        (Usage(input_uncached_tokens=7, output_tokens=2, cache_read_tokens=5), BASE, 1550),
        (Usage(input_uncached_tokens=7, output_tokens=2, cache_write_long_tokens=5), BASE, None),
        (Usage(input_uncached_tokens=7, output_tokens=2, cache_write_long_tokens=0), BASE, 1500),
        (Usage(input_uncached_tokens=7, output_tokens=2, input_audio_tokens=3), BASE, None),
        (
            Usage(input_uncached_tokens=7, output_tokens=2, input_audio_tokens=3),
            {**BASE, "input_audio_picousd": 9},
            1227,
        ),
        (Usage(input_uncached_tokens=7, output_tokens=2, reasoning_tokens=1), {**BASE, "reasoning_picousd": 1}, 1101),
        (Usage(input_uncached_tokens=7, output_tokens=2, reasoning_tokens=3), {**BASE, "reasoning_picousd": 1}, None),
        (Usage(input_uncached_tokens=7, output_tokens=2, input_image_tokens=8), BASE, None),
        (Usage(input_uncached_tokens=0, output_tokens=0), {**BASE, "request_picousd": 3}, 3),
        (Usage(input_uncached_tokens=0, output_tokens=0), {**BASE, "request_picousd": None}, None),
        (Usage(input_uncached_tokens=0, output_tokens=0, web_search_requests=2), BASE, None),
    ],
)
def test_what_is_known_and_what_is_not(
    usage: Usage, price: dict[str, Any], expected: int | None, connection: duckdb.DuckDBPyConnection
) -> None:
    assert cost(usage, Rates(**price)) == expected
    assert in_sql(connection, usage, Rates(**price))["total"] == expected


def test_parts_are_disjoint_and_whole() -> None:
    assert len(PARTS) == 5
    counted = [term.units for term in TERMS]
    assert len(counted) == len(set(counted))
    assert {rate for rate in RATE_NAMES if rate != "request_picousd"} == {term.rate for term in TERMS}


def library_cost(provider: str, model: str, usage: Usage, when: datetime, context: dict[str, str]) -> Decimal | None:
    house = next(entry for entry in providers if entry.id == provider)
    entry = next(entry for entry in house.models if entry.id == model)
    read, short = usage.cache_read_tokens or 0, usage.cache_write_short_tokens or 0
    known = LibraryUsage(
        input_tokens=(usage.input_uncached_tokens or 0) + read + short,
        cache_read_tokens=read,
        cache_write_tokens=short,
        output_tokens=usage.output_tokens,
    )
    price = entry.calc_price(known, house, genai_request_timestamp=when, price_context=context)
    return price.total_price


TIMES = (datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 8, 1, 12, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
SIZES = (
    Usage(input_uncached_tokens=1234, output_tokens=321),
    Usage(input_uncached_tokens=1000, cache_read_tokens=5000, cache_write_short_tokens=700, output_tokens=50),
    Usage(input_uncached_tokens=150_000, cache_read_tokens=50_000, output_tokens=9),
    Usage(input_uncached_tokens=150_000, cache_read_tokens=50_001, output_tokens=9),
    Usage(input_uncached_tokens=272_001, output_tokens=4000),
)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "mistral", "groq", "x-ai", "aws", "azure"])
@pytest.mark.parametrize("variant", ["standard", "batch", "flex", "priority", "fast"])
def test_the_book_charges_what_the_library_charges(provider: str, variant: str) -> None:
    book = compile_book()
    compared = 0
    for entry in snapshot.providers()[provider].models:
        rows = book.rows_for(f"{provider}/{entry.id}/{variant}")
        for row in rows:
            if not row.source.startswith("genai-prices"):
                continue
            for context in snapshot.CONTEXTS[variant]:
                if context and not any(v.when == context for v in entry.price_variants or ()):
                    continue
                for when, usage in ((when, usage) for when in TIMES for usage in SIZES):
                    naive = when.replace(tzinfo=None)
                    size = sum(
                        (
                            usage.input_uncached_tokens or 0,
                            usage.cache_read_tokens or 0,
                            usage.cache_write_short_tokens or 0,
                        )
                    )
                    if row.valid_from <= naive < row.valid_to and row.context_lo <= size < row.context_hi:
                        ours = cost(usage, row.rates)
                        theirs = library_cost(provider, entry.id, usage, when, context)
                        if ours is None:  # a bucket without a price: the library charges 0 for it
                            assert row.rates.output_picousd is None
                            continue
                        # A price per request is the library's too, unless the tokens were 0.
                        assert Decimal(ours) == theirs * 10**12, (entry.id, variant, when, usage)
                        compared += 1
    assert compared or variant != "standard"


@pytest.mark.parametrize(
    "usage", [Usage(input_uncached_tokens=500, input_audio_tokens=300, output_tokens=90, output_audio_tokens=40)]
)
@pytest.mark.parametrize("model", ["gpt-audio", "gpt-audio-mini", "gpt-realtime"])
def test_audio_is_charged_as_the_library_does(model: str, usage: Usage) -> None:
    (row,) = compile_book().rows_for(f"openai/{model}/standard")
    house = next(entry for entry in providers if entry.id == "openai")
    entry = next(entry for entry in house.models if entry.id == model)
    known = LibraryUsage(input_tokens=500, input_audio_tokens=300, output_tokens=90, output_audio_tokens=40)
    ours = cost(usage, row.rates)
    assert ours is not None
    assert Decimal(ours) == entry.calc_price(known, house, genai_request_timestamp=TIMES[2]).total_price * 10**12
