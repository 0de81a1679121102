"""Every page and every overlay at every size in every theme, text and style, against what was committed.

A page's text, at all sizes, is one file; it is the same in all themes. How it is coloured is one file a theme with a
line for each page and size: a digest of every cell's style, then the styles with the number of their cells.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from otelcost.errors import SchemaTooNewError
from otelcost.tui.app import OtelcostApp

from . import facts, look
from .test_screens import PAGES

SIZES = ((80, 24), (120, 40), (200, 50))
THEMES: Mapping[str, Mapping[str, str]] = {
    "dark": {},
    "light": {"OTELCOST_THEME": "light"},
    "colour-blind": {"OTELCOST_THEME": "colour-blind"},
    "ansi": {"OTELCOST_THEME": "ansi"},
    "no-color": {"NO_COLOR": "1"},
}
OVERLAYS: Mapping[str, Sequence[str]] = {
    "filter": ("3", "slash", *"inv"),
    "dismiss": ("2", "d"),
    "snooze": ("2", "s"),
    "send": ("6", "s"),
    "help-overview": ("question_mark",),
    "help-recommendations": ("2", "question_mark"),
    "help-recommendation": ("2", "enter", "question_mark"),
    "help-tasks": ("3", "question_mark"),
    "help-calls": ("4", "question_mark"),
    "help-call": ("4", "enter", "question_mark"),
    "help-trials": ("5", "question_mark"),
    "help-digests": ("6", "question_mark"),
    "help-pictures": ("v", "question_mark"),
}
TROUBLE = SchemaTooNewError("the store has schema 99, this otelcost knows up to 7", "update otelcost")


def troubled() -> facts.Facts:
    source = facts.Facts(facts.snapshot())
    source.error = TROUBLE
    return source


SOURCES: tuple[tuple[Callable[[], facts.Facts], Mapping[str, Sequence[str]]], ...] = (
    (lambda: facts.Facts(facts.snapshot()), {**PAGES, **OVERLAYS}),
    (lambda: facts.Facts(facts.empty()), {"first-run": ()}),
    (troubled, {"problem": ()}),
)

Frame = tuple[str, list[tuple[str, str]]]


async def frames() -> dict[str, dict[tuple[int, int], Frame]]:
    """Text and styled runs of everything there is to see, in as few runs of the application as can be."""
    found: dict[str, dict[tuple[int, int], Frame]] = {}
    for source, pages in SOURCES:
        app = OtelcostApp(source(), clock=lambda: facts.NOW, live=False)
        async with app.run_test(size=SIZES[0]) as pilot:
            await look.settle(pilot)
            for page, keys in pages.items():
                await _go(pilot, keys)
                found[page] = {size: await _frame(pilot, size) for size in SIZES}
                await pilot.resize_terminal(*SIZES[0])
    return found


async def _go(pilot: Pilot[None], keys: Sequence[str]) -> None:
    """From wherever it is to a page."""
    while len(pilot.app.screen_stack) > 1:
        await pilot.app.pop_screen()
    for key in ("escape", "1", *keys):
        await pilot.press(key)
        await look.settle(pilot, rounds=1)


async def _frame(pilot: Pilot[None], size: tuple[int, int]) -> Frame:
    await pilot.resize_terminal(*size)
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await look.settle(pilot, rounds=2)
    return look.text(pilot.app), look.runs(pilot.app)


def styles(runs: Sequence[tuple[str, str]]) -> str:
    """One line: a digest of all cells, and how many cells have which style, the commonest first."""
    digest = hashlib.sha256(repr(_joined(runs)).encode()).hexdigest()[:12]
    cells: Counter[str] = Counter()
    for text, style in runs:
        cells[style] += len(text)
    return f"{digest}  " + "; ".join(f"{style} {count}" for style, count in sorted(cells.items(), key=_rank))


def _rank(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _joined(runs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Runs of one style in a row as one: how many pieces a line was drawn in is no part of its look."""
    joined: list[tuple[str, str]] = []
    for text, style in runs:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
async def test_looks(theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in THEMES[theme].items():
        monkeypatch.setenv(name, value)
    seen = await frames()
    for page, sizes in seen.items():
        texts = (f"{f' {page} {size[0]}x{size[1]} ':=^80}\n{text}" for size, (text, _) in sizes.items())
        look.check(page, "\n".join(texts))
    lines = [
        f"{page} {size[0]}x{size[1]}  {styles(runs)}\n"
        for page, sizes in seen.items()
        for size, (_, runs) in sizes.items()
    ]
    look.check(f"styles-{theme}", "".join(lines))


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_is_in_the_committed_looks_of_every_theme(theme: str) -> None:
    rows = (look.FOLDER / f"styles-{theme}.txt").read_text(encoding="utf-8").splitlines()
    pages = [page for _, named in SOURCES for page in named]
    assert [row.split()[:2] for row in rows] == [[page, f"{w}x{h}"] for page in pages for w, h in SIZES]
