"""What a rule found, in words: labels a reader knows, units, and nothing that says nothing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from otelcost import display

Fact = tuple[str, str]
"""A label and its text."""

_SHOWN: Final = 5
_UNITS: Final[tuple[tuple[str, Callable[[int | None], str]], ...]] = (
    ("_picousd", display.money),
    ("_us", display.duration),
)

_WORDS: Final[dict[str, Fact]] = {
    "cause": ("why", "{}"),
    "model": ("model", "{}"),
    "candidate": ("cheaper model", "{}"),
    "changing": ("changes there", "{}"),
    "offset_bytes": ("changes at", "byte {}"),
    "stable_tokens": ("stable start", "{} tokens"),
    "minimum_tokens": ("cacheable from", "{} tokens"),
    "form": ("answers are", "{}"),
    "closed_share_percent": ("of this form", "{}% of the answers"),
    "median_output_tokens": ("median answer", "{} tokens"),
    "reasoning_share_percent": ("reasoning", "{}% of the output"),
    "different_answers": ("different answers", "{}"),
    "why_nobody_waits": ("nobody waits", "{}"),
    "root_spans": ("root spans", "{}"),
    "runs": ("runs", "{}"),
    "wasted": ("thrown away", "{} billed answers"),
    "unusable_then_resent": ("unusable", "{}, then asked for again"),
    "truncated_then_resent": ("cut off", "{}, then asked for again"),
    "failed_then_resent": ("failed", "{}, then asked for again"),
    "superseded_by_sdk_retry": ("retried by the SDK", "{}"),
    "attempts_not_billed": ("not billed", "{} more attempts, in no figure"),
    "attempts_with_unknown_bill": ("bill unknown", "{} more attempts, in no figure"),
    "bill_only_estimated": ("bill estimated", "{} of these"),
    "duplicates": ("answered before", "{} calls"),
    "requests": ("different requests", "{} among them"),
    "horizon_hours": ("counted within", "{} hours of the first answer"),
    "in_flight_not_counted": ("not counted", "{} sent before the first answer was there"),
    "polling_not_counted": ("not counted", "{} that poll for a change"),
    "same_answers_percent": ("same answer", "{}% of the repeats"),
}
"""How what our own rules find reads; a fact of another rule keeps its own name."""

_ZERO_SAYS: Final = frozenset({"same_answers_percent", "closed_share_percent", "offset_bytes"})
_INTERNAL: Final = frozenset({"advice", "provider", "segment_role", "pairs_compared", "prefixes"})
"""Told by other facts, or of use to the engine only."""


def facts(evidence: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Evidence as (label, text)."""
    return tuple(
        fact for key, value in evidence.items() if key not in _INTERNAL for fact in _fact(key, value, evidence)
    )


def _fact(key: str, value: object, evidence: Mapping[str, Any]) -> list[Fact]:
    if key == "segment":
        return [("where", f"part {value} of the prompt ({evidence.get('segment_role', display.UNKNOWN)})")]
    if key == "pairs_broken_there":
        return [
            (
                "breaks there",
                f"{_value(key, value)} of {_value(key, evidence.get('pairs_compared'))} pairs of calls in a row",
            )
        ]
    if key == "replay" and isinstance(value, Mapping):
        return _replay(value)
    if key not in _WORDS:
        return [(_label(key), _value(key, value))]
    if value is None or (value == 0 and key not in _ZERO_SAYS):
        return []
    label, text = _WORDS[key]
    return [(label, text.format(_value(key, value)))]


def _replay(found: Mapping[str, Any]) -> list[Fact]:
    calls = f"{_of(found, 'calls_that_read')} calls read the cache, {_of(found, 'calls_that_write')} write it"
    names = (("read_tokens", "read"), ("write_tokens", "written"), ("uncached_tokens", "at full price"))
    return [("replayed", calls), ("tokens then", ", ".join(f"{_of(found, key)} {name}" for key, name in names))]


def _of(found: Mapping[str, Any], key: str) -> str:
    return _value(key, found.get(key))


def _label(key: str) -> str:
    for suffix, _ in _UNITS:
        key = key.removesuffix(suffix)
    return key.replace("_", " ")


def _value(key: str, value: object) -> str:
    if value is None:
        return display.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return next((word(value) for suffix, word in _UNITS if key.endswith(suffix)), f"{value:,}")
    if isinstance(value, Mapping):
        return ", ".join(f"{_label(str(name))} {_value(str(name), inner)}" for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        shown = ", ".join(_value(key, inner) for inner in value[:_SHOWN])
        return f"{shown} and {len(value) - _SHOWN:,} more" if len(value) > _SHOWN else shown
    return str(value)
