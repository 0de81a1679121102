"""A call that several parties recorded is billed once: by its leaf."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otelcost.model import Call, SpanRecord
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import make

TRACE = "a" * 32


def span(number: int, parent: int | None = None, **fields: Any) -> SpanRecord:
    above = None if parent is None else f"{parent:016x}"
    return make.span(number, trace_id=TRACE, parent_span_id=above, **fields)


def wire(number: int, parent: int | None = None, enclosing: int | None = None, **fields: Any) -> Call:
    context: dict[str, Any] = {"trace_id": TRACE}
    if parent is not None:
        context["parent_span_id"] = f"{parent:016x}"
    if enclosing is not None:
        context["enclosing_llm_span_id"] = f"{enclosing:016x}"
    return make.call(number, context=context, **fields)


def asked(number: int, begin_us: int, duration_us: int, pid: int = 7, request_hash: int = 3) -> Call:
    times = {"start_unix_us": make.START_US + begin_us, "duration_us": duration_us}
    return make.call(number, context={**times, "host": "h", "pid": pid}, response_id="r", request_hash=request_hash)


def load(spool: Path, records: Any, sequence: int = 0) -> None:
    for kind, struct in (("calls", Call), ("spans", SpanRecord)):
        lines = b"".join(make.line(record) for record in records if isinstance(record, struct))
        if lines:
            make.write(spool, lines, kind=kind, sequence=sequence)


def billed(store: Path) -> list[int]:
    with session(store) as connection:
        return [row[0] for row in connection.execute("SELECT span_id FROM v_calls ORDER BY span_id").fetchall()]


UPSTREAM = {"response_id": "r", "server_address": "api.openai.com"}
PROXY = {"response_id": "r", "server_address": "localhost", "server_port": 4000}

CASES: dict[str, tuple[list[Call | SpanRecord], list[int]]] = {
    "an LLM span inside an LLM span": ([span(1), span(2, 1)], [2]),
    "three deep": ([span(1), span(2, 1), span(3, 2)], [3]),
    "an agent over two calls": ([span(1), span(2, 1), span(3, 1)], [2, 3]),
    "through a span that is neither a root nor an LLM span": ([span(1), span(2, 1, is_llm=False), span(3, 2)], [3]),
    "through a root that is no LLM span": ([span(1), span(2, 1, is_llm=False, is_root=True), span(3, 2)], [3]),
    "a root that is no LLM span covers nobody": ([span(1), span(2, 1, is_llm=False, is_root=True)], [1]),
    "wire, inner and outer without a response id": ([wire(9, 2, 2), span(1), span(2, 1)], [9]),
    "wire under an HTTP span nobody recorded": ([wire(9, 7, 2), span(1), span(2, 1)], [9]),
    "wire tied by its response id, and what is above": (
        [wire(9, response_id="r"), span(1), span(2, 1, response_id="r")],
        [9],
    ),
    "two instrumentations side by side": ([span(1, response_id="r"), span(2, response_id="r")], [2]),
    "side by side at different providers": (
        [span(1, response_id="r"), span(2, response_id="r", provider="anthropic")],
        [1, 2],
    ),
    "no response id ties nothing": ([span(1), span(2), span(3, response_id=""), span(4, response_id="")], [1, 2, 3, 4]),
    "its own parent": ([span(1, 1)], [1]),
    "a proxy, assumed": ([wire(1, flags=("provider_assumed",), **PROXY), wire(2, **UPSTREAM)], [2]),
    "a proxy whose record comes later": ([wire(2, flags=("provider_assumed",), **PROXY), wire(1, **UPSTREAM)], [1]),
    "a trusted proxy: the inner record starts later": ([wire(1, **PROXY), wire(2, **UPSTREAM)], [2]),
    "a proxy that names another model": ([wire(1, **PROXY), wire(2, response_model="gpt-4o", **UPSTREAM)], [1, 2]),
    "one server that repeats an id": ([wire(1, **PROXY), wire(2, **PROXY)], [1, 2]),
    "one server, asked the same by one process meanwhile": ([asked(1, 0, 900), asked(2, 100, 700)], [2]),
    "one server, asked the same by one process afterwards": ([asked(1, 0, 900), asked(2, 950, 700)], [1, 2]),
    "one server, asked the same by another process": ([asked(1, 0, 900), asked(2, 100, 700, pid=8)], [1, 2]),
    "one server, asked something else": ([asked(1, 0, 900), asked(2, 100, 700, request_hash=4)], [1, 2]),
    "calls without a response id": ([wire(1, server_address="a"), wire(2, server_address="b")], [1, 2]),
}


@pytest.mark.parametrize(("records", "expected"), CASES.values(), ids=CASES.keys())
def test_the_leaf_is_billed(records: list[Call | SpanRecord], expected: list[int], spool: Path, store: Path) -> None:
    load(spool, records)
    drain()
    assert billed(store) == expected


ORDERED = [case for case in CASES.values() if len(case[0]) == 3]


@settings(max_examples=12, deadline=None)
@given(case=st.sampled_from(ORDERED), order=st.sampled_from(list(permutations(range(3)))))
def test_in_whatever_order_the_records_arrive(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[list[Call | SpanRecord], list[int]], order: tuple[int, ...]
) -> None:
    home = tmp_path_factory.mktemp("home")
    for sequence, position in enumerate(order):
        load(home / "spool", [case[0][position]], sequence)
        drain(home / "store.duckdb", home / "spool")
    assert billed(home / "store.duckdb") == case[1]
