"""Laying price rules over price rows: the arithmetic of the overlay and of the user's own prices.

Rows of one key never overlap: each owns a rectangle of time and context. A rule replaces what lies inside
its own dates and leaves the rest, so rows are cut at its edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal

import msgspec

from otelcost.pricing.override import Rule
from otelcost.pricing.rates import ANY_CONTEXT, BEGIN, END, RATE_NAMES, PriceRow, Rates, with_defaults

TOKEN_RATES = tuple(
    name for name in RATE_NAMES if not name.startswith(("web_", "file_search", "code_execution", "request"))
)
"""What a multiplier multiplies: fees per request are not part of a batch, regional or negotiated discount."""

TOKEN_RATE_SET = frozenset(TOKEN_RATES)

Table = dict[str, list[PriceRow]]
"""Rows by price key, each list ordered by time and context."""


def period(rule: Rule) -> tuple[datetime, datetime]:
    """The half-open time a rule holds for."""
    begin = datetime.combine(rule.valid_from, time()) if rule.valid_from else BEGIN
    end = datetime.combine(rule.valid_to, time()) if rule.valid_to else END
    return begin, end


def outside(rows: Iterable[PriceRow], begin: datetime, end: datetime) -> list[PriceRow]:
    """What is left of rows when `[begin, end)` is cut out of them."""
    kept: list[PriceRow] = []
    for row in rows:
        kept += _clipped(row, row.valid_from, min(row.valid_to, begin))
        kept += _clipped(row, max(row.valid_from, end), row.valid_to)
    return kept


def inside(rows: Iterable[PriceRow], begin: datetime, end: datetime) -> list[PriceRow]:
    """The parts of rows that lie in `[begin, end)`."""
    return [part for row in rows for part in _clipped(row, max(row.valid_from, begin), min(row.valid_to, end))]


def multiplied(rates: Rates, factor: Decimal) -> Rates:
    """Token rates times a factor, to the nearest whole pico-dollar."""
    known = {name: getattr(rates, name) for name in TOKEN_RATES}
    scaled = {name: None if rate is None else round(rate * factor) for name, rate in known.items()}
    return msgspec.structs.replace(rates, **scaled)


def filled(rates: Rates, rule: Rule) -> Rates:
    """Rates with the unknown ones taken from a rule."""
    offers = {**rule.rates, **_from_input(rates.input_picousd, rule)}
    fresh = {name: rate for name, rate in offers.items() if getattr(rates, name) is None}
    return msgspec.structs.replace(rates, **fresh)


def own_rates(rule: Rule, below: Rates | None = None) -> Rates:
    """The rates a rule sets, over those of the layer below where there is one."""
    base = {} if below is None else {name: getattr(below, name) for name in RATE_NAMES}
    known = {name: rate for name, rate in {**base, **rule.rates}.items() if rate is not None}
    known.update(_from_input(known.get("input_picousd"), rule))
    return with_defaults(known)


def apply(table: Table, rule: Rule) -> None:
    """Lay one overlay rule over a whole table, in place."""
    for model, keys in _by_model(table).items():
        provider, _, name = model.partition("/")
        if rule.matches(provider, name):
            _apply_to_model(table, model, keys, rule)
    if rule.rates and not rule.fill:
        key = f"{rule.provider}/{rule.model}/{rule.variant or 'standard'}"
        table[key] = lay(table.get(key, []), key, rule)


def _by_model(table: Table) -> dict[str, list[str]]:
    models: dict[str, list[str]] = {}
    for key in table:
        models.setdefault(key.rpartition("/")[0], []).append(key)
    return models


def _apply_to_model(table: Table, model: str, keys: list[str], rule: Rule) -> None:
    if rule.variant is None:
        for key in keys if rule.fill else ():
            table[key] = [msgspec.structs.replace(row, rates=filled(row.rates, rule)) for row in table[key]]
    elif rule.variant.startswith("+"):
        for key in keys:
            table[key + rule.variant] = _derived(table[key], key + rule.variant, rule)
    else:
        _derive_variant(table, model, rule)


def _derive_variant(table: Table, model: str, rule: Rule) -> None:
    """Multiples of the standard rows: everywhere, or with `fill` before the variant's own history begins."""
    key, standard = f"{model}/{rule.variant}", table.get(f"{model}/standard", [])
    present = table.get(key, [])
    if not rule.fill:
        table[key] = _derived(standard, key, rule)
    elif present:
        first = min(row.valid_from for row in present)
        table[key] = _derived(inside(standard, BEGIN, first), key, rule) + present


def _derived(rows: list[PriceRow], key: str, rule: Rule) -> list[PriceRow]:
    factor = rule.multiplier or Decimal(1)
    return [
        msgspec.structs.replace(row, price_key=key, rates=multiplied(row.rates, factor), source=rule.source)
        for row in rows
    ]


def lay(rows: list[PriceRow], key: str, rule: Rule) -> list[PriceRow]:
    """The rows of `key` after a rule: free, absolute or multiplied inside its dates, unchanged outside."""
    begin, end = period(rule)
    below = inside(rows, begin, end)
    source = rule.source
    if rule.self_hosted:
        covered = [_row(key, begin, end, Rates(**dict.fromkeys(RATE_NAMES, 0)), rule)]
    elif rule.rates and not below:
        covered = [_row(key, begin, end, own_rates(rule), rule)]
    else:
        covered = [msgspec.structs.replace(row, rates=_changed(row.rates, rule), source=source) for row in below]
    return sorted(outside(rows, begin, end) + covered, key=lambda row: (row.valid_from, row.context_lo))


def _changed(rates: Rates, rule: Rule) -> Rates:
    if rule.multiplier is not None:
        rates = multiplied(rates, rule.multiplier)
    return own_rates(rule, rates)


def _row(key: str, begin: datetime, end: datetime, rates: Rates, rule: Rule) -> PriceRow:
    high = ANY_CONTEXT if rule.context_up_to is None else rule.context_up_to + 1
    return PriceRow(price_key=key, valid_from=begin, valid_to=end, context_hi=high, rates=rates, source=rule.source)


def _clipped(row: PriceRow, begin: datetime, end: datetime) -> list[PriceRow]:
    if begin >= end:
        return []
    return [msgspec.structs.replace(row, valid_from=begin, valid_to=end)]


def _from_input(input_picousd: int | None, rule: Rule) -> dict[str, int]:
    if input_picousd is None:
        return {}
    return {name: round(input_picousd * factor) for name, factor in rule.times_input.items()}
