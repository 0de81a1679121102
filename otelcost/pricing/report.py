"""What `otelcost prices` says: a model's rows, and whether the book can be trusted today."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final, Literal

import duckdb
import msgspec

from otelcost import settings
from otelcost.errors import PriceError
from otelcost.pricing.book import PROVIDER_IDS, compile_book
from otelcost.pricing.override import Rule, read_rules
from otelcost.pricing.rates import PriceRow

STALE_AFTER_DAYS: Final = 14
"""Prices change often enough that older data deserves a warning."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason not to trust a figure blindly, and what to do."""

    kind: Literal["override", "glob", "base_model", "stale", "unpriced"]
    what: str
    fix: str


def show(model: str, provider: str | None = None, override: Path | None = None) -> list[PriceRow]:
    """Every price row of a model, all variants, oldest first; of every provider that sells it when none is named.

    Raises:
        PriceError: the user's prices have a mistake.
    """
    book = compile_book(settings.price_override_path() if override is None else override)
    houses = [provider] if provider else sorted({row.price_key.partition("/")[0] for row in book.rows})
    keys = [book.resolve(house, model).price_key for house in houses]
    found = dict.fromkeys(variant for key in keys if key is not None for variant in book.variants(key))
    return [row for key in found for row in book.rows_for(key)]


def check(connection: duckdb.DuckDBPyConnection, *, today: date, override: Path | None = None) -> list[Finding]:
    """Everything that is wrong or doubtful about prices: mistakes first, then age, then what has no price.

    Args:
        connection: an open session.
        today: to tell the age of the data.
        override: the user's prices; None means `settings.price_override_path()`.
    """
    path = settings.price_override_path() if override is None else override
    try:
        rules = read_rules(path)
    except PriceError as error:
        rules = ()
        findings = [Finding(kind="override", what=error.what, fix=error.fix)]
    else:
        findings = _unmatched(connection, rules, path)
    return findings + _stale(connection, today) + _unpriced(connection)


def _unmatched(connection: duckdb.DuckDBPyConnection, rules: tuple[Rule, ...], path: Path) -> list[Finding]:
    if not rules:
        return []
    seen = connection.execute("SELECT DISTINCT provider, model FROM price_resolution").fetchall()
    names = [(str(provider), str(model)) for provider, model in seen] + _known_models()
    book = compile_book(None)
    found = []
    for number, rule in enumerate(rules, 1):
        where = f"{path}: entry {number} ({rule.model})"
        providers = {provider for provider, model in names if rule.matches(provider, model)}
        if not providers:
            what, fix = "matches no recorded and no known model", "correct its model or provider, or remove it"
            found.append(Finding(kind="glob", what=f"{where} {what}", fix=fix))
        elif rule.base_model and not any(book.knows(provider, rule.base_model) for provider in providers):
            what = f"has the base_model {rule.base_model}, which the price book does not have"
            fix = "correct it: otelcost prices show says which names are known"
            found.append(Finding(kind="base_model", what=f"{where} {what}", fix=fix))
    return found


def _known_models() -> list[tuple[str, str]]:
    """Models of the book under every name their sellers go by, resellers included."""
    from otelcost.pricing import snapshot  # noqa: PLC0415  (0.3 s, only with user prices)

    models: dict[str, set[str]] = {}
    for row in compile_book(None).rows:
        house, _, name = row.price_key.rpartition("/")[0].partition("/")
        models.setdefault(house, set()).add(name)
    spoken = [(house, house) for house in models] + [(id_, name) for name, id_ in PROVIDER_IDS.items()]
    return [
        (name, model)
        for house, name in spoken
        for seller in (house, *(snapshot.PROVIDERS[house].fallback_model_providers or ()))
        for model in models.get(seller, ())
    ]


def _stale(connection: duckdb.DuckDBPyConnection, today: date) -> list[Finding]:
    found = connection.execute("SELECT source, source_date FROM book").fetchone()
    if found is None or (today - found[1]).days <= STALE_AFTER_DAYS:
        return []
    source, newest = found
    return [
        Finding(
            kind="stale",
            what=f"the price data ({source}) mentions no day after {newest}, {(today - newest).days} days ago",
            fix="update the package genai-prices, or put changed prices into prices.toml",
        )
    ]


def _unpriced(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    rows = connection.execute(_UNPRICED).fetchall()
    return [
        Finding(
            kind="unpriced",
            what=f"{calls} calls of {model or 'no model'} at {provider or 'no provider'} have no price: {reason}",
            fix=_HELP[bool(of_usage)],
        )
        for provider, model, reason, of_usage, calls in rows
    ]


_HELP: Final = (
    "add it to prices.toml, with base_model for another name of a known model",
    "no price helps: ask the provider's bill what they cost",
)

_UNPRICED: Final = """
SELECT provider, model, price_reason,
    regexp_matches(price_reason, '^the (provider|parts) ') AS of_usage, count(*) AS calls
FROM v_calls WHERE cost_picousd IS NULL
GROUP BY ALL ORDER BY calls DESC, provider, model, price_reason, of_usage
"""
