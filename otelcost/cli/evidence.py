"""A recommendation's evidence and repricing in words: labels, units, and nothing that says nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otelcost.cli.render import Line, Name
from otelcost.display import clean, count, money, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABELS = {
    "segment": "position in the prompt",
    "segment_role": "its role",
    "changing": "what changes there",
    "offset_bytes": "where it starts",
    "pairs_compared": "neighbouring calls compared",
    "pairs_broken_there": "of them, first different there",
    "stable_tokens": "text that could be read from cache",
    "prefixes": "different starts",
    "minimum_tokens": "least the provider caches",
    "candidate": "cheaper model to try",
    "form": "form of the answers",
    "closed_share_percent": "answers of a closed form",
    "median_output_tokens": "typical answer",
    "reasoning_share_percent": "reasoning in the output",
    "root_spans": "started by",
    "duplicates": "repeated calls",
    "requests": "different requests repeated",
    "horizon_hours": "repeats counted within",
    "in_flight_not_counted": "sent before the first had its answer, not counted",
    "polling_not_counted": "sent at a regular pace, not counted",
    "same_answers_percent": "repeats with the same answer",
    "wasted": "attempts paid for in vain",
    "unusable_then_resent": "answers that could not be used, sent again",
    "truncated_then_resent": "answers cut short, sent again",
    "failed_then_resent": "failed and sent again",
    "superseded_by_sdk_retry": "given up on and sent again by the SDK",
    "calls_that_lose_cache": "later calls that would miss the cache, counted against it",
    "cache_read_tokens_lost": "cache reads lost with them",
}
"""Labels of the rules' evidence; a key without one reads as it is spelled, with blanks."""

_UNITS = {
    "_tokens": " tokens",
    "_tokens_lost": " tokens",
    "_bytes": " bytes from the start",
    "_hours": " hours",
    "_percent": "%",
}
_ELSEWHERE = frozenset({"advice", "replay"})
"""Told under another heading."""

_ALWAYS = frozenset({"segment", "offset_bytes"})
"""Positions, of which 0 is one."""


def lines(evidence: Mapping[str, Any]) -> tuple[Line, ...]:
    """The evidence, a labelled line a fact; counts of nothing are left out."""
    told = tuple(_line(key, value) for key, value in evidence.items() if _says_something(key, value))
    return told or ("no further evidence",)


def _says_something(key: str, value: object) -> bool:
    if key in _ELSEWHERE or value is None:
        return False
    return key in _ALWAYS or key.endswith("_percent") or value != 0


def _line(key: str, value: object) -> Line:
    label = _LABELS.get(key) or clean(key).removesuffix("_picousd").replace("_", " ")
    return f"{label}: ", Name(_value(key, value))


def _value(key: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return money(value) if key.endswith("_picousd") else f"{count(value)}{_unit(key)}"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return json.dumps(value, default=str) if isinstance(value, dict) else str(value)


def _unit(key: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if key.endswith(suffix)), "")


def replay(evidence: Mapping[str, Any]) -> tuple[Line, ...]:
    """What the provider's cache would have done with the same calls, to check the figure by hand."""
    found = evidence.get("replay")
    if not found:
        return ()
    read = f"{plural(found['calls_that_read'], 'call')} read {count(found['read_tokens'])} tokens"
    write = f"{plural(found['calls_that_write'], 'call')} write {count(found['write_tokens'])}"
    return (f"with the cache, {read} from it, {write}, and {count(found['uncached_tokens'])} stay uncached",)


def repricing(transform: Mapping[str, Any]) -> Line:
    """How the calls were priced again, as a sentence."""
    kind = transform.get("kind")
    if kind == "enable_cache":
        moved = ", with the changing value moved below it" if transform.get("move_volatile") is not None else ""
        life = {"5m": " that live 5 minutes", "1h": " that live an hour"}.get(str(transform.get("ttl")), "")
        return f"priced again with cache entries{life} over the prompt's stable start{moved}"
    if kind == "set_model":
        return "priced again as calls of ", Name(str(transform.get("model")))
    plain = {"batch": "priced again at the batch API's rates", "drop_call": "priced again without these calls"}
    return plain.get(str(kind)) or f"priced again with the change: {clean(str(kind)).replace('_', ' ')}"
