"""What `otelcost prices` says: a model's rows, and whether the book can be trusted today."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final, Literal

import duckdb
import msgspec

from otelcost import settings
from otelcost.display import money
from otelcost.errors import PriceError
from otelcost.pricing import installed
from otelcost.pricing.agreements import Spend
from otelcost.pricing.book import PROVIDER_IDS, compile_book
from otelcost.pricing.override import Rule, read_rules
from otelcost.pricing.rates import PriceRow

NOTES: Final = frozenset({"differs", "apart", "assumed"})
"""Kinds that say what a figure is, and that nothing is wrong with it."""

STALE_AFTER_DAYS: Final = 14
"""Prices change often enough that older data deserves a warning."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason not to trust a figure blindly, and what to do."""

    kind: Literal["override", "glob", "base_model", "snapshot", "stale", "unpriced", "differs", "apart", "assumed"]
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
    wrong = findings + _damaged() + _stale(connection, today) + _unpriced(connection)
    return wrong + _differing(connection) + _apart(connection) + _assumed(connection)


def spend(connection: duckdb.DuckDBPyConnection) -> list[Spend]:
    """What was spent at each provider on each day in UTC, in pico-dollars; calls without a price are in none."""
    rows = connection.execute(_SPEND).fetchall()
    return [(str(provider), day, int(cost)) for provider, day, cost in rows]


def _damaged() -> list[Finding]:
    if not installed.is_damaged():
        return []
    what = f"the price data in {installed.folder()} is damaged, so the library's own is used"
    return [Finding(kind="snapshot", what=what, fix="otelcost prices update FILE|URL, or --shipped")]


def _differing(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    return [
        Finding(
            kind="differs",
            what=(
                f"{provider} sent {money(sent)} for {calls} calls of {model}, where the book says {money(booked)}: "
                "the figures have what it sent"
            ),
            fix="nothing, or correct the book in prices.toml",
        )
        for provider, model, calls, sent, booked in connection.execute(_DIFFERING).fetchall()
    ]


def _apart(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    return [
        Finding(
            kind="apart",
            what=f"{calls} calls ran code at {provider}, whose containers are charged by time: not in any call's cost",
            fix="see them in the bill: otelcost reconcile",
        )
        for provider, calls in connection.execute(_CONTAINERS).fetchall()
    ]


def _assumed(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    return [
        Finding(
            kind="assumed",
            what=f"{calls} calls at {provider} have the price of a global deployment, which no answer tells",
            fix="where it is regional or of a data zone, add multiplier = 1.1 to prices.toml",
        )
        for provider, calls in connection.execute(_AZURE).fetchall()
    ]


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
        for seller in (house, *(snapshot.providers()[house].fallback_model_providers or ()))
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
            fix="otelcost prices update FILE|URL, or put changed prices into prices.toml",
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


_SPEND: Final = """
SELECT provider, CAST(start AS DATE), CAST(sum(cost_picousd) AS HUGEINT)
FROM v_calls WHERE cost_picousd > 0 AND provider IS NOT NULL
GROUP BY ALL ORDER BY ALL
"""

_DIFFERING: Final = """
SELECT provider, model, count(*) AS calls, CAST(sum(cost_picousd) AS HUGEINT), CAST(sum(book_cost_picousd) AS HUGEINT)
FROM v_calls
WHERE price_source = 'provider' AND book_cost_picousd <> cost_picousd
GROUP BY ALL ORDER BY calls DESC, provider, model
"""

_CONTAINERS: Final = """
SELECT provider, count(*) AS calls FROM v_calls
WHERE code_execution_requests > 0 AND provider IN ('openai', 'anthropic') AND NOT not_billed
GROUP BY ALL ORDER BY ALL
"""

_AZURE: Final = """
SELECT provider, count(*) AS calls FROM v_calls
WHERE provider LIKE 'azure.%' AND price_status IN ('exact', 'alias') AND price_key LIKE 'openai/%'
GROUP BY ALL ORDER BY ALL
"""

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
