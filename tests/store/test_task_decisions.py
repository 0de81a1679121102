"""Renamed, merged, split, undone: everywhere, for good, from two terminals, and over a rebuilt store."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from otelcost.errors import UsageError
from otelcost.store import task_decisions as decisions
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.task_decisions import Decision, decide, identity

from . import make


def load(spool: Path, *records: Any, sequence: int = 0) -> tuple[str, ...]:
    make.write(spool, b"".join(map(make.line, records)), sequence=sequence)
    return drain().warnings


def called(number: int, task: str, **fields: Any) -> Any:
    return make.call(number, context={"task": task, **fields.pop("context", {})}, **fields)


def names() -> list[str]:
    with session() as connection:
        views = [
            connection.execute(f"SELECT DISTINCT task FROM {view} ORDER BY task").fetchall()
            for view in ("v_calls", "v_tasks", "v_operations")
        ]
    assert views[0] == views[1] == views[2]
    return [row[0] for row in views[0]]


def test_a_renamed_task_is_renamed_everywhere_and_stays_so(store: Path, spool: Path) -> None:
    load(spool, called(1, "a"), called(2, "b"))
    decide(store, decisions.rename("a", "first"))
    assert names() == ["b", "first"]
    load(spool, called(3, "a"), called(4, "c"), sequence=1)
    assert names() == ["b", "c", "first"]
    decide(store, decisions.undo)
    assert names() == ["a", "b", "c"]


def test_decisions_survive_a_store_that_is_built_anew(store: Path, spool: Path) -> None:
    load(spool, called(1, "a"), called(2, "b"))
    decide(store, decisions.merge(("a", "b"), "both"))
    store.unlink()
    assert load(spool, called(1, "a"), called(2, "b"), called(3, "c"), sequence=1) == ()
    assert names() == ["both", "c"]


def test_a_split_task_is_told_apart_and_its_parts_can_be_named(store: Path, spool: Path) -> None:
    load(spool, called(1, "a", schema_hash=2**62), called(2, "a"), called(3, "b"))
    decide(store, decisions.split("a", "schema"))
    assert names() == ["a/40000000", "a/none", "b"]
    decide(store, decisions.rename("a/40000000", "extract"))
    decide(store, decisions.merge(("a/none", "b"), "b"))
    assert names() == ["b", "extract"]
    decide(store, decisions.rename("extract", "read"))
    assert names() == ["b", "read"]
    for _ in range(4):
        decide(store, decisions.undo)
    assert names() == ["a", "b"]


def test_every_way_to_split_names_its_parts(store: Path, spool: Path) -> None:
    place = {"call_site_line": 7, "root_span_name": "cron", "feature": "search"}
    load(spool, called(1, "a", tools_hash=2**61, system_template_hash=2**60, context=place))
    parts = {
        "schema": "none", "tools": "20000000", "template": "10000000", "model": "gpt-4o-2024-08-06", "line": "7",
        "root": "cron", "feature": "search",
    }  # fmt: skip
    for by in decisions.SPLITS:
        decide(store, decisions.split("a", by, 100 if by == "output" else None))  # type: ignore[arg-type]
        assert names() == [f"a/{parts.get(by, 'long')}"]
        decide(store, decisions.undo)


@pytest.mark.parametrize(
    ("make_", "words"),
    [
        (decisions.rename("nobody", "x"), "no task is called 'nobody'"),
        (decisions.rename("a", "b"), "is called 'b' already"),
        (decisions.rename("a", " "), "no name for a task"),
        (decisions.merge(("a",), "a"), "is one task already"),
        (decisions.split("a", "output"), "needs the length"),
        (decisions.undo, "left to undo"),
    ],
)
def test_what_makes_no_sense_changes_nothing(store: Path, spool: Path, make_: Any, words: str) -> None:
    load(spool, called(1, "a"), called(2, "b"))
    with pytest.raises(UsageError, match=words):
        decide(store, make_)
    assert names() == ["a", "b"]
    assert not decisions.path_beside(store).exists()


def test_a_broken_file_leaves_the_names_and_says_so(store: Path, spool: Path) -> None:
    load(spool, called(1, "a"))
    decide(store, decisions.rename("a", "first"))
    decisions.path_beside(store).write_text("{")
    warnings = load(spool, called(2, "b"), sequence=1)
    assert len(warnings) == 1
    assert "tasks.json" in warnings[0]
    assert names() == ["b", "first"]
    with pytest.raises(UsageError):
        decide(store, decisions.undo)


def _decide_many(store: str, prefix: str) -> None:
    for number in range(5):
        decide(Path(store), decisions.rename(f"{prefix}{number}", f"{prefix}-{number}"))


def test_two_terminals_lose_no_decision(store: Path, spool: Path) -> None:
    load(spool, *(called(10 * i + n, f"{prefix}{n}") for i, prefix in enumerate("xy", 1) for n in range(5)))
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_decide_many, args=(str(store), prefix)) for prefix in "xy"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert names() == [f"{prefix}-{number}" for prefix in "xy" for number in range(5)]


def test_a_renamed_task_is_still_known_by_what_was_decided_about_it(store: Path, spool: Path) -> None:
    taken = (
        Decision(do="rename", tasks=("a",), into="b"),
        Decision(do="rename", tasks=("b",), into="c"),
        Decision(do="merge", tasks=("c", "d"), into="c"),
        Decision(do="rename", tasks=("e",), into="f"),
        Decision(do="merge", tasks=("f", "g"), into="h"),
    )
    assert identity(taken) == {"c": "a"}
    load(spool, called(1, "a"))
    decide(store, decisions.rename("a", "z"))
    with session() as connection:
        assert connection.execute("SELECT task, identity FROM task_identity").fetchall() == [("z", "a")]


def test_a_decision_that_cannot_be_applied_is_not_kept(store: Path, spool: Path) -> None:
    load(spool, called(1, "a"))
    decide(store, decisions.rename("a", "b"))
    kept = decisions.path_beside(store).read_bytes()
    with pytest.raises(duckdb.Error):
        decide(store, decisions.split("b", "output", 10**20))
    assert decisions.path_beside(store).read_bytes() == kept
    assert drain().warnings == ()
    assert names() == ["b"]


def test_a_file_with_such_a_decision_leaves_the_names_and_says_so(store: Path, spool: Path) -> None:
    load(spool, called(1, "a"))
    path = decisions.path_beside(store)
    path.write_text(
        '{"decisions": [{"do": "split", "tasks": ["a"], "by": "output", "at_tokens": 100000000000000000000}]}'
    )
    (warning,) = drain().warnings
    assert "tasks.json cannot be read" in warning
    assert names() == ["a"]
