"""The parts of a difference: they add up whatever the cells are, and each is what its name says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.store.db import session
from otelcost.store.queries import Moved, Movement, Side, Window, movement
from otelcost.store.queries.movement import Cell, compared, verdict

DOLLAR = 10**12
NOW = datetime.fromisoformat("2026-11-15")
BASE = Window.parse("2026-11-01..2026-11-08", NOW)
HEAD = Window.parse("7d", NOW)
PARTS = ("volume_picousd", "tokens_picousd", "rate_picousd", "mix_picousd")


def cell(day: int = 1, task: str = "t", model: str = "m", *, calls: int, tokens: int, picousd: int) -> Cell:
    return Cell(
        day=date(2026, 11, day), task=task, model=model, calls=calls, unpriced_calls=0, tokens=tokens, picousd=picousd
    )


@st.composite
def cells(draw: st.DrawFn) -> list[Cell]:
    def one() -> Cell:
        calls = draw(st.integers(0, 10**6))
        return Cell(
            day=date(2026, 11, draw(st.integers(1, 7))),
            task=draw(st.sampled_from("abc")),
            model=draw(st.sampled_from(["x", "y", None])),
            calls=calls,
            unpriced_calls=draw(st.integers(0, 3)),
            tokens=draw(st.integers(0, 10**10)) if calls else 0,
            picousd=draw(st.integers(0, 10**17)) if calls else 0,
        )

    return [one() for _ in range(draw(st.integers(0, 8)))]


def parts(row: Moved) -> dict[str, int]:
    return {name.removesuffix("_picousd"): getattr(row, name) for name in PARTS}


def between(base: list[Cell], head: list[Cell], scale: Fraction = Fraction(1)) -> Movement:
    return compared(base, head, BASE, HEAD, scale)


@given(cells(), cells(), st.sampled_from([Fraction(1), Fraction(1, 7), Fraction(3, 2)]))
def test_parts_add_up_to_the_difference_for_everything_each_task_and_each_model(
    base: list[Cell], head: list[Cell], scale: Fraction
) -> None:
    moved = between(base, head, scale)
    for row in (moved.total, *moved.by_task, *moved.by_model):
        assert sum(parts(row).values()) == row.change_picousd == row.head.picousd - row.compared_picousd
    for rows in (moved.by_task, moved.by_model):
        for name in (*PARTS, "compared_picousd"):
            assert sum(getattr(row, name) for row in rows) == getattr(moved.total, name)
        for name in Side.__struct_fields__:
            assert sum(getattr(row.head, name) for row in rows) == getattr(moved.total.head, name)
    assert moved.total.head.picousd == sum(one.picousd for one in head)
    assert moved.total.base.picousd == sum(one.picousd for one in base)


@given(cells())
def test_nothing_moves_between_equal_windows(base: list[Cell]) -> None:
    moved = between(base, base)
    assert all(not amount for row in (moved.total, *moved.by_task) for amount in parts(row).values())


def test_each_part_is_what_its_name_says() -> None:
    before = [cell(calls=100, tokens=100_000, picousd=10 * DOLLAR)]
    nothing = {"volume": 0, "tokens": 0, "rate": 0, "mix": 0}

    def after(**change: int) -> dict[str, int]:
        return parts(
            between(before, [cell(**{"calls": 100, "tokens": 100_000, "picousd": 10 * DOLLAR, **change})]).total
        )

    assert after(calls=200, tokens=200_000, picousd=20 * DOLLAR) == nothing | {"volume": 10 * DOLLAR}
    assert after(tokens=150_000, picousd=15 * DOLLAR) == nothing | {"tokens": 5 * DOLLAR}
    assert after(picousd=5 * DOLLAR) == nothing | {"rate": -5 * DOLLAR}
    moved = between(
        [*before, cell(model="cheap", calls=100, tokens=100_000, picousd=DOLLAR)],
        [
            cell(calls=50, tokens=50_000, picousd=5 * DOLLAR),
            cell(model="cheap", calls=150, tokens=150_000, picousd=DOLLAR * 3 // 2),
        ],
    )
    assert parts(moved.total) == nothing | {"mix": -9 * DOLLAR // 2}


def test_what_is_new_is_volume_and_a_new_model_is_mix() -> None:
    before = [cell(calls=10, tokens=10, picousd=10)]
    new = between(before, [*before, cell(task="new", calls=1, tokens=5, picousd=7)])
    assert {row.name: (parts(row)["volume"], row.verdict) for row in new.by_task if row.name == "new"} == {
        "new": (7, "new")
    }
    swapped = between(before, [cell(model="other", calls=10, tokens=10, picousd=4)])
    assert parts(swapped.total) == {"volume": 0, "tokens": 0, "rate": 0, "mix": -6}
    gone = between(before, [])
    assert (parts(gone.total)["volume"], gone.total.verdict) == (-10, "gone")


@pytest.mark.parametrize(
    ("costs", "head", "said"),
    [
        ([100, 104, 96, 101, 99], 105, "within the usual"),
        ([100, 104, 96, 101, 99], 120, "dearer"),
        ([100, 104, 96, 101, 99], 80, "cheaper"),
        ([100, 100, 100, 100], 105, "within the usual"),
        ([100, 100, 100, 100], 106, "dearer"),
        ([50, 150, 60, 140, 100], 200, "within the usual"),
        ([100, 100, 100], 1000, "too few days to say"),
        ([], 1000, "new"),
    ],
)
def test_a_task_is_flagged_only_beyond_its_own_spread(costs: list[int], head: int, said: str) -> None:
    side = Side(calls=10, unpriced_calls=0, tokens=0, picousd=10 * head)
    assert verdict([Fraction(cost) for cost in costs], side)[0] == said


def test_what_has_no_price_is_not_gone() -> None:
    side = Side(calls=0, unpriced_calls=3, tokens=0, picousd=0)
    assert verdict([Fraction(1)] * 5, side) == ("unpriced", 1)


def test_what_had_no_price_before_is_not_new() -> None:
    base = [msgspec.structs.replace(cell(calls=0, tokens=0, picousd=0), unpriced_calls=3)]
    assert [row.verdict for row in between(base, [cell(calls=2, tokens=9, picousd=9)]).by_task] == ["unpriced"]


def test_a_head_of_a_moment_scales_the_base_to_more_than_nothing(store: Path) -> None:
    moment = Window(HEAD.start, HEAD.start + timedelta(milliseconds=1))
    with session(store) as connection:
        scale = movement(connection, BASE, moment).scale
    assert Fraction(*scale) == Fraction(1, 7 * 24 * 3600 * 1000)
