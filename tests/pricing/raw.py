"""The price library's data as the JSON it is published as."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from genai_prices import data, types

_CLAUSES = {"starts_with", "ends_with", "contains", "regex", "equals"}


def published() -> list[dict[str, Any]]:
    """Every provider, with models, matchers and prices."""
    return [
        {
            "id": provider.id,
            "name": provider.name,
            "api_pattern": provider.api_pattern,
            "fallback_model_providers": provider.fallback_model_providers,
            "models": [_model(model) for model in provider.models],
        }
        for provider in data.providers
    ]


def encoded(providers: list[dict[str, Any]]) -> bytes:
    """As bytes."""
    return json.dumps(providers).encode()


def _model(model: types.ModelInfo) -> dict[str, Any]:
    conditional = isinstance(model.prices, list)
    found: dict[str, Any] = {
        "id": model.id,
        "match": _match(model.match),
        "prices": [_conditional(one) for one in model.prices] if conditional else _prices(model.prices),
    }
    if model.price_variants:
        found["price_variants"] = [{"when": one.when, **_conditional(one)} for one in model.price_variants]
    return found


def _conditional(one: Any) -> dict[str, Any]:
    return {"constraint": _constraint(one.constraint), "prices": _prices(one.prices)}


def _match(match: Any) -> dict[str, Any]:
    if isinstance(match, types.ClauseOr):
        return {"or": [_match(part) for part in match.or_]}
    if isinstance(match, types.ClauseAnd):
        return {"and": [_match(part) for part in match.and_]}
    return {field.name: getattr(match, field.name) for field in dataclasses.fields(match) if field.name in _CLAUSES}


def _prices(prices: Any) -> dict[str, Any]:
    return {key: _price(price) for key, price in prices.__dict__.items() if price is not None}


def _price(price: Any) -> Any:
    if isinstance(price, types.TieredPrices):
        return {
            "base": str(price.base),
            "tiers": [{"start": tier.start, "price": str(tier.price)} for tier in price.tiers],
        }
    return str(price)


def _constraint(constraint: Any) -> dict[str, str] | None:
    if constraint is None:
        return None
    if isinstance(constraint, types.StartDateConstraint):
        return {"start_date": constraint.start_date.isoformat()}
    return {"start_time": constraint.start_time.isoformat(), "end_time": constraint.end_time.isoformat()}
