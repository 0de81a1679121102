"""Pricing what did not happen, with the very expression that prices what did.

Every hypothetical bill is joined to the price that was valid at the date of its own call and for the size of
its own input. One query prices any number of them; what has been priced is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

from otelcost.advise.recorded import Bill
from otelcost.pricing.cost import cost_sql

Priced = tuple[int, Bill]
"""A call's `n` and the bill it would have had."""

_SQL: Final = f"""
SELECT c.k, {cost_sql("c", "p")}
FROM (
    SELECT
        w.* REPLACE (
            s.uncached AS input_uncached_tokens, s.read AS cache_read_tokens,
            s.write_short AS cache_write_short_tokens, s.write_long AS cache_write_long_tokens,
            s.output AS output_tokens, s.reasoning AS reasoning_tokens, s.price_key AS price_key),
        s.k AS k, s.uncached + s.read + s.write_short + s.write_long AS whole_input
    FROM (
        SELECT unnest($k::BIGINT[]) AS k, unnest($n::BIGINT[]) AS n, unnest($price_key::VARCHAR[]) AS price_key,
            unnest($uncached::BIGINT[]) AS uncached, unnest($read::BIGINT[]) AS read,
            unnest($write_short::BIGINT[]) AS write_short, unnest($write_long::BIGINT[]) AS write_long,
            unnest($output::BIGINT[]) AS output, unnest($reasoning::BIGINT[]) AS reasoning
    ) s
    JOIN w_calls w ON w.n = s.n
) c
JOIN w_price p
    ON p.price_key = c.price_key AND c.start >= p.valid_from AND c.start < p.valid_to
    AND c.whole_input >= p.context_lo AND c.whole_input < p.context_hi
"""


class Pricer:
    """Prices hypothetical bills of the materialised window and remembers them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._known: dict[Priced, int | None] = {}

    def prime(self, bills: Iterable[Priced]) -> None:
        """Price these in one query."""
        new = [bill for bill in dict.fromkeys(bills) if bill not in self._known]
        if not new:
            return
        columns = dict(zip(Bill._fields, map(list, zip(*(bill for _, bill in new), strict=True)), strict=True))
        rows = self._connection.execute(
            _SQL, {"k": list(range(len(new))), "n": [n for n, _ in new], **columns}
        ).fetchall()
        costs: dict[int, int | None] = dict(rows)
        self._known |= {bill: costs.get(k) for k, bill in enumerate(new)}

    def cost(self, n: int, bill: Bill) -> int | None:
        """Pico-dollars of a bill that was primed; None where no price is known for it."""
        return self._known[n, bill]

    def has_price(self, price_key: str, column: str) -> bool:
        """True where `price_key` charges for `column` something else than plain input."""
        row = self._connection.execute(
            f"SELECT bool_or({column} <> input_picousd) FROM w_price WHERE price_key = ?", [price_key]
        ).fetchone()
        return bool(row and row[0])
