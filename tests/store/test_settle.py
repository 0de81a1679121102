"""Answers made in the background: billed once, whoever reads them, how often, and in whatever order that is seen."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from otelcost.model import Call, Usage
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import make

KNOWN = Usage(input_uncached_tokens=1000, output_tokens=100)
ANSWER = {"api": "openai.responses", "response_id": "resp_1"}


def created(number: int = 1, **fields: Any) -> Call:
    """Queued: nothing is known yet."""
    values = {**ANSWER, "finish_reason": "queued", "flags": ("lower_bound",), "usage": Usage(), **fields}
    return make.call(number, context={"task": "report"}, **values)


def read(number: int, **fields: Any) -> Call:
    """The finished answer as somebody read it."""
    values = {**ANSWER, "operation": "fetch_response", "request_model": None, "usage": KNOWN, **fields}
    values["flags"] = ("retrieved", *values.pop("more", ()))
    return make.call(number, finish_reason="completed", output_bytes=7, service_tier="flex", **values)


def load(spool: Path, *records: Call, sequence: int = 0) -> None:
    make.write(spool, b"".join(map(make.line, records)), sequence=sequence)
    drain()


def ask(sql: str) -> list[tuple[Any, ...]]:
    with session() as connection:
        return connection.execute(sql).fetchall()


BILLED = "SELECT span_id, task, input_tokens, output_tokens, service_tier, status, flags FROM v_calls"
ONCE = [(1, "report", 1000, 100, "flex", "ok", [])]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("together", [True, False], ids=["one drain", "a drain each"])
def test_whoever_reads_it_and_how_often(spool: Path, order: tuple[int, ...], together: bool) -> None:
    records = [created(), read(60), read(120)]
    ordered = [records[position] for position in order]
    if together:
        load(spool, *ordered)
    else:
        for sequence, record in enumerate(ordered):
            load(spool, record, sequence=sequence)
    drain()
    assert ask(BILLED) == ONCE
    # Its time is from its creation to the end of the first reading, of whichever was seen first.
    ((duration_us,),) = ask("SELECT duration_us FROM v_calls")
    assert duration_us in {59_900_000, 119_900_000}


def test_its_price_is_that_of_the_tier_it_was_served_at(spool: Path) -> None:
    load(spool, created(), read(60))
    settled = ask("SELECT cost_picousd, price_key FROM v_calls")
    load(spool, make.call(2, **ANSWER, usage=KNOWN, service_tier="flex"), sequence=1)
    assert ask("SELECT cost_picousd, price_key FROM v_calls WHERE span_id = 2") == settled


def test_an_old_answer_is_never_billed(spool: Path) -> None:
    load(spool, read(1), read(2, response_id="resp_2"))
    assert ask("SELECT count(*) FROM calls") == [(2,)]
    assert ask(BILLED) == []


def test_a_call_that_knew_its_usage_keeps_it(spool: Path) -> None:
    own = Usage(input_uncached_tokens=7, output_tokens=3)
    load(spool, make.call(1, **ANSWER, usage=own), read(60))
    assert ask("SELECT input_tokens, output_tokens FROM v_calls") == [(7, 3)]


def test_an_estimate_gives_way_to_what_the_provider_says(spool: Path) -> None:
    guess = Usage(input_uncached_tokens=900, output_tokens=40)
    load(spool, make.call(1, **ANSWER, usage=guess, status="aborted", flags=("estimated", "lower_bound")))
    load(spool, read(60, more=("usage_mismatch",)), sequence=1)
    assert ask("SELECT input_tokens, output_tokens, status, flags FROM v_calls") == [
        (1000, 100, "ok", ["usage_mismatch"])
    ]


def test_a_cancelled_answer_is_known_to_be_one(spool: Path) -> None:
    stopped = read(60, usage=Usage(), status="error", error_type="response_cancelled")
    load(spool, created(), stopped)
    assert ask("SELECT status, error_type, output_tokens, price_status FROM v_calls") == [
        ("error", "response_cancelled", None, "unpriced")
    ]
    load(spool, read(90), sequence=1)  # what it had cost by then is told later
    assert ask("SELECT output_tokens, status FROM v_calls") == [(100, "ok")]


def test_answers_of_others_are_left_alone(spool: Path) -> None:
    load(spool, created(), read(60, response_id="resp_2"), read(61, provider="azure.ai.openai"))
    assert ask("SELECT output_tokens, status FROM v_calls") == [(None, "ok")]


@pytest.mark.parametrize("later", [0, 40 * 86_400_000_000], ids=["at once", "forty days later"])
def test_a_batch_result_read_again_is_the_same_call(spool: Path, later: int) -> None:
    first = make.call(1, batch=True)
    again = make.call(1, batch=True, context={"start_unix_us": make.START_US + 5_000_000 + later, "pid": 9})
    load(spool, first)
    load(spool, again, again, sequence=1)
    assert ask("SELECT count(*) FROM calls") == [(1,)]
    load(spool, make.call(2, batch=True), sequence=2)
    assert ask("SELECT count(*) FROM v_calls") == [(2,)]


def test_what_the_finished_answer_leaves_open_stays_open(spool: Path) -> None:
    load(spool, created(), read(60, more=("lower_bound",)))
    assert ask("SELECT flags, output_tokens FROM v_calls") == [(["lower_bound"], 100)]
