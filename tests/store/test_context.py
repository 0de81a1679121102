"""Where input tokens go: parts that add up exactly, told apart by what repeats and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otelcost.model import Call, Segment, Usage
from otelcost.store import queries
from otelcost.store.db import session
from otelcost.store.drain import drain
from otelcost.store.queries import ContextRow, Window

from . import make

EVER = Window(datetime(1970, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001  (the store's times are naive UTC)


def context(spool: Path, calls: Iterable[Call], task: str | None = None) -> list[ContextRow]:
    make.write(spool, b"".join(map(make.line, calls)))
    drain()
    with session() as connection:
        found = queries.context(connection, EVER, task)
        left = connection.execute("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'context_%'").fetchall()
    assert left == []
    return found


def seg(hash_: int, tokens: int, role: str = "user", kind: str = "text", **fields: Any) -> Segment:
    values: dict[str, Any] = {"template_hash": hash_, "prefix_hash": 0, **fields}
    return Segment(role=role, kind=kind, hash=hash_, bytes=tokens * 4, tokens=tokens, **values)  # type: ignore[arg-type]


def sent(number: int, *segments: Segment, read: int = 0, write: int = 0, **fields: Any) -> Call:
    whole = sum(segment.tokens or 0 for segment in segments)
    usage = Usage(
        input_uncached_tokens=whole - read - write,
        cache_read_tokens=read,
        cache_write_short_tokens=write,
        output_tokens=10,
    )
    model = {"request_model": "claude-sonnet-4-5", "response_model": "claude-sonnet-4-5"}
    base = {"provider": "anthropic", "api": "anthropic.messages", **model, "usage": usage}
    context = {"task": "t", **fields.pop("context", {})}
    return make.call(number, context=context, segments=segments, **{**base, **fields})


def parts(row: ContextRow) -> dict[str, tuple[int, int, int, int]]:
    return {one.part: (one.tokens, one.static_tokens, one.repeated_tokens, one.volatile_tokens) for one in row.parts}


def test_the_same_table_in_nearly_every_call_is_said_without_its_words(spool: Path) -> None:
    rules, table = seg(1, 300, "system"), seg(2, 9_100, "user", "document")
    calls = [sent(n, rules, *([table] if n % 25 else []), seg(1000 + n, 2_400)) for n in range(1, 101)]
    (row,) = context(spool, calls)
    assert parts(row) == {
        "system": (30_000, 30_000, 0, 0),
        "context": (96 * 9_100, 96 * 9_100, 0, 0),
        "user": (240_000, 0, 0, 0),
    }
    (block, _) = row.blocks
    assert (block.calls, block.tokens // block.calls, block.call_tokens // block.calls) == (96, 9_100, 11_800)
    assert block.picousd == 96 * 9_100 * 3_000_000  # 3 dollars a million tokens


def test_examples_are_told_from_history(spool: Path) -> None:
    shots = [seg(10, 50), seg(11, 5, "assistant"), seg(12, 50), seg(11, 5, "assistant")]
    calls = [sent(n, seg(1, 100, "system"), *shots, seg(100 + n, 20)) for n in range(1, 11)]
    chat = [seg(50 + i, 30, "assistant" if i % 2 else "user") for i in range(9)]
    calls += [sent(20 + n, seg(2, 100, "system"), *chat[: 2 * n + 1], context={"task": "chat"}) for n in range(5)]
    rows = {row.task: row for row in context(spool, calls)}
    assert parts(rows["t"]) == {
        "system": (1000, 1000, 0, 0), "few-shot": (1100, 1100, 0, 0), "user": (200, 0, 0, 0),
    }  # fmt: skip
    assert parts(rows["chat"])["history"][0] == 30 * (2 + 4 + 6 + 8)
    assert rows["chat"].growth_tokens == 60
    assert rows["t"].growth_tokens is None


def test_tools_that_are_never_called_are_named(spool: Path) -> None:
    tools = [seg(i, 100 * i, "tool", "tool", name=f"tool{i}") for i in (1, 2)]
    calls = [sent(n, *tools, seg(100 + n, 10), tools_called=("tool1",) if n == 3 else ()) for n in range(1, 6)]
    (row,) = context(spool, calls)
    assert [(tool.name, tool.offered_calls, tool.called_calls, tool.tokens) for tool in row.tools] == [
        ("tool2", 5, 0, 1000), ("tool1", 5, 1, 500),
    ]  # fmt: skip


def test_the_cache_holds_the_start_of_a_prompt(spool: Path) -> None:
    calls = [sent(n, seg(1, 2000, "system"), seg(100 + n, 500), read=1500, write=600) for n in range(1, 4)]
    (row,) = context(spool, calls)
    found = {one.part: (one.read_tokens, one.write_tokens, one.picousd) for one in row.parts}
    assert found == {
        "system": (4500, 1500, 3 * (1500 * 300_000 + 500 * 3_750_000)),
        "user": (0, 300, 3 * (100 * 3_750_000 + 400 * 3_000_000)),
    }


def test_a_text_with_changing_values_is_volatile_and_large_repeats_are_context(spool: Path) -> None:
    calls = [
        sent(n, seg(1000 + n, 400, "system", template_hash=7), seg(n % 3, 900), seg(2000 + n, 40)) for n in range(30)
    ]
    (row,) = context(spool, calls)
    assert parts(row) == {
        "system": (12_000, 0, 0, 12_000), "context": (27_000, 0, 27_000, 0), "user": (1200, 0, 0, 0),
    }  # fmt: skip


def test_what_was_not_recorded_part_by_part_is_unknown(spool: Path) -> None:
    calls = [
        sent(1, seg(1, 100)),
        sent(2, usage=Usage(input_uncached_tokens=700, output_tokens=1)),
        sent(3, seg(1, 100), usage=Usage(input_uncached_tokens=333, output_tokens=1)),
        sent(4, seg(1, 100), usage=Usage(output_tokens=1)),
    ]
    (row,) = context(spool, calls)
    assert (row.calls, row.known_calls, row.input_tokens) == (3, 1, 1133)
    assert parts(row) == {"user": (100, 0, 0, 0), "unknown": (1033, 0, 0, 0)}


def test_a_task_without_prices_has_no_amounts(spool: Path) -> None:
    house = {"request_model": "in-house-7b", "response_model": None}
    (row,) = context(spool, [sent(n, seg(1, 100), **house) for n in range(1, 4)])
    assert (row.input_picousd, row.unpriced_calls) == (None, 3)
    assert [(one.picousd, one.unpriced_tokens) for one in row.parts] == [(None, 300)]


@pytest.mark.parametrize("task", ["t", "nobody"])
def test_one_task_alone_is_the_same_as_among_others(spool: Path, task: str) -> None:
    calls = [sent(n, seg(1, 100, "system"), seg(50 + n, 7), context={"task": "tu"[n % 2]}) for n in range(1, 9)]
    together = [row for row in context(spool, calls) if row.task == task]
    with session() as connection:
        assert queries.context(connection, EVER, task) == together


segments_ = st.lists(
    st.builds(
        seg,
        st.integers(1, 6),
        st.integers(0, 5000),
        st.sampled_from(["system", "user", "assistant", "tool"]),
        st.sampled_from(["text", "tool", "schema", "document", "tool_call", "tool_result", "image"]),
        name=st.sampled_from([None, "a", "b"]),
    ),
    max_size=8,
)


@st.composite
def any_call(draw: st.DrawFn) -> Call:
    found = draw(segments_)
    whole = sum(segment.tokens or 0 for segment in found)
    read = draw(st.integers(0, whole))
    usage = Usage(
        input_uncached_tokens=draw(st.sampled_from([whole - read, whole - read, 77])),
        cache_read_tokens=read,
        cache_write_short_tokens=0,
        output_tokens=1,
    )
    model = draw(st.sampled_from(["claude-sonnet-4-5", "in-house-7b"]))
    fields = {
        "request_model": model,
        "response_model": model,
        "tools_called": tuple(draw(st.sets(st.sampled_from("ab")))),
    }
    return sent(1, *found, usage=usage, context={"task": draw(st.sampled_from("xy"))}, **fields)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(any_call(), min_size=1, max_size=12))
def test_parts_add_up_to_the_input_and_its_cost_exactly(
    calls: list[Call], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("sums")
    numbered = [
        msgspec.structs.replace(
            call, context=msgspec.structs.replace(call.context, span_id=f"{n:016x}", trace_id=f"{n:032x}")
        )
        for n, call in enumerate(calls, 1)
    ]
    make.write(home / "spool", b"".join(map(make.line, numbered)))
    drain(home / "store.duckdb", home / "spool")
    with session(home / "store.duckdb") as connection:
        rows = queries.context(connection, EVER)
        billed = dict(
            connection.execute(
                "SELECT task, sum(cost_input_picousd + cost_cache_read_picousd + cost_cache_write_picousd) "
                "FROM v_calls WHERE input_tokens > 0 GROUP BY task"
            ).fetchall()
        )
        inputs = dict(
            connection.execute(
                "SELECT task, sum(input_tokens) FROM v_calls WHERE input_tokens > 0 GROUP BY task"
            ).fetchall()
        )
    assert {row.task: row.input_tokens for row in rows} == inputs
    for row in rows:
        assert sum(one.tokens for one in row.parts) == row.input_tokens
        assert sum(one.read_tokens for one in row.parts) == row.cache_read_tokens
        assert sum(one.picousd or 0 for one in row.parts) == (billed[row.task] or 0)
        for one in row.parts:
            same = one.static_tokens + one.repeated_tokens + one.volatile_tokens
            assert 0 <= same <= one.tokens
            assert one.read_tokens + one.write_tokens <= one.tokens
