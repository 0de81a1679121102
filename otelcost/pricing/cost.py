"""THE cost of a call, written once as data and read twice: as SQL for the store, as Python for proofs.

A cost is the sum of terms `count x rate`. Counts that are parts of a bucket (audio in input, reasoning in
output) are taken out of the bucket's own term, so that every token is charged once. All is integer
pico-dollars; a term whose count is 0 costs 0 whatever its rate, and a used bucket without a rate makes the
cost unknown (NULL), never 0.

Counts the provider left out are 0 for every bucket but two: without the uncached input no cost is known,
and without the output none is known where output has a price (an embedding has none). Parts larger than their
bucket are somebody's mistake, or counted beside it: either way the cost is unknown, and never negative.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from otelcost.model import Usage
from otelcost.pricing.rates import Rates


class Term(NamedTuple):
    """`(units - those of minus) x rate`, a summand of `part`."""

    part: str
    units: str
    rate: str
    minus: tuple[str, ...] = ()


TERMS: Final = (
    Term(
        "cost_input_picousd",
        "input_uncached_tokens",
        "input_picousd",
        ("input_audio_tokens", "input_image_tokens"),
    ),
    Term("cost_input_picousd", "input_audio_tokens", "input_audio_picousd"),
    Term("cost_input_picousd", "input_image_tokens", "input_image_picousd"),
    Term(
        "cost_cache_read_picousd",
        "cache_read_tokens",
        "cache_read_picousd",
        ("cache_read_audio_tokens", "cache_read_image_tokens"),
    ),
    Term("cost_cache_read_picousd", "cache_read_audio_tokens", "cache_read_audio_picousd"),
    Term("cost_cache_read_picousd", "cache_read_image_tokens", "cache_read_image_picousd"),
    Term("cost_cache_write_picousd", "cache_write_short_tokens", "cache_write_short_picousd"),
    Term("cost_cache_write_picousd", "cache_write_long_tokens", "cache_write_long_picousd"),
    Term(
        "cost_output_picousd",
        "output_tokens",
        "output_picousd",
        ("reasoning_tokens", "output_audio_tokens", "output_image_tokens"),
    ),
    Term("cost_output_picousd", "reasoning_tokens", "reasoning_picousd"),
    Term("cost_output_picousd", "output_audio_tokens", "output_audio_picousd"),
    Term("cost_output_picousd", "output_image_tokens", "output_image_picousd"),
    Term("cost_other_picousd", "web_search_requests", "web_search_picousd"),
    Term("cost_other_picousd", "web_fetch_requests", "web_fetch_picousd"),
    Term("cost_other_picousd", "file_search_requests", "file_search_picousd"),
    Term("cost_other_picousd", "code_execution_requests", "code_execution_picousd"),
)
"""Every term of a cost. The parts are disjoint and `cost_other_picousd` also holds the price per request."""

PARTS: Final = tuple(dict.fromkeys(term.part for term in TERMS))


def cost(usage: Usage, rates: Rates) -> int | None:
    """The cost of one call in pico-dollars, or None where it is not known."""
    parts = cost_parts(usage, rates)
    total = 0
    for part in parts.values():
        if part is None:
            return None
        total += part
    return total


def cost_parts(usage: Usage, rates: Rates) -> dict[str, int | None]:
    """The disjoint parts of `cost`, by the names of the columns of `v_calls`."""
    parts: dict[str, int | None] = dict.fromkeys(PARTS, 0)
    parts["cost_other_picousd"] = rates.request_picousd
    if usage.input_uncached_tokens is None:
        parts["cost_input_picousd"] = None
    if usage.output_tokens is None and rates.output_picousd is not None:
        parts["cost_output_picousd"] = None
    for term in TERMS:
        so_far, amount = parts[term.part], _amount(term, usage, rates)
        parts[term.part] = None if so_far is None or amount is None else so_far + amount
    return parts


def _amount(term: Term, usage: Usage, rates: Rates) -> int | None:
    count: int = (getattr(usage, term.units) or 0) - sum(getattr(usage, name) or 0 for name in term.minus)
    rate: int | None = getattr(rates, term.rate)
    if count == 0:
        return 0
    return None if count < 0 or rate is None else count * rate


def cost_sql(call: str = "c", price: str = "p") -> str:
    """The SQL expression of `cost` over the aliases of a row with usage columns and a row of `price`.

    The result is BIGINT, NULL where the cost is not known. A LEFT JOIN that found no price gives NULL.
    """
    parts = cost_parts_sql(call, price)
    return "(" + " + ".join(parts[name] for name in PARTS) + ")"


def cost_parts_sql(call: str = "c", price: str = "p") -> dict[str, str]:
    """The SQL expressions of `cost_parts`, by column name."""
    parts: dict[str, list[str]] = {name: [] for name in PARTS}
    for term in TERMS:
        parts[term.part].append(_term_sql(term, call, price))
    parts["cost_other_picousd"].append(f"{price}.request_picousd")
    inputs, outputs = parts["cost_input_picousd"], parts["cost_output_picousd"]
    inputs.append(f"CASE WHEN {call}.input_uncached_tokens IS NOT NULL THEN 0 END")
    outputs.append(f"CASE WHEN {call}.output_tokens IS NOT NULL OR {price}.output_picousd IS NULL THEN 0 END")
    return {name: "(" + " + ".join(terms) + ")" for name, terms in parts.items()}


def mismatch_sql(call: str = "c") -> str:
    """The SQL condition that the parts of some bucket are more than the bucket, so that no cost can be known."""
    return "(" + " OR ".join(f"{_count_sql(term, call)} < 0" for term in TERMS if term.minus) + ")"


def missing_sql(call: str = "c", price: str = "p") -> str:
    """The SQL expression of the names of the rates that a call needs and its price lacks; '' where none."""
    names = [
        f"CASE WHEN {_count_sql(term, call)} > 0 AND {price}.{term.rate} IS NULL "
        f"THEN '{term.rate.removesuffix('_picousd')}' END"
        for term in TERMS
    ]
    return f"concat_ws(', ', {', '.join(names)})"


def _term_sql(term: Term, call: str, price: str) -> str:
    count = _count_sql(term, call)
    some = f"CASE WHEN {count} = 0 THEN 0"
    return f"{some} WHEN {count} > 0 THEN {count} * {price}.{term.rate} END"


def _count_sql(term: Term, call: str) -> str:
    counts = [f"coalesce({call}.{name}, 0)" for name in (term.units, *term.minus)]
    return counts[0] if len(counts) == 1 else f"({' - '.join(counts)})"
