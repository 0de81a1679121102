"""A user's prices: what they can say, and one line for everything they can get wrong."""

# ruff: noqa: DTZ001  (the store's times are naive UTC)
from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from otelcost.errors import EXIT_USAGE, PriceError
from otelcost.pricing.book import Book, compile_book
from otelcost.pricing.override import parse_rules, read_rules
from otelcost.pricing.rates import RATE_NAMES, PriceRow


def book(folder: Path, text: str) -> Book:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return compile_book(path)


def rows(made: Book, provider: str, model: str, tier: str | None = None) -> list[PriceRow]:
    found = made.resolve(provider, model, tier)
    assert found.status == "override", found
    assert found.price_key is not None
    return made.rows_for(found.price_key)


def test_absolute_rates_for_a_model_nobody_knows(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "in-house-*"\ninput = 0.35\noutput = "1.4"\nweb_search = 10\n')
    (row,) = rows(made, "openai", "In-House-7B")
    assert (row.rates.input_picousd, row.rates.output_picousd, row.rates.web_search_picousd) == (
        350_000,
        1_400_000,
        10**10,
    )
    assert (row.rates.cache_read_picousd, row.rates.reasoning_picousd) == (350_000, 1_400_000)
    assert row.source == "prices.toml"
    assert "no flex price is known for in-house-7b" in (made.resolve("openai", "in-house-7b", "flex").reason or "")
    assert made.resolve("openai", "other").status == "unpriced"


def test_one_rate_of_a_known_model_leaves_the_others(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\noutput = 8\n')
    (row,) = rows(made, "openai", "gpt-4o")
    assert (row.rates.input_picousd, row.rates.cache_read_picousd, row.rates.output_picousd) == (
        2_500_000,
        1_250_000,
        8_000_000,
    )


def test_a_multiplier_reaches_every_variant_and_no_fee(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-5*"\nmultiplier = "1.1"\n')
    (row,) = rows(made, "openai", "gpt-5")
    assert (row.rates.input_picousd, row.rates.web_search_picousd) == (1_375_000, 10**10)
    assert {each.rates.input_picousd for each in rows(made, "openai", "gpt-5", "batch")} == {687_500}


def test_an_azure_deployment_is_priced_as_its_model(tmp_path: Path) -> None:
    text = '[[price]]\nprovider = "azure*"\nmodel = "team-chat"\nbase_model = "gpt-4o"\nmultiplier = 1.1\n'
    made = book(tmp_path, text)
    (row,) = rows(made, "azure.ai.openai", "team-chat")
    assert row.rates.input_picousd == 2_750_000
    assert made.resolve("openai", "team-chat").status == "unpriced"


def test_dates_cut_rows(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\nfrom = 2026-07-01\nto = "2026-08-01"\nmultiplier = 0.5\n')
    found = [(row.valid_from, row.rates.input_picousd) for row in rows(made, "openai", "gpt-4o")]
    assert found[1:] == [(datetime(2026, 7, 1), 1_250_000), (datetime(2026, 8, 1), 2_500_000)]
    assert found[0][1] == 2_500_000


def test_later_entries_are_laid_over_earlier_ones(tmp_path: Path) -> None:
    text = '[[price]]\nmodel = "gpt-4o"\nmultiplier = 0.5\n[[price]]\nmodel = "gpt-*"\nfrom = 2026-07-01\ninput = 1\n'
    found = [
        (row.rates.input_picousd, row.rates.output_picousd) for row in rows(book(tmp_path, text), "openai", "gpt-4o")
    ]
    assert found == [(1_250_000, 5_000_000), (1_000_000, 5_000_000)]


def test_what_one_hosts_oneself_costs_nothing_in_every_variant(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "llama-*"\nself_hosted = true\n')
    for tier in (None, "batch", "priority"):
        (row,) = rows(made, "openai", "llama-3", tier)
        assert {getattr(row.rates, name) for name in RATE_NAMES} == {0}


def test_a_gpu_hour_is_spread_over_its_tokens(tmp_path: Path) -> None:
    text = '[[price]]\nmodel = "llama-*"\ngpu_hour = 2.4\ngpus = 2\ntokens_per_hour = 9_600_000\n'
    (row,) = rows(book(tmp_path, text), "openai", "llama-3", "batch")
    assert {getattr(row.rates, f"{name}_picousd") for name in ("input", "cache_read", "output", "reasoning")} == {
        500_000
    }
    assert (row.rates.web_search_picousd, row.rates.request_picousd) == (0, 0)


def test_hours_of_ones_own(tmp_path: Path) -> None:
    made = book(
        tmp_path,
        '[[price]]\nmodel = "gpt-4o"\nmultiplier = 0.5\nfrom = 2026-11-02\nto = 2026-11-09\n'
        'hours = ["00:00-06:00", "22:00-24:00"]\ndays = ["mon", "tue"]\nexcept = [2026-11-03]\n',
    )
    found = [
        (row.valid_from, row.valid_to) for row in rows(made, "openai", "gpt-4o") if row.rates.input_picousd == 1_250_000
    ]
    assert found == [
        (datetime(2026, 11, 2), datetime(2026, 11, 2, 6)),
        (datetime(2026, 11, 2, 22), datetime(2026, 11, 3)),
    ]


def test_sizes_of_ones_own(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\ncontext_above = 100_000\nmultiplier = 2\n')
    found = {(row.context_lo, row.rates.input_picousd) for row in rows(made, "openai", "gpt-4o")}
    assert found == {(0, 2_500_000), (100_001, 5_000_000)}


def test_a_moment_with_its_offset_begins_a_price(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\nfrom = 2026-07-01T00:00:00-07:00\nmultiplier = 0.5\n')
    assert [row.valid_from for row in rows(made, "openai", "gpt-4o")][-1] == datetime(2026, 7, 1, 7)


def test_one_variant_alone(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\nvariant = "flex"\ninput = 1\noutput = 2\n')
    (flex,) = rows(made, "openai", "gpt-4o", "flex")
    (standard,) = rows(made, "openai", "gpt-4o")
    assert (flex.rates.input_picousd, standard.rates.input_picousd) == (1_000_000, 2_500_000)


def test_another_standard_price_leaves_no_list_price_beside_it(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\ninput = 5\noutput = 20\n')
    for tier in ("batch", "flex"):
        found = made.resolve("openai", "gpt-4o", tier)
        assert (found.price_key, found.status) == (None, "unpriced")
    assert 'give one with variant = "batch" too' in (made.resolve("openai", "gpt-4o", batch=True).reason or "")


@pytest.mark.parametrize("first", [True, False])
def test_a_users_own_batch_price_stays_beside_their_standard_price(first: bool, tmp_path: Path) -> None:
    both = ['[[price]]\nmodel = "gpt-4o"\ninput = 5\n', '[[price]]\nmodel = "gpt-4o"\nvariant = "batch"\ninput = 3\n']
    made = book(tmp_path, "".join(both if first else reversed(both)))
    (batch,) = {row.rates.input_picousd for row in rows(made, "openai", "gpt-4o", "batch")}
    assert batch == 3_000_000


def test_a_fee_or_a_past_price_says_nothing_about_batch(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\nweb_search = 5\n')
    assert {row.rates.input_picousd for row in rows(made, "openai", "gpt-4o", "batch")} == {1_250_000}
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\nto = 2026-01-01\ninput = 5\n')
    assert min(row.valid_from for row in rows(made, "openai", "gpt-4o", "batch")) == datetime(2026, 1, 1)


def test_a_geography_of_ones_own(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "m"\nvariant = "standard+eu"\ninput = 1\noutput = 1\n')
    assert made.resolve("anthropic", "m", geo="eu").status == "override"
    assert made.resolve("anthropic", "m").status == "unpriced"


def test_a_base_model_that_does_not_exist_is_named(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "gpt-4o"\nbase_model = "4o-gpt"\n')
    assert made.resolve("openai", "gpt-4o").reason == "the price book has no 4o-gpt (base_model in prices.toml)"


def test_a_multiple_of_an_unknown_input_rate_is_unknown(tmp_path: Path) -> None:
    made = book(tmp_path, '[[price]]\nmodel = "m"\noutput = 1\ntimes_input = { cache_read = 0.1 }\n')
    (row,) = rows(made, "openai", "m")
    assert (row.rates.input_picousd, row.rates.cache_read_picousd) == (None, None)


def test_no_file_means_no_rules(tmp_path: Path) -> None:
    assert read_rules(tmp_path / "none.toml") == ()
    assert parse_rules("", "x") == ()


def test_numbers_are_exact() -> None:
    (rule,) = parse_rules(
        '[[price]]\nmodel = "m"\ninput = 0.1\nmultiplier = 1.1\ntimes_input = { cache_read = 0.1 }', "f"
    )
    assert rule.rates == {"input_picousd": 100_000}
    assert (rule.multiplier, rule.times_input) == (Decimal("1.1"), {"cache_read_picousd": Decimal("0.1")})


WRONG = [
    ("price = 3", "is one table"),
    ("[price]\nmodel = 'm'", "two brackets"),
    ("[[prices]]\nmodel = 'm'", "unknown table 'prices'"),
    ("[[price]\n", "is not TOML"),
    ("[[price]]\ninput = 1", "entry 1 has no model"),
    ("[[price]]\nmodel = ''\ninput = 1", "is not a name"),
    ("[[price]]\nmodel = 3\ninput = 1", "3 is not a name: write it in quotes"),
    ("[[price]]\nmodel = 'm'\ninptu = 1", "unknown key 'inptu': did you mean 'input'"),
    ("[[price]]\nmodel = 'm'\nxyzzy = 1", "unknown key 'xyzzy': known keys"),
    ("[[price]]\nmodel = 'm'", "(m) sets no price"),
    ("[[price]]\nmodel = 'm'\ninput = 'cheap'", "'cheap' is not a number"),
    ("[[price]]\nmodel = 'm'\ninput = -1", "-1 is not a number of 0 or more"),
    ("[[price]]\nmodel = 'm'\ninput = nan", "is not a number"),
    ("[[price]]\nmodel = 'm'\ninput = true", "True is not a number"),
    ("[[price]]\nmodel = 'm'\ninput = [1]", "is not a number"),
    ("[[price]]\nmodel = 'm'\ninput = 0.0000001", "too many decimals"),
    ("[[price]]\nmodel = 'm'\ninput = 2000000", "is too large"),
    ("[[price]]\nmodel = 'm'\nmultiplier = 5000", "is too large"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nfrom = 2026-13-01", "is not TOML"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nfrom = 'soon'", "'soon' is not a date: write it as 2026-07-01"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nfrom = 2026-07-01T10:00:00", "is not a date"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nfrom = 2026-07-01\nto = 2026-07-01", "from is not before to"),
    ("[[price]]\nmodel = 'm'\nself_hosted = 'yes'", "neither true nor false"),
    ("[[price]]\nmodel = 'm'\nself_hosted = true\ninput = 1", "remove one of them"),
    ("[[price]]\nmodel = 'm'\ninput = 1\ncontext_up_to = 0", "is not a number of tokens"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nvariant = 'batchh'", "unknown variant 'batchh': did you mean 'batch'"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nvariant = '+us'", "unknown variant '+us': known: standard"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nvariant = 'standard+'", "names no geography"),
    ("[[price]]\nmodel = 'm'\ninput = 1\ntimes_input = 3", "not a table"),
    ("[[price]]\nmodel = 'm'\ngpu_hour = 2", "needs gpu_hour and tokens_per_hour"),
    ("[[price]]\nmodel = 'm'\ngpu_hour = 2\ntokens_per_hour = 1", "more than a dollar a token"),
    ("[[price]]\nmodel = 'm'\ngpu_hour = 2\ntokens_per_hour = 100000\ninput = 1", "allows no other price"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nhours = ['1-2']", "no span of a day"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nhours = ['04:00-01:00']", "no span of a day"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nhours = ['01:00-04:00']", "hours need from and to"),
    (
        "[[price]]\nmodel = 'm'\ninput = 1\nhours = ['01:00-04:00']\nfrom = 2020-01-01\nto = 2026-01-01",
        "more than three years",
    ),
    ("[[price]]\nmodel = 'm'\ninput = 1\ndays = ['mon']", "go with hours"),
    ("[[price]]\nmodel = 'm'\ninput = 1\ndays = ['monday']", "is no day of the week"),
    ("[[price]]\nmodel = 'm'\ninput = 1\nexcept = 3", "not a list of dates"),
    ("[[price]]\nmodel = 'm'\ninput = 1\ncontext_above = 9\ncontext_up_to = 8", "not below context_up_to"),
    ("[[price]]\nmodel = 'm'\ninput = 1\ntimes_input = { nonsense = 1 }", "unknown rate 'nonsense'"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_every_mistake_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(PriceError) as caught:
        book(tmp_path, text)
    message = str(caught.value)
    assert says in message
    assert "prices.toml" in message
    assert "\n" not in message
    assert caught.value.fix
    assert caught.value.exit_code == EXIT_USAGE


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match="cannot be read"):
        read_rules(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PriceError, match="cannot be read"):
        read_rules(tmp_path / "bytes.toml")
