"""The book in the store: compiled when its inputs change, resolved once, never broken by a typing error."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from otelcost.pricing import book as books
from otelcost.store import prices
from otelcost.store.db import session
from otelcost.store.drain import drain

from . import make

COST = 3_500_000_000


def ask(sql: str) -> list[tuple[Any, ...]]:
    with session() as connection:
        return connection.execute(sql).fetchall()


def override(home: Path, text: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "prices.toml").write_text(text)


def test_the_book_is_compiled_once(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drain()
    ((sha, count),) = ask("SELECT (SELECT sha256 FROM book), count(*) FROM price")
    assert sha == books.compile_book().sha256
    assert count == len(books.compile_book().rows)
    monkeypatch.setattr(prices, "_store", None)  # would be called to store another one
    drain()


def test_new_prices_change_what_old_calls_cost(spool: Path, home: Path) -> None:
    make.write(spool, make.line(make.call(1)))
    drain()
    assert ask("SELECT cost_picousd, price_status FROM v_calls") == [(COST, "alias")]
    override(home, '[[price]]\nmodel = "gpt-4o*"\nmultiplier = 0.5\n')
    assert drain().warnings == ()
    assert ask("SELECT cost_picousd, price_status, price_source, price_key FROM v_calls") == [
        (COST // 2, "override", "prices.toml", "override:openai/gpt-4o-2024-08-06/standard")
    ]
    batch = ask("SELECT count(*) FROM price WHERE price_key = 'override:openai/gpt-4o-2024-08-06/batch'")
    assert batch[0][0] > 0
    (home / "prices.toml").unlink()
    drain()
    assert ask("SELECT cost_picousd, price_status FROM v_calls") == [(COST, "alias")]
    assert ask("SELECT count(*) FROM price WHERE price_key LIKE 'override:%'") == [(0,)]


def test_a_call_that_comes_after_the_override_gets_it_too(spool: Path, home: Path) -> None:
    override(home, '[[price]]\nmodel = "in-house-*"\ninput = 1\noutput = 2\n')
    drain()
    first, other = make.call(1, response_model="In-House-7b"), make.call(2, provider="nobody")
    again = make.call(3, response_model="in-house-7B", service_tier="default")
    make.write(spool, make.line(first) + make.line(other) + make.line(again))
    drain()
    assert ask("SELECT count(*) FROM price WHERE price_key LIKE 'override:openai/in-house%'") == [(1,)]
    assert ask("SELECT cost_picousd, price_status FROM v_calls ORDER BY span_id") == [
        (1000 * 1_000_000 + 100 * 2_000_000, "override"),
        (None, "unpriced"),
        (1000 * 1_000_000 + 100 * 2_000_000, "override"),
    ]


def test_a_typing_error_keeps_the_last_good_prices_and_warns(spool: Path, home: Path) -> None:
    make.write(spool, make.line(make.call(1)))
    override(home, '[[price]]\nmodel = "gpt-4o*"\nmultiplier = 0.5\n')
    drain()
    override(home, '[[price]]\nmodel = "gpt-4o*"\nmultiplyer = 0.1\n')
    make.write(spool, make.line(make.call(2)) + make.line(make.call(3, response_model="gpt-4o-mini")), sequence=1)
    (warning,) = drain().warnings
    assert "multiplyer" in warning
    assert "did you mean 'multiplier'" in warning
    assert "last good prices" in warning
    assert "\n" not in warning
    rows = ask("SELECT cost_picousd, price_status, price_reason FROM v_calls ORDER BY span_id")
    assert rows[:2] == [(COST // 2, "override", None)] * 2
    assert rows[2][:2] == (None, "unpriced")
    assert "prices.toml has a mistake" in rows[2][2]
    assert len(drain().warnings) == 1
    override(home, '[[price]]\nmodel = "gpt-4o*"\nmultiplier = 1\n')
    assert drain().warnings == ()
    assert [row[1] for row in ask("SELECT span_id, price_status FROM v_calls ORDER BY span_id")] == ["override"] * 3


def test_a_typing_error_on_the_first_day_still_prices_by_the_book(spool: Path, home: Path) -> None:
    override(home, "[[price]\n")
    make.write(spool, make.line(make.call(1)))
    (warning,) = drain().warnings
    assert ask("SELECT cost_picousd, price_status FROM v_calls") == [(COST, "alias")]
    assert "is not TOML" in warning
    assert "using the book without it" in warning
    assert ask("SELECT count(*) > 1000 FROM price") == [(True,)]
    assert ask("SELECT warning FROM book")[0][0] is not None
    make.write(spool, make.line(make.call(2, response_model="gpt-4o-mini")), sequence=1)
    assert "using the book without it" in drain().warnings[0]
    assert ask("SELECT count(*) FROM v_calls WHERE cost_picousd IS NULL") == [(0,)]
    override(home, '[[price]]\nmodel = "gpt-4o*"\nmultiplier = 0.5\n')
    assert drain().warnings == ()
    assert ask("SELECT DISTINCT price_status FROM v_calls") == [("override",)]


def test_a_rule_for_other_days_does_not_mark_todays_price(spool: Path, home: Path) -> None:
    override(home, '[[price]]\nmodel = "gpt-4o*"\nfrom = 2099-01-01\nmultiplier = 0.5\nsource = "contract"\n')
    later = {"start_unix_us": 4_080_000_000_000_000}
    make.write(spool, make.line(make.call(1)) + make.line(make.call(2, context=later)))
    drain()
    assert ask("SELECT cost_picousd, price_status, price_source FROM v_calls ORDER BY span_id") == [
        (COST, "alias", f"genai-prices {version('genai-prices')}"),
        (COST // 2, "override", "prices.toml: contract"),
    ]


def test_a_span_without_a_provider_is_unpriced_with_a_reason(spool: Path) -> None:
    make.write(spool, make.line(make.span(1, provider=None)), kind="spans")
    drain()
    assert ask("SELECT price_status, price_reason FROM v_calls") == [("unpriced", "the span names no provider")]
