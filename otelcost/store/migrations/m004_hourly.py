"""What every hour cost by model and task, so that a window of ten million calls is summed from thousands of rows."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    (
        "CREATE TABLE hourly (hour TIMESTAMP, model VARCHAR, task VARCHAR, task_source VARCHAR, calls BIGINT, "
        "unpriced_calls BIGINT, errors BIGINT, estimated_calls BIGINT, input_tokens BIGINT, cache_read_tokens BIGINT, "
        "output_tokens BIGINT, priced_tokens BIGINT, cost_picousd HUGEINT, first_start TIMESTAMP, last_start TIMESTAMP)"
    ),
    # The hours whose rows do not hold, or are not there yet.
    "CREATE TABLE hourly_stale (hour TIMESTAMP)",
    # What the rows were worked out from: where it is another now, none of them holds.
    "CREATE TABLE hourly_basis (basis VARCHAR)",
)
"""The statements of this migration, in order."""
