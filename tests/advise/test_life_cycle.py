"""Decisions are a log: every path through the states, what a second decider is told, and nothing ever lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.advise import life_cycle
from otelcost.advise.life_cycle import NEXT, STATES, Decision, decide, history, read_states
from otelcost.errors import UsageError
from otelcost.store.db import session

NOW = datetime.fromisoformat("2026-11-20T10:00:00")


def _decision(state: str, id_: str = "R-1", **more: object) -> Decision:
    return Decision(id=id_, state=state, actor="ann@desk", **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.duckdb"
    with session(path):
        pass
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open store for writing, for many short examples."""
    with session(tmp_path_factory.mktemp("life") / "store.duckdb", write=True) as connection:
        yield connection


@given(wanted=st.lists(st.sampled_from(STATES), max_size=12))
@settings(deadline=None)
def test_only_known_ways_are_gone_and_all_of_them_are_kept(wanted: list[str], log: duckdb.DuckDBPyConnection) -> None:
    gone = ["open"]
    log.execute("DELETE FROM recommendation_event")
    for minute, state in enumerate(wanted):
        until = NOW + timedelta(days=30) if state == "snoozed" else None
        now = NOW + timedelta(minutes=minute)
        if state in NEXT[gone[-1]]:
            decide(log, _decision(state, until=until), now=now)
            gone.append(state)
        else:
            with pytest.raises(UsageError, match=f"is {gone[-1]}"):
                decide(log, _decision(state, until=until), now=now)
    events = history(log, "R-1")
    assert [event.state for event in events] == gone[1:]
    assert [event.seq for event in events] == list(range(1, len(gone)))
    assert read_states(log, NOW).get("R-1", "open") == gone[-1]


def test_every_state_can_be_left_and_reached() -> None:
    assert set(NEXT) == set(STATES)
    assert {to for ways in NEXT.values() for to in ways} == set(STATES)
    assert all(NEXT.values())


def test_a_snooze_wakes_by_itself(store: Path) -> None:
    with session(store, write=True) as connection:
        decide(connection, _decision("snoozed", until=NOW + timedelta(days=3)), now=NOW)
        assert read_states(connection, NOW + timedelta(days=2)) == {"R-1": "snoozed"}
        assert read_states(connection, NOW + timedelta(days=3)) == {"R-1": "open"}
        decide(connection, _decision("accepted"), now=NOW + timedelta(days=4))


def test_frozen_figures_come_back_as_they_were(store: Path) -> None:
    figures = {"standalone_picousd": 2**62, "window": {"start": "2026-11-01"}, "low_picousd": None}
    with session(store, write=True) as connection:
        decide(connection, _decision("accepted", frozen=figures, reason="yes; 'quoted'"), now=NOW)
    with session(store) as connection:
        (event,) = history(connection)
    assert event.frozen == figures
    assert (event.actor, event.reason, event.changed_at) == ("ann@desk", "yes; 'quoted'", NOW)


def test_of_two_who_looked_at_the_same_the_second_is_told(store: Path) -> None:
    """Both read, then both write: one of them wins, whichever it is, and the other learns who and when."""
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def one(state: str) -> None:
        with session(store) as connection:
            seen = len(history(connection))
        both.wait(20)
        try:
            with session(store, write=True) as connection:
                decide(connection, _decision(state), now=NOW, seen=seen)
            outcomes.append("written")
        except UsageError as error:
            outcomes.append(error.what)

    with session(store, write=True) as connection:
        decide(connection, _decision("accepted"), now=NOW)
    for state in ("dismissed", "applied"):
        threading.Thread(target=one, args=(state,)).start()
    deadline = threading.Event()
    while len(outcomes) < 2 and not deadline.wait(0.01):
        pass
    told, written = sorted(outcomes)
    assert written == "written"
    assert "R-1 became" in told
    assert "by ann@desk" in told
    with session(store) as connection:
        assert len(history(connection)) == 2


def test_decisions_of_an_older_store_become_its_history(store: Path) -> None:
    from otelcost.store.migrations import MIGRATIONS

    (migration,) = [one for one in MIGRATIONS if one.name.endswith("recommendation_events")]
    with session(store, write=True) as connection:
        connection.execute("DROP TABLE recommendation_event")
        connection.execute(
            "CREATE TABLE recommendation_state (id VARCHAR, state VARCHAR, reason VARCHAR, until TIMESTAMP, "
            "frozen VARIANT, changed_at TIMESTAMP)"
        )
        connection.execute(
            "INSERT INTO recommendation_state VALUES ('R-2', 'dismissed', 'no', NULL, NULL, '2026-11-02'), "
            "('R-1', 'accepted', NULL, NULL, {'calls': 3}::VARIANT, '2026-11-01')"
        )
        for statement in migration.statements:
            connection.execute(statement)
        events = history(connection)
    assert [(event.seq, event.id, event.state, event.reason) for event in events] == [
        (1, "R-1", "accepted", None),
        (2, "R-2", "dismissed", "no"),
    ]
    assert events[0].frozen == {"calls": 3}


def test_what_is_still_to_be_had_is_counted() -> None:
    assert [state for state in STATES if life_cycle.counts(state)] == ["open", "accepted"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=6), st.integers(0, 10**9))
def test_a_decision_taken_back_leaves_what_was_before_with_its_figures(
    log: duckdb.DuckDBPyConnection, wished: list[str], name: int
) -> None:
    id_ = f"undo-{name}-{'-'.join(wished)}"
    log.execute("DELETE FROM recommendation_event")
    made = []
    for state in wished:
        if state in NEXT[made[-1].state if made else "open"]:
            until = NOW + timedelta(days=len(made) + 1) if state == "snoozed" else None
            wish = _decision(state, id_, reason=f"{state} {len(made)}", until=until, frozen={"k": len(made)})
            made.append(decide(log, wish, now=NOW))
    if not made:
        return
    back = life_cycle.take_back(log, made[-1], actor="ann@desk", now=NOW)
    before = made[-2] if len(made) > 1 else None
    assert back.state == (before.state if before else "open")
    if before is not None and before.state != "open":
        assert (back.until, back.frozen, back.reason) == (before.until, before.frozen, before.reason)
    assert [event.seq for event in history(log, id_)][: len(made)] == [event.seq for event in made]


def test_what_somebody_decided_since_is_not_taken_back(log: duckdb.DuckDBPyConnection) -> None:
    log.execute("DELETE FROM recommendation_event")
    mine = decide(log, _decision("accepted"), now=NOW)
    decide(log, _decision("dismissed", reason="no"), now=NOW)
    with pytest.raises(UsageError, match="became dismissed meanwhile"):
        life_cycle.take_back(log, mine, actor="ann@desk", now=NOW)


def test_a_snooze_that_ran_out_needs_no_undoing(log: duckdb.DuckDBPyConnection) -> None:
    log.execute("DELETE FROM recommendation_event")
    slept = decide(log, _decision("snoozed", until=NOW + timedelta(days=1)), now=NOW)
    with pytest.raises(UsageError, match="open again already"):
        life_cycle.take_back(log, slept, actor="ann@desk", now=NOW + timedelta(days=2))
