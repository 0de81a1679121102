"""The small parts: transforms as data, day blocks, sentences."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.advise import text, transforms
from otelcost.advise.interval import day_blocks

AMOUNTS = st.dictionaries(st.integers(0, 40), st.integers(0, 10**12), min_size=2, max_size=20)


@pytest.mark.parametrize("kind", [one.__struct_config__.tag for one in transforms.STAGES])
def test_every_transform_has_a_kind_and_a_stage(kind: str) -> None:
    assert kind in {
        "set_model", "drop_call", "remove_segment", "trim_history", "enable_cache", "service_tier", "batch",
        "limit_output", "set_effort", "image_detail", "change_ttl", "disable_cache", "set_region",
    }  # fmt: skip


def test_transforms_survive_json() -> None:
    change = transforms.EnableCache(breakpoint=2, ttl="1h", move_volatile=1)
    assert transforms.parse(msgspec.json.encode(change)) == change
    assert transforms.as_dict(change) == {"kind": "enable_cache", "breakpoint": 2, "ttl": "1h", "move_volatile": 1}
    assert transforms.as_dict(transforms.Batch()) == {"kind": "batch"}


@pytest.mark.parametrize(
    "bad",
    [
        '{"kind": "pray"}',
        '{"kind": "batch", "hope": 1}',
        '{"kind": "enable_cache"}',
        '{"kind": "enable_cache", "breakpoint": 0}',
        '{"kind": "set_model", "model": "m", "token_milli": -1}',
        "{}",
    ],
)
def test_what_is_no_transform_is_refused(bad: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        transforms.parse(bad)


@given(AMOUNTS, st.integers(0, 1000))
def test_an_even_rate_has_no_width(billed: dict[int, int], percent: int) -> None:
    bounds = day_blocks({day: cost * 1000 * min(percent, 100) for day, cost in billed.items()},
        {day: cost * 100_000 for day, cost in billed.items()})  # fmt: skip
    whole = sum(billed.values()) * 1000 * min(percent, 100)
    assert bounds in (None, (whole, whole))


@given(AMOUNTS, st.randoms(use_true_random=False))
def test_bounds_stay_within_the_bill_and_repeat(billed: dict[int, int], rng: object) -> None:
    saved = {day: cost // (2 + day % 3) for day, cost in billed.items()}
    bounds = day_blocks(saved, billed)
    assert bounds == day_blocks(saved, billed)
    if bounds is not None:
        assert 0 <= bounds[0] <= bounds[1] <= sum(billed.values())


def test_one_day_bounds_nothing() -> None:
    assert day_blocks({5: 10}, {5: 20}) is None
    assert day_blocks({5: 10, 6: 0}, {5: 20, 6: 0}) is None


def test_sentences_insert_values_and_interpret_none() -> None:
    assert text.fill("{task}: {calls} calls, {gone}", {"task": "{calls}", "calls": 12345}) == "{calls}: 12,345 calls, ?"
    assert text.fill("{a} {b} {c}", {"a": ["x", "y"], "b": True, "c": None}) == "x, y True ?"
    assert text.fields("{a} {b_c} {D}") == {"a", "b_c"}
