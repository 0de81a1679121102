"""The hourly sums against the calls themselves: the same figures, whatever was written, and by whom."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otelcost import settings as places
from otelcost.model import Usage
from otelcost.store import hourly, queries, task_decisions
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import Window
from otelcost.store.queries.cells import holds
from otelcost.store.scope import Scope, restricted

from . import make

FIRST = datetime(2026, 11, 18, 9, 0)
HOUR_US = 3_600_000_000
WINDOWS = [
    Window.parse("all", FIRST),
    Window(FIRST + timedelta(minutes=20), FIRST + timedelta(hours=5, minutes=40)),
    Window(FIRST + timedelta(hours=2), FIRST + timedelta(hours=4)),
    Window(FIRST + timedelta(minutes=70), FIRST + timedelta(minutes=80)),
]


def record(number: int, at_us: int, **fields: Any) -> bytes:
    epoch_us = (FIRST - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    context = {"start_unix_us": epoch_us + at_us, "task": fields.pop("task", "a"), **fields.pop("context", {})}
    return make.line(make.call(number, context=context, **fields))


def summed(connection: duckdb.DuckDBPyConnection) -> list[queries.Summary]:
    return [queries.summary(connection, window) for window in WINDOWS]


def counted(connection: duckdb.DuckDBPyConnection) -> list[queries.Summary]:
    """The same from the calls alone."""
    connection.execute("CREATE TEMP VIEW hourly_basis AS SELECT NULL::VARCHAR AS basis WHERE false")
    try:
        assert not holds(connection)
        return summed(connection)
    finally:
        connection.execute("DROP VIEW temp.hourly_basis")


def agree() -> list[queries.Summary]:
    with session() as connection:
        found = summed(connection)
        assert found == counted(connection)
    return found


def stale() -> list[datetime]:
    with session() as connection:
        return [row[0] for row in connection.execute("SELECT hour FROM hourly_stale ORDER BY hour").fetchall()]


batches = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 6 * HOUR_US),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["gpt-4o-2024-08-06", "in-house-7b", None]),
            st.sampled_from([Usage(input_uncached_tokens=1000, output_tokens=100), Usage(output_tokens=7), Usage()]),
            st.sampled_from(["ok", "error"]),
        ),
        max_size=6,
    ),
    min_size=1,
    max_size=4,
)


@given(batches)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_calls_in_any_batches_sum_to_what_the_calls_say(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, drawn: list[list[tuple[Any, ...]]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("OTELCOST_HOME", str(home))
    number = 0
    for sequence, batch in enumerate(drawn):
        lines = []
        for at_us, task, model, usage, status in batch:
            number += 1
            lines.append(record(number, at_us, task=task, response_model=model, usage=usage, status=status))
        make.write(home / "spool", b"".join(lines), sequence=sequence)
        drain()
        agree()
    assert agree()[0].overview.calls == number


def write(spool: Path, sequence: int, *lines: bytes) -> None:
    make.write(spool, b"".join(lines), sequence=sequence)
    drain()


def test_only_the_newest_hour_is_left_to_the_calls_and_a_late_record_mends_its_own(spool: Path) -> None:
    write(spool, 0, *(record(number, number * HOUR_US) for number in range(1, 6)))
    assert stale() == [FIRST + timedelta(hours=5)]
    before = agree()[0].overview
    write(spool, 1, record(9, 2 * HOUR_US + 5))
    assert stale() == [FIRST + timedelta(hours=5)]
    after = agree()[0].overview
    assert after.calls == before.calls + 1
    with session() as connection:
        assert connection.execute("SELECT sum(calls) FROM hourly").fetchone() == (5,)


def test_an_answer_read_later_and_a_call_that_another_covers_change_the_sums(spool: Path) -> None:
    background = {"response_id": "r1", "usage": Usage(), "status": "ok"}
    write(spool, 0, record(1, 0, **background), record(2, HOUR_US, response_id="r2"), record(3, 3 * HOUR_US))
    assert agree()[0].overview.unpriced_calls == 1
    answer = record(4, 2 * HOUR_US, response_id="r1", flags=("retrieved",))
    proxy = record(5, HOUR_US + 1, response_id="r2", server_address="localhost", server_port=4000)
    write(spool, 1, answer, proxy)
    found = agree()[0].overview
    assert (found.calls, found.unpriced_calls) == (3, 0)


def test_a_span_that_turns_out_to_be_covered_leaves_the_sums(spool: Path) -> None:
    span = make.span(1, start_unix_us=make.START_US, response_id="r1")
    make.write(spool, make.line(span), kind="spans", sequence=0)
    write(spool, 1, record(9, 9 * HOUR_US))
    assert agree()[0].overview.calls == 2
    call = make.call(1, context={"start_unix_us": make.START_US, "span_id": span.span_id, "trace_id": span.trace_id})
    write(spool, 2, make.line(call))
    assert agree()[0].overview.calls == 2


def test_other_prices_and_other_names_are_in_the_sums_at_once(spool: Path) -> None:
    write(spool, 0, *(record(number, number * HOUR_US, response_model="in-house-7b") for number in range(1, 5)))
    assert agree()[0].overview.spend_picousd is None
    override = places.price_override_path()
    override.write_text('[[price]]\nmodel = "in-house-*"\ninput = 1\noutput = 2\n', encoding="utf-8")
    drain()
    priced = agree()[0].overview
    assert priced.spend_picousd
    task_decisions.decide(places.store_path(), task_decisions.rename("a", "z"))
    assert [row.task for row in agree()[0].tasks] == ["z"]  # not rolled yet: the sums are known not to hold
    drain()
    with session() as connection:
        assert holds(connection)
    assert [row.task for row in agree()[0].tasks] == ["z"]


def test_who_writes_calls_past_the_drain_makes_it_slower_not_wrong(spool: Path) -> None:
    write(spool, 0, *(record(number, number * HOUR_US) for number in range(1, 5)))
    with session(write=True) as connection:
        connection.execute(
            "INSERT INTO calls BY NAME SELECT * REPLACE (hash(span_id) AS span_id) FROM calls ORDER BY start LIMIT 2"
        )
    assert agree()[0].overview.calls == 6
    with session() as connection:
        assert not holds(connection)
    drain()
    with session() as connection:
        assert holds(connection)
    assert agree()[0].overview.calls == 6


def test_a_part_of_the_calls_is_never_read_from_sums_of_all(spool: Path) -> None:
    write(spool, 0, *(record(number, number * HOUR_US, task="ab"[number % 2]) for number in range(1, 6)))
    with session() as connection, restricted(connection, Scope(task="a")):
        assert [row.task for row in queries.summary(connection, WINDOWS[0]).tasks] == ["a"]


def test_what_was_rolled_before_a_cancel_stays_and_the_rest_is_rolled_later(spool: Path) -> None:
    week_us = 7 * 24 * HOUR_US
    write(spool, 0, *(record(number, number * week_us) for number in range(4)))
    with session(write=True) as connection:
        connection.execute(
            "DELETE FROM hourly; INSERT INTO hourly_stale SELECT time_bucket(INTERVAL 1 hour, start) FROM calls"
        )

    class StopError(Exception):
        pass

    def cancel(done: int, whole: int) -> None:
        assert whole == 3
        raise StopError

    with pytest.raises(StopError), session(write=True) as connection:
        hourly.roll(connection, cancel)
    assert len(stale()) > 1
    agree()
    drain()
    assert len(set(stale())) == 1
    agree()
