"""Tasks that are two: where the lengths of a task's answers have two heights, and what tells the two apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import duckdb
import msgspec

from otelcost.store.queries.window import Window

LEAST_CALLS: Final = 40
LEAST_SHARE: Final = 0.15
"""A height with fewer of the calls is a tail."""

VALLEY: Final = 0.2
"""Between two heights there are at most so many calls of the lower one."""

TELLS: Final = 0.9
"""What sorts so many calls right tells two lengths apart."""

_APART: Final = 3  # half powers of two: the lengths differ at least by a factor of 2.8
_MOST_VALUES: Final = 12

_COLUMNS: Final = {
    "schema": "printf('%016x', schema_hash)[1:8]",
    "tools": "printf('%016x', tools_hash)[1:8]",
    "template": "printf('%016x', system_template_hash)[1:8]",
    "line": "CAST(call_site_line AS VARCHAR)",
    "root": "root_span_name",
    "feature": "feature",
    "model": "model",
}
"""What a split can be by, the likeliest cause first."""

_CALLS: Final = """
FROM v_base
WHERE task = $task AND start >= $start AND start < $end AND status IN ('ok', 'incomplete') AND output_tokens > 0
"""


class SplitProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A task whose answers are of two lengths. `by` is what tells them apart best, `output` where nothing does."""

    task: str
    by: str
    at_tokens: int  # shorter answers are the one kind
    short_calls: int
    long_calls: int
    short_median_tokens: int
    long_median_tokens: int
    told_calls: int  # how many of them `by` sorts right


def split_proposal(connection: duckdb.DuckDBPyConnection, window: Window, task: str) -> SplitProposal | None:
    """How a task might be split; None where its answers are of one length, or too few."""
    parameters = {"task": task, "start": window.start, "end": window.until}
    text = f"SELECT floor(2 * log2(output_tokens + 1))::INTEGER AS bin, count(*) {_CALLS} GROUP BY bin"
    bins: dict[int, int] = dict(connection.execute(text, parameters).fetchall())
    cut = valley([bins.get(number, 0) for number in range(max(bins, default=0) + 1)])
    if cut is None:
        return None
    at_tokens = max(1, round(2 ** (cut / 2)) - 1)
    counts = (
        "SELECT count(*) FILTER (output_tokens < $at), count(*) FILTER (output_tokens >= $at), "
        "quantile_disc(output_tokens, 0.5) FILTER (output_tokens < $at), "
        f"quantile_disc(output_tokens, 0.5) FILTER (output_tokens >= $at) {_CALLS}"
    )
    short, long, short_median, long_median = connection.execute(counts, {**parameters, "at": at_tokens}).fetchall()[0]
    by, told = _told_by(connection, {**parameters, "at": at_tokens}, short + long)
    return SplitProposal(
        task=task,
        by=by,
        at_tokens=at_tokens,
        short_calls=short,
        long_calls=long,
        short_median_tokens=short_median or 0,
        long_median_tokens=long_median or 0,
        told_calls=told,
    )


def valley(counts: Sequence[int]) -> int | None:
    """The middle of the lowest place between two heights of a histogram; None where it has only one."""
    whole = sum(counts)
    if whole < LEAST_CALLS:
        return None
    found: list[tuple[float, int]] = []
    for cut in range(1, len(counts) - 1):
        left, right = counts[:cut], counts[cut + 1 :]
        if min(sum(left), sum(right)) < LEAST_SHARE * whole:
            continue
        lower = min(max(left), max(right))
        apart = cut + 1 + right.index(max(right)) - left.index(max(left))
        if counts[cut] <= VALLEY * lower and apart >= _APART:
            found.append((counts[cut] / lower, cut))
    if not found:
        return None
    deepest = min(found)[0]
    places = [cut for depth, cut in found if depth == deepest]
    return places[len(places) // 2]


def _told_by(connection: duckdb.DuckDBPyConnection, parameters: dict[str, object], whole: int) -> tuple[str, int]:
    best = ("output", whole)
    most = TELLS * whole
    for by, column in _COLUMNS.items():
        rows = connection.execute(
            f"SELECT count(*) FILTER (output_tokens < $at), count(*) FILTER (output_tokens >= $at) {_CALLS} "
            f"GROUP BY {column} LIMIT {_MOST_VALUES + 1}",
            parameters,
        ).fetchall()
        told = sum(max(row) for row in rows)
        if 2 <= len(rows) <= _MOST_VALUES and told >= most:
            best, most = (by, told), told + 1
    return best
