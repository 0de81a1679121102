"""Which cheaper models are worth a trial: never one that lacks what the task uses, and every point explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.advise.suitability import MAX_LABELS, Shape, candidates, refusal, score
from otelcost.pricing.facts import ModelFacts

from . import world

ABLE = ModelFacts(context_window_tokens=200_000, max_output_tokens=8_000, vision=True, tools=True, schema=True)
SHAPE = Shape(
    task="t", provider="anthropic", model="m", calls=300, median_output_tokens=5, most_output_tokens=9,
    most_input_tokens=1_000, answers=4, known_answers=300, closed_calls=0, output_tokens=1_500, reasoning_tokens=0,
    tools=0, uses_tools=False, uses_schema=False, uses_images=False, uses_audio=False,
)  # fmt: skip


def shaped(**fields: Any) -> Shape:
    return msgspec.structs.replace(SHAPE, **fields)


@pytest.mark.parametrize(
    ("used", "facts", "words"),
    [
        ({"uses_images": True}, {"vision": False}, "images"),
        ({"uses_images": True}, {"vision": None}, "images"),
        ({"uses_tools": True}, {"tools": None}, "tools"),
        ({"uses_schema": True}, {"schema": False}, "output schema"),
        ({"uses_audio": True}, {}, "audio"),
        ({"most_input_tokens": 200_001}, {}, "does not fit"),
        ({"most_output_tokens": 7_900}, {}, "longer than it can give"),
        ({}, {"context_window_tokens": None}, "context window"),
    ],
)
def test_a_model_without_what_the_task_uses_is_refused(used: dict[str, Any], facts: dict[str, Any], words: str) -> None:
    assert words in (refusal(shaped(**used), msgspec.structs.replace(ABLE, **facts), 1.0) or "")


def test_an_able_model_is_not_refused() -> None:
    everything = shaped(uses_images=True, uses_tools=True, uses_schema=True)
    assert refusal(everything, ABLE, 1.0) is None
    assert refusal(everything, ABLE, None) is not None
    assert refusal(shaped(most_input_tokens=180_000), ABLE, 1.3) is not None, "its tokens count, not ours"


def total(shape: Shape) -> int:
    return sum(one.points for one in score(shape, ABLE, 1.0))


def test_a_few_labels_have_all_points() -> None:
    assert total(SHAPE) == 100
    assert sum(one.most for one in score(SHAPE, ABLE, 1.0)) == 100


shapes_ = st.builds(
    shaped,
    calls=st.integers(1, 1000),
    median_output_tokens=st.integers(0, 2000),
    answers=st.integers(1, 500),
    known_answers=st.integers(0, 1000),
    closed_calls=st.integers(0, 1000),
    reasoning_tokens=st.integers(0, 1500),
    tools=st.integers(0, 10),
    uses_schema=st.booleans(),
)


@given(shapes_)
def test_points_are_within_their_bounds_and_explained(shape: Shape) -> None:
    for one in score(shape, ABLE, 1.0):
        assert 0 <= one.points <= one.most
        assert one.words


@given(shapes_, st.integers(1, 500))
def test_longer_answers_more_reasoning_and_more_tools_never_raise_a_score(shape: Shape, more: int) -> None:
    for name in ("median_output_tokens", "reasoning_tokens", "tools"):
        assert total(msgspec.structs.replace(shape, **{name: getattr(shape, name) + more})) <= total(shape)


def test_free_text_is_far_below_labels() -> None:
    assert total(shaped(answers=300, median_output_tokens=400)) <= 60
    assert total(shaped(answers=MAX_LABELS)) == 100


def test_candidates_of_recorded_calls(home: Path) -> None:
    label = world.spec(
        task="label", model="claude-opus-4-6", count=60, output=5, answer="yes",
        prompt=[("system", "rules", 900), ("user", "*", 100)],
    )  # fmt: skip
    with world.store_of(world.expand([label]), home) as connection:
        found = candidates(connection, world.ALL, "label")
        assert candidates(connection, world.ALL, "nobody") == []
        assert candidates(connection, world.ALL) == found
        rates = dict(
            connection.execute(
                "SELECT split_part(price_key, '/', 2), (input_picousd, output_picousd) FROM price "
                "WHERE price_key LIKE 'anthropic/claude-%/standard' AND valid_to > '2026-11-20' AND context_lo = 0"
            ).fetchall()
        )
    assert [one.candidate for one in found] == ["claude-sonnet-5-5", "claude-haiku-5-5"]
    for one in found:
        assert one.refused is None
        assert one.score == sum(part.points for part in one.points)
        assert one.cost_picousd == 60 * (1_000 * rates["claude-opus-4-6"][0] + 5 * rates["claude-opus-4-6"][1])
        # The newer tokenizer makes 1,300 tokens of 1,000 and, a tenth longer, 8 of 5 (7.15, rounded up).
        tokens_in, tokens_out = rates[one.candidate]
        assert one.candidate_picousd == 60 * (1_300 * tokens_in + 8 * tokens_out)
