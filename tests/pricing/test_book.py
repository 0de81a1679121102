"""Which price a call gets: names, tiers, geographies, batch, resellers, overlay, and no price at all."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from otelcost.pricing import book as books
from otelcost.pricing import snapshot
from otelcost.pricing.book import Book, compile_book, fingerprint, variant_name
from otelcost.pricing.rates import PriceRow, Rates

LATE = datetime(2026, 11, 22)


@pytest.fixture(scope="module")
def book() -> Book:
    return compile_book()


def rates(book: Book, key: str, when: datetime = LATE, size: int = 1000) -> Rates:
    (row,) = [
        row
        for row in book.rows_for(key)
        if row.valid_from <= when < row.valid_to and row.context_lo <= size < row.context_hi
    ]
    return row.rates


RESOLVED = [
    (("openai", "gpt-4o"), "openai/gpt-4o/standard", "exact"),
    (("openai", "GPT-4o"), "openai/gpt-4o/standard", "exact"),
    (("openai", "gpt-4o-2024-08-06"), "openai/gpt-4o/standard", "alias"),
    (("openai", "gpt-4o", "default"), "openai/gpt-4o/standard", "exact"),
    (("openai", "gpt-4o", "auto"), "openai/gpt-4o/standard", "exact"),
    (("openai", "gpt-5", "flex"), "openai/gpt-5/flex", "exact"),
    (("openai", "gpt-5", "priority"), "openai/gpt-5/priority", "exact"),
    (("openai", "gpt-5", None, None, None, True), "openai/gpt-5/batch", "exact"),
    (("azure.ai.openai", "gpt-4o"), "openai/gpt-4o/standard", "alias"),
    (("openai", "gpt-6.2-astra"), "openai/gpt-6.2-astra/standard", "exact"),
    (("openai", "gpt-6.2-sol-2026-11-17"), "openai/gpt-6.2-sol/standard", "alias"),
    (("anthropic", "claude-opus-5-5-20261001"), "anthropic/claude-opus-5-5/standard", "alias"),
    (("anthropic", "claude-opus-5-5", "batch"), "anthropic/claude-opus-5-5/batch", "exact"),
    (("anthropic", "claude-opus-5-5", "standard", "fast"), "anthropic/claude-opus-5-5/fast", "exact"),
    (("anthropic", "claude-opus-5-5", None, None, "us"), "anthropic/claude-opus-5-5/standard+us", "exact"),
    (("anthropic", "claude-opus-5-5", None, None, "global"), "anthropic/claude-opus-5-5/standard", "exact"),
    (("anthropic", "claude-haiku-4-5", None, None, "not_available"), "anthropic/claude-haiku-4-5/standard", "exact"),
    (("mistral_ai", "mistral-large-latest"), "mistral/mistral-large-latest/standard", None),
]


@pytest.mark.parametrize(("asked", "key", "status"), RESOLVED)
def test_a_call_gets_its_price(asked: tuple[str, ...], key: str, status: str | None, book: Book) -> None:
    found = book.resolve(*asked)  # type: ignore[arg-type]
    if status is not None:
        assert found.status == status
        assert found.price_key == key
    assert found.price_key is not None
    assert found.reason is None


UNPRICED = [
    (("openai", None), "names no model"),
    (("openai", ""), "names no model"),
    (("openai", "gpt-99-nova"), "no model gpt-99-nova of openai"),
    (("openai", "gpt-6.3-astra"), "no model"),
    (("openai", "ft:gpt-5-2026-01-01:org::id"), "what models tuned from gpt-5-2026-01-01 cost is not known"),
    (("my-gateway", "gpt-4o"), "no provider my-gateway"),
    (("openai", "gpt-4o", "scale"), "no scale price"),
    (("openai", "gpt-6.2-astra", "flex"), "no flex price"),
    (("anthropic", "claude-opus-5-5", "priority"), "no priority price"),
    (("anthropic", "claude-haiku-4-5", None, None, "us"), "no standard+us price"),
    (("anthropic", "claude-opus-5-5", None, None, "eu"), "no standard+eu price"),
    (("anthropic", "claude-opus-5-5", None, "fast", None, True), "no batch-fast price"),
    (("deepseek", "deepseek-chat"), "depends on the hour"),
    (("openai", "whisper-1"), "charged by audio_hours"),
    (("openai", "omni-moderation-latest"), "without a price"),
]


@pytest.mark.parametrize(("asked", "why"), UNPRICED)
def test_no_price_is_never_zero_and_says_why(asked: tuple[str, ...], why: str, book: Book) -> None:
    found = book.resolve(*asked)  # type: ignore[arg-type]
    assert (found.price_key, found.status) == (None, "unpriced")
    assert found.reason is not None
    assert why in found.reason


@pytest.mark.parametrize(
    ("tier", "speed", "geo", "batch", "name"),
    [
        (None, None, None, False, "standard"),
        ("Standard", "normal", "GLOBAL", False, "standard"),
        ("batch", None, None, True, "batch"),
        ("fast", "fast", None, False, "fast"),
        ("flex", None, "us", True, "batch-flex+us"),
    ],
)
def test_variant_names(tier: str | None, speed: str | None, geo: str | None, batch: bool, name: str) -> None:
    assert variant_name(tier, speed, geo, batch=batch) == name


def test_rows_of_a_key_never_overlap_and_are_whole_picodollars(book: Book) -> None:
    by_key: dict[str, list[PriceRow]] = {}
    for row in book.rows:
        by_key.setdefault(row.price_key, []).append(row)
        assert row.valid_from < row.valid_to
        assert row.context_lo < row.context_hi
        assert row.source
    assert len(by_key) > 2000
    for rows in by_key.values():
        for first, second in pairwise(sorted(rows, key=lambda row: (row.valid_from, row.context_lo))):
            apart_in_time = first.valid_to <= second.valid_from
            apart_in_size = first.valid_from == second.valid_from and first.context_hi <= second.context_lo
            assert apart_in_time or apart_in_size, (first, second)


def test_the_overlay_fills_what_the_library_lacks(book: Book) -> None:
    astra = rates(book, "openai/gpt-6.2-astra/standard")
    assert (astra.input_picousd, astra.output_picousd) == (8_000_000, 40_000_000)
    assert (astra.cache_write_short_picousd, astra.cache_write_long_picousd) == (10_000_000, 20_000_000)
    sol = rates(book, "openai/gpt-6.2-sol/batch")
    assert (sol.input_picousd, sol.output_picousd, sol.file_search_picousd) == (1_000_000, 5_000_000, 2_500_000_000)
    long_context = rates(book, "openai/gpt-6.1-sol/priority", size=300_000)
    assert long_context.input_picousd is not None
    assert long_context.cache_write_long_picousd == long_context.input_picousd * 5 // 2
    audio = rates(book, "openai/gpt-4o-audio-preview/standard")
    assert (audio.input_audio_picousd, audio.output_audio_picousd) == (40_000_000, 80_000_000)
    assert rates(book, "openai/o3-mini/standard").file_search_picousd == 2_500_000_000
    home, abroad = (rates(book, f"anthropic/claude-opus-5-5/{name}") for name in ("standard", "standard+us"))
    assert abroad.input_picousd == 4_400_000
    assert (home.web_fetch_picousd, abroad.web_search_picousd) == (0, home.web_search_picousd)


BATCHED = [
    *(("anthropic", f"claude-{name}") for name in ("opus-4-0", "opus-4-1", "sonnet-4-0", "3-opus-latest", "3-haiku")),
    *(("anthropic", f"claude-3-{name}") for name in ("5-haiku-latest", "5-sonnet", "7-sonnet-latest")),
    ("gcp.gemini", "gemini-embedding-001"),
    *(("openai", f"text-embedding-{name}") for name in ("3-small", "3-large", "ada-002")),
]


@pytest.mark.parametrize(("provider", "model"), BATCHED, ids=[model for _, model in BATCHED])
def test_batch_is_half_price_where_the_library_has_no_batch_price(book: Book, provider: str, model: str) -> None:
    key = book.resolve(provider, model, batch=True).price_key
    assert key is not None
    for when in (datetime(2026, 9, 1), LATE):
        standard, batch = rates(book, key.replace("/batch", "/standard"), when), rates(book, key, when)
        assert standard.input_picousd is not None
        assert batch.input_picousd == standard.input_picousd // 2


@pytest.mark.parametrize(("model", "dollars"), [("gpt-image-1", 40), ("gpt-image-1-mini", 8), ("gpt-image-2", 30)])
def test_what_models_of_images_make_is_images(book: Book, model: str, dollars: int) -> None:
    for when in (datetime(2026, 9, 1), LATE):
        standard, batch = (rates(book, f"openai/{model}/{name}", when) for name in ("standard", "batch"))
        assert standard.output_image_picousd == standard.output_picousd == dollars * 1_000_000
        assert batch.output_image_picousd == batch.output_picousd == dollars * 500_000


def test_a_search_models_fee_is_known_for_the_days_it_is_one(book: Book) -> None:
    for model in ("gpt-4o-search-preview", "gpt-4o-mini-search-preview"):
        key = f"openai/{model}/standard"
        assert rates(book, key, datetime(2025, 9, 1)).web_search_picousd is None
        assert rates(book, key, LATE).web_search_picousd == 25_000_000_000


@pytest.mark.parametrize("model", ["claude-3-sonnet", "claude-2"])
def test_no_batch_price_where_the_provider_lists_none(book: Book, model: str) -> None:
    assert book.resolve("anthropic", model, batch=True).price_key is None


def test_batch_is_half_price_before_the_library_says_so(book: Book) -> None:
    early = datetime(2026, 1, 1)
    for key in ("openai/gpt-5.4", "anthropic/claude-sonnet-4-6"):
        standard, batch = rates(book, f"{key}/standard", early), rates(book, f"{key}/batch", early)
        assert standard.input_picousd is not None
        assert batch.input_picousd == standard.input_picousd // 2
        assert batch.web_search_picousd == standard.web_search_picousd
    # Sonnet 4.6 had a dearer long context then, and batch follows it.
    assert rates(book, "anthropic/claude-sonnet-4-6/batch", early, 300_000).input_picousd == 3_000_000
    assert rates(book, "anthropic/claude-sonnet-4-6/batch", LATE, 300_000).input_picousd == 1_500_000


def test_every_variant_of_a_model(book: Book) -> None:
    names = [key.rpartition("/")[2] for key in book.variants("openai/gpt-5/standard")]
    served = ["batch", "fast", "flex", "priority", "standard"]
    assert names == sorted(served + [f"{name}+regional" for name in served])
    assert book.rows_for("openai/nothing/standard") == []


def test_the_fingerprint_follows_every_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    override = tmp_path / "prices.toml"
    bare = fingerprint()
    assert fingerprint(override) == bare
    override.write_text('[[price]]\nmodel = "x"\ninput = 1\n')
    assert fingerprint(override) != bare
    monkeypatch.setattr(books, "COMPILER", 0)
    assert fingerprint() != bare


def test_the_digest_follows_rows_and_rules(tmp_path: Path) -> None:
    override = tmp_path / "prices.toml"
    assert compile_book(override).sha256 == compile_book().sha256
    override.write_text('[[price]]\nmodel = "x"\ninput = 1\n')
    assert compile_book(override).sha256 != compile_book().sha256


def test_the_snapshot_tells_its_age_and_windows() -> None:
    assert date(2026, 10, 1) < snapshot.newest_date(date(2026, 11, 22)) <= date(2026, 11, 22)
    assert snapshot.newest_date(datetime.now(UTC).date()) <= datetime.now(UTC).date()
    assert snapshot.context_window("openai", "gpt-4o") == 128_000
    assert snapshot.context_window("openai", "nothing") is None
    assert snapshot.find("nobody", "gpt-4o") is None
