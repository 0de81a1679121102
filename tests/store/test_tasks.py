"""Which task a call belongs to: by the surest key, the same tomorrow, whatever else was recorded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.model import Call
from otelcost.store import db, migrations, task_key, tasks
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.task_key import TaskKey

from . import make

SITE = {"call_site_file": "app/llm.py", "call_site_function": "ask"}


def load(spool: Path, *records: Any, sequence: int = 0) -> None:
    make.write(spool, b"".join(map(make.line, records)), sequence=sequence)
    drain()


def named(sql: str = "SELECT task, task_source FROM v_calls ORDER BY start") -> list[tuple[Any, ...]]:
    with session() as connection:
        return connection.execute(sql).fetchall()


def at(number: int, **context: Any) -> Call:
    return make.call(number, context={**SITE, **context})


def test_one_wrapper_under_several_root_spans_is_several_tasks(spool: Path) -> None:
    roots = ("POST /a/17", "POST /a/18", "cron nightly", None)
    load(spool, *(at(number, root_span_name=root) for number, root in enumerate(roots, 1)))
    assert [task for task, _ in named()] == [
        "llm.ask", "llm.ask", "llm.ask (cron nightly)", "llm.ask",
    ]  # fmt: skip


def test_a_root_span_that_names_the_model_is_no_part_of_the_task(spool: Path) -> None:
    other = {"request_model": "gpt-5", "response_model": "gpt-5"}
    load(
        spool,
        at(1, root_span_name="chat gpt-4o"),
        make.call(2, context={**SITE, "root_span_name": "chat gpt-5"}, **other),
    )
    assert named() == [("llm.ask", "call_site")] * 2


def test_root_spans_without_end_do_not_make_tasks_without_end(spool: Path) -> None:
    words = ["".join(random.Random(n).choices("abcdefgh", k=12)) for n in range(200)]
    load(spool, *(at(n, root_span_name=f"work {word}") for n, word in enumerate(words, 1)))
    assert len(set(named())) <= tasks.MAX_ROOTS + 1


def test_names_with_a_number_for_every_request_do_not_fill_the_table(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_TASKS", 5)
    load(spool, *(make.call(n, context={"task": f"request {n}"}) for n in range(1, 9)))
    load(spool, *(make.call(n, context={"task": f"request {n % 10}"}) for n in range(11, 20)), sequence=1)
    found = [task for task, _ in named()]
    assert found[:5] == found[8:13] == [f"request {n}" for n in range(1, 6)]
    assert set(found[5:8] + found[13:]) == {"other tasks"}


def test_templates_with_other_tools_or_schema_are_other_tasks(spool: Path) -> None:
    shapes: list[dict[str, int]] = [{}, {"tools_hash": 5}, {"tools_hash": 6}, {"schema_hash": 5}, {"tools_hash": 5}]
    load(spool, *(make.call(n, system_template_hash=2**60, **shape) for n, shape in enumerate(shapes, 1)))
    found = [task for task, _ in named()]
    assert found[0] == "template-10000000"
    assert found[1] == found[4]
    assert len(set(found)) == 4


def flipped(value: int, bits: int, seed: int) -> int:
    for bit in random.Random(seed).sample(range(63), bits):
        value ^= 1 << bit
    return value


def test_a_template_with_other_values_in_it_does_not_fragment(spool: Path) -> None:
    base = random.Random(7).getrandbits(63)
    near = [make.call(n, system_template_hash=n << 40, system_simhash=flipped(base, n % 5, n)) for n in range(1, 300)]
    far = make.call(500, system_template_hash=500 << 40, system_simhash=flipped(base, 30, 1))
    load(spool, *near, far)
    found = named()
    assert len({task for task, _ in found}) == 2
    assert {source for _, source in found} == {"template", "similar"}
    with session() as connection:
        assert connection.execute("SELECT count(*) FROM task").fetchone() == (3,)


def test_free_text_as_system_prompt_stays_one_task_and_a_small_table(spool: Path) -> None:
    rng = random.Random(3)
    load(
        spool,
        *(make.call(n, system_template_hash=n, system_simhash=rng.getrandbits(63)) for n in range(1, 1000)),
    )
    with session() as connection:
        rows = connection.execute("SELECT count(*) FROM task").fetchone()
    assert rows is not None
    assert rows[0] <= tasks.MAX_GROUPS * 2 + 1


def test_users_texts_make_a_task_when_near_ones_come_often(spool: Path) -> None:
    base = random.Random(11).getrandbits(63)
    load(spool, *(make.call(n, simhash=flipped(base, 3, n)) for n in range(1, 3)))
    load(spool, *(make.call(n, simhash=flipped(base, 3, n)) for n in range(3, 6)), sequence=1)
    load(spool, make.call(9, simhash=flipped(base, 31, 5)), sequence=2)
    sources = [source for _, source in named()]
    assert sources == ["none", "none", "similar", "similar", "similar", "none"]


keys = st.one_of(
    st.builds(lambda name: TaskKey("explicit", (name,)), st.sampled_from("abc")),
    st.builds(
        lambda f, g, root: TaskKey("call_site", (f, g, root)),
        st.sampled_from(["a.py", "b.py"]), st.sampled_from([None, "run"]), st.sampled_from([None, "x", "y"]),
    ),
    st.builds(
        lambda number, simhash: TaskKey("template", (f"{number:016x}", None, None), "scope", simhash),
        st.integers(0, 50), st.one_of(st.none(), make.hashes),
    ),
    st.builds(lambda simhash: TaskKey("similar", ("openai", "chat"), "other", simhash), make.hashes),
)  # fmt: skip


def fresh_store() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for migration in migrations.MIGRATIONS:
        for statement in migration.statements:
            connection.execute(statement)
    return connection


@settings(max_examples=30, deadline=None)
@given(st.lists(keys, min_size=1, max_size=40), st.integers(0, 40))
def test_a_key_keeps_its_task_whatever_comes_after_and_however_loads_are_cut(found: list[TaskKey], cut: int) -> None:
    with fresh_store() as whole, fresh_store() as parts:
        one = tasks.Resolver(whole)
        expected = [one.resolve(key) for key in found]
        first = tasks.Resolver(parts)
        numbers = [first.resolve(key) for key in found[:cut]]
        first.save()
        second = tasks.Resolver(parts)
        numbers += [second.resolve(key) for key in found[cut:]]
        second.save()
        assert numbers == expected
        again = tasks.Resolver(parts)
        settled = [key for key in found if key.source in {"explicit", "call_site", "template"}]
        last = {key: number for key, number in zip(found, expected, strict=True) if key in settled}
        assert {key: again.resolve(key) for key in settled} == last


def test_rows_of_an_earlier_version_get_their_task(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.parent.mkdir(parents=True)
    with monkeypatch.context() as then, duckdb.connect(str(store)) as connection:
        then.setattr(db, "MIGRATIONS", migrations.MIGRATIONS[:1])
        db._apply(connection, migrations.MIGRATIONS[0])
        connection.execute(
            "INSERT INTO calls (span_id, start, provider, operation, task_name, call_site_file, call_site_function, "
            "system_template_hash, root_span_name) VALUES "
            "(1, '2026-01-01', 'openai', 'chat', 'named', NULL, NULL, NULL, NULL), "
            "(2, '2026-01-02', 'openai', 'chat', NULL, 'a/b.py', 'run', NULL, 'POST /1'), "
            "(3, '2026-01-03', 'openai', 'chat', NULL, NULL, NULL, 81985529216486895, NULL), "
            "(4, '2026-01-04', 'openai', 'chat', NULL, 'a/b.py', 'run', NULL, 'GET /2'), "
            "(5, '2026-01-05', 'openai', 'chat', NULL, NULL, NULL, NULL, NULL)"
        )
        connection.execute(
            "INSERT INTO spans (span_id, start, provider, operation, is_llm) VALUES (6, '2026-01-06', 'x', 'y', true)"
        )
    assert named() == [
        ("named", "explicit"), ("b.run", "call_site"), ("template-01234567", "template"),
        ("b.run (GET /*)", "call_site"), ("openai/chat", "none"), ("x/y", "none"),
    ]  # fmt: skip
    with session() as connection:
        assert connection.execute("SELECT count(*) FROM calls WHERE task_id IS NULL").fetchone() == (0,)


@pytest.mark.parametrize(
    ("root", "masked"),
    [
        ("GET /users/123/orders", "GET /users/*/orders"),
        ("job 8f14e45f-ceea-467f-a0f6-5c1d2e3f4a5b", "job *"),
        ("batch deadbeefdeadbeef", "batch *"),
        ("POST /ticket", "POST /ticket"),
    ],
)
def test_root_spans_are_compared_without_their_ids(root: str, masked: str) -> None:
    assert task_key.of_call(at(1, root_span_name=root)).parts[2] == masked
