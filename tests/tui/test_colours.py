"""What colours must not carry alone, and terminals that have fewer of them, or fewer characters."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.color import Color
from textual.theme import Theme

import otelcost.tui
from otelcost.errors import UsageError
from otelcost.tui import anatomy, spelling, themes, words
from otelcost.tui.app import OtelcostApp
from otelcost.tui.pages import digests

from . import facts, look
from .test_screens import PAGES, walk

OKABE_ITO = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
MEANINGS = ("primary", "success", "warning", "error")
DEUTERANOPIA = ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969))
PROTANOPIA = ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052))
"""Machado, Oliveira and Fernandes 2009, severity 1, on linear light."""


def linear(colour: str) -> tuple[float, ...]:
    parts = (part / 255 for part in Color.parse(colour).rgb)
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def contrast(one: str, other: str) -> float:
    """As WCAG counts it."""
    weights = (0.2126, 0.7152, 0.0722)
    light, dark = sorted(
        (sum(part * weight for part, weight in zip(linear(colour), weights, strict=True)) for colour in (one, other)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, eye: tuple[tuple[float, ...], ...]) -> list[float]:
    """A colour as an eye sees it, in steps of about equal difference."""
    return [max(0.0, sum(a * b for a, b in zip(row, linear(colour), strict=True))) ** (1 / 2.2) for row in eye]


@pytest.mark.parametrize("theme", themes.OURS, ids=lambda theme: theme.name)
def test_every_text_can_be_read_on_its_ground(theme: Theme) -> None:
    texts = [value for name, value in theme.variables.items() if name.startswith("text-")]
    for text, ground in itertools.product((*texts, theme.foreground), (theme.background, theme.surface, theme.panel)):
        assert contrast(str(text), str(ground)) >= 4, (text, ground)
    cursor = theme.variables["block-cursor-foreground"], theme.variables["block-cursor-background"]
    assert contrast(*cursor) >= 4.5


def test_the_colour_blind_theme_keeps_to_the_palette_and_its_colours_apart() -> None:
    theme = themes.COLOUR_BLIND
    named = {name: str(theme.variables[f"text-{name}"]) for name in MEANINGS}
    assert set(named.values()) <= set(OKABE_ITO)
    for eye in (DEUTERANOPIA, PROTANOPIA):
        for one, other in itertools.combinations(named.values(), 2):
            distance = sum((a - b) ** 2 for a, b in zip(seen(one, eye), seen(other, eye), strict=True)) ** 0.5
            assert distance > 0.1, (one, other)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "otelcost-dark"),
        ({"OTELCOST_THEME": "light"}, "otelcost-light"),
        ({"OTELCOST_THEME": "colour-blind"}, "otelcost-colour-blind"),
        ({"OTELCOST_THEME": "ansi"}, "ansi-dark"),
        ({"OTELCOST_THEME": "nord"}, "nord"),
        ({"NO_COLOR": "1"}, "ansi-dark"),
        ({"NO_COLOR": "1", "OTELCOST_THEME": "light"}, "otelcost-light"),
    ],
)
def test_the_environment_chooses_the_theme(environ: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    assert OtelcostApp(facts.Facts(facts.snapshot()), live=False).theme == name


def test_an_unknown_theme_is_named_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTELCOST_THEME", "lihgt")
    with pytest.raises(UsageError, match="OTELCOST_THEME: no theme is called 'lihgt'") as caught:
        OtelcostApp(facts.Facts(facts.snapshot()), live=False)
    assert "colour-blind" in caught.value.fix


def test_what_differs_in_colour_differs_in_text() -> None:
    """Every table of words with styles: two entries that look different must read differently too."""
    tables = (
        list(words._STATES.values()),
        list(words._STATUS.values()),
        list(digests._STATES.values()),
        [words.basis(name) for name in ("exact", "simulated", "needs-trial")],
        [(anatomy.GLYPHS[kind], style) for kind, style in anatomy.STYLES.items()],
        [words.change(2, 1), words.change(1, 2), words.change(1, 1), words.change(None, 1)],
        [words.moved(3, 2), words.moved(2, 3), words.moved(1, 0), words.moved(None, 1)],
    )
    for table in tables:
        texts = [text for text, _ in table]
        assert len(set(texts)) == len(texts), texts
        assert len({spelling.spell(text) for text in texts}) == len(texts), texts


async def styled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Text and style of every run of the pages, without colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = OtelcostApp(facts.Facts(facts.snapshot()), clock=lambda: facts.NOW, live=False)
    runs = []
    async with app.run_test(size=(120, 40)) as pilot:
        await look.settle(pilot)
        for keys in PAGES.values():
            for key in ("escape", "escape", "escape", "1", *keys):
                await pilot.press(key)
            await look.settle(pilot)
            runs += look.runs(app)
    return runs


async def test_without_colour_no_colour_is_sent_and_the_cursor_still_stands_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = await styled(monkeypatch)
    assert {style for _, style in runs if "color" in style or "#" in style} == set()
    cursors = [style for text, style in runs if text.startswith("▸")]
    assert cursors
    assert all("bold" in style for style in cursors)


async def test_ascii_draws_the_same_cells_with_ascii() -> None:
    drawn = await walk(facts.snapshot())
    spelled = await walk(facts.snapshot(), ascii_only=True)
    for page, shown in spelled.items():
        assert shown.isascii(), page
        assert shown.count("?") == drawn[page].count("?"), page  # none of our glyphs is without a spelling
        assert [len(row) for row in shown.splitlines()] == [cell_len(row) for row in drawn[page].splitlines()], page


async def test_hostile_names_stay_in_their_cells_in_ascii() -> None:
    assert all(shown.isascii() for shown in (await walk(facts.hostile(), ascii_only=True)).values())


def test_every_glyph_of_ours_has_a_spelling() -> None:
    folder = Path(otelcost.tui.__file__).parent
    for path in folder.rglob("*.py"):
        if path.name == "spelling.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                unknown = {char for char in node.value if not char.isascii() and "?" in spelling.spell(char)}
                assert not unknown, (path.name, unknown)


@given(st.text())
def test_spelling_keeps_every_cell(text: str) -> None:
    assert len(spelling.spell(text)) >= cell_len(text)
    assert spelling.spell(text).isascii()
    assert spelling.spell(text) == text or not text.isascii()


@pytest.mark.parametrize(
    ("environ", "encoding", "expected"),
    [
        ({}, "utf-8", False),
        ({"LANG": "en_US.UTF-8"}, "utf-8", False),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LC_ALL": "", "LANG": "de_DE.ISO-8859-1"}, "utf-8", True),
        ({"LANG": "C.utf8"}, "latin-1", True),
        ({}, None, True),
        ({"OTELCOST_ASCII": "1", "LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"OTELCOST_ASCII": "0", "LC_ALL": "C"}, "ascii", False),
    ],
)
def test_who_gets_ascii(environ: dict[str, str], encoding: str | None, expected: bool) -> None:
    assert spelling.wanted(environ, encoding) is expected
