"""Growth against a baseline: told where it is real, not where days differ anyway; and the baseline as a file."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.errors import UsageError
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Window, compare, movers
from otelcost.store.queries.baseline import Baseline, Block, baseline, read, save

from . import make

NOW = datetime(2026, 11, 22, 12)
USD = 10**12
PERCENT = 10_000
OFFICE = (10, 11, 10, 9, 8, 1, 1)


def window(costs: list[int], *, end: datetime = NOW, tokens: int = 1000, calls: int = 100) -> Baseline:
    """A window of days, oldest first, with one task."""
    days = [
        Block(block=len(costs) - 1 - place, calls=calls, counted_calls=calls, tokens=calls * tokens,
              priced_calls=calls, cost_picousd=cost)
        for place, cost in enumerate(costs)
    ]  # fmt: skip
    return Baseline(start=end - timedelta(days=len(costs)), end=end, block_minutes=1440, tasks={"triage": tuple(days)})


def week(seed: int, factor: float = 1.0, *, noise: float = 0.1, first: int = 0, days: int = 7) -> list[int]:
    chance = random.Random(seed)
    return [int(USD * factor * OFFICE[(first + day) % 7] * chance.lognormvariate(0, noise)) for day in range(days)]


def spend(before: Baseline, now: Baseline) -> tuple[int, bool]:
    """The change of everything's spend in millionths, and whether it exceeds twenty percent beyond chance."""
    found = compare(before, now)[0]
    assert (found.task, found.measure) == (None, "spend")
    assert found.change is not None
    return found.change, found.exceeds(20 * PERCENT)


def test_chance_alone_is_seldom_growth() -> None:
    alarms = sum(spend(window(week(seed, noise=0.3)), window(week(seed + 500, noise=0.3)))[1] for seed in range(100))
    assert alarms <= 3


def test_real_growth_is_found_though_weekends_differ_tenfold() -> None:
    found = sum(spend(window(week(seed)), window(week(seed + 500, 1.5)))[1] for seed in range(50))
    assert found >= 48


def test_weeks_that_end_on_other_days_are_paired_by_weekday() -> None:
    before = window(week(1), end=NOW)
    later = window(week(2, first=3), end=NOW + timedelta(days=3))
    aligned = window(week(2, first=0), end=NOW + timedelta(days=7))
    for now in (later, aligned):
        found = compare(before, now)[0]
        assert found.low is not None
        assert found.high is not None
        assert found.high - found.low < 60 * PERCENT  # unpaired, a weekend against a Monday is ten times as much


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 10**15), min_size=1, max_size=30), st.integers(1, 50))
def test_a_scaled_copy_grew_exactly_so_much(costs: list[int], times: int) -> None:
    found = compare(window(costs), window([cost * times for cost in costs]))
    for one in found:
        expected = 0 if one.measure == "tokens a call" else (times - 1) * 100 * PERCENT
        assert one.change == expected
        assert (one.low, one.high) == ((None, None) if len(costs) < 5 else (expected, expected))


def test_windows_of_other_lengths_are_compared_by_the_day() -> None:
    assert spend(window([USD] * 14), window([USD] * 7)) == (0, False)
    assert spend(window([USD] * 14), window([2 * USD] * 7)) == (100 * PERCENT, True)


def test_runs_are_compared_as_they_are_however_long_they_took() -> None:
    slow = msgspec.structs.replace(window([USD] * 4), whole=True)
    quick = msgspec.structs.replace(window([4 * USD]), whole=True)
    found = compare(slow, quick)[0]
    assert (found.each, found.before, found.now, found.change, found.low) == ("run", 4 * USD, 4 * USD, 0, None)
    assert movers(slow, quick) == ()
    assert compare(quick, window([2 * USD] * 3))[0].exceeds(20 * PERCENT)


def test_each_measure_by_itself() -> None:
    longer = {one.measure: one.change for one in compare(window([USD] * 7), window([USD] * 7, tokens=1500))}
    assert longer == {"spend": 0, "tokens a call": 50 * PERCENT, "price a call": 0}
    fewer = {one.measure: one.change for one in compare(window([USD] * 7), window([USD] * 7, calls=50))}
    assert fewer == {"spend": 0, "tokens a call": 0, "price a call": 100 * PERCENT}


def test_without_a_past_nothing_is_said() -> None:
    empty = Baseline(start=NOW - timedelta(days=7), end=NOW, block_minutes=1440, tasks={})
    assert compare(empty, window([USD] * 7)) == []
    assert movers(empty, window([USD] * 7)) == (("triage", 7 * USD),)
    gone = compare(window([USD] * 7), empty)
    assert [(one.measure, one.change) for one in gone] == [
        ("spend", -100 * PERCENT),
        ("tokens a call", None),
        ("price a call", None),
    ]


def test_a_store_is_measured_in_whole_days_back_from_the_end(home: Path) -> None:
    moments = [NOW - timedelta(microseconds=1), NOW - timedelta(days=1), NOW - timedelta(days=7), NOW]
    records = [
        make.call(n, context={"start_unix_us": (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC))
            // timedelta(microseconds=1), "task": "triage"})
        for n, moment in enumerate(moments, 1)
    ]  # fmt: skip
    make.write(home / "spool", b"".join(map(make.line, records)))
    drain()
    with session() as connection:
        found = baseline(connection, Window(NOW - timedelta(days=7), NOW))
        hours = baseline(connection, Window(NOW - timedelta(days=2), NOW))
    assert [(block.block, block.calls) for block in found.tasks["triage"]] == [(0, 2), (6, 1)]
    assert (found.length, hours.length) == (7, 48)
    assert [(block.block, block.calls) for block in hours.tasks["triage"]] == [(0, 1), (23, 1)]
    path = home / "baseline.json"
    save(found, path)
    assert read(path) == found
    assert path.read_bytes().endswith(b"}\n")


_FILE = '{"start": "2026-11-01T00:00:00", "end": "2026-11-08T00:00:00", "block_minutes": 1440, "tasks": {"x": []}}'
_BLOCK = '{"block": 0, "calls": 1, "counted_calls": 1, "tokens": 9, "priced_calls": 1, "cost_picousd": 1}'


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(_FILE.replace("[]", f"[{_BLOCK}]"), encoding="utf-8")
    assert read(path).calls == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"start": "2026-11-01T00:00:00", "end": "2026-11-08T00:00:00", "block_minutes": 0, "tasks": {}}',
        '{"start": "2026-11-01T00:00:00Z", "end": "2026-11-08T00:00:00Z", "block_minutes": 1440, "tasks": {}}',
        '{"start": "2026-11-08T00:00:00", "end": "2026-11-01T00:00:00", "block_minutes": 1440, "tasks": {}}',
        '{"start": "0001-01-01T00:00:00", "end": "9999-11-08T00:00:00", "block_minutes": 1, "tasks": {}}',
        _FILE.replace('{"start"', '{"otelcost_baseline": 9, "start"'),
        _FILE.replace("[]", f"[{_BLOCK.replace('0', '7', 1)}]"),
        _FILE.replace("[]", f"[{_BLOCK.replace('9', '-9')}]"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="--save-baseline") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="there is no baseline"):
        read(tmp_path / "none.json")
