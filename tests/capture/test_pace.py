"""Exits with much waiting: all of it is written in time, and as much of its money as the processor allows."""

from __future__ import annotations

from types import SimpleNamespace

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.capture import pace
from otelcost.capture.pace import Care, Pace
from otelcost.capture.worker import worker
from otelcost.demo.loopback import Loopback
from otelcost.model import Call
from otelcost.spool.diagnostics import diagnostics

from .conftest import Captured

SECONDS = 2.0
KEY = {"authorization": "Bearer sk-x"}


def exit_with(waiting: int, costs: dict[Care, float], slowness: float, patch: pytest.MonkeyPatch) -> dict[Care, int]:
    """How an exit reads so many records, where each costs so much of a processor that `slowness` others want too."""
    used = 0.0
    patch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: used * slowness, thread_time=lambda: used))
    found = Pace(SECONDS)
    read: dict[Care, int] = {"whole": 0, "brief": 0, "unread": 0}
    for left in reversed(range(waiting)):
        care = found.choose(left)
        read[care] += 1
        used += costs[care]
    assert used * slowness <= SECONDS
    return read


@pytest.mark.parametrize(
    ("waiting", "slowness", "expected"),
    [
        (1000, 1, {"whole"}),
        (10_000, 1, {"whole", "brief"}),
        (10_000, 4, {"brief", "unread"}),
    ],
)
def test_money_comes_before_prompts(
    waiting: int, slowness: float, expected: set[Care], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = exit_with(waiting, {"whole": 0.0002, "brief": 0.0001, "unread": 0.00002}, slowness, monkeypatch)
    assert {care for care, count in read.items() if count} >= expected
    assert ("unread" in expected) == (read["unread"] > 0)


@given(
    waiting=st.integers(1, 12_000),
    slowness=st.floats(1, 4),
    machine=st.floats(0.3, 1.2),
)
def test_nothing_is_lost(waiting: int, slowness: float, machine: float) -> None:
    costs: dict[Care, float] = {"whole": 0.0002 * machine, "brief": 0.0001 * machine, "unread": 0.00002 * machine}
    with pytest.MonkeyPatch.context() as patch:
        read = exit_with(waiting, costs, slowness, patch)
    assert sum(read.values()) == waiting


def calls_of(care: Care, provider: Loopback, captured: Captured, patch: pytest.MonkeyPatch) -> tuple[Call, Call]:
    """The records of two equal calls: one read at leisure, one as an exit would."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
    httpx2.post(f"{provider.url}/v1/chat/completions", json=body, headers=KEY)
    assert worker.flush(20)
    patch.setattr(worker, "_pace", SimpleNamespace(choose=lambda _waiting: care))
    httpx2.post(f"{provider.url}/v1/chat/completions", json=body, headers=KEY)
    whole, hasty = captured.calls()
    return whole, hasty


def test_a_record_made_in_a_hurry_keeps_what_it_cost(
    captured: Captured, trusting: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, brief = calls_of("brief", trusting, captured, monkeypatch)
    usage = brief.usage
    assert usage.input_uncached_tokens == whole.usage.input_uncached_tokens
    assert (usage.input_uncached_tokens or 0) + (usage.output_tokens or 0) == usage.provider_total_tokens
    assert (brief.request_model, brief.response_model, brief.status) == ("gpt-4o-mini", whole.response_model, "ok")
    assert (brief.segments, brief.request_hash, brief.flags) == ((), None, ("request_truncated",))
    assert brief.request_bytes == whole.request_bytes
    assert diagnostics.snapshot().counts["brief_records"] == 1


def test_a_record_made_in_the_last_moment_is_a_record(
    captured: Captured, trusting: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, unread = calls_of("unread", trusting, captured, monkeypatch)
    assert (unread.http_status, unread.usage.output_tokens) == (200, None)
    assert "lower_bound" in unread.flags
    assert diagnostics.snapshot().counts["minimal_records"] == 1
