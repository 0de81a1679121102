"""The pure parts: bars, anatomy, columns, filter, text. Invariants over anything, and the cases that matter."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from otelcost.charts import Step
from otelcost.tui import anatomy, charts, evidence, members, words
from otelcost.tui.columns import Column, heading, layout, row_line, sort_rows
from otelcost.tui.filtering import Filter
from otelcost.tui.snapshot import Advice, Day, Part
from otelcost.tui.text import crop, fit, pairs, rule, wrap
from otelcost.tui.widgets.daily import Daily
from otelcost.tui.widgets.header import age

from . import facts

amounts = st.lists(st.none() | st.integers(0, 10**21), max_size=60)
texts = st.text(max_size=60)
widths = st.integers(1, 120)


@given(amounts, st.integers(1, 12), st.integers(1, 5), st.integers(0, 2))
def test_columns_fill_their_box_and_start_at_zero(values: list[int | None], height: int, width: int, gap: int) -> None:
    rows = charts.columns(values, height, width, gap)
    assert len(rows) == height
    assert all(len(row) == len(values) * (width + gap) for row in rows)
    for index, value in enumerate(values):
        column = "".join(row[index * (width + gap)] for row in rows)
        if value is None:
            assert column.strip() == "?"
        elif value == 0:
            assert not column.strip()
        else:
            assert column[-1] not in " ?"
    known = [value for value in values if value]
    if known:
        top = values.index(max(known)) * (width + gap)
        assert all(row[top] == "█" for row in rows)


@given(amounts, st.integers(1, 40))
def test_bars_are_exactly_as_wide_as_asked_and_keep_order(values: list[int | None], width: int) -> None:
    largest = max((value for value in values if value is not None), default=0)
    drawn = [(value, charts.bar(value, largest, width)) for value in values]
    assert all(len(text) == width for _, text in drawn)
    known = sorted((value, len(text.strip())) for value, text in drawn if value is not None)
    assert [size for _, size in known] == sorted(size for _, size in known)


@given(amounts, st.integers(1, 40))
def test_buckets_keep_the_sum(values: list[int | None], most: int) -> None:
    groups, size = charts.bucketed(values, most)
    assert len(groups) <= most
    assert sum(group or 0 for group in groups) == sum(value or 0 for value in values)
    assert size >= 1


def test_a_bucket_is_unknown_only_where_nothing_in_it_is_known() -> None:
    assert charts.bucketed([None, None, 3, None], 2) == ([None, 3], 2)


@given(st.lists(st.integers(0, 10**12), max_size=30), st.integers(30, 200))
def test_shares_fill_the_bar_exactly(weights: list[int], width: int) -> None:
    sizes = anatomy.cells(weights, width)
    assert sum(sizes) == (width if any(weights) else 0)
    assert all(size > 0 for size, weight in zip(sizes, weights, strict=True) if weight)
    assert all(size == 0 for size, weight in zip(sizes, weights, strict=True) if not weight)


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(2, 200))
def test_the_cached_line_shows_something_of_both_ends(cached: int, total: int, width: int) -> None:
    drawn = anatomy.cached_line(min(cached, total), total, width)
    assert len(drawn) == width
    assert (anatomy.CACHED in drawn) == (cached > 0)
    assert (anatomy.BROKEN in drawn) == (cached == 0 or total - cached > total // 100)
    assert drawn == anatomy.CACHED * drawn.count("━") + anatomy.BROKEN * drawn.count("┄")


def test_what_follows_the_last_answer_is_the_users_turn() -> None:
    kinds = [share.kind for share in anatomy.anatomy(facts.parts()).shares]
    assert kinds == ["tools", "system", "history", "results", "user"]
    assert [share.kind for share in anatomy.anatomy(facts.parts()[4:5]).shares] == ["user"]


def test_glyphs_tell_kinds_apart_without_colour() -> None:
    assert len(set(anatomy.GLYPHS.values())) == len(anatomy.GLYPHS) == len(anatomy.STYLES)


def test_bytes_stand_in_for_tokens_nobody_counted() -> None:
    body = anatomy.anatomy((Part(role="system", kind="system", bytes=300), Part(role="user", kind="text", bytes=100)))
    assert not body.exact
    assert body.total == 400


def test_the_prefix_breaks_in_the_part_that_was_not_read_whole() -> None:
    parts = facts.parts()
    found = anatomy.break_at(parts, 1050)
    assert found is not None
    assert found.position == 3  # the first two parts are 600 and 450 tokens
    assert found.whole
    inside = anatomy.break_at(parts, 1200)
    assert inside is not None
    assert (inside.position, inside.whole) == (3, False)
    assert anatomy.break_at(parts, 0) is None
    assert anatomy.break_at(parts, None) is None
    assert anatomy.break_at(parts, sum(part.tokens or 0 for part in parts)) is None


def test_rounding_is_no_break() -> None:
    parts = (
        Part(role="system", kind="system", bytes=9000, tokens=2251),
        Part(role="user", kind="text", bytes=80, tokens=20),
    )
    assert anatomy.break_at(parts, 2249) is None
    assert anatomy.BROKEN not in anatomy.cached_line(2249, 2271, 80)
    assert anatomy.break_at(parts, 2176, step=128) is None  # 17 steps of 128 tokens, and no 18th
    assert anatomy.BROKEN not in anatomy.cached_line(2176, 2271, 80, step=128)
    longer = (*parts, Part(role="user", kind="text", bytes=4000, tokens=1000))
    found = anatomy.break_at(longer, 2249)
    assert found is not None
    assert (found.position, found.whole) == (3, True)
    assert anatomy.break_at(longer, 2049) == anatomy.Break(1, parts[0], whole=False)


@given(texts, widths, st.sampled_from(["left", "right"]))
def test_fit_is_exact_in_cells(text: str, width: int, align: Any) -> None:
    shown = text if text.isprintable() else ascii(text)
    assert cell_len(fit(shown, width, align)) == width
    assert cell_len(crop(shown, width)) <= width


@given(texts, st.integers(2, 80))
def test_wrapped_text_fits_and_loses_no_word(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert all(cell_len(row) <= width for row in rows)
    assert all(row.isprintable() for row in rows)


@given(st.lists(st.tuples(texts, texts), max_size=5), st.integers(20, 120))
def test_pairs_fit(rows: list[tuple[str, str]], width: int) -> None:
    assert all(line.cell_length <= max(width, 34) for line in pairs(rows, width))


@given(st.text(alphabet="abc ", max_size=30), st.integers(1, 100), texts)
def test_a_heading_never_overflows(title: str, width: int, note: str) -> None:
    shown = note if note.isprintable() else ascii(note)
    assert rule(title, width, shown).cell_length <= max(width, cell_len(title) + 2)


def _columns(sizes: list[tuple[int, bool, int]]) -> list[Column[int]]:
    return [
        Column(key=str(index), title="t", width=width, flex=flex, drop=drop, cell=lambda row, _: str(row))
        for index, (width, flex, drop) in enumerate(sizes)
    ]


@given(
    st.lists(st.tuples(st.integers(1, 20), st.booleans(), st.integers(0, 9)), min_size=1, max_size=10),
    st.integers(1, 200),
)
def test_a_layout_fits_or_holds_only_what_must_stay(sizes: list[tuple[int, bool, int]], width: int) -> None:
    kept = layout(_columns(sizes), width)
    used = sum(size for _, size in kept) + 2 * (len(kept) - 1)
    assert kept
    assert used <= width or len(kept) == 1 or all(column.drop == 0 for column, _ in kept)
    if used <= width and any(column.flex for column, _ in kept):
        assert used == width
    assert row_line(kept, 5).cell_length == heading(kept, None, True).cell_length == used


def test_unknown_values_sort_below_all_known_ones() -> None:
    column: Column[int | None] = Column(key="x", title="x", width=1, cell=lambda row, _: "", sort=lambda row: row)
    assert sort_rows([3, None, 0, 5], column, True) == [5, 3, 0, None]
    assert sort_rows([3, None, 0, 5], column, False) == [None, 0, 3, 5]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("triage", True),
        ("TRIAGE", True),
        ("triage sonnet", True),
        ("triage gpt", False),
        ("!triage", False),
        ("!gpt", True),
        ("model:sonnet", True),
        ("task:sonnet", False),
        ("!task:sonnet", True),
        ("nofield:sonnet", False),
        ("!", True),
    ],
)
def test_the_filter_language(text: str, passes: bool) -> None:
    fields = {"task": "support-triage", "model": "claude-sonnet-5"}
    assert Filter.parse(text, frozenset(fields)).matches(fields) is passes


@given(texts)
def test_any_text_is_a_filter(text: str) -> None:
    assert isinstance(Filter.parse(text, frozenset({"task"})).matches({"task": "x"}), bool)


def test_a_sum_says_what_it_lacks() -> None:
    assert words.spend(12 * facts.DOLLAR, 5, 0) == "$12.00"
    assert words.spend(12 * facts.DOLLAR, 5, 2) == "$12.00 + ?"
    assert words.spend(0, 5, 5) == "?"
    assert words.spend(None, 5, 5) == "?"
    assert words.spend(0, 0, 0) == "$0.00"


def test_change_has_arrow_and_sign() -> None:
    assert words.change(161, 100)[0].startswith("▲ +")
    assert words.change(39, 100)[0].startswith("▼ -")
    assert words.change(100, 100)[0] == "= unchanged"
    assert words.change(None, 100)[0] == words.change(5, None)[0] == "no earlier spend to compare"


def _advice(**states: str) -> Advice:
    rows = facts.recommendations()
    changed = tuple(msgspec.structs.replace(row, state=states.get(row.rule, row.state)) for row in rows)
    return msgspec.structs.replace(facts.advice(), recommendations=changed)


def _answer(width: int = 200, **states: str) -> str:
    return " ".join(row.plain.strip() for row in words.answer(_advice(**states), width))


def test_what_is_done_or_dismissed_is_counted_as_a_fix_no_more() -> None:
    assert _answer().startswith("2 fixes save ")
    assert _answer(OC001="dismissed").startswith("1 fix saves ")
    assert _answer(OC001="dismissed", OC002="applied").startswith("1 fix needs a trial")
    assert _answer(OC001="x", OC002="x", OC003="x").startswith("no fixes found")


@pytest.mark.parametrize("width", [78, 118, 198])
def test_the_answer_is_the_sentence_of_every_surface(width: int) -> None:
    told = _answer(width)
    for part in ("2 fixes save $106.70 (23% of spend)", "$32.00 exact + $74.70 simulated [$60.00-$88.00]"):
        assert part in told
    assert "1 more needs a trial: $97.00" in told


def test_the_driver_says_what_moved_by_the_larger_factor() -> None:
    def told(**changes: int | None) -> str:
        return "".join(text for text, _ in words.driver(msgspec.structs.replace(facts.DRIVER, **changes), 2))

    assert told() == "moved most by support-triage +$126.00: 620 → 8.6k tokens in a call"
    assert told(previous_calls=100).endswith(": 100 → 4,210 calls")
    assert told(previous_calls=0, previous_tokens_per_call=None).endswith(": new, 4,210 calls")
    assert told(calls=0, tokens_per_call=None).endswith(": none of its 4,300 calls any more")
    assert told(tokens_per_call=None).endswith(": 4,300 → 4,210 calls")
    assert " -$126.00" in told(change_picousd=-126 * facts.DOLLAR)


def test_evidence_is_told_in_words_with_units_and_without_what_says_nothing() -> None:
    found = evidence.facts(
        {
            "cause": "no cache breakpoint is set",
            "segment": 1,
            "segment_role": "system",
            "prefixes": 1,
            "stable_tokens": 8660,
            "in_flight_not_counted": 0,
            "polling_not_counted": 3,
            "same_answers_percent": 0,
            "pairs_compared": 70,
            "pairs_broken_there": 68,
            "advice": "told in the change",
            "replay": {"calls_that_read": 225, "calls_that_write": 25, "read_tokens": 1_948_623},
        }
    )
    assert dict(found) == {
        "why": "no cache breakpoint is set",
        "where": "part 1 of the prompt (system)",
        "stable start": "8,660 tokens",
        "not counted": "3 that poll for a change",
        "same answer": "0% of the repeats",
        "breaks there": "68 of 70 pairs of calls in a row",
        "replayed": "225 calls read the cache, 25 write it",
        "tokens then": "1,948,623 read, ? written, ? at full price",
    }


def test_what_another_rule_found_keeps_its_own_names() -> None:
    found = evidence.facts({"waste_picousd": 2 * facts.DOLLAR, "slow_us": 1500, "odd": True, "few": [1, 2], "none": 0})
    assert found == (("waste", "$2.00"), ("slow", "1 ms"), ("odd", "yes"), ("few", "1, 2"), ("none", "0"))


def test_ages() -> None:
    assert [age(seconds) for seconds in (-5, 0, 59, 60, 3600, 86400)] == ["0 s", "0 s", "59 s", "1 min", "1 h", "1 d"]


_STEPS = st.lists(st.builds(Step, st.just("x"), st.integers(-(10**15), 10**15), st.booleans()), max_size=8)


@given(_STEPS, st.integers(1, 80))
def test_every_step_of_a_waterfall_has_a_bar_within_its_width(steps: list[Step], width: int) -> None:
    bars = charts.waterfall(steps, width)
    for step, bar in zip(steps, bars, strict=True):
        assert len(bar) <= width
        assert bool(bar) == bool(step.amount)


def test_a_waterfall_starts_totals_at_zero_and_steps_where_the_last_one_ended() -> None:
    steps = [Step("before", 40, total=True), Step("up", 60), Step("down", -50), Step("now", 50, total=True)]
    assert charts.waterfall(steps, 10) == ["████", "    ██████", "     █████", "█████"]


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 10**9)), max_size=30))
def test_a_grid_shows_something_wherever_something_is(points: list[tuple[int, int, int]]) -> None:
    rows = charts.grid(points, (-50, 51), (-50, 51), 101, 101)
    places = {(x, y) for x, y, _ in points}
    assert [len(row) for row in rows] == [101] * 101
    assert sum(cell != " " for row in rows for cell in row) == len(places)


@given(st.integers(0, 10**9), st.integers(1, 60), st.integers(1, 80))
def test_every_value_of_an_axis_has_a_cell_and_their_order_stays(low: int, length: int, cells: int) -> None:
    places = [charts.placed(value, (low, low + length), cells) for value in range(low, low + length + 1)]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, cells - 1)


def test_density_grows_with_the_count() -> None:
    marks = [charts.density(count, 1000) for count in (0, 1, 5, 20, 90, 1000)]
    assert marks == sorted(marks, key=" ·░▒▓█".index)
    assert (marks[0], marks[-1]) == (" ", "█")
    assert len(set(marks)) > 3


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), unique=True),
    st.integers(1, 4),
    st.booleans(),
)
def test_pages_of_keys_join_without_gap_or_repeat(found: list[tuple[int, int]], size: int, descending: bool) -> None:
    keys = sorted((facts.NOW + timedelta(hours=hour), f"{id_:016x}") for hour, id_ in found)
    seen: list[members.Key] = []
    after: tuple[object, ...] | None = None
    while page := members.cut(keys, size, descending=descending, after=after):
        ordered = list(page)[::-1] if descending else list(page)
        seen, after = [*seen, *ordered], ordered[-1]
    assert seen == (keys[::-1] if descending else keys)


def test_days_without_a_priced_call_have_no_most_expensive_one() -> None:
    chart = Daily()
    chart.days = (
        Day(date(2026, 11, 20), None, 2, 2),
        Day(date(2026, 11, 21), 0, 0),
        Day(date(2026, 11, 22), None, 1, 1),
    )
    assert chart.paint(60)[0].plain.endswith("no priced call")
