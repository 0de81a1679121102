"""The usage and cost exports providers offer, as rows of (field, what it is). `read.py` interprets them.

A record is flat: a JSON result has the fields of its bucket too, members of objects are joined with a dot, and
a CSV line has its column names. The first shape whose marks are all there is the record's.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["usage", "cost"]

USD: Final = 10**12
CENT: Final = 10**10
"""Pico-dollars in the unit an amount is given in."""


class Shape(NamedTuple):
    """One kind of record. `days` are the fields that may hold its day, first come first served."""

    name: str
    provider: str
    kind: Kind
    marks: frozenset[str]
    days: tuple[str, ...]
    fields: dict[str, str]
    unit: int = USD  # of `cost`
    inclusive: bool = False  # whether `input` includes cached and written tokens


_STARTS: Final = ("start_time", "start_time_iso", "starting_at")

OPENAI_TOKENS: Final = {
    "model": "model",
    "num_model_requests": "requests",
    "input_tokens": "input",
    "input_cached_tokens": "cache_read",
    "input_cache_write_tokens": "cache_write",
    "output_tokens": "output",
    "batch": "batch",
    "service_tier": "tier",
}

ANTHROPIC_TOKENS: Final = {
    "model": "model",
    "uncached_input_tokens": "input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write",
    "output_tokens": "output",
    "service_tier": "tier",
}

SHAPES: Final = (
    Shape(
        "OpenAI costs",
        "openai",
        "cost",
        frozenset({"amount.value"}),
        _STARTS,
        {"amount.value": "cost", "amount.currency": "currency", "line_item": "item"},
    ),
    Shape(
        "OpenAI costs CSV",
        "openai",
        "cost",
        frozenset({"amount_value"}),
        _STARTS,
        {"amount_value": "cost", "amount_currency": "currency", "line_item": "item"},
    ),
    Shape(
        "Anthropic usage report",
        "anthropic",
        "usage",
        frozenset({"uncached_input_tokens"}),
        _STARTS,
        ANTHROPIC_TOKENS,
    ),
    Shape(
        "Anthropic cost report",
        "anthropic",
        "cost",
        frozenset({"amount", "currency", "starting_at"}),
        _STARTS,
        {
            "model": "model",
            "amount": "cost",
            "currency": "currency",
            "description": "item",
            "cost_type": "cost_type",
            "service_tier": "tier",
        },
        unit=CENT,
    ),
    Shape(
        "Anthropic usage CSV",
        "anthropic",
        "usage",
        frozenset({"usage_date_utc", "usage_output_tokens"}),
        ("usage_date_utc",),
        {
            "model_version": "model",
            "model": "model",
            "usage_input_tokens_no_cache": "input",
            "usage_input_tokens_cache_read": "cache_read",
            "usage_input_tokens_cache_write_5m": "cache_write",
            "usage_input_tokens_cache_write_1h": "cache_write",
            "usage_output_tokens": "output",
            "usage_type": "tier",
        },
    ),
    Shape(
        "Anthropic cost CSV",
        "anthropic",
        "cost",
        frozenset({"usage_date_utc", "cost_usd"}),
        ("usage_date_utc",),
        {
            "model": "model",
            "cost_usd": "cost",
            "cost_type": "cost_type",
            "token_type": "item",
            "usage_type": "tier",
        },
    ),
    Shape(
        "OpenAI usage",
        "openai",
        "usage",
        frozenset({"num_model_requests", "input_tokens"}),
        _STARTS,
        OPENAI_TOKENS,
        inclusive=True,
    ),
    Shape(
        "OpenAI usage without tokens",
        "openai",
        "usage",
        frozenset({"num_model_requests"}),
        _STARTS,
        {"model": "model", "num_model_requests": "requests"},
    ),
)
"""Every kind of record that can be read, the most particular first."""

IGNORED: Final = ("num_sessions", "num_requests", "usage_bytes")
"""Marks of OpenAI's usage of things that are no model's: containers, file searches, stored vectors."""

TOOL_WORDS: Final = ("search", "tool call", "fetch")
"""Words of a cost's item that is a tool's fee: what a call's record has apart from its tokens."""
