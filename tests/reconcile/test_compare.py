"""Recorded against billed, checked by hand: what is missing, doubled, unpriced, cheaper, rounded or no call's."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.model import Call
from otelcost.reconcile.compare import compare, days, totals
from otelcost.reconcile.read import Export, day_offset, parse, read_files
from otelcost.reconcile.recorded import Recorded, recorded
from otelcost.reconcile.rows import Row
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import world

USD = 10**12
BOTH = ("openai-usage.json", "openai-costs.json")


def reconciled(home: Path, calls: list[Call], export: Export) -> list[Row]:
    world.spool(home, calls)
    drain()
    first, last = days(export)
    with session() as connection:
        mine = recorded(connection, {line.provider for line in export.lines}, first, last, day_offset(export.lines))
    return compare(export, mine)


def files(*names: str) -> Export:
    return read_files([world.EXPORTS / name for name in names])


def of(rows: list[Row], day: int, model: str | None, item: str = "") -> Row:
    (row,) = [row for row in rows if (row.day.day, row.model, row.item) == (day, model, item)]
    return row


def causes(row: Row) -> list[tuple[str, int | None]]:
    return [(cause.cause, cause.picousd) for cause in row.causes]


def test_what_was_all_recorded_has_no_gap_but_what_is_no_calls(home: Path) -> None:
    rows = reconciled(home, world.openai_days(), files(*BOTH))
    big = of(rows, 20, "gpt-4o")
    assert (big.recorded_calls, big.billed_requests, big.recorded_tokens, big.billed_tokens) == (3, 3, 3300, 3300)
    assert (big.recorded_picousd, big.billed_picousd, big.causes) == (925 * 10**7, 925 * 10**7, ())
    assert of(rows, 20, "gpt-4o-mini").gap_picousd == 0
    assert causes(of(rows, 20, None, "code interpreter sessions")) == [("not_by_call", 6 * 10**10)]
    assert causes(of(rows, 21, None, "tool calls")) == [("not_by_call", 2 * 10**10)]
    (total,) = totals(rows)
    assert (total.recorded_picousd, total.billed_picousd, total.gap_picousd) == (
        18_350_000_000,
        98_350_000_000,
        8 * 10**10,
    )
    assert [(cause.cause, cause.picousd) for cause in total.causes] == [("not_by_call", 8 * 10**10)]
    assert (total.recorded_calls, total.billed_requests) == (15, 15)


def test_calls_that_were_not_recorded_are_valued_at_recorded_prices(home: Path) -> None:
    rows = reconciled(home, [one for one in world.openai_days() if "T10:00" not in str(one)][1:], files(*BOTH))
    row = of(rows, 20, "gpt-4o")
    (cause,) = row.causes
    missing = 700 * 2_500_000 + 300 * 1_250_000 + 100 * 10_000_000
    assert (cause.cause, cause.picousd, cause.estimated, row.gap_picousd) == ("uncaptured", missing, True, missing)
    assert cause.what == "1 request, 1,100 tokens billed and not recorded"


def test_a_model_nobody_recorded_is_all_uncaptured(home: Path) -> None:
    rows = reconciled(
        home, [one for one in world.openai_days() if one.request_model != "gpt-4o-mini-2024-07-18"], files(*BOTH)
    )
    row = of(rows, 20, "gpt-4o-mini")
    assert causes(row) == [("uncaptured", 21 * 10**8)]
    assert not row.causes[0].estimated


def test_what_was_recorded_twice_or_elsewhere_is_a_surplus(home: Path) -> None:
    extra = world.call("2026-11-21T13:00:00", "gpt-4o-2024-08-06", input_uncached_tokens=1000, output_tokens=100)
    other = world.call("2026-11-21T14:00:00", "gpt-4.1", input_uncached_tokens=1000, output_tokens=100)
    rows = reconciled(home, [*world.openai_days(), extra, other], files(*BOTH))
    assert causes(of(rows, 21, "gpt-4o")) == [("surplus", -(1000 * 2_500_000 + 100 * 10_000_000))]
    assert causes(of(rows, 21, "gpt-4.1")) == [("surplus", -(1000 * 2_000_000 + 100 * 8_000_000))]


def test_calls_over_midnight_are_no_missing_calls(home: Path) -> None:
    late = world.call(
        "2026-11-20T23:59:50", "gpt-4o-2024-08-06", seconds=30, input_uncached_tokens=1000, output_tokens=100
    )
    calls = [one for one in world.openai_days() if one.context.start_unix_us != _us("2026-11-21T00:00:00")]
    rows = reconciled(home, [*calls, late], files(*BOTH))
    worth = 1000 * 2_500_000 + 100 * 10_000_000
    before, after = of(rows, 20, "gpt-4o"), of(rows, 21, "gpt-4o")
    assert causes(before)[-1][0] == causes(after)[-1][0] == "day_boundary"
    assert (before.gap_picousd, after.gap_picousd) == (-worth, worth)
    assert sum(cause.picousd or 0 for cause in before.causes) == -worth


def _us(moment: str) -> int:
    found: Call = world.call(moment, "m")
    return found.context.start_unix_us


def test_calls_without_a_price_are_named(home: Path) -> None:
    page = {
        "data": [
            {
                "start_time": 1_795_132_800,
                "results": [{"amount": {"value": 0.5, "currency": "usd"}, "line_item": "in-house-1, input"}],
            }
        ]
    }
    found, _ = parse(json.dumps(page), "f")
    day = found[0].begins.date()
    call = world.call(f"{day}T05:00:00", "in-house-1", input_uncached_tokens=10, output_tokens=1)
    (row,) = reconciled(home, [call], Export(lines=tuple(found), notes=()))
    assert (row.unpriced_calls, causes(row)) == (1, [("unpriced", USD // 2)])


@pytest.mark.parametrize(
    ("factor", "says"),
    [(0.5, "batch or flex"), (0.7, "two hours"), (1.1, "region"), (2.0, "fast or priority"), (0.85, "contract price")],
)
def test_the_same_tokens_at_another_price(factor: float, says: str, home: Path) -> None:
    call = world.call("2026-11-20T05:00:00", "gpt-4o", input_uncached_tokens=40_000, output_tokens=10_000)
    recorded_usd = 0.2
    usage = {"num_model_requests": 1, "input_tokens": 40_000, "output_tokens": 10_000, "model": "gpt-4o"}
    cost = {"amount": {"value": round(recorded_usd * factor, 6), "currency": "usd"}, "line_item": "gpt-4o, input"}
    page = {"data": [{"start_time": "2026-11-20", "results": [usage, cost]}]}
    found, _ = parse(json.dumps(page), "f")
    (row,) = reconciled(home, [call], Export(lines=tuple(found), notes=()))
    (cause,) = row.causes
    assert cause.cause == "price"
    assert cause.picousd == row.gap_picousd == round((factor - 1) * 1000) * USD // 5000
    assert says in cause.what


def test_batch_tokens_in_the_export_alone_are_named(home: Path) -> None:
    call = world.call("2026-11-20T05:00:00", "gpt-4o", input_uncached_tokens=40_000, output_tokens=10_000)
    usage = {"num_model_requests": 1, "input_tokens": 40_000, "output_tokens": 10_000, "model": "gpt-4o", "batch": True}
    cost = {"amount": {"value": 0.1, "currency": "usd"}, "line_item": "gpt-4o, input"}
    found, _ = parse(json.dumps({"data": [{"start_time": "2026-11-20", "results": [usage, cost]}]}), "f")
    (row,) = reconciled(home, [call], Export(lines=tuple(found), notes=()))
    assert "50,000 tokens were billed as batch and none recorded so" in row.causes[0].what


def test_a_gap_of_less_than_half_a_cent_a_line_is_rounding(home: Path) -> None:
    calls = [
        world.call("2026-11-20T05:00:00", "claude-sonnet-4-5-20250929", provider="anthropic",
                   input_uncached_tokens=4000, output_tokens=1200),
    ]  # fmt: skip
    rows = reconciled(home, calls, files("anthropic-costs.csv"))
    row = of(rows, 20, "claude-sonnet-4-5")
    assert (row.recorded_picousd, row.billed_picousd) == (3 * 10**10, 3 * 10**10)
    name = "claude-sonnet-4-5-20250929"
    more = world.call("2026-11-20T06:00:00", name, provider="anthropic", input_uncached_tokens=100, output_tokens=1)
    again = reconciled(home, [more], files("anthropic-costs.csv"))
    assert causes(of(again, 20, "claude-sonnet-4-5")) == [("rounding", -(100 * 3_000_000 + 15_000_000))]


def test_anthropics_report_agrees_with_recorded_calls(home: Path) -> None:
    calls = [
        world.call("2026-11-20T05:00:00", "claude-sonnet-4-5-20250929", provider="anthropic",
                   input_uncached_tokens=4000, cache_read_tokens=8000, cache_write_short_tokens=1000,
                   cache_write_long_tokens=500, output_tokens=900, web_search_requests=3),
        world.call("2026-11-21T05:00:00", "claude-sonnet-4-5-20250929", provider="anthropic",
                   input_uncached_tokens=1000, output_tokens=100),
    ]  # fmt: skip
    rows = reconciled(home, calls, files("anthropic-usage.json", "anthropic-costs.json"))
    assert [row.gap_picousd for row in rows] == [0, 0, 0]
    assert of(rows, 20, None, "tool calls").recorded_picousd == 3 * 10**10
    assert totals(rows)[0].causes == ()


def test_usage_alone_tells_missing_calls_and_no_gap(home: Path) -> None:
    rows = reconciled(home, world.openai_days()[1:], files("openai-usage.csv"))
    row = of(rows, 20, "gpt-4o")
    assert (row.gap_picousd, row.billed_picousd, row.causes[0].cause) == (None, None, "uncaptured")
    assert totals(rows)[0].gap_picousd is None


def test_costs_alone_leave_what_they_cannot_tell_unexplained(home: Path) -> None:
    rows = reconciled(home, world.openai_days()[1:], files("openai-costs.json"))
    assert [cause for cause, _ in causes(of(rows, 20, "gpt-4o"))] == ["rounding"]  # 0.3 cents
    page = {"data": [{"start_time": "2026-11-20", "results": [{"amount": {"value": 3, "currency": "usd"}}]}]}
    found, _ = parse(json.dumps(page), "f")
    (row,) = compare(Export(lines=tuple(found), notes=()), _mine(date(2026, 11, 20)))
    missing = 700 * 2_500_000 + 300 * 1_250_000 + 100 * 10_000_000
    assert (row.model, causes(row)) == (None, [("unexplained", 3 * USD - (925 * 10**7 + 21 * 10**8 - missing))])


def _mine(day: date) -> list[Recorded]:
    with session() as connection:
        return recorded(connection, ["openai"], day, day, timedelta())


_TOKENS = st.integers(0, 10**6)


@settings(max_examples=200, deadline=None)
@given(ours=_TOKENS, theirs=_TOKENS, output=_TOKENS, billed=st.integers(0, 10**13), with_usage=st.booleans())
def test_causes_always_add_up_to_the_gap(ours: int, theirs: int, output: int, billed: int, with_usage: bool) -> None:
    zero = dict.fromkeys(Recorded.__struct_fields__, 0)
    cost = ours * 2_500_000 + output * 10_000_000
    facts: dict[str, Any] = {
        **zero, "provider": "openai", "day": date(2026, 11, 20), "model": "gpt-4o", "calls": 1,
        "input_tokens": ours, "output_tokens": output, "priced_input_tokens": ours, "priced_output_tokens": output,
        "cost_picousd": cost, "cost_input_picousd": ours * 2_500_000, "cost_output_picousd": output * 10_000_000,
    }  # fmt: skip
    usage = {"num_model_requests": 1, "input_tokens": theirs, "output_tokens": output, "model": "gpt-4o"}
    line = {"amount": {"value": str(billed / 10**12), "currency": "usd"}, "line_item": "gpt-4o, input"}
    page = {"data": [{"start_time": "2026-11-20", "results": [*([usage] if with_usage else []), line]}]}
    found, _ = parse(json.dumps(page), "f")
    (row,) = compare(Export(lines=tuple(found), notes=()), [Recorded(**facts)])
    assert row.gap_picousd is not None
    assert sum(cause.picousd or 0 for cause in row.causes) == row.gap_picousd or any(
        cause.picousd is None for cause in row.causes
    )
