"""Dollars by hand: genai-prices' own decimals and the provider's own log, nothing of otelcost."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from genai_prices.data import providers
from genai_prices.types import ModelPrice, TieredPrices

PICO_PER_TOKEN = 10**6
"""Pico-dollars a token for every dollar a million tokens."""


class Rates(NamedTuple):
    """Pico-dollars a token at standard prices; all of the demo's requests are below the context tiers."""

    input: Fraction
    cache_read: Fraction
    cache_write: Fraction
    output: Fraction

    def cost(self, usage: dict[str, int]) -> Fraction:
        """What one line of the provider's log costs."""
        assert usage["cache_write_long"] == 0
        return (
            usage["input_uncached"] * self.input
            + usage["cache_read"] * self.cache_read
            + usage["cache_write_short"] * self.cache_write
            + usage["output"] * self.output
        )


def rates(model: str) -> Rates | None:
    """Today's standard prices of a model; None where genai-prices does not know it."""
    for provider in providers:
        if provider.id not in ("openai", "anthropic"):
            continue
        for known in provider.models:
            if known.is_match(model):
                price = known.get_prices(datetime.now(UTC))
                return Rates(
                    _per_token(price.input_mtok),
                    _per_token(price.cache_read_mtok),
                    _per_token(price.cache_write_mtok),
                    _per_token(price.output_mtok),
                )
    return None


def _per_token(price: Any) -> Fraction:
    assert not isinstance(price, ModelPrice)
    base = price.base if isinstance(price, TieredPrices) else price
    return Fraction(base or 0) * PICO_PER_TOKEN


def read_log(home: Path) -> list[dict[str, Any]]:
    """The provider's billing log of a demo run."""
    return [json.loads(line) for line in (home / "provider.ndjson").read_text(encoding="utf-8").splitlines()]


def known_cost(lines: Iterable[dict[str, Any]]) -> Fraction:
    """The sum of some lines' costs, which must all be priced."""
    total = Fraction(0)
    for line in lines:
        found = rates(line["model"])
        assert found is not None, line["model"]
        total += found.cost(line["usage"])
    return total
