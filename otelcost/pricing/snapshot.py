"""The price library's data as rows of the book: the only module that knows its shape.

Importing the data takes about 0.3 s, so callers come here only when the compiled table is missing or stale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
    _providers_from_raw,
)

from otelcost.pricing import installed
from otelcost.pricing.installed import Installed
from otelcost.pricing.rates import ANY_CONTEXT, BEGIN, END, PriceRow, Rates, with_defaults
from otelcost.pricing.resemblance import is_sure


def providers() -> dict[str, Provider]:
    """The data in use, by provider: what was installed on request, else the library's own."""
    return _loaded(installed.current())


@lru_cache(maxsize=2)
def _loaded(of: Installed | None) -> dict[str, Provider]:
    if of is not None:
        return parse(installed.data(of))
    from genai_prices import data  # noqa: PLC0415  (1.5 MB of code, not needed beside installed data)

    return {provider.id: provider for provider in data.providers}


def parse(content: bytes) -> dict[str, Provider]:
    """Price data as the library publishes it: a JSON array of providers.

    Raises:
        ValueError: it is something else.
    """
    document = msgspec.json.decode(content)
    if not (isinstance(document, list) and all(isinstance(entry, dict) for entry in document)):
        raise ValueError("not an array of providers")
    return {provider.id: provider for provider in _providers_from_raw(document)}


UNITS: Final = {
    "input_mtok": ("input_picousd", 1_000_000),
    "cache_read_mtok": ("cache_read_picousd", 1_000_000),
    "cache_write_mtok": ("cache_write_short_picousd", 1_000_000),
    "cache_write_5m_mtok": ("cache_write_short_picousd", 1_000_000),
    "cache_write_1h_mtok": ("cache_write_long_picousd", 1_000_000),
    "output_mtok": ("output_picousd", 1_000_000),
    "output_reasoning_mtok": ("reasoning_picousd", 1_000_000),
    "input_audio_mtok": ("input_audio_picousd", 1_000_000),
    "input_image_mtok": ("input_image_picousd", 1_000_000),
    "cache_audio_read_mtok": ("cache_read_audio_picousd", 1_000_000),
    "cache_image_read_mtok": ("cache_read_image_picousd", 1_000_000),
    "output_audio_mtok": ("output_audio_picousd", 1_000_000),
    "output_image_mtok": ("output_image_picousd", 1_000_000),
    "web_searches_kcount": ("web_search_picousd", 1000),
    "storage_searches_kcount": ("file_search_picousd", 1000),
    "requests_kcount": ("request_picousd", 1000),
}
"""The library's price keys that a call's buckets know, as (rate, units a price is for)."""

CONTEXTS: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "standard": ({},),
    "batch": ({"processing": "batch"},),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"service_tier": "fast"}, {"speed": "fast"}),
}
"""How the library selects each variant: the first context that has a price variant counts."""

_ISO: Final = re.compile(r"20\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])")
_CALL: Final = re.compile(r"datetime\.date\((20\d{2}), (\d{1,2}), (\d{1,2})\)")

BY_THE_HOUR: Final = "its price depends on the hour of the day, which the book does not hold"


def rows(provider: Provider, model: ModelInfo, source: str) -> Iterator[PriceRow]:
    """Every price row of one model; none where `refusal` has a reason."""
    if refusal(model) is not None:
        return
    for variant, contexts in CONTEXTS.items():
        for context in contexts:
            yield from _variant_rows(f"{provider.id}/{model.id}/{variant}", model, context, source)


def refusal(model: ModelInfo) -> str | None:
    """Why the book cannot price this model, or None."""
    if any(isinstance(constraint, TimeOfDateConstraint) for constraint in _constraints(model)):
        return BY_THE_HOUR
    keys = {key for prices in _all_prices(model) for key in prices.__dict__}
    if keys and not keys & {"input_mtok", "requests_kcount"}:
        return f"it is charged by {', '.join(sorted(keys))}, which a call does not carry"
    return None if keys else "the price library lists it without a price"


def _variant_rows(key: str, model: ModelInfo, context: dict[str, str], source: str) -> Iterator[PriceRow]:
    starts = _starts(model, context)
    for begin, end in zip(starts, [*starts[1:], END], strict=True):
        if context and not _offered(model, context, begin):
            continue
        prices = model.get_prices(begin, context)
        for low, high in _context_ranges(prices):
            yield PriceRow(
                price_key=key,
                valid_from=begin,
                valid_to=end,
                context_lo=low,
                context_hi=high,
                rates=_rates(prices, low),
                source=source,
            )


def _starts(model: ModelInfo, context: dict[str, str]) -> list[datetime]:
    constraints = [c.constraint for c in _conditions(model)]
    constraints += [v.constraint for v in model.price_variants or () if v.when == context]
    days = {c.start_date for c in constraints if isinstance(c, StartDateConstraint)}
    return sorted({BEGIN, *(datetime.combine(day, time()) for day in days)})


def _offered(model: ModelInfo, context: dict[str, str], moment: datetime) -> bool:
    return any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(moment))
        for variant in model.price_variants or ()
    )


def _context_ranges(prices: ModelPrice) -> list[tuple[int, int]]:
    """Half-open ranges of the input; a tier that starts at 200,000 holds from 200,001 tokens on."""
    tiered = [price for price in prices.__dict__.values() if isinstance(price, TieredPrices)]
    lows = sorted({0, *(tier.start + 1 for price in tiered for tier in price.tiers)})
    return list(zip(lows, [*lows[1:], ANY_CONTEXT], strict=True))


def _rates(prices: ModelPrice, input_tokens: int) -> Rates:
    known: dict[str, int] = {}
    for key, price in prices.__dict__.items():
        if key in UNITS and price is not None:
            rate, per = UNITS[key]
            # A few resellers' rates are float noise or thirds: the nearest whole pico-dollar is exact enough.
            known[rate] = round(_at(price, input_tokens) * 10**12 / per)
    return with_defaults(known)


def _at(price: Any, input_tokens: int) -> Decimal:
    if not isinstance(price, TieredPrices):
        return Decimal(price)
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base


def _conditions(model: ModelInfo) -> list[Any]:
    return model.prices if isinstance(model.prices, list) else []


def _constraints(model: ModelInfo) -> list[object]:
    return [c.constraint for c in _conditions(model)] + [v.constraint for v in model.price_variants or ()]


def _all_prices(model: ModelInfo) -> list[ModelPrice]:
    return [c.prices for c in model.prices] if isinstance(model.prices, list) else [model.prices]


class Found(NamedTuple):
    """A model of the library: whose it is, its id there, and why it cannot be priced, if so.

    `sure` is false where the name asked for may as well be another model's.
    """

    provider: str
    model: str
    refusal: str | None
    sure: bool


def find(provider: str, model: str) -> Found | None:
    """The library's entry for a name, by its own matchers: the provider's models, then those it resells."""
    known = providers()
    house = known.get(provider)
    if house is None:
        return None
    for seller in (house, *(known[name] for name in house.fallback_model_providers or () if name in known)):
        found = seller.find_model(model)
        if found is not None:
            return Found(seller.id, found.id, refusal(found), is_sure(found, model))
    return None


def context_window(provider: str, model: str) -> int | None:
    """The largest input of a model, in tokens, where the library says it."""
    found = find(provider, model)
    if found is None:
        return None
    return next(entry.context_window for entry in providers()[found.provider].models if entry.id == found.model)


def table(source: str, of: dict[str, Provider] | None = None) -> dict[str, list[PriceRow]]:
    """Every row of the data in use, or of other data, by key."""
    compiled: dict[str, list[PriceRow]] = {}
    for provider in (providers() if of is None else of).values():
        for model in provider.models:
            for row in rows(provider, model, source):
                compiled.setdefault(row.price_key, []).append(row)
    return compiled


def newest_date(today: date) -> date:
    """The day up to which the prices in use are known to be good.

    The library's package carries no date of its own, and a file's time is the time of its installation: the latest
    day up to today that its data mentions stands for it.
    """
    found = installed.current()
    if found is not None:
        return found.newest
    from genai_prices import data  # noqa: PLC0415

    return newest_in(Path(data.__file__).read_text(encoding="utf-8"), today)


def newest_in(text: str, today: date) -> date:
    """The latest day up to today that a text mentions; the first of all days where it mentions none."""
    spelled = {match.group() for match in _ISO.finditer(text)}
    calls = {"-".join(part.zfill(2) for part in match.groups()) for match in _CALL.finditer(text)}
    return max((day for day in map(date.fromisoformat, spelled | calls) if day <= today), default=date(1970, 1, 1))
