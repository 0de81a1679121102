"""What `otelcost prices` says about a model and about the book."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from otelcost.errors import PriceError
from otelcost.model import Call, Context, Usage
from otelcost.pricing import report
from otelcost.pricing.report import check, show
from otelcost.store.db import session
from otelcost.store.drain import drain


def record(home: Path, model: str) -> None:
    context = Context(trace_id="1" * 32, span_id="2" * 16, operation_id="2" * 16, start_unix_us=1_795_000_000_000_000)
    usage = Usage(input_uncached_tokens=10, output_tokens=1)
    call = Call(
        context=context, provider="openai", api="openai.chat", operation="chat", request_model=model, usage=usage
    )
    (home / "spool").mkdir(parents=True)
    (home / "spool" / "calls-v1-host-1-1-0.ndjson").write_bytes(msgspec.json.encode(call) + b"\n")


def test_show_lists_every_variant(home: Path) -> None:
    keys = {row.price_key for row in show("claude-opus-5-5", "anthropic")}
    assert {"anthropic/claude-opus-5-5/standard", "anthropic/claude-opus-5-5/batch"} <= keys
    assert any(row.price_key.startswith("openrouter/") for row in show("anthropic/claude-opus-4.5"))
    assert show("nothing-of-the-kind") == []
    home.mkdir()
    (home / "prices.toml").write_text("[[price]]\n")
    with pytest.raises(PriceError):
        show("gpt-4o")


def test_a_good_book_has_no_findings() -> None:
    drain()
    with session() as connection:
        ((newest,),) = connection.execute("SELECT source_date FROM book").fetchall()
        assert check(connection, today=newest) == []
        assert check(connection, today=newest + timedelta(days=14)) == []
        (stale,) = check(connection, today=newest + timedelta(days=15))
    assert stale.kind == "stale"
    assert "15 days ago" in stale.what


def test_a_store_without_a_book_is_not_stale() -> None:
    with session() as connection:
        assert check(connection, today=date(2030, 1, 1)) == []


def test_findings_say_what_and_what_to_do(home: Path, tmp_path: Path) -> None:
    record(home, "in-house-7b")
    drain()
    override = tmp_path / "prices.toml"
    override.write_text(
        '[[price]]\nmodel = "gpt-4o*"\nprovider = "azure.ai.openai"\nmultiplier = 1.1\n'
        '[[price]]\nmodel = "gtp-4o"\nmultiplier = 1.1\n[[price]]\nmodel = "in-house-*"\nbase_model = "gpt-4o"\n'
    )
    with session() as connection:
        ((newest,),) = connection.execute("SELECT source_date FROM book").fetchall()
        glob, unpriced = check(connection, today=newest, override=override)
        override.write_text("[[price]]\nmodel = 'gpt-4o*'\nbase_model = 'gtp-4o'\n")
        base, _ = check(connection, today=newest, override=override)
        override.write_text("[[price]]\nmodel = 'm'\ninptu = 1\n")
        mistake, _ = check(connection, today=newest, override=override)
    assert (glob.kind, unpriced.kind, mistake.kind) == ("glob", "unpriced", "override")
    assert base.kind == "base_model"
    assert "entry 1 (gpt-4o*) has the base_model gtp-4o, which the price book does not have" in base.what
    assert "entry 2 (gtp-4o) matches no" in glob.what
    assert "1 calls of in-house-7b at openai have no price: the price book has no model" in unpriced.what
    assert "did you mean 'input'" in mistake.fix
    assert report.STALE_AFTER_DAYS == 14


def spooled(home: Path, *calls: Call) -> None:
    (home / "spool").mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(call) + b"\n" for call in calls)
    (home / "spool" / "calls-v1-host-1-1-0.ndjson").write_bytes(lines)
    drain()


def a_call(number: int, provider: str, model: str, **fields: object) -> Call:
    usage = Usage(**{"input_uncached_tokens": 1000, "output_tokens": 100, **fields.pop("usage", {})})  # type: ignore[dict-item]
    context = Context(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        operation_id=f"{number:016x}",
        start_unix_us=1_795_000_000_000_000,
    )
    known: dict[str, object] = {"request_model": model, "response_model": model, "http_status": 200, **fields}
    return Call(context=context, provider=provider, api="openai.chat", operation="chat", usage=usage, **known)  # type: ignore[arg-type]


def test_what_is_not_wrong_but_worth_knowing_is_a_note(home: Path) -> None:
    spooled(
        home,
        a_call(1, "openrouter", "openai/gpt-4o", usage={"provider_cost_picousd": 4 * 10**9}),
        a_call(2, "openrouter", "openai/gpt-4o", usage={"provider_cost_picousd": 35 * 10**8}),
        a_call(3, "openai", "gpt-5", usage={"code_execution_requests": 2}),
        a_call(4, "azure.ai.openai", "gpt-4o"),
    )
    with session() as connection:
        found = check(connection, today=date(2026, 11, 10))
        costs = connection.execute("SELECT cost_picousd, book_cost_picousd FROM v_calls ORDER BY span_id").fetchall()
    assert costs[:2] == [(4 * 10**9, 35 * 10**8), (35 * 10**8, 35 * 10**8)]
    assert costs[2] == (1000 * 1_250_000 + 100 * 10_000_000,) * 2
    assert [finding.kind for finding in found] == ["differs", "apart", "assumed"]
    assert {finding.kind for finding in found} == report.NOTES
    assert "openrouter sent $0.004000 for 1 calls of openai/gpt-4o, where the book says $0.003500" in found[0].what
    assert "1 calls ran code at openai" in found[1].what


@pytest.mark.parametrize(
    ("asked", "served", "factor"),
    [("background-2h", "default", 70), ("background-8h", None, 60), ("priority", "default", 100), (None, "batch", 50)],
)
def test_work_that_may_wait_is_priced_as_it_was_asked_for_and_all_else_as_served(
    home: Path, asked: str | None, served: str | None, factor: int
) -> None:
    spooled(home, a_call(1, "openai", "gpt-6.2-sol", request_tier=asked, service_tier=served))
    with session() as connection:
        found = connection.execute("SELECT cost_picousd FROM v_calls").fetchall()
    assert found == [((1000 * 2_000_000 + 100 * 10_000_000) * factor // 100,)]
