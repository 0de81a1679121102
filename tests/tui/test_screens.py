"""Every page in the states that break screens, compared with committed ones; no database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from otelcost.errors import SchemaTooNewError
from otelcost.tui.app import OtelcostApp
from otelcost.tui.snapshot import Snapshot

from . import facts, look

STATES = {
    "data": facts.snapshot,
    "empty": facts.empty,
    "quiet": facts.quiet,
    "unknown": facts.unknown,
    "huge": facts.huge,
    "hostile": facts.hostile,
}
PAGES: dict[str, Sequence[str]] = {
    "overview": (),
    "recommendations": ("2",),
    "recommendation": ("2", "enter"),
    "trials": ("5",),
    "digests": ("6",),
    "digest": ("6", "p"),
    "pictures": ("v",),
    "task-pictures": ("3", "v"),
    "trace": ("4", "enter", "enter"),
    "insights": ("2", "i"),
    "insight": ("2", "i", "enter"),
    "unchecked": ("2", "n"),
    "decided": ("2", "m"),
    "history": ("2", "m", "enter"),
    "tasks": ("3",),
    "calls": ("4",),
    "call": ("4", "enter"),
    "window": ("t",),
}


async def screen(snapshot: Snapshot, size: tuple[int, int], keys: Sequence[str] = (), theme: str = "") -> str:
    """What is on the screen after the keys."""
    app = OtelcostApp(facts.Facts(snapshot), clock=lambda: facts.NOW, live=False)
    if theme:
        app.theme = theme
    async with app.run_test(size=size) as pilot:
        await look.settle(pilot)
        for key in keys:
            await pilot.press(key)
            await look.settle(pilot)
        return look.text(app)


@pytest.mark.parametrize("state", [state for state in STATES if state != "data"])
@pytest.mark.parametrize("page", ["overview", "recommendations", "tasks", "trials"])
async def test_state_at_the_smallest_size(page: str, state: str) -> None:
    shown = await screen(STATES[state](), (80, 24), PAGES[page])
    look.check(f"{page}-{state}-80x24", shown)


@pytest.mark.parametrize("size", [(60, 20), (71, 40), (120, 12), (20, 5), (1, 1)])
async def test_a_terminal_that_is_too_small_says_so_and_survives_every_page(size: tuple[int, int]) -> None:
    app = OtelcostApp(facts.Facts(facts.snapshot()), clock=lambda: facts.NOW, live=False)
    async with app.run_test(size=size) as pilot:
        for key in ("2", "enter", "escape", "3", "4", "enter", "5", "6", "1", "t", "escape"):
            await pilot.press(key)
            await look.settle(pilot)
        shown = look.text(app)
        if size == (60, 20):
            look.check("too-small-60x20", shown)
        if size[0] >= 20:
            assert "enlarge" in shown
        await pilot.resize_terminal(80, 24)
        await look.settle(pilot)
        assert "$455.12" in look.text(app)


async def walk(snapshot: Snapshot, theme: str = "", **settings: Any) -> dict[str, str]:
    """Every page at the smallest size, in one run of the application."""
    app = OtelcostApp(facts.Facts(snapshot), clock=lambda: facts.NOW, live=False, **settings)
    if theme:
        app.theme = theme
    shown = {}
    async with app.run_test(size=(80, 24)) as pilot:
        await look.settle(pilot)
        for page, keys in PAGES.items():
            for key in ("escape", "escape", "escape", "1", *keys):
                await pilot.press(key)
            await look.settle(pilot)
            shown[page] = look.text(app)
    return shown


@pytest.mark.parametrize("state", STATES)
async def test_no_line_runs_off_the_screen_and_no_control_character_reaches_it(state: str) -> None:
    for page, shown in (await walk(STATES[state]())).items():
        assert len(shown.splitlines()) == 24, page
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown), page


async def test_the_top_of_the_smallest_overview_holds_the_answer() -> None:
    top = "\n".join((await screen(facts.snapshot(), (80, 24))).splitlines()[:10])
    assert "$455.12 + 12 unpriced calls" in top
    assert "▲ +$172.42 (+61%)" in top
    assert "  forecast November $1,876 + ?" in top
    assert "moved most by support-triage +$126.00: 620 → 8.6k tokens in a call" in top
    assert "2 fixes save $106.70 (23% of spend)" in top
    assert "$32.00 exact + $74.70 simulated [$60.00-$88.00]; 1 more needs a trial: $97.00" in top
    assert "unpriced 12 (<0.1%)" in top
    assert "Cache the stable prefix" in top


async def test_unknown_money_is_a_question_mark_and_never_nothing() -> None:
    for page in ("overview", "tasks"):
        shown = await screen(facts.unknown(), (120, 40), PAGES[page])
        assert "?" in shown
        assert "$0" not in shown


async def test_no_monthly_figure_below_seven_days() -> None:
    shown = await screen(facts.unknown(), (120, 40))
    assert "/month" not in shown
    assert "forecast" not in shown
    known = await screen(facts.snapshot(), (160, 40))
    assert "forecast November $1,876 + ? [80% $1,702-$2,044]  ≈ $1,951.00/month" in known


async def test_a_window_of_the_past_foretells_nothing() -> None:
    assert "forecast" not in await screen(facts.snapshot(), (160, 40), ("left_square_bracket",))


@pytest.mark.parametrize("theme", ["otelcost-light", "ansi-dark", "ansi-light", "textual-dark"])
async def test_themes_change_colours_only(theme: str) -> None:
    assert await walk(facts.snapshot(), theme) == await walk(facts.snapshot())


@pytest.mark.parametrize("theme", ["", "ansi-dark"])
async def test_no_color_changes_no_character(theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = await walk(facts.snapshot())
    monkeypatch.setenv("NO_COLOR", "1")
    assert await walk(facts.snapshot(), theme) == coloured


async def test_names_are_shown_escaped_and_never_read_as_markup() -> None:
    shown = await screen(facts.hostile(), (200, 50))
    assert r"evil[bold red]\x1b[31m\x07\n\u202e[/]name" in shown


@pytest.mark.parametrize("figures", [True, False], ids=["with-figures", "without-figures"])
async def test_a_problem_in_full(figures: bool) -> None:
    source = facts.Facts(msgspec.structs.replace(facts.snapshot(), warnings=("prices.toml is not TOML: see line 2",)))
    trouble = SchemaTooNewError(
        "the store /home/ada/.local/share/otelcost/store.duckdb has schema 99, this otelcost knows up to 7",
        "update otelcost",
    )
    source.error = None if figures else trouble
    app = OtelcostApp(source, clock=lambda: facts.NOW, live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await look.settle(pilot)
        source.error = trouble
        await pilot.press("r")
        await look.settle(pilot)
        look.check(f"problem-{'with' if figures else 'without'}-figures-80x24", look.text(app))
