"""The views: tasks, billing, prices by time and context, operations, segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otelcost.model import Usage
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import make


def load(spool: Path, *records: Any) -> None:
    make.write(spool, b"".join(map(make.line, records)))
    drain()


def ask(sql: str) -> list[tuple[Any, ...]]:
    with session() as connection:
        return connection.execute(sql).fetchall()


SITE = {"call_site_file": "app/triage.py", "call_site_line": 7, "call_site_function": "run"}

TASKS: list[tuple[dict[str, Any], dict[str, Any], tuple[str, str, str | None]]] = [
    ({"task": "named", "prompt_name": "p", **SITE}, {}, ("named", "explicit", "app/triage.py:7 run")),
    ({"prompt_name": "p", "prompt_version": "2"}, {}, ("p/2", "explicit", None)),
    ({"prompt_name": "p"}, {}, ("p", "explicit", None)),
    (SITE, {}, ("triage.run", "call_site", "app/triage.py:7 run")),
    ({**SITE, "call_site_function": "<module>"}, {}, ("triage", "call_site", "app/triage.py:7 <module>")),
    ({"call_site_file": "C:\\app\\gui.pyw"}, {}, ("gui", "call_site", "C:\\app\\gui.pyw")),
    ({"call_site_file": "run"}, {}, ("run", "call_site", "run")),
    ({}, {"system_template_hash": 0x0123456789ABCDEF}, ("template-01234567", "template", None)),
    ({}, {}, ("openai/chat", "none", None)),
]


@pytest.mark.parametrize(("context", "fields", "expected"), TASKS)
def test_a_call_belongs_to_a_task(
    context: dict[str, Any], fields: dict[str, Any], expected: tuple[str, str, str | None], spool: Path
) -> None:
    load(spool, make.call(1, context=context, **fields))
    assert ask("SELECT task, task_source, call_site FROM v_calls") == [expected]


NONE = Usage()
KNOWN = Usage(input_uncached_tokens=1000, output_tokens=100)
OWN = Usage(input_uncached_tokens=1000, output_tokens=100, provider_cost_picousd=7)
ASSUMED = {"usage": KNOWN, "flags": ("provider_assumed",)}
BILLING: list[tuple[str, dict[str, Any], str, int | None]] = [
    ("answered", {"usage": KNOWN}, "alias", 3_500_000_000),
    ("refused", {"usage": NONE, "status": "error", "http_status": 429}, "not_billed", 0),
    ("free", {"usage": Usage(input_uncached_tokens=0, output_tokens=0), "flags": ("free",)}, "not_billed", 0),
    ("free, of no model", {"usage": NONE, "flags": ("free",), "response_model": ""}, "not_billed", 0),
    ("server error", {"usage": NONE, "status": "error", "http_status": 500}, "not_billed", 0),
    ("refused, counted by us", {"usage": KNOWN, "http_status": 400, "flags": ("estimated",)}, "not_billed", 0),
    ("failed after an answer", {"usage": KNOWN, "status": "error", "http_status": 500}, "alias", 3_500_000_000),
    ("never arrived", {"usage": NONE, "http_status": None, "error_type": "ConnectError"}, "not_billed", 0),
    ("timed out", {"usage": NONE, "http_status": None, "error_type": "ReadTimeout"}, "unpriced", None),
    ("aborted, estimated", {"usage": KNOWN, "status": "aborted", "flags": ("estimated",)}, "alias", 3_500_000_000),
    ("output unknown", {"usage": Usage(input_uncached_tokens=1000)}, "unpriced", None),
    ("another model", {"usage": KNOWN, "response_model": "in-house-7b"}, "unpriced", None),
    ("no model", {"usage": KNOWN, "request_model": None, "response_model": None}, "unpriced", None),
    ("empty answer", {"usage": KNOWN, "request_model": "gpt-4o", "response_model": ""}, "exact", 3_500_000_000),
    ("assumed by its format", {**ASSUMED, "response_model": "gpt-4o"}, "alias", 3_500_000_000),
    ("the provider's own sum", {"usage": Usage(provider_cost_picousd=7)}, "exact", 7),
    ("its own sum, no price known", {"usage": OWN, "response_model": "in-house-7b"}, "exact", 7),
    ("its own sum, refused", {"usage": Usage(provider_cost_picousd=7), "http_status": 429}, "not_billed", 0),
    ("tier without price", {"usage": KNOWN, "service_tier": "scale"}, "unpriced", None),
]


@pytest.mark.parametrize(
    ("fields", "status", "cost"), [case[1:] for case in BILLING], ids=[case[0] for case in BILLING]
)
def test_what_is_billed(fields: dict[str, Any], status: str, cost: int | None, spool: Path) -> None:
    load(spool, make.call(1, **fields))
    ((found, amount, reason, key),) = ask("SELECT price_status, cost_picousd, price_reason, price_key FROM v_calls")
    assert (found, amount) == (status, cost)
    assert (reason is not None) == (status == "unpriced")
    if key is None:
        assert status in {"unpriced", "not_billed"} or cost == 7


def test_the_providers_own_sum_has_parts_only_where_the_book_says_the_same(spool: Path) -> None:
    same = Usage(input_uncached_tokens=1000, output_tokens=100, provider_cost_picousd=3_500_000_000)
    load(spool, make.call(1, usage=same), make.call(2, usage=OWN))
    columns = "price_source, price_key, cost_input_picousd, cost_output_picousd, cost_picousd"
    assert ask(f"SELECT {columns} FROM v_calls ORDER BY span_id") == [
        ("provider", "openai/gpt-4o/standard", 2_500_000_000, 1_000_000_000, 3_500_000_000),
        ("provider", None, None, None, 7),
    ]


UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"usage": NONE}, "the provider sent no token counts"),
    ({"usage": Usage(output_tokens=5)}, "the provider did not say how many tokens went in"),
    ({"usage": Usage(input_uncached_tokens=5)}, "the provider did not say how many tokens came out"),
    (
        {"usage": Usage(input_uncached_tokens=5, output_tokens=5, web_fetch_requests=1, output_audio_tokens=2)},
        "no rate is known for output_audio, web_fetch",
    ),
    (
        {"usage": Usage(input_uncached_tokens=10, output_tokens=5, reasoning_tokens=5000)},
        "the parts of its tokens are more than the whole",
    ),
    ({"usage": KNOWN, "service_tier": "scale"}, "no scale price is known for gpt-4o-2024-08-06"),
]


@pytest.mark.parametrize(("fields", "reason"), UNKNOWN, ids=[reason for _, reason in UNKNOWN])
def test_an_unknown_cost_has_a_reason(fields: dict[str, Any], reason: str, spool: Path) -> None:
    load(spool, make.call(1, **fields))
    ((status, found, flags),) = ask("SELECT price_status, price_reason, flags FROM v_calls")
    assert (status, found) == ("unpriced", reason)
    assert flags == (["usage_mismatch"] if "parts" in reason else [])


def test_the_price_of_the_day_and_of_the_size_counts(spool: Path) -> None:
    def at(number: int, day: str, tokens: int, model: str) -> Any:
        from datetime import UTC, datetime

        start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1_000_000)
        usage = Usage(input_uncached_tokens=tokens, output_tokens=0)
        return make.call(
            number, context={"start_unix_us": start}, usage=usage, request_model=model, response_model=model
        )

    load(
        spool,
        at(1, "2026-08-20T23:59:59", 1000, "gpt-5.6-sol"),
        at(2, "2026-08-21T00:00:00", 1000, "gpt-5.6-sol"),
        at(3, "2026-08-21T00:00:00", 272_000, "gpt-5.6-sol"),
        at(4, "2026-08-21T00:00:00", 272_001, "gpt-5.6-sol"),
        at(5, "2026-11-16T23:59:59", 1000, "gpt-6.2-sol"),
        at(6, "2026-11-17T00:00:00", 1000, "gpt-6.2-sol"),
        at(7, "2026-11-17T00:00:00", 272_001, "gpt-6.2-sol"),
        at(8, "2026-11-17T00:00:00", 272_001, "gpt-6.2-astra"),
    )
    assert ask("SELECT cost_picousd, price_reason FROM v_calls ORDER BY span_id") == [
        (1000 * 5_000_000, None),
        (1000 * 4_000_000, None),
        (272_000 * 4_000_000, None),
        (272_001 * 8_000_000, None),
        (None, "no price for this date or context size"),
        (1000 * 2_000_000, None),
        (272_001 * 4_000_000, None),
        (None, "no price for this date or context size"),
    ]


def test_parts_add_up_and_absent_counts_are_not_unknown(spool: Path) -> None:
    usage = Usage(
        input_uncached_tokens=10,
        cache_read_tokens=20,
        cache_write_short_tokens=30,
        cache_write_long_tokens=40,
        output_tokens=50,
        web_search_requests=2,
        web_fetch_requests=3,
    )
    load(spool, make.call(1, usage=usage, provider="anthropic", response_model="claude-opus-5-5"))
    ((tokens, *parts, total),) = ask(
        "SELECT input_tokens, cost_input_picousd, cost_cache_read_picousd, cost_cache_write_picousd, "
        "cost_output_picousd, cost_other_picousd, cost_picousd FROM v_calls"
    )
    assert tokens == 100
    assert parts == [10 * 4_000_000, 20 * 200_000, 30 * 5_000_000 + 40 * 8_000_000, 50 * 20_000_000, 2 * 10**10]
    assert total == sum(parts)


def test_an_operation_is_its_attempts(spool: Path) -> None:
    first = f"{1:016x}"
    load(
        spool,
        make.call(1, usage=NONE, status="error", http_status=500, error_type="InternalServerError"),
        make.call(2, context={"trace_id": f"{1:032x}", "operation_id": first, "attempt": 2}),
    )
    ((attempts, status, http, error, cost, unpriced, ids),) = ask(
        "SELECT attempts, status, http_status, error_type, cost_picousd, unpriced_attempts, call_ids FROM v_operations"
    )
    assert (attempts, status, http, error) == (2, "ok", 200, None)
    assert (cost, unpriced, ids) == (3_500_000_000, 0, [first, f"{2:016x}"])
    assert ask('SELECT "end" - start FROM v_operations')[0][0].total_seconds() == pytest.approx(1.9)


def test_segments_come_in_wire_order(spool: Path) -> None:
    load(spool, make.call(1, segments=tuple(make.part(n) for n in (5, 3, 4))), make.call(2))
    assert ask("SELECT call_id, position, hash, volatile FROM v_segments ORDER BY position") == [
        (f"{1:016x}", 1, 5, []),
        (f"{1:016x}", 2, 3, []),
        (f"{1:016x}", 3, 4, []),
    ]


def test_tasks_sum_what_is_priced_and_count_the_rest(spool: Path) -> None:
    load(
        spool,
        make.call(1, context={"task": "a"}),
        make.call(2, context={"task": "a"}, response_model="in-house-7b"),
        make.call(3, context={"task": "b"}, response_model="in-house-7b", status="error"),
    )
    rows = ask("SELECT task, calls, operations, errors, unpriced_calls, cost_picousd FROM v_tasks ORDER BY task")
    assert rows == [("a", 2, 2, 0, 1, 3_500_000_000), ("b", 1, 1, 1, 1, None)]
