"""Usage objects: dialects, disjoint buckets, odd numbers, reconciliation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.model import Usage
from otelcost.wire.usage import ANTHROPIC, FIVE, OPENAI, Reading, UsageMap, add, read, total_input


def openai(counts: dict[str, Any], *, writes_long: bool = False) -> Reading:
    return read(counts, OPENAI, writes_long=writes_long)


def test_unknown_is_not_zero() -> None:
    assert openai({}).usage == Usage()
    assert read(None, OPENAI, writes_long=False).usage == Usage()
    assert openai({"completion_tokens": 0}).usage == Usage(output_tokens=0)
    assert total_input(Usage(output_tokens=3)) is None
    assert total_input(Usage(cache_read_tokens=3)) == 3


@pytest.mark.parametrize("odd", [-1, 1.5, True, "7", None, 1 << 60, [1]])
def test_what_is_no_count_is_unknown(odd: object) -> None:
    assert openai({"prompt_tokens": odd, "completion_tokens": 2}).usage == Usage(output_tokens=2)


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 30}},
        {"prompt_cache_hit_tokens": 30, "prompt_cache_miss_tokens": 70},
        {"cached_tokens": 30},
        {"cached_tokens": 99, "prompt_tokens_details": {"cached_tokens": 30}},
        {"prompt_tokens_details": {"cached_tokens": 30}, "cached_tokens": 99},
    ],
)
def test_dialects_of_cached_tokens(cached: dict[str, Any]) -> None:
    usage = openai({"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101} | cached).usage
    assert (usage.input_uncached_tokens, usage.cache_read_tokens) == (70, 30)


@pytest.mark.parametrize(("long", "expected"), [(False, (25, 0)), (True, (0, 25))])
def test_cache_writes_without_split(long: bool, expected: tuple[int, int]) -> None:
    usage = openai({"prompt_tokens": 40, "prompt_tokens_details": {"cache_write_tokens": 25}}, writes_long=long).usage
    assert (usage.cache_write_short_tokens, usage.cache_write_long_tokens) == expected
    assert usage.input_uncached_tokens == 15


@pytest.mark.parametrize(
    ("total", "long", "expected"),
    [(50, False, (30, 20)), (10, False, (0, 10)), (50, True, (10, 40)), (5, True, (5, 0))],
)
def test_a_revised_total_of_writes_wins_over_its_split(total: int, long: bool, expected: tuple[int, int]) -> None:
    split = {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}
    counts = {"cache_creation_input_tokens": total, "cache_creation": split}
    usage = read(counts, ANTHROPIC, writes_long=long).usage
    assert (usage.cache_write_short_tokens, usage.cache_write_long_tokens) == expected
    half = {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 9}}
    assert read(half, ANTHROPIC, writes_long=False).usage.cache_write_long_tokens == 0
    other = {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 9}}
    assert read(other, ANTHROPIC, writes_long=True).usage.cache_write_short_tokens == 0


def test_more_cached_than_input_is_a_mismatch() -> None:
    reading = openai({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 30}})
    assert reading.usage.input_uncached_tokens == 0
    assert reading.flags == {"usage_mismatch"}


def test_a_total_that_does_not_add_up_is_a_mismatch() -> None:
    assert openai({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 16}).flags == {"usage_mismatch"}
    assert openai({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}).flags == frozenset()


def test_reasoning_left_out_of_output_is_put_back() -> None:
    counts = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35}
    reading = openai(counts | {"completion_tokens_details": {"reasoning_tokens": 20}})
    assert (reading.usage.output_tokens, reading.usage.reasoning_tokens, reading.flags) == (25, 20, frozenset())


def test_modalities_stay_parts_of_their_buckets() -> None:
    details = {"cached_tokens": 60, "audio_tokens": 70, "image_tokens": 10}
    usage = openai({"prompt_tokens": 100, "prompt_tokens_details": details}).usage
    assert (usage.input_audio_tokens, usage.cache_read_audio_tokens) == (40, 30)
    assert (usage.input_image_tokens, usage.cache_read_image_tokens) == (10, None)
    told = details | {"cached_tokens_details": {"audio_tokens": 50}}
    usage = openai({"prompt_tokens": 100, "prompt_tokens_details": told}).usage
    assert (usage.input_audio_tokens, usage.cache_read_audio_tokens) == (20, 50)


@pytest.mark.parametrize(
    ("counts", "picousd"),
    [
        ({"cost": 0.00014}, 140_000_000),
        ({"cost": {"total_cost": 0.5}}, 500_000_000_000),
        ({"cost_in_usd_ticks": 37_756_000}, 3_775_600_000),
        ({"cost": -1}, None),
        ({"cost": "free"}, None),
        ({"cost": 1e300}, None),
    ],
)
def test_prices_that_providers_send(counts: dict[str, Any], picousd: int | None) -> None:
    assert openai(counts).usage.provider_cost_picousd == picousd


def test_adding_keeps_unknown_apart_from_zero() -> None:
    total = add(Usage(output_tokens=1, cache_read_tokens=2), Usage(output_tokens=4, web_search_requests=0))
    assert total == Usage(output_tokens=5, cache_read_tokens=2, web_search_requests=0)


NAMES = sorted(
    {"prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "total_tokens", "cached_tokens", "cost"}
    | {"prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "cache_write_tokens"}
    | {"cache_write_tokens_details", "ttl_30m_tokens", "ttl_12h_tokens", "audio_tokens", "image_tokens"}
    | {"reasoning_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"}
    | {"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "server_tool_use", "web_search_requests"}
)
VALUES = st.none() | st.integers(-5, 1 << 54) | st.floats() | st.booleans() | st.text(max_size=3)
COUNTS = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=25)


@given(counts=COUNTS, table=st.sampled_from([OPENAI, ANTHROPIC]), long=st.booleans())
def test_buckets_are_never_negative_and_parts_never_larger(counts: object, table: UsageMap, long: bool) -> None:
    usage = read(counts, table, writes_long=long).usage
    for name in Usage.__struct_fields__:
        assert (getattr(usage, name) or 0) >= 0, name
    for part, whole in (
        ("input_audio_tokens", "input_uncached_tokens"),
        ("input_image_tokens", "input_uncached_tokens"),
    ):
        assert (getattr(usage, part) or 0) <= (getattr(usage, whole) or 0)


@given(
    sizes=st.lists(st.integers(0, 10**9), min_size=5, max_size=5),
    long=st.booleans(),
)
def test_buckets_add_up_to_an_inclusive_input(sizes: list[int], long: bool) -> None:
    fresh, cached, short, longer, output = sizes
    details = {
        "cached_tokens": cached,
        "cache_write_tokens": short + longer,
        "cache_write_tokens_details": {"ttl_30m_tokens": short, "ttl_12h_tokens": longer},
    }
    whole = fresh + cached + short + longer
    counts = {"input_tokens": whole, "input_tokens_details": details, "output_tokens": output}
    reading = openai(counts | {"total_tokens": whole + output}, writes_long=long)
    assert [getattr(reading.usage, name) for name in FIVE] == sizes
    assert reading.flags == frozenset()
