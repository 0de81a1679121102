"""The query layer: windows, totals, tasks, pages of calls, health."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from otelcost.errors import UsageError
from otelcost.model import Usage
from otelcost.store import queries
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import ORDERS, Window

from . import make

NOW = datetime(2026, 11, 22, 12, 0)
COST = 3_500_000_000


def at(day: str, number: int, **fields: Any) -> Any:
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    context = {"start_unix_us": int(moment.timestamp()) * 1_000_000, **fields.pop("context", {})}
    return make.call(number, context=context, **fields)


def load(spool: Path, *records: Any) -> None:
    make.write(spool, b"".join(map(make.line, records)))
    drain()


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("7d", datetime(2026, 11, 15, 12), NOW),
        ("24h", datetime(2026, 11, 21, 12), NOW),
        ("2w", datetime(2026, 11, 8, 12), NOW),
        ("99999w", datetime(1970, 1, 1), NOW),
        (" all ", datetime(1970, 1, 1), NOW),
        ("2026-11-01..2026-11-08", datetime(2026, 11, 1), datetime(2026, 11, 8)),
        ("2026-11-01T10:30+02:00..", datetime(2026, 11, 1, 8, 30), NOW),
        ("..2026-11-01", datetime(1970, 1, 1), datetime(2026, 11, 1)),
    ],
)
def test_windows_people_write(text: str, start: datetime, end: datetime) -> None:
    assert Window.parse(text, NOW) == Window(start, end, whole="all" in text)


@pytest.mark.parametrize(
    "text", ["", "7", "7x", "0d", "last week", "2026-11-08..2026-11-01", "a..b", "2026-11-01..2026-11-01"]
)
def test_windows_people_mistype(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Window.parse(text, NOW)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_window_before() -> None:
    week = Window.parse("7d", NOW)
    before = week.previous()
    assert before is not None
    assert (before.end, before.length) == (week.start, timedelta(days=7))
    assert Window.parse("all", NOW).previous() is None


def test_all_is_all_also_what_a_wrong_clock_put_into_the_future(spool: Path) -> None:
    load(spool, at("2026-11-10T00:00", 1), at("2099-01-01T00:00", 2), at("1970-01-01T00:00", 3))
    with session() as connection:
        everything = Window.parse("all", NOW)
        assert queries.overview(connection, everything).calls == 3
        assert [row.calls for row in queries.tasks(connection, everything)] == [3]
        assert len(queries.calls(connection, everything, limit=9)) == 3
        assert queries.overview(connection, Window.parse("30d", NOW)).calls == 1
    assert everything.end == NOW


def test_an_empty_store_has_zeros_not_unknowns() -> None:
    with session() as connection:
        found = queries.overview(connection, Window.parse("7d", NOW))
        assert queries.tasks(connection, Window.parse("all", NOW)) == []
        assert queries.calls(connection, Window.parse("all", NOW), limit=5) == []
    assert (found.calls, found.spend_picousd, found.previous_picousd) == (0, 0, None)
    assert (found.by_day, found.last_call, found.monthly_picousd, found.coverage_days) == ((), None, None, 0)


def test_totals_are_the_sum_of_every_breakdown(spool: Path) -> None:
    load(
        spool,
        at("2026-11-10T00:00", 1, context={"task": "old"}),
        at("2026-11-16T00:00", 2, context={"task": "a"}),
        at("2026-11-18T00:00", 3, context={"task": "a"}, flags=("estimated",)),
        at("2026-11-18T01:00", 4, context={"task": "b"}, response_model="in-house-7b", status="error"),
        at("2026-11-18T02:00", 5, context={"task": "b"}, usage=Usage(cache_read_tokens=7, input_uncached_tokens=3)),
    )
    window = Window.parse("7d", NOW)
    with session() as connection:
        found = queries.overview(connection, window)
        days = queries.summary(connection, window).task_days
        rows = queries.tasks(connection, window)
        later = queries.overview(connection, Window(datetime(2026, 11, 20), NOW))
    assert (found.spend_picousd, found.previous_picousd) == (2 * COST, COST)
    assert (found.calls, found.unpriced_calls, found.errors, found.estimated_calls) == (4, 2, 1, 1)
    assert (found.input_tokens, found.cache_read_tokens, found.output_tokens) == (3010, 7, 300)
    assert (found.coverage_days, found.first_call) == (2, datetime(2026, 11, 16))
    assert found.last_call == datetime(2026, 11, 18, 2)
    for rows_of in (found.by_task, found.by_model, found.by_day):
        assert sum(row.cost_picousd or 0 for row in rows_of) == found.spend_picousd
        assert sum(row.calls for row in rows_of) == found.calls
        assert sum(row.unpriced_calls for row in rows_of) == found.unpriced_calls
    assert [row.day for row in found.by_day] == [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)]
    assert [(row.calls, row.cost_picousd) for row in found.by_day] == [(1, COST), (0, 0), (3, COST)]
    assert [(row.name, row.cost_picousd) for row in found.by_task] == [("a", 2 * COST), ("b", None)]
    assert days == {
        "a": {date(2026, 11, 16): COST, date(2026, 11, 18): COST},
        "b": {date(2026, 11, 18): None},
    }
    assert [(row.task, row.cost_picousd, row.previous_picousd, row.models) for row in rows] == [
        ("a", 2 * COST, None, ("gpt-4o-2024-08-06",)),
        ("b", None, None, ("gpt-4o-2024-08-06", "in-house-7b")),
    ]
    assert found.monthly_picousd is None  # two days with calls
    assert (later.calls, later.spend_picousd, later.last_call) == (0, 0, found.last_call)


def on_days(spool: Path, days: int) -> None:
    """One call a day up to NOW, the first of them 6 days and 23 hours before it where there are 7."""
    first = NOW - timedelta(days=days - 1, hours=23)
    load(spool, *(at((first + timedelta(days=day)).isoformat(), 1 + day) for day in range(days)))


@pytest.mark.parametrize(("days", "expected"), [(6, None), (7, 7 * COST * 30 // 7)])
def test_a_monthly_figure_needs_seven_days_with_calls(days: int, expected: int | None, spool: Path) -> None:
    on_days(spool, days)
    with session() as connection:
        for text in ("7d", "all"):
            found = queries.overview(connection, Window.parse(text, NOW))
            assert (found.coverage_days, found.monthly_picousd) == (days, expected)


def test_a_burst_long_ago_is_no_month(spool: Path) -> None:
    burst = NOW - timedelta(days=10)
    load(spool, *(at((burst + timedelta(seconds=6 * n)).isoformat(), 1 + n) for n in range(20)))
    with session() as connection:
        assert queries.overview(connection, Window.parse("all", NOW)).monthly_picousd is None


def test_the_month_is_of_observed_time() -> None:
    window = Window(NOW - timedelta(days=90), NOW)
    assert queries.monthly(300, window, 7, NOW - timedelta(days=30)) == 300
    assert queries.monthly(300, window, 7, NOW - timedelta(days=300)) == 100
    assert queries.monthly(70, window, 7, NOW - timedelta(days=5)) == 300
    assert queries.monthly(None, window, 7, NOW) is queries.monthly(1, window, 7, None) is None


def test_a_task_remembers_what_it_cost_before(spool: Path) -> None:
    load(spool, at("2026-11-10T00:00", 1, context={"task": "a"}), at("2026-11-18T00:00", 2, context={"task": "a"}))
    with session() as connection:
        (row,) = queries.tasks(connection, Window.parse("7d", NOW))
    assert (row.calls, row.cost_picousd, row.previous_picousd) == (1, COST, COST)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_pages_join_to_the_whole_list_in_any_order(order: str, reverse: bool, spool: Path) -> None:
    load(
        spool,
        *(
            make.call(
                number,
                context={"task": f"t{number % 3}", "duration_us": None if number % 4 == 0 else number % 2 * 1000},
                usage=Usage() if number % 5 == 0 else Usage(input_uncached_tokens=number % 3, output_tokens=number % 2),
                response_model=("gpt-4o", "in-house-7b", None)[number % 3],
                status=("ok", "error")[number % 2],
            )
            for number in range(1, 24)
        ),
    )
    window = Window.parse("all", NOW)
    with session() as connection:
        whole = queries.calls(connection, window, limit=100, order=order, reverse=reverse)
        paged: list[queries.CallRow] = []
        while page := queries.calls(
            connection,
            window,
            limit=5,
            order=order,
            reverse=reverse,
            after=queries.position(paged[-1], order) if paged else None,
        ):
            paged += page
    assert len(whole) == 23
    assert paged == whole
    keys = [queries.position(row, order) for row in whole]
    assert keys == sorted(keys, reverse=ORDERS[order][1] ^ reverse)


def test_calls_by_id_task_and_model(spool: Path) -> None:
    load(
        spool,
        make.call(1, context={"task": "a"}, segments=(make.part(1, volatile=("uuid",)), make.part(2))),
        make.call(2, context={"task": "b"}, response_model="claude-opus-5-5", provider="anthropic"),
    )
    window = Window.parse("all", NOW)
    with session() as connection:
        (first,) = queries.calls(connection, window, limit=9, task="a", with_segments=True)
        (second,) = queries.calls(connection, window, limit=9, model="claude-opus-5-5")
        (by_id,) = queries.calls(connection, window, limit=9, ids=[second.span_id])
        assert queries.call(connection, first.span_id) == first
        assert queries.call(connection, f"{9:016x}") is None
        assert queries.calls(connection, window, limit=9, ids=[]) == []
        for wrong in ("1", "g" * 16, "-00000000000000f"):
            with pytest.raises(UsageError, match="no call id"):
                queries.call(connection, wrong)
        with pytest.raises(UsageError, match="is no order"):
            queries.calls(connection, window, limit=9, order="sideways")
    assert by_id == second
    assert (first.trace_id, first.operation_id, first.parent_span_id) == (f"{1:032x}", f"{1:016x}", None)
    assert [(part.position, part.hash, part.volatile) for part in first.segments] == [(1, 1, ("uuid",)), (2, 2, ())]
    assert (first.price_key, first.price_status, first.cost_picousd) == ("openai/gpt-4o/standard", "alias", COST)
    parts = (first.cost_input_picousd, first.cost_output_picousd, first.cost_cache_read_picousd)
    assert parts == (2_500_000_000, 1_000_000_000, 0)


def test_health_explains_zeros(spool: Path, store: Path, home: Path) -> None:
    today = NOW.date()
    with session() as connection:
        empty = queries.health(connection, today=today)
    assert (empty.calls, empty.last_call, empty.book_sha256, empty.book_age_days) == (0, None, None, None)
    load(spool, make.call(1, response_model="in-house-7b"), make.call(2), make.call(3, usage=Usage()))
    make.write(spool, b"bad\nworse\n", sequence=1)
    drain()
    make.write(spool, b"x", version=99)
    with session() as connection:
        found = queries.health(connection, today=today)
    assert (found.calls, found.spans, found.covered_spans) == (3, 0, 0)
    assert [(row.model, row.calls) for row in found.unpriced] == [("gpt-4o-2024-08-06", 1), ("in-house-7b", 1)]
    assert "no model in-house-7b" in found.unpriced[1].reason
    assert (found.quarantined_lines, found.quarantined_bytes, len(found.quarantine_files)) == (2, 8, 1)
    assert (found.spool_segments, found.spool_bytes, len(found.spool_newer)) == (1, 1, 1)
    assert found.store_bytes > 0
    assert found.book_source is not None
    assert found.book_source.startswith("genai-prices")
    assert found.book_age_days is not None
    assert found.last_drain is not None
    assert found.book_warning is None
