"""Facts about models: complete, sourced, and in step with the book."""

from __future__ import annotations

from datetime import date

import pytest

from otelcost.pricing import facts, snapshot
from otelcost.pricing.book import Book, compile_book
from otelcost.pricing.facts import ModelFacts, model_facts
from otelcost.pricing.rates import Rates


def test_every_row_has_a_source_a_date_and_known_downgrades() -> None:
    book = compile_book()
    for provider, pattern, row in facts._rows():
        assert row.source.startswith("https://"), pattern
        assert date.fromisoformat(row.checked)
        for name in row.downgrade:
            assert book.resolve(provider, name).status in {"exact", "alias"}, (pattern, name)
            assert model_facts(provider, name) is not None


def _today(book: Book, key: str) -> Rates:
    return [row for row in book.rows_for(key) if row.context_lo == 0][-1].rates


def test_downgrades_are_cheaper_today() -> None:
    book = compile_book()
    for provider, pattern, row in facts._rows():
        own = book.resolve(provider, pattern.rstrip("*").rstrip("-"))
        for name in row.downgrade if own.price_key else ():
            other = book.resolve(provider, name)
            assert own.price_key is not None
            assert other.price_key is not None
            mine, theirs = (_today(book, key) for key in (own.price_key, other.price_key))
            assert (mine.input_picousd or 0) >= (theirs.input_picousd or 0), (pattern, name)
            assert (mine.output_picousd or 0) > (theirs.output_picousd or 0), (pattern, name)


@pytest.mark.parametrize(
    ("model", "minimum"),
    [
        ("claude-opus-5-5-20261001", 512), ("claude-opus-5", 512), ("claude-sonnet-5-5", 512),
        ("claude-haiku-5-5", 512), ("claude-fable-5-1", 512),
        ("claude-sonnet-5", 1024), ("claude-sonnet-4-5-20250929", 1024),
        ("claude-sonnet-4-6", 1024), ("claude-opus-4-8", 1024), ("claude-opus-4-7", 2048), ("claude-opus-4-6", 4096),
        ("claude-opus-4-5", 4096), ("claude-haiku-4-5", 4096),
    ],
)  # fmt: skip
def test_cache_minimums(model: str, minimum: int) -> None:
    found = model_facts("anthropic", model)
    assert found is not None
    assert (found.cache_minimum_tokens, found.cache_automatic, found.cache_increment_tokens) == (minimum, False, 1)
    assert (found.cache_ttl_short_s, found.cache_ttl_long_s) == (300, 3600)


def test_openai_caches_by_itself() -> None:
    new, old = model_facts("openai", "gpt-6.1-sol"), model_facts("azure.ai.openai", "gpt-4o-2024-08-06")
    assert new is not None
    assert old is not None
    assert (new.cache_minimum_tokens, new.cache_increment_tokens, new.cache_automatic) == (1024, 128, True)
    assert (new.cache_ttl_short_s, new.cache_ttl_long_s) == (1800, 43200)
    assert (old.cache_minimum_tokens, old.cache_ttl_short_s) == (1024, None)
    assert old.downgrade == ("gpt-4o-mini", "gpt-6-luna")


def test_windows_do_not_exceed_the_librarys() -> None:
    for provider, pattern, row in facts._rows():
        known = snapshot.context_window(provider, pattern.rstrip("*").rstrip("-"))
        if known is not None and row.context_window_tokens is not None:
            assert row.context_window_tokens <= known, pattern


def test_tokens_between_families() -> None:
    old, new = ModelFacts(tokenizer="claude-4"), ModelFacts(tokenizer="claude-4.7")
    assert old.token_factor_to(new) == 1.3
    assert new.token_factor_to(old) == pytest.approx(1 / 1.3)
    assert new.token_factor_to(new) == 1.0
    assert new.token_factor_to(ModelFacts(tokenizer="o200k")) is None
    assert ModelFacts().token_factor_to(new) is None


def test_an_unknown_model_has_no_facts() -> None:
    assert model_facts("openai", "in-house-7b") is None
    assert model_facts("nobody", "gpt-4o") is None
