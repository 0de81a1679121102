"""The replay in SQL against the same story told call by call (`oracle`), over generated arrivals."""

from __future__ import annotations

import sys
from itertools import accumulate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Arrival, Bound, CacheRules, Input, Mark, Sent, reads_at_risk
from oracle import replay as told

from otelcost.advise import replay
from otelcost.advise.rows import insert

SECOND = 1_000_000
EXPLICIT = CacheRules(1024, 1, automatic=False, short_us=300 * SECOND, long_us=3600 * SECOND, writes_billed=True)
AUTOMATIC = CacheRules(1024, 128, automatic=True, short_us=600 * SECOND, long_us=600 * SECOND, writes_billed=True)

TABLES = """
CREATE TEMP TABLE w_bills (n INTEGER, g INTEGER, began BIGINT, done BIGINT, uncached BIGINT, read BIGINT,
    short BIGINT, long BIGINT, made BOOLEAN);
CREATE TEMP TABLE w_segments (n INTEGER, position SMALLINT, prefix_hash BIGINT, template_hash BIGINT, bytes BIGINT,
    tokens BIGINT, tokens_before BIGINT, tokens_to BIGINT, cache VARCHAR, volatile_offset_bytes BIGINT);
CREATE TEMP TABLE w_cache (g INTEGER, minimum BIGINT, step BIGINT, automatic BOOLEAN, short_us BIGINT,
    long_us BIGINT, charged BOOLEAN)
"""

CALLS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 40, 299, 300, 301, 700]),  # seconds since the call before
        st.sampled_from([0, 2, 290, 400]),  # how long it takes
        st.lists(st.sampled_from("ab"), min_size=2, max_size=4),  # what its segments say
    ),
    min_size=1,
    max_size=14,
)
SIZES = (900, 700, 1500, 333)


def _arrivals(calls: list[tuple[int, int, list[str]]], marked: list[int]) -> list[Arrival]:
    arrivals, start = [], 0
    for gap, takes, texts in calls:
        start += gap * SECOND
        prefixes = accumulate(texts)
        bounds = tuple(
            Bound(hash(text) & (1 << 62) - 1, tokens)
            for text, tokens in zip(prefixes, accumulate(SIZES[: len(texts)]), strict=True)
        )
        marks = tuple(Mark(at, long=False) for at in marked if at < len(bounds))
        arrivals.append(Arrival(start, start + takes * SECOND, bounds[-1].tokens, bounds, marks))
    return arrivals


def _in_sql(arrivals: list[Arrival], rules: CacheRules, dropped: list[bool] | None = None) -> list[tuple[int, int]]:
    """Tokens read, and up to the last stored prefix, of each arrival."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(TABLES)
        connection.execute(replay.ARRIVALS)
        insert(
            connection,
            "w_bills",
            [(n, 1, one.start_us, one.end_us, one.total_tokens, 0, 0, 0, True) for n, one in enumerate(arrivals)],
        )
        insert(
            connection,
            "w_segments",
            [
                (
                    n, at + 1, bound.identity, 0, 4 * SIZES[at], SIZES[at], bound.tokens - SIZES[at], bound.tokens,
                    "5m" if any(mark.bound == at for mark in one.marks) else None, None,
                )
                for n, one in enumerate(arrivals)
                for at, bound in enumerate(one.bounds)
            ],
        )  # fmt: skip
        insert(
            connection,
            "w_cache",
            [(1, rules.minimum_tokens, rules.step_tokens, rules.automatic, rules.short_us, rules.long_us, True)],
        )
        worst = dropped is not None
        gone = dropped or [False] * len(arrivals)
        insert(connection, "w_arrivals", [(1, n, None, gone[n], worst, True) for n in range(len(arrivals))])
        replay.replay_as_sent(connection)
        found = {n: (read, top) for n, read, top in connection.execute("SELECT n, read, top FROM w_hits").fetchall()}
    return [found.get(n, (0, 0)) for n in range(len(arrivals))]


def _expected(billed: list[Input]) -> list[tuple[int, int]]:
    return [(one.read, one.read + one.write_short) for one in billed]


@settings(deadline=None, max_examples=150)
@given(CALLS)
def test_an_automatic_cache(calls: list[tuple[int, int, list[str]]]) -> None:
    arrivals = _arrivals(calls, [])
    found = _in_sql(arrivals, AUTOMATIC)
    assert [read for read, _ in found] == [one.read for one in told(arrivals, AUTOMATIC)]


@settings(deadline=None, max_examples=150)
@given(CALLS, st.sampled_from([0, 1]))
def test_one_breakpoint_at_one_place(calls: list[tuple[int, int, list[str]]], place: int) -> None:
    arrivals = _arrivals(calls, [place])
    assert _in_sql(arrivals, EXPLICIT) == _expected(told(arrivals, EXPLICIT))


@settings(deadline=None, max_examples=150)
@given(CALLS)
def test_several_breakpoints_may_only_live_longer(calls: list[tuple[int, int, list[str]]]) -> None:
    """Here every live prefix that a request contains is renewed, call by call only the longest."""
    arrivals = _arrivals(calls, [1, 3])
    pairs = zip(_in_sql(arrivals, EXPLICIT), told(arrivals, EXPLICIT), strict=True)
    assert all(read >= one.read and top >= read for (read, top), one in pairs)


@settings(deadline=None, max_examples=150)
@given(CALLS, st.lists(st.booleans(), min_size=14, max_size=14))
def test_what_is_safe_where_no_lifetime_is_promised(calls: list[tuple[int, int, list[str]]], drop: list[bool]) -> None:
    arrivals = _arrivals(calls, [])
    gone = drop[: len(arrivals)]
    sent = [Sent(one, one.total_tokens, dropped) for one, dropped in zip(arrivals, gone, strict=True)]
    lost = reads_at_risk(sent, AUTOMATIC.minimum_tokens)
    steps = CacheRules(1024, 1, automatic=True, short_us=1, long_us=1, writes_billed=True)
    found = _in_sql(arrivals, steps, gone)
    first = gone.index(True) if True in gone else len(gone)
    for n, ((safe, _), one) in enumerate(zip(found, sent, strict=True)):
        if not one.dropped and n > first and one.arrival.total_tokens >= AUTOMATIC.minimum_tokens:
            assert lost[n] == one.read_tokens - safe or lost[n] == 0 == first


def test_a_hit_renews_and_a_gap_ends(tmp_path: Path) -> None:
    calls = [(0, 1, ["a", "a"]), (299, 1, ["a", "a"]), (299, 1, ["a", "a"]), (300, 1, ["a", "a"])]
    assert [read for read, _ in _in_sql(_arrivals(calls, [1]), EXPLICIT)] == [0, 1600, 1600, 0]


@pytest.mark.parametrize(("takes", "reads"), [(0, [0, 1600, 1600]), (40, [0, 0, 1600]), (41, [0, 0, 0])])
def test_requests_that_start_before_the_first_has_answered_write_again(takes: int, reads: list[int]) -> None:
    calls = [(0, takes, ["a", "a"]), (1, 90, ["a", "a"]), (39, 1, ["a", "a"])]
    assert [read for read, _ in _in_sql(_arrivals(calls, [1]), EXPLICIT)] == reads
