"""A task whose answers are of two lengths: found, explained, and not imagined."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

import pytest

from otelcost.model import Usage
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import SplitProposal, Window, split_proposal
from otelcost.store.queries.lengths import valley

from . import make

EVER = Window(datetime(1970, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  (the store's times are naive UTC)


def proposed(spool: Path, lengths: list[tuple[int, int | None]]) -> SplitProposal | None:
    calls = [
        make.call(
            n, context={"task": "t"}, schema_hash=schema, usage=Usage(input_uncached_tokens=10, output_tokens=length)
        )
        for n, (length, schema) in enumerate(lengths, 1)
    ]
    make.write(spool, b"".join(map(make.line, calls)))
    drain()
    with session() as connection:
        return split_proposal(connection, EVER, "t")


def two(rng: random.Random, count: int) -> list[int]:
    return [rng.randint(3, 8) for _ in range(count)] + [rng.randint(700, 1200) for _ in range(count)]


def test_what_tells_two_lengths_apart_is_proposed(spool: Path) -> None:
    lengths = two(random.Random(1), 50)
    found = proposed(spool, [(length, 2**62 if length > 100 else None) for length in lengths])
    assert found is not None
    assert (found.by, found.short_calls, found.long_calls, found.told_calls) == ("schema", 50, 50, 100)
    assert 8 < found.at_tokens < 700
    assert found.short_median_tokens <= 8 < 700 <= found.long_median_tokens


def test_where_nothing_tells_them_apart_it_is_the_length_itself(spool: Path) -> None:
    rng = random.Random(2)
    found = proposed(spool, [(length, rng.choice([None, 2**62])) for length in two(rng, 50)])
    assert found is not None
    assert found.by == "output"


@pytest.mark.parametrize("seed", range(30))
def test_one_length_is_not_taken_for_two(seed: int) -> None:
    rng = random.Random(seed)
    counts = [0] * 30
    for _ in range(rng.choice([45, 200, 2000])):
        counts[int(2 * rng.gauss(7, rng.choice([0.4, 0.8, 1.2])))] += 1
    assert valley(counts) is None


def test_few_calls_and_tails_are_no_second_task() -> None:
    assert valley([]) is None
    assert valley([0, 10, 0, 0, 0, 10]) is None
    assert valley([0, 100, 0, 0, 0, 0, 0, 0, 5]) is None
    assert valley([0, 100, 0, 0, 0, 0, 0, 0, 50]) is not None
