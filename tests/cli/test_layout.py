"""Tables on terminals: figures and ids whole or not there, words wrapped, cards where nothing else fits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.cli.colour import to_terminal
from otelcost.cli.layout import layout, natural_widths
from otelcost.cli.render import Column, Table

COLUMNS = (
    Column("id"),
    Column("task", flex=10),
    Column("calls", right=True, drop=2),
    Column("model", drop=1),
    Column("cost", right=True),
)
ROW = ("R-65d46fa6", "a task with a long name of several words", "1,234", "claude-sonnet-4-5", "$12.34")
TABLE = Table(COLUMNS, (ROW,))


def shown(table: Table, columns: int, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("COLUMNS", str(columns))
    patch.setenv("NO_COLOR", "1")
    return re.sub(r"\x1b\[[0-9;]*m", "", to_terminal((table,)))


def test_what_matters_least_goes_first_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not in this width" not in shown(TABLE, 60, monkeypatch)
    narrower = shown(TABLE, 55, monkeypatch)
    assert "not in this width: calls" in narrower
    assert "claude-sonnet-4-5" in narrower
    narrow = shown(TABLE, 40, monkeypatch)
    assert "not in this width: calls, model" in narrow
    assert "R-65d46fa6" in narrow
    assert "$12.34" in narrow


def test_where_no_table_fits_cards_show_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert layout(TABLE, 25) is None
    lines = shown(TABLE, 25, monkeypatch).splitlines()
    assert lines[0] == "id: R-65d46fa6"
    assert {"calls: 1,234", "model: claude-sonnet-4-5", "cost: $12.34"} <= set(lines)


@given(st.integers(min_value=1, max_value=200))
def test_columns_fit_and_only_words_are_wrapped(width: int) -> None:
    sizes = layout(TABLE, width)
    if sizes is None:
        return
    assert sum(size for _, size in sizes) + 2 * (len(sizes) - 1) <= width
    natural = natural_widths(TABLE)
    for index, size in sizes:
        assert size == natural[index] or COLUMNS[index].flex <= size < natural[index]
    assert {index for index, _ in sizes} >= {0, 1, 4}


def test_a_word_longer_than_the_terminal_is_left_to_be_copied_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Table((Column("id"),), (("0123456789abcdef" * 3,),))
    assert "0123456789abcdef" * 3 in shown(long, 30, monkeypatch)
