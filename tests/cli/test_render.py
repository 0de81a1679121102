"""One document in four formats: escaped for each, the same bytes every time."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.cli.colour import to_terminal
from otelcost.cli.render import (
    FORMATS,
    Column,
    Document,
    Heading,
    Name,
    Prose,
    Table,
    render,
    width,
)

TEXT = st.text(max_size=30)
EVIL = "a\x1b[2J|<b>\n*=1+1*\u202e"


def document(name: str, cost: int | None = 1_500_000_000_000) -> Document:
    record = {"name": name, "cost_picousd": cost, "flags": [name], "known": True, "extra": {"why": name}}
    table = Table((Column("name"), Column("cost", right=True)), ((name, "$1.50"), ("short", "$10.00")))
    return Document(
        envelope={"rows": [record]},
        blocks=(Heading(("Of ", Name(name)), level=1), Prose((("see ", Name(name)),), bullets=True), table),
        fields=tuple(record),
        records=(record,),
    )


@pytest.mark.parametrize("format_", FORMATS)
@given(name=TEXT)
def test_no_format_lets_a_control_character_through(format_: str, name: str) -> None:
    for line in render(document(name), format_).split("\n"):
        assert line.isprintable()


@pytest.mark.parametrize("format_", FORMATS)
def test_text_ends_in_one_newline(format_: str) -> None:
    text = render(document("triage"), format_)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@given(name=TEXT)
def test_json_gives_the_name_back_as_it_was(name: str) -> None:
    text = render(document(name), "json")
    assert text.isascii()
    answer = json.loads(text)
    assert answer["schema_version"] == 1
    assert answer["rows"][0]["name"] == name


def test_json_money_is_an_integer_however_large() -> None:
    answer = json.loads(render(document("x", 9_007_199_254_740_993), "json"))
    assert answer["rows"][0]["cost_picousd"] == 9_007_199_254_740_993


def test_json_refuses_what_json_cannot_say() -> None:
    broken = Document(envelope={"share": float("nan")}, blocks=(), fields=())
    with pytest.raises(ValueError, match="not JSON compliant"):
        render(broken, "json")


@given(name=TEXT)
def test_csv_cells_are_never_formulas(name: str) -> None:
    rows = list(csv.reader(io.StringIO(render(document(name), "csv"))))
    assert rows[0] == ["name", "cost_picousd", "flags", "known", "extra"]
    assert len(rows) == 2
    for cell in (rows[1][0], rows[1][2], rows[1][4]):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@"))


def test_csv_unknown_is_empty_and_numbers_are_bare() -> None:
    rows = list(csv.reader(io.StringIO(render(document("triage", None), "csv"))))
    assert rows[1] == ["triage", "", "triage", "true", '{"why": "triage"}']
    rows = list(csv.reader(io.StringIO(render(document("triage", -5), "csv"))))
    assert rows[1][1] == "-5"


def test_markdown_shows_names_as_text() -> None:
    text = render(document(EVIL), "md")
    assert r"a\\x1b\[2J\|\<b\>\\n\*=1+1\*\\u202e" in text
    # Three table lines with the same number of cells, whatever a name holds.
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {3}


def test_plain_text_lines_up() -> None:
    lines = render(document("triage"), "table").splitlines()
    assert lines == ["Of triage", "", "- see triage", "", "name      cost", "triage   $1.50", "short   $10.00"]


def test_wide_letters_take_two_cells() -> None:
    assert width("東京") == 4
    assert width("e\u0301") == 1
    lines = render(document("東京"), "table").splitlines()
    assert [width(line) for line in lines[-3:]] == [len("short  $10.00")] * 3


def test_a_terminal_gets_the_same_words_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = to_terminal(document("[red]triage[/red]").blocks)
    assert "\x1b[1m" in text
    assert "[red]triage[/red]" in re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_no_color_leaves_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    text = to_terminal(document(EVIL).blocks)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", text)
    assert "\x1b[2J" not in text
    assert r"\x1b[2J" in text
