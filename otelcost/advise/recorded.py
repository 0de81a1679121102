"""Recorded calls as the engine computes with them: a bill in token buckets, and what its cache would see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

import duckdb

_MASK: Final = (1 << 63) - 1


class Bill(NamedTuple):
    """What a call is charged for: a price and the token buckets a change may touch. Requests stay as they are."""

    price_key: str
    uncached: int
    read: int
    write_short: int
    write_long: int
    output: int | None
    reasoning: int | None

    @property
    def input_tokens(self) -> int:
        """The whole input."""
        return self.uncached + self.read + self.write_short + self.write_long


class Recorded(NamedTuple):
    """One priced call of the window."""

    n: int
    call_id: str
    start_us: int
    end_us: int
    day: int  # since 1970-01-01, UTC
    provider: str
    model: str
    task: str
    call_site: str | None
    doubtful: bool  # its tokens were counted by us, or the provider may have billed more
    fixed_uncached: int  # uncached tokens of audio and images: no change here moves or scales them
    cost: int
    bill: Bill


class Part(NamedTuple):
    """One prompt segment, as far as a cache cares."""

    hash: int
    template_hash: int
    prefix_hash: int
    tokens: int
    bytes: int
    mark: str | None
    volatile_offset_bytes: int | None
    volatile_bytes: int


_RECORDED: Final = """
SELECT n, printf('%016x', span_id) AS call_id, epoch_us(start), epoch_us(end_at), epoch_us(start) // 86400000000,
    provider, model, task, (SELECT call_site FROM w_groups WHERE w_groups.g = w_calls.g),
    list_has_any(flags, ['estimated', 'lower_bound']),
    coalesce(input_audio_tokens, 0) + coalesce(input_image_tokens, 0), cost_picousd,
    price_key, coalesce(input_uncached_tokens, 0), coalesce(cache_read_tokens, 0),
    coalesce(cache_write_short_tokens, 0), coalesce(cache_write_long_tokens, 0), output_tokens, reasoning_tokens
FROM w_calls
WHERE cost_picousd IS NOT NULL AND price_key IS NOT NULL
    AND printf('%016x', span_id) IN (SELECT unnest($ids::VARCHAR[]))
"""

_PARTS: Final = """
SELECT n, list((hash, template_hash, prefix_hash, tokens, bytes, cache, volatile_offset_bytes,
    coalesce(volatile_bytes, 0)) ORDER BY position)
FROM w_segments
WHERE n IN (SELECT unnest($n::BIGINT[]))
GROUP BY n
"""


def load(connection: duckdb.DuckDBPyConnection, call_ids: Collection[str]) -> dict[str, Recorded]:
    """The priced calls among `call_ids`. Those without a known cost are left out: no saving is known of them."""
    rows = connection.execute(_RECORDED, {"ids": list(call_ids)}).fetchall()
    return {row[1]: Recorded._make((*row[:12], Bill._make(row[12:]))) for row in rows}


def load_parts(connection: duckdb.DuckDBPyConnection, numbers: Iterable[int]) -> dict[int, tuple[Part, ...]]:
    """The prompt segments of calls by their `n`. Calls with a segment of unknown size are left out."""
    rows = connection.execute(_PARTS, {"n": list(numbers)}).fetchall()
    return {n: parts for n, packed in rows if (parts := _parts(packed)) is not None}


def _parts(packed: list[tuple[Any, ...]]) -> tuple[Part, ...] | None:
    parts = tuple(Part(*values) for values in packed)
    return None if any(part.tokens is None for part in parts) else parts


def mixed(*values: int) -> int:
    """A 63-bit identity for a prefix that no request has sent yet."""
    return hash(values) & _MASK
