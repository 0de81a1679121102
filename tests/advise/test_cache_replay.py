"""The replay against the loopback provider's own accounting, and its corners by hand."""

from __future__ import annotations

import hashlib
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))
from oracle import Arrival, Bound, CacheRules, Input, Mark, misfit, replay

from otelcost.demo.provider.caching import PromptCache
from otelcost.demo.provider.prompt import Block

SECOND = 1_000_000
ANTHROPIC = CacheRules(4096, 1, automatic=False, short_us=300 * SECOND, long_us=3600 * SECOND, writes_billed=True)
OPENAI = CacheRules(1024, 128, automatic=True, short_us=1800 * SECOND, long_us=1800 * SECOND, writes_billed=True)
FREE = OPENAI._replace(writes_billed=False, short_us=600 * SECOND)

BLOCKS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from([100, 1024, 3000, 5000]), st.sampled_from([None, None, "5m", "1h"])
    ),
    min_size=1,
    max_size=4,
)
REQUESTS = st.lists(st.tuples(BLOCKS, st.integers(1, 2000)), min_size=1, max_size=12)


def _block(letter: str, tokens: int, cache: Any) -> Block:
    return Block((letter * 4).encode() * tokens, cache)


def _arrival(blocks: list[Block], at: int, marks: tuple[Mark, ...] = ()) -> Arrival:
    running, bounds = hashlib.sha256(), []
    for block, tokens in zip(blocks, accumulate(len(block.data) // 4 for block in blocks), strict=True):
        running.update(len(block.data).to_bytes(8, "big") + block.data)
        bounds.append(Bound(int.from_bytes(running.digest()[:7], "big"), tokens))
    return Arrival(at, at, bounds[-1].tokens, tuple(bounds), marks)


@given(REQUESTS)
def test_explicit_breakpoints_are_billed_as_the_provider_bills_them(requests: list[Any]) -> None:
    cache, billed, arrivals, now = PromptCache(), [], [], 0
    for rows, wait_s in requests:
        now += wait_s * SECOND
        blocks = [_block(*row) for row in rows]
        billed.append(cache.anthropic("claude-haiku-4-5", blocks, now))
        marks = tuple(Mark(i, block.cache == "1h") for i, block in enumerate(blocks) if block.cache)
        arrivals.append(_arrival(blocks, now, marks))
    assert replay(arrivals, ANTHROPIC) == [Input(*one) for one in billed]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 2000), st.booleans()), min_size=1, max_size=15))
def test_automatic_caching_is_billed_as_the_provider_bills_it(requests: list[Any]) -> None:
    for model, rules in (("gpt-6.1-sol", OPENAI), ("gpt-4o", FREE)):
        cache, billed, arrivals, now = PromptCache(), [], [], 0
        for number, (letter, wait_s, long) in enumerate(requests):
            now += wait_s * SECOND
            # The question is shorter than a step and unlike any other from its first byte on.
            question = Block(hashlib.sha256(f"{number}".encode()).digest())
            blocks = [_block(letter, 2048 if long else 512, None), question]
            billed.append(cache.openai(model, blocks, now))
            arrivals.append(_arrival(blocks, now))
        assert replay(arrivals, rules) == [Input(*one) for one in billed]


def _plain(start_s: float, end_s: float) -> Arrival:
    return Arrival(int(start_s * SECOND), int(end_s * SECOND), 5060, (Bound(1, 5000),), (Mark(0, long=False),))


def test_requests_that_start_before_the_first_has_answered_write_too() -> None:
    first, beside, later = _plain(0, 10), _plain(5, 12), _plain(11, 13)
    write, read = Input(60, 0, 5000, 0), Input(60, 5000, 0, 0)
    assert replay([first, beside, later], ANTHROPIC) == [write, write, read]
    assert replay([later, first, beside], ANTHROPIC) == [read, write, write], "whatever order they are listed in"


def test_a_hit_renews_the_lifetime_and_a_miss_by_a_microsecond_is_a_miss() -> None:
    alive = [_plain(at, at) for at in (0, 299, 598, 897)]
    assert [one.read for one in replay(alive, ANTHROPIC)] == [0, 5000, 5000, 5000]
    assert [one.read for one in replay([_plain(0, 0), _plain(300, 300)], ANTHROPIC)] == [0, 0]


def test_a_prefix_below_the_minimum_is_silently_not_cached() -> None:
    short = Arrival(0, 0, 4100, (Bound(1, 4095),), (Mark(0, long=True),))
    assert replay([short, short._replace(start_us=5, end_us=5)], ANTHROPIC) == [Input(4100, 0, 0, 0)] * 2


def test_the_lookback_ends_after_twenty_segments() -> None:
    bounds = tuple(Bound(identity, 5000 + identity) for identity in range(30))
    first = Arrival(0, 0, 6000, bounds, (Mark(0, long=False),))
    near = Arrival(5, 5, 6000, bounds, (Mark(19, long=False),))
    far = Arrival(5, 5, 6000, bounds, (Mark(21, long=False),))
    assert replay([first, near], ANTHROPIC)[1].read == 5000
    assert replay([first, far], ANTHROPIC)[1].read == 0


def test_the_misfit_counts_reads_and_writes_apart() -> None:
    assert misfit([Input(10, 5, 0, 0)], [Input(5, 0, 10, 0)]) == (15, 15)
    assert misfit([Input(10, 5, 3, 0)], [Input(10, 5, 0, 3)]) == (0, 18), "which lifetime does not matter here"
