"""Laying price rules over price rows: the arithmetic of the overlay and of the user's own prices.

Rows of one key never overlap: each owns a rectangle of time and context. A rule replaces what lies inside
its own times and sizes and leaves the rest, so rows are cut at its edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from otelcost.pricing.override import Rule
from otelcost.pricing.rates import BEGIN, RATE_NAMES, PriceRow, Rates, with_defaults

TOKEN_RATES = tuple(
    name for name in RATE_NAMES if not name.startswith(("web_", "file_search", "code_execution", "request"))
)
"""What a multiplier multiplies: fees per request are not part of a batch, regional or negotiated discount."""

TOKEN_RATE_SET = frozenset(TOKEN_RATES)

Table = dict[str, list[PriceRow]]
"""Rows by price key, each list ordered by time and context."""


class Region(NamedTuple):
    """A half-open rectangle of time and input size."""

    begin: datetime
    end: datetime
    low: int
    high: int

    def misses(self, row: PriceRow) -> bool:
        """True where no part of a row lies inside."""
        apart_in_time = row.valid_to <= self.begin or row.valid_from >= self.end
        return apart_in_time or row.context_hi <= self.low or row.context_lo >= self.high


def regions(rule: Rule) -> list[Region]:
    """Where a rule holds: one rectangle, or one for each span of hours."""
    return [Region(begin, end, rule.context_lo, rule.context_hi) for begin, end in rule.periods()]


def outside(rows: Iterable[PriceRow], region: Region) -> list[PriceRow]:
    """What is left of rows when a region is cut out of them."""
    kept: list[PriceRow] = []
    for row in rows:
        if region.misses(row):
            kept.append(row)
            continue
        kept += _cut(row, end=min(row.valid_to, region.begin))
        kept += _cut(row, begin=max(row.valid_from, region.end))
        for middle in _cut(row, begin=max(row.valid_from, region.begin), end=min(row.valid_to, region.end)):
            kept += _cut(middle, high=min(middle.context_hi, region.low))
            kept += _cut(middle, low=max(middle.context_lo, region.high))
    return kept


def inside(rows: Iterable[PriceRow], region: Region) -> list[PriceRow]:
    """The parts of rows that lie in a region."""
    return [
        part
        for row in rows
        if not region.misses(row)
        for part in _cut(
            row,
            begin=max(row.valid_from, region.begin),
            end=min(row.valid_to, region.end),
            low=max(row.context_lo, region.low),
            high=min(row.context_hi, region.high),
        )
    ]


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
        _apply_to_all(table, model, keys, rule)
    elif rule.variant.startswith("+"):
        for key in keys:
            if "+" not in key:
                _derive(table, key + rule.variant, table[key], rule)
    elif rule.fill:
        _derive_before(table, model, rule)
    elif not rule.rates:
        _derive(table, f"{model}/{rule.variant}", table.get(f"{model}/standard", []), rule)


def _apply_to_all(table: Table, model: str, keys: list[str], rule: Rule) -> None:
    """What is unknown in every variant, or with a multiplier the standard price of certain times."""
    if rule.fill:
        for key in keys:
            table[key] = [msgspec.structs.replace(row, rates=filled(row.rates, rule)) for row in table[key]]
    elif rule.multiplier is not None:
        key = f"{model}/standard"
        table[key] = lay(table.get(key, []), key, rule)


def _derive_before(table: Table, model: str, rule: Rule) -> None:
    """Multiples of the standard rows before the variant's own history begins."""
    key, present = f"{model}/{rule.variant}", table.get(f"{model}/{rule.variant}", [])
    if present:
        first = min(row.valid_from for row in present)
        before = Region(BEGIN, first, rule.context_lo, rule.context_hi)
        table[key] = _derived(inside(table.get(f"{model}/standard", []), before), key, rule) + present


def _derive(table: Table, key: str, rows: list[PriceRow], rule: Rule) -> None:
    """Multiples of other rows as the rows of `key`, at the rule's times."""
    for region in regions(rule):
        fresh = _derived(inside(rows, region), key, rule)
        if fresh:
            table[key] = _ordered(outside(table.get(key, []), region) + fresh)


def _derived(rows: list[PriceRow], key: str, rule: Rule) -> list[PriceRow]:
    factor = rule.multiplier or Decimal(1)
    scaled = [multiplied(row.rates, factor) for row in rows]
    return [
        msgspec.structs.replace(
            row,
            price_key=key,
            rates=msgspec.structs.replace(rates, **_from_input(rates.input_picousd, rule)),
            source=rule.source,
        )
        for row, rates in zip(rows, scaled, strict=True)
    ]


def lay(rows: list[PriceRow], key: str, rule: Rule) -> list[PriceRow]:
    """The rows of `key` after a rule: free, absolute or multiplied where it holds, unchanged elsewhere."""
    for region in regions(rule):
        below = inside(rows, region)
        if rule.self_hosted:
            covered = [_row(key, region, _hosted(rule), rule)]
        elif rule.rates and not below:
            covered = [_row(key, region, own_rates(rule), rule)]
        else:
            covered = [
                msgspec.structs.replace(row, rates=_changed(row.rates, rule), source=rule.source) for row in below
            ]
        rows = _ordered(outside(rows, region) + covered)
    return rows


def _hosted(rule: Rule) -> Rates:
    return Rates(**dict.fromkeys(RATE_NAMES, 0) | dict.fromkeys(TOKEN_RATES, rule.token_picousd))


def _ordered(rows: list[PriceRow]) -> list[PriceRow]:
    return sorted(rows, key=lambda row: (row.valid_from, row.context_lo))


def _changed(rates: Rates, rule: Rule) -> Rates:
    if rule.multiplier is not None:
        rates = multiplied(rates, rule.multiplier)
    return own_rates(rule, rates)


def _row(key: str, region: Region, rates: Rates, rule: Rule) -> PriceRow:
    return PriceRow(
        price_key=key,
        valid_from=region.begin,
        valid_to=region.end,
        context_lo=region.low,
        context_hi=region.high,
        rates=rates,
        source=rule.source,
    )


def _cut(
    row: PriceRow,
    begin: datetime | None = None,
    end: datetime | None = None,
    low: int | None = None,
    high: int | None = None,
) -> list[PriceRow]:
    """The part of a row between new edges, or nothing."""
    part = msgspec.structs.replace(
        row,
        valid_from=row.valid_from if begin is None else begin,
        valid_to=row.valid_to if end is None else end,
        context_lo=row.context_lo if low is None else low,
        context_hi=row.context_hi if high is None else high,
    )
    return [part] if part.valid_from < part.valid_to and part.context_lo < part.context_hi else []


def _from_input(input_picousd: int | None, rule: Rule) -> dict[str, int]:
    if input_picousd is None:
        return {}
    return {name: round(input_picousd * factor) for name, factor in rule.times_input.items()}
