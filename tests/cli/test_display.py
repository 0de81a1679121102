"""Figures and foreign names as text: exact integers in, nothing hostile out."""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost import display

AMOUNTS = st.integers(min_value=-(10**19), max_value=10**19)


@pytest.mark.parametrize(
    ("picousd", "text"),
    [
        (None, "?"),
        (0, "$0.00"),
        (1, "<$0.000001"),
        (-1, "-<$0.000001"),
        (499_999, "<$0.000001"),
        (1_500_000, "$0.000002"),
        (12_345_678_901, "$0.0123"),
        (1_005_000_000_000, "$1.01"),
        (12_340_000_000_000, "$12.34"),
        (-12_340_000_000_000, "-$12.34"),
        (999_999_000_000_000, "$1,000"),
        (999_994_000_000_000, "$999.99"),
        (999_999_999_999, "$1.00"),
        (999_949_999_999, "$0.9999"),
        (9_999_999_999, "$0.0100"),
        (1_234_567_000_000_000, "$1,235"),
    ],
)
def test_money(picousd: int | None, text: str) -> None:
    assert display.money(picousd) == text


@given(AMOUNTS, st.sampled_from([0, 2, 4, 6]))
def test_money_is_within_half_a_unit_of_the_truth(picousd: int, places: int) -> None:
    text = display.money(picousd, places)
    if "<" in text:
        assert picousd != 0
        assert abs(picousd) * 2 < 10 ** (12 - places)
        return
    shown = Fraction(text.replace("$", "").replace(",", "")) * 10**12
    assert abs(shown - picousd) * 2 <= 10 ** (12 - places)


@given(AMOUNTS)
def test_an_amount_that_is_not_nothing_never_reads_as_nothing(picousd: int) -> None:
    text = display.money(picousd)
    assert (re.fullmatch(r"-?\$[0.,]*", text) is not None) == (picousd == 0)


def test_a_column_shares_its_decimals() -> None:
    assert display.common_places([None, 5 * 10**12, 3]) == 2
    assert display.common_places([1_000 * 10**12, 3]) == 0
    assert display.common_places([None]) == 2
    assert display.money(0, 4) == "$0.0000"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, 1, ""),
        (1, None, ""),
        (10**12, 10**12, ""),
        (1_701 * 10**9, 1_699 * 10**9, ""),
        (5 * 10**11, 2 * 10**12, "$0.50-$2.00"),
    ],
)
def test_a_range_says_something_or_is_not_there(low: int | None, high: int | None, text: str) -> None:
    assert display.range_text(low, high) == text


def test_an_amount_and_its_range_have_the_same_decimals() -> None:
    assert display.with_range(8 * 10**11, 5 * 10**11, 2 * 10**12) == "$0.80 [$0.50-$2.00]"
    assert display.with_range(17 * 10**11, 1_699 * 10**9, 1_701 * 10**9) == "$1.70"
    assert display.with_range(8 * 10**11, None, 2 * 10**12) == "$0.8000"
    assert display.with_range(1_234 * 10**9, 10**12, 2 * 10**12, 0) == "$1 [$1-$2]"
    assert display.with_range(None, 1, 2) == "?"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (None, 5, "?"),
        (1, None, "?"),
        (1, 0, "?"),
        (0, 5, "0%"),
        (61, 100, "61%"),
        (2, 1000, "0.2%"),
        (1, 10**6, "<0.1%"),
        (-61, 100, "-61%"),
        (5, 1, "500%"),
        (9994, 10000, ">99.9%"),
        (-9994, 10000, "->99.9%"),
        (999, 1000, "99.9%"),
        (995, 1000, "99.5%"),
        (994, 1000, "99%"),
        (10004, 10000, "100%"),
    ],
)
def test_percent(part: int | None, whole: int | None, text: str) -> None:
    assert display.percent(part, whole) == text


def test_change_says_direction_share_and_amount() -> None:
    dollar = 10**12
    assert display.change(161 * dollar, 100 * dollar) == "up 61% (+$61.00)"
    assert display.change(96 * dollar, 100 * dollar) == "down 4.0% (-$4.00)"
    assert display.change(5, 5) == "unchanged"
    assert display.change(5, None) == ""
    assert display.change(5, 0) == ""
    assert display.change(None, 5) == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "?"),
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9_449, "9.4k"),
        (9_450, "9.5k"),
        (9_950, "10k"),
        (12_345, "12k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (3_594_384, "3.6M"),
        (999_500_000, "1.0G"),
    ],
)
def test_tokens(number: int | None, text: str) -> None:
    assert display.tokens(number) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(None, "?"), (812_499, "812 ms"), (3_450_000, "3.4 s"), (125_000_000, "2 min 5 s")],
)
def test_duration(microseconds: int | None, text: str) -> None:
    assert display.duration(microseconds) == text


def test_counts_and_moments() -> None:
    assert display.count(None) == "?"
    assert display.count(1234) == "1,234"
    assert (display.plural(1, "call"), display.plural(0, "call")) == ("1 call", "0 calls")
    assert display.plural(2, "entry", "entries") == "2 entries"
    moment = datetime(2026, 11, 14, 7, 30, 1, 5)  # noqa: DTZ001
    assert display.instant(moment) == "2026-11-14 07:30 UTC"
    assert display.iso(moment) == "2026-11-14T07:30:01.000005Z"
    assert (display.instant(None), display.iso(None)) == ("?", None)


HOSTILE = st.text(alphabet=st.characters(), max_size=40)


@given(HOSTILE)
def test_clean_text_is_one_printable_line(text: str) -> None:
    assert display.clean(text).isprintable()


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x9b31m", "a\nb", "a\rb", "\u202eevil", "\udc80", "a\u2028b"])
def test_clean_shows_the_code_of_what_it_stops(text: str) -> None:
    cleaned = display.clean(text)
    assert cleaned != text
    assert "\\" in cleaned


def test_clean_leaves_letters_of_any_language_alone() -> None:
    assert display.clean("Größe 東京 ñ") == "Größe 東京 ñ"


@given(HOSTILE)
def test_no_name_becomes_a_formula(text: str) -> None:
    cell = display.spreadsheet(text)
    assert not cell.lstrip(" ").startswith(("=", "+", "-", "@"))
    assert cell.isprintable()


@pytest.mark.parametrize("text", ["=1+1", " =1+1", "@SUM(A1)", "+1", "-1", "\t=1"])
def test_formulas_are_quoted(text: str) -> None:
    assert display.spreadsheet(text).startswith("'")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[x](http://evil)", r"\[x\](http\://evil)"),
        ("www.evil.example", r"www\.evil.example"),
        ("@team", r"\@team"),
        ("*b* _i_ `c`", r"\*b\* \_i\_ \`c\`"),
        ("&lt;", "&amp;lt;"),
        ("support-triage", "support-triage"),
    ],
)
def test_markdown_names_stay_text(text: str, escaped: str) -> None:
    assert display.markdown(text) == escaped
