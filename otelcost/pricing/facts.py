"""What is known of a model besides its price: cache rules, windows, tokenizer, cheaper relatives.

The facts are rows of `models.toml`, each with its source and date. A model without a row has no facts
(`None`), which a rule must treat as "not checked".
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

TOKENS_PER_1000: Final[dict[str, int]] = {"claude-4": 1000, "claude-4.7": 1300}
"""Tokens the same text needs, per thousand of the family `claude-4`. Families missing here do not compare."""


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts about one model. `None` is unknown."""

    cache_minimum_tokens: int | None = None  # shorter prefixes are silently not cached
    cache_increment_tokens: int = 1  # cached lengths are multiples of this beyond the minimum
    cache_automatic: bool = False  # True: the provider caches by itself; False: breakpoints must be set
    cache_ttl_short_s: int | None = None
    cache_ttl_long_s: int | None = None
    context_window_tokens: int | None = None
    max_output_tokens: int | None = None
    tokenizer: str | None = None
    downgrade: tuple[str, ...] = ()  # cheaper models of the same provider worth a trial, best first
    vision: bool | None = None
    tools: bool | None = None
    schema: bool | None = None  # structured output by JSON schema
    source: str = ""
    checked: str = ""  # ISO date

    def token_factor_to(self, other: ModelFacts) -> float | None:
        """How many tokens of `other` one token of this model becomes; None where it is not known."""
        if self.tokenizer is None or other.tokenizer is None:
            return None
        if self.tokenizer == other.tokenizer:
            return 1.0
        mine, theirs = TOKENS_PER_1000.get(self.tokenizer), TOKENS_PER_1000.get(other.tokenizer)
        return None if mine is None or theirs is None else theirs / mine


def model_facts(provider: str, model: str) -> ModelFacts | None:
    """The facts of a model by the provider's own name for it, dated or not.

    Args:
        provider: OpenTelemetry provider name; `azure.ai.openai` has the facts of `openai`.
        model: as sent or as answered, for example `claude-opus-5-5-20261001`.
    """
    family = "openai" if provider == "azure.ai.openai" else provider
    for row_provider, pattern, facts in _rows():
        if row_provider == family and fnmatchcase(model.lower(), pattern):
            return facts
    return None


@cache
def _rows() -> tuple[tuple[str, str, ModelFacts], ...]:
    text = resources.files("otelcost.pricing").joinpath("models.toml").read_text(encoding="utf-8")
    return tuple(row for entry in tomllib.loads(text)["model"] for row in _expand(entry))


def _expand(entry: dict[str, Any]) -> list[tuple[str, str, ModelFacts]]:
    provider, patterns = entry.pop("provider"), entry.pop("match")
    facts = msgspec.convert(entry, ModelFacts)
    return [(provider, pattern, facts) for pattern in patterns]
