"""Credits and commitments: set against spend, every dollar once, and never in a call's cost."""

# ruff: noqa: DTZ001  (naive UTC)
from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.errors import PriceError
from otelcost.pricing.agreements import Credit, Spend, commitment_balances, credit_balances
from otelcost.pricing.book import compile_book
from otelcost.pricing.override import read_file

USD = 10**12
NOW = datetime(2026, 11, 28)
TEXT = """
[[credit]]
name = "programme"
provider = "openai"
amount = 100
from = 2026-11-01
to = 2027-01-01

[[credit]]
amount = "30.50"
from = 2026-11-01
to = 2026-11-15

[[commitment]]
name = "2026"
provider = "open*"
amount = 120
overage = "1.25"
from = 2026-01-01
to = 2026-12-01
"""
SPEND: list[Spend] = [
    ("openai", date(2026, 11, 2), 50 * USD),
    ("anthropic", date(2026, 11, 3), 5 * USD),
    ("openai", date(2026, 11, 20), 90 * USD),
]


def test_the_credit_that_expires_first_pays_first(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(TEXT)
    _, given = read_file(tmp_path / "prices.toml")
    early, late = credit_balances(given.credits, SPEND, NOW)
    assert (early.name, early.used_picousd, early.left_picousd, early.expired) == (
        "credit 2", 305 * USD // 10, 0, True,
    )  # fmt: skip
    # 30.50 of the first day were paid by the other; the third of November found it empty.
    assert (late.name, late.used_picousd, late.expired) == ("programme", 100 * USD, False)
    (one,) = commitment_balances(given.commitments, SPEND, NOW)
    assert (one.drawn_picousd, one.left_picousd, one.over_picousd) == (120 * USD, 0, 20 * USD)
    assert (one.extra_picousd, one.ended) == (5 * USD, False)


def test_agreements_change_no_price(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(TEXT)
    assert compile_book(tmp_path / "prices.toml").rules == ()
    assert compile_book(tmp_path / "prices.toml").resolve("openai", "gpt-4o").status == "exact"


_DAYS = st.integers(0, 40).map(lambda number: date(2026, 11, 1) + timedelta(days=number))


@given(
    st.lists(st.tuples(st.integers(0, 50), _DAYS, _DAYS), max_size=4),
    st.lists(st.tuples(st.sampled_from(["openai", "anthropic"]), _DAYS, st.integers(0, 30)), max_size=8),
)
def test_no_dollar_of_spend_is_paid_twice(
    credits: list[tuple[int, date, date]], spend: list[tuple[str, date, int]]
) -> None:
    made = [
        Credit(
            name="c",
            provider="*",
            amount_picousd=amount,
            valid_from=min(one, other),
            valid_to=max(one, other) + timedelta(days=1),
        )
        for amount, one, other in credits
    ]
    balances = credit_balances(made, spend, NOW)
    assert sum(one.used_picousd for one in balances) <= sum(cost for _, _, cost in spend)
    for one in balances:
        assert one.used_picousd + one.left_picousd == one.amount_picousd
        assert 0 <= one.used_picousd <= one.amount_picousd


WRONG = [
    ("[credit]\namount = 1", "two brackets"),
    ("[[credit]]\nfrom = 2026-01-01\nto = 2027-01-01", "credit 1 has no amount"),
    ("[[credit]]\namount = 1\nto = 2027-01-01", "has no from"),
    ("[[credit]]\namount = -1\nfrom = 2026-01-01\nto = 2027-01-01", "not a number of 0 or more"),
    ("[[credit]]\namount = 1e12\nfrom = 2026-01-01\nto = 2027-01-01", "too large"),
    ("[[credit]]\namount = 1\nfrom = 2027-01-01\nto = 2026-01-01", "from is not before to"),
    ("[[credit]]\namount = 1\noverage = 2\nfrom = 2026-01-01\nto = 2027-01-01", "unknown key 'overage'"),
    ("[[commitment]]\namount = 1\noverage = 'x'\nfrom = 2026-01-01\nto = 2027-01-01", "overage"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_every_mistake_is_one_line(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(PriceError) as caught:
        compile_book(tmp_path / "prices.toml")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
