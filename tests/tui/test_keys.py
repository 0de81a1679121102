"""What every key does: tabs, drill-down, filter, sort, window, pause, copy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from otelcost.errors import SchemaTooNewError, StoreError
from otelcost.tui.app import OtelcostApp
from otelcost.tui.snapshot import Period, Snapshot
from otelcost.tui.widgets.keybar import KeyBar
from otelcost.tui.widgets.table import Table

from . import facts, look


@asynccontextmanager
async def running(
    snapshot: Snapshot | None = None, size: tuple[int, int] = (80, 24), **settings: Any
) -> AsyncIterator[tuple[Pilot[Any], facts.Facts]]:
    source = facts.Facts(snapshot or facts.snapshot(), calls=settings.pop("calls", 450))
    app = OtelcostApp(source, clock=lambda: facts.NOW, live=settings.pop("live", False), **settings)
    async with app.run_test(size=size) as pilot:
        await look.settle(pilot)
        yield pilot, source


async def press(pilot: Pilot[Any], *keys: str) -> str:
    for key in keys:
        await pilot.press(key)
    await look.settle(pilot)
    return look.text(pilot.app)


def trail(shown: str) -> str:
    return shown.splitlines()[1].strip()


async def test_number_keys_change_tabs_and_the_tabs_own_key_goes_back_to_its_top() -> None:
    async with running() as (pilot, _):
        modes = ("recommendations", "tasks", "calls", "trials", "digests")
        for key, mode in (*zip("23456", modes, strict=True), ("1", "overview")):
            await press(pilot, key)
            assert pilot.app.current_mode == mode
        assert trail(await press(pilot, "2", "enter", "enter")).startswith("2 Recommendations")
        assert len(pilot.app.screen_stack) == 3
        await press(pilot, "2")
        assert len(pilot.app.screen_stack) == 1


async def test_a_recommendation_leads_to_its_calls_and_to_one_call_and_back() -> None:
    async with running() as (pilot, source):
        arrow = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
        assert trail(await press(pilot, "enter")) == f"1 Overview {arrow} OC001-3f2a"
        assert trail(await press(pilot, "enter")) == f"1 Overview {arrow} OC001-3f2a {arrow} calls"
        assert source.queries[-1].of == "OC001-3f2a"
        shown = await press(pilot, "j", "enter")
        assert trail(shown).endswith("calls › 00000000")  # noqa: RUF001
        assert "PROMPT" in shown
        assert trail(await press(pilot, "escape", "h", "escape")).startswith("1 Overview  2 Recommendations")
        await press(pilot, "escape")  # at the top there is nowhere to go
        assert len(pilot.app.screen_stack) == 1


async def test_tasks_and_models_of_the_overview_lead_to_their_calls() -> None:
    async with running() as (pilot, source):
        await press(pilot, "tab", "j", "enter")
        assert source.queries[-1].task == "contract-extraction"
        await press(pilot, "escape", "tab", "enter")
        assert source.queries[-1].model == "claude-sonnet-5"


async def test_letters_move_in_tables_as_arrows_do() -> None:
    async with running() as (pilot, _):
        await press(pilot, "3")
        table = pilot.app.screen.query_one("#table", Table)
        for keys, row in ((("j", "j"), 2), (("k",), 1), (("G",), 4), (("g",), 0), (("down",), 1), (("end",), 4)):
            await press(pilot, *keys)
            assert table.cursor == row


async def test_a_filter_narrows_inverts_stays_and_is_dropped_by_escape() -> None:
    async with running() as (pilot, _):
        shown = await press(pilot, "3", "slash", *"report", "enter")
        assert "nightly-report" in shown
        assert "support-triage" not in shown
        assert "1 of 5" in shown
        await press(pilot, "slash", "home", "exclamation_mark", "enter")
        shown = look.text(pilot.app)
        assert "nightly-report" not in shown
        assert "4 of 5" in shown
        assert "support-triage" in await press(pilot, "escape")
        assert "nightly-report" in look.text(pilot.app)
        assert len(pilot.app.screen_stack) == 1


async def test_a_filter_nothing_passes_says_so() -> None:
    async with running() as (pilot, _):
        assert "no row passes the filter" in await press(pilot, "3", "slash", *"zzz", "enter")
        assert "no call passes the filter" in await press(pilot, "4", "slash", *"zzz", "enter")


async def test_calls_are_filtered_and_sorted_by_the_source_because_it_has_more_of_them() -> None:
    async with running() as (pilot, source):
        await press(pilot, "4", "slash", *"status:error", "enter")
        assert source.queries[-1].text == "status:error"
        await press(pilot, "escape", "o")
        assert (source.queries[-1].order, source.queries[-1].descending) == ("cost", True)
        await press(pilot, "O")
        assert (source.queries[-1].order, source.queries[-1].descending) == ("cost", False)


async def test_sorting_shows_its_column_and_direction() -> None:
    async with running() as (pilot, _):
        assert "$ ▼" in await press(pilot, "3")
        shown = await press(pilot, "o")
        assert "Change ▼" in shown
        assert shown.index("support-triage") < shown.index("invoice-parser") < shown.index("nightly-report")
        shown = await press(pilot, "O")
        assert "Change ▲" in shown
        assert shown.index("nightly-report") < shown.index("support-triage")


@pytest.mark.parametrize(("tab", "money"), [("2", "Saves ▼"), ("4", "$ ▼")])
async def test_the_first_o_sorts_by_money_and_every_further_one_by_a_column_in_sight(tab: str, money: str) -> None:
    async with running() as (pilot, _):
        assert money in await press(pilot, tab, "o")
        for _ in range(8):
            assert "▼" in await press(pilot, "o")
        assert "▲" in await press(pilot, "O")


async def test_calls_sort_by_tokens() -> None:
    async with running(size=(120, 40)) as (pilot, source):
        for _ in range(6):
            shown = await press(pilot, *(() if source.queries else ("4",)), "o")
            if "In/out ▼" in shown:
                break
        assert source.queries[-1].order == "tokens"


async def test_a_call_the_provider_does_not_bill_says_so_alike_in_list_and_detail() -> None:
    async with running() as (pilot, _):
        shown = await press(pilot, "4", "slash", *"status:error", "enter")
        assert "not billed" in shown
        shown = await press(pilot, "enter")
        assert shown.splitlines()[2].strip().startswith("not billed")
        shown += await press(pilot, "G")
        assert "not billed: HTTP 429" in shown
        assert "not_billed" not in shown


async def test_calls_load_page_by_page_and_only_what_is_visible_is_drawn() -> None:
    async with running(calls=1000) as (pilot, source):
        await press(pilot, "4")
        table = pilot.app.screen.query_one("#table", Table)
        assert len(table.rows) == 200
        await press(pilot, "G")
        assert len(table.rows) == 400
        assert table.cursor == 199
        await press(pilot, "G", "G", "G", "G")
        assert len(table.rows) == 1000
        assert table.current is source.rows[-1]
        assert source.queries[-1].after == (800,)
        assert len(list(pilot.app.screen.query("*"))) < 30


async def test_a_hundred_thousand_rows_are_no_widgets() -> None:
    async with running() as (pilot, _):
        await press(pilot, "3")
        table = pilot.app.screen.query_one("#table", Table)
        row = facts.tasks()[0]
        table.set_rows([row] * 100_000)
        await press(pilot, "G")
        assert table.cursor == 99_999
        assert "support-triage" in look.text(pilot.app)


@pytest.mark.parametrize(("key", "text"), [("d", "24h"), ("w", "7d"), ("m", "30d"), ("a", "all")])
async def test_t_and_a_letter_choose_the_window(key: str, text: str) -> None:
    async with running() as (pilot, source):
        await press(pilot, "t", key)
        assert source.periods[-1] == Period(text)
        assert text in look.text(pilot.app).splitlines()[0]


async def test_brackets_shift_the_window_but_never_into_the_future() -> None:
    async with running() as (pilot, source):
        await press(pilot, "left_square_bracket", "left_square_bracket", "right_square_bracket")
        assert source.periods[-1] == Period("7d", 1)
        await press(pilot, "right_square_bracket", "right_square_bracket")
        assert source.periods[-1] == Period("7d", 0)
        await press(pilot, "t", "a", "left_square_bracket")
        assert source.periods[-1] == Period("all", 0)


async def test_escape_keeps_the_window() -> None:
    async with running() as (pilot, source):
        loads = len(source.periods)
        await press(pilot, "t", "escape")
        assert len(source.periods) == loads


async def test_r_reads_anew_even_where_nothing_changed() -> None:
    async with running() as (pilot, source):
        loads = len(source.periods)
        await press(pilot, "r")
        assert len(source.periods) == loads + 1


async def test_space_pauses_and_says_so() -> None:
    async with running() as (pilot, _):
        assert "‖ paused" in await press(pilot, "space")
        assert "● live" in await press(pilot, "space")


async def test_y_copies_and_what_is_copied_is_clean() -> None:
    async with running(facts.hostile()) as (pilot, _):
        await press(pilot, "2", "y")
        assert r"\x1b[31m" in pilot.app.clipboard
        assert "\x1b" not in pilot.app.clipboard
        await press(pilot, "1", "y")
        assert pilot.app.clipboard.startswith("$455.12 + 12 unpriced calls")
        await press(pilot, "4", "y")
        assert pilot.app.clipboard == f"{0:016x}"


async def test_the_note_says_what_was_copied() -> None:
    async with running() as (pilot, _):
        for keys, what in (
            (("y",), "the headline"),
            (("2", "y"), "the change of OC001-3f2a"),
            (("3", "y"), "the task's name"),
            (("4", "y"), "the call's id"),
        ):
            await press(pilot, *keys)
            assert [note.message for note in pilot.app._notifications][-1] == f"Copied {what}."


async def test_commands_are_our_own_and_do_what_their_keys_do() -> None:
    async with running() as (pilot, source):
        shown = await press(pilot, "ctrl+p")
        assert "Recommendations" in shown
        listed = {command.title for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert {"Refresh", "Pause or resume", "Help", "Theme", "Quit", "Window: week"} <= listed
        assert not {"Maximize", "Minimize", "Screenshot", "Keys"} & listed
        await press(pilot, "escape")
        for command in pilot.app.get_system_commands(pilot.app.screen):
            if command.title in ("Tasks", "Window: month", "Window earlier", "Pause or resume"):
                await command.callback()
                await look.settle(pilot)
        assert pilot.app.current_mode == "tasks"
        assert source.periods[-1] == Period("30d", 1)
        assert "‖ paused" in look.text(pilot.app)


async def test_help_lies_over_any_page() -> None:
    async with running() as (pilot, _):
        for tab in "123456":
            assert "KEYS" in await press(pilot, tab, "question_mark")
            assert "records arrive" in await press(pilot, "G")
            assert "GLOSSARY" not in await press(pilot, "escape")


async def test_q_leaves() -> None:
    async with running() as (pilot, source):
        await pilot.press("q")
        assert pilot.app._exit
    assert source.cancelled


async def test_the_last_line_has_seven_keys_at_most_and_fits() -> None:
    async with running() as (pilot, _):
        for keys in (("1",), ("2",), ("enter",), ("enter",), ("enter",), ("3",), ("4",), ("5",), ("enter",), ("6",)):
            await press(pilot, *keys)
            bar = pilot.app.screen.query_one(KeyBar)
            assert len(bar.keys) <= 7
            assert bar.paint(80)[0].cell_length <= 80


async def test_clicks_do_what_keys_do() -> None:
    async with running() as (pilot, _):
        await pilot.click("#trail", offset=(40, 0))
        await look.settle(pilot)
        assert pilot.app.current_mode == "tasks"
        await pilot.click("#table", offset=(5, 3))
        await look.settle(pilot)
        assert pilot.app.screen.query_one("#table", Table).cursor == 2
        await pilot.click("#table", offset=(5, 3), times=2)
        await look.settle(pilot)
        assert len(pilot.app.screen_stack) == 2


async def test_a_question_nobody_waits_for_is_interrupted_and_those_in_between_are_never_asked() -> None:
    async with running() as (pilot, source):
        await press(pilot, "4", "slash")
        before = len(source.queries)
        source.endless = True
        await pilot.press("e")
        while len(source.queries) == before:  # it runs, and without an interruption it would run on
            await asyncio.sleep(0.01)
        shown = await press(pilot, *"mb")
        assert source.cancelled
        assert not source.endless
        assert source.queries[-1].text == "emb"
        assert "search.embed" in shown
        assert "support-triage" not in shown


async def test_no_question_is_asked_on_the_interface_thread() -> None:
    async with running() as (pilot, source):
        await press(pilot, "4", "enter", "r")
        assert source.threads
        assert all(name.startswith("otelcost-") for name in source.threads)


async def test_a_failing_store_is_named_with_its_remedy_and_recovers() -> None:
    async with running() as (pilot, source):
        source.error = StoreError("the store is in use", "end the other process")
        shown = await press(pilot, "r")
        assert "✗ the store is in use" in shown
        assert "end the other process; r tries again" in shown
        source.error = ValueError("first\nsecond")
        assert "✗ ValueError: first" in await press(pilot, "r")
        source.error = None
        assert "● live" in await press(pilot, "r")


async def test_new_records_appear_by_themselves_and_the_cursor_stays_on_its_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("otelcost.tui.app.REFRESH_SECONDS", 0.05)
    async with running(live=True) as (pilot, source):
        await press(pilot, "4", "j", "j")
        table = pilot.app.screen.query_one("#table", Table)
        before = table.current
        newest = facts.call(0)
        source.rows = (type(newest)(**{**_fields(newest), "id": "f" * 16}), *source.rows)
        source.changed = True
        for _ in range(100):
            await asyncio.sleep(0.02)
            if len(table.rows) and table.rows[0].id == "f" * 16:
                break
        else:
            pytest.fail("the new call never came")
        assert table.current == before
        assert table.cursor == 3


def _fields(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


async def test_the_empty_store_waits_and_turns_into_the_overview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otelcost.tui.app.REFRESH_SECONDS", 0.05)
    async with running(facts.empty(), live=True) as (pilot, source):
        shown = look.text(pilot.app)
        assert "otelcost demo" in shown
        assert "waiting for the first call" in shown
        source.current = facts.snapshot()
        source.changed = True
        for _ in range(100):
            await asyncio.sleep(0.02)
            if "$455.12" in look.text(pilot.app):
                break
        else:
            pytest.fail("the overview never came")


async def test_a_demo_store_says_so_on_every_tab() -> None:
    async with running(demo=True) as (pilot, _):
        for key in "1234":
            shown = await press(pilot, key)
            assert shown.splitlines()[0].startswith(" otelcost demo: loopback provider ")


async def test_a_store_that_was_never_read_is_a_page_of_its_own_on_every_tab_and_recovers() -> None:
    source = facts.Facts(facts.snapshot())
    source.error = SchemaTooNewError("the store /x/store.duckdb has schema 99, this otelcost knows up to 1", "update")
    app = OtelcostApp(source, clock=lambda: facts.NOW, live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        for tab in "1234":
            shown = await press(pilot, tab)
            assert "has schema 99, this otelcost knows up to 1" in shown
            assert "   update" in shown
            assert "r Retry" in shown
            for falsehood in ("reading", "working", "nothing here", "none in this window"):
                assert falsehood not in shown
        source.error = None
        assert "$455.12" in await press(pilot, "1", "r")
        assert "schema 99" not in look.text(app)


async def test_a_problem_beside_figures_is_told_in_full_and_keeps_them() -> None:
    async with running() as (pilot, source):
        source.error = StoreError(f"the store {'/long' * 20}/store.duckdb is in use", "end the other process")
        for tab in "1234":
            shown = await press(pilot, tab, "r")
            assert "end the other process; r tries again" in shown
            assert "✗ not up to date" in shown.splitlines()[0]
        assert "$455.12" in await press(pilot, "1")


async def test_recommendations_that_fail_are_not_said_to_be_on_their_way() -> None:
    source = facts.Facts(facts.snapshot())
    source.advice_error = ValueError("broken rule")
    app = OtelcostApp(source, clock=lambda: facts.NOW, live=False)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = await press(pilot, "r")
        assert "could not be worked out" in shown
        assert "broken rule" in shown
        assert "$455.12" in shown
        assert "working" not in shown + await press(pilot, "2")
        source.advice_error = None
        shown = await press(pilot, "r")
        assert "broken rule" not in shown
        assert "Cache the stable prefix" in shown


async def test_warnings_of_the_last_reading_stand_in_one_line() -> None:
    warned = msgspec.structs.replace(facts.snapshot(), warnings=("prices.toml, line 3: no number", "one more"))
    async with running(warned) as (pilot, _):
        for tab in "1234":
            assert "! prices.toml, line 3: no number (and 1 more)" in await press(pilot, tab)
