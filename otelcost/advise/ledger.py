"""The recorded bills as columns, and the price of any other bill with the very expression that priced them.

`w_bills` has a row for each priced call that a change may touch: its token buckets, what it cost, and the number
`k` of its price. `w_rates` has the prices by that number. A changed bill has the columns of `BILL`.
"""

from __future__ import annotations

from typing import Final

import duckdb

from otelcost.pricing.cost import TERMS, cost_sql

BUCKETS: Final = {
    "input_uncached_tokens": "uncached",
    "cache_read_tokens": "read",
    "cache_write_short_tokens": "short",
    "cache_write_long_tokens": "long",
    "output_tokens": "output",
    "reasoning_tokens": "reasoning",
    "input_image_tokens": "image",
}
"""The buckets that a change may touch, as `v_calls` and as a bill call them."""

BILL: Final = ("k", *BUCKETS.values(), "made")
"""The columns of a bill. `made` is false where the call is not made at all."""

TOTAL: Final = "(s.uncached + s.read + s.short + s.long)"
"""The whole input of the bill `s`."""

_ALL: Final = tuple(dict.fromkeys(name for term in TERMS for name in (term.units, *term.minus)))
_OTHERS: Final = tuple(name for name in _ALL if name not in BUCKETS)

_KEYS: Final = """
CREATE OR REPLACE TEMP TABLE w_keys AS
SELECT (row_number() OVER (ORDER BY price_key))::INTEGER AS k, price_key FROM (SELECT DISTINCT price_key FROM w_price)
"""

_RATES: Final = """
CREATE OR REPLACE TEMP TABLE w_rates AS
SELECT k.k, epoch_us(p.valid_from) AS since, epoch_us(p.valid_to) AS until, p.*
FROM w_price p
JOIN w_keys k ON k.price_key = p.price_key
"""

_BILLS: Final = """
CREATE OR REPLACE TEMP TABLE w_bills AS
SELECT c.n, c.g, epoch_us(c.start) AS began, epoch_us(c.end_at) AS done,
    (epoch_us(c.start) // 86400000000)::INTEGER AS day, k.k,
    coalesce(c.input_uncached_tokens, 0) AS uncached, coalesce(c.cache_read_tokens, 0) AS read,
    coalesce(c.cache_write_short_tokens, 0) AS short, coalesce(c.cache_write_long_tokens, 0) AS long,
    c.output_tokens AS output, c.reasoning_tokens AS reasoning, coalesce(c.input_image_tokens, 0) AS image,
    coalesce(c.input_audio_tokens, 0) AS audio, true AS made,
    c.segment_count AS segments, c.cost_picousd AS cost, c.doubtful{others}
FROM w_calls c
JOIN w_keys k ON k.price_key = c.price_key
WHERE c.cost_picousd IS NOT NULL AND {where}
"""


class Ledger:
    """Prices bills of the materialised window."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        there = {row[0] for row in connection.execute("SELECT column_name FROM (DESCRIBE w_calls)").fetchall()}
        self._others = [name for name in _OTHERS if name in there]
        connection.execute(_KEYS)
        connection.execute(_RATES)

    def open(self, where: str) -> None:
        """Make `w_bills` of the priced calls `c` of the window for which `where` holds."""
        others = "".join(f", c.{name} AS _{name}" for name in self._others)
        self._connection.execute(_BILLS.format(others=others, where=where))

    def price(self, changed: str) -> str:
        """SQL of the rows of the table `changed` (`p`, `n`, `named` and the columns of `BILL`) with what they cost.

        Adds `cost` (NULL where no price is known, 0 where the call is not made), and of the recorded call `paid`,
        `day` and `doubtful`.
        """
        fixed = ", ".join(
            f"b._{name} AS {name}" if name in self._others else f"NULL::BIGINT AS {name}" for name in _OTHERS
        )
        bill = ", ".join(f"x.{short} AS {name}" for name, short in BUCKETS.items())
        back = ", ".join(f"c.{name} AS {short}" for name, short in BUCKETS.items())
        return f"""
            SELECT c.p, c.n, c.named, c.k, {back}, c.made,
                CASE WHEN NOT c.made THEN 0 ELSE {cost_sql("c", "r")} END AS cost, c.paid, c.day, c.doubtful
            FROM (
                SELECT x.p, x.n, x.named, x.k, x.made, b.began, b.day, b.cost AS paid, b.doubtful, {bill}, {fixed},
                    x.uncached + x.read + x.short + x.long AS whole
                FROM {changed} x
                JOIN w_bills b ON b.n = x.n
            ) c
            LEFT JOIN w_rates r ON r.k = c.k AND c.began >= r.since AND c.began < r.until
                AND c.whole >= r.context_lo AND c.whole < r.context_hi
        """

    def charges_writes(self) -> str:
        """SQL of `k` and whether a written token costs something else than plain input, by price."""
        return "SELECT k, bool_or(cache_write_short_picousd <> input_picousd) AS charged FROM w_rates GROUP BY k"
