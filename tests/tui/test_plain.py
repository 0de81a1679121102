"""`--plain`: every screen as lines, the same bytes each time; and `x`, a table as a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from otelcost.errors import StoreError
from otelcost.tui import export, plain
from otelcost.tui.snapshot import Period
from otelcost.tui.spelling import spell

from . import facts, look
from .test_keys import press, running

WEEK = Period("7d")


@pytest.mark.parametrize("state", ["snapshot", "empty", "quiet", "unknown", "hostile"])
def test_every_state_as_lines(state: str) -> None:
    source = facts.Facts(getattr(facts, state)(), calls=3)
    shown = plain.text(source, WEEK)
    assert shown == plain.text(source, WEEK)
    assert "\x1b" not in shown
    if state != "hostile":  # names of any width are folded, ids are not
        assert max(cell_len(row) for row in shown.splitlines()) <= plain.WIDTH
    look.check(f"plain-{state}", shown)


def test_a_terminal_without_unicode_gets_hashes_and_no_question_marks_for_glyphs() -> None:
    shown = plain.text(facts.Facts(facts.snapshot(), calls=3), WEEK)
    spelled = spell(shown)
    assert spelled.isascii()
    assert spelled.count("?") == shown.count("?")
    assert [len(row) for row in spelled.splitlines()] == [len(row) for row in shown.splitlines()]
    assert "####" in spelled


def test_a_store_nobody_can_read_is_an_error() -> None:
    source = facts.Facts(facts.snapshot())
    source.error = StoreError("the store is gone", "bring it back")
    with pytest.raises(StoreError):
        plain.text(source, WEEK)


async def test_x_writes_the_filtered_rows_and_never_over_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running() as (pilot, _):
        await press(pilot, "3", "slash", *"report", "enter", "x")
        (path,) = tmp_path.glob("*.csv")
        with path.open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["name"], row["picousd"]) == ("nightly-report", str(64 * facts.DOLLAR))
        assert path.name == "otelcost-tasks-20261122-120000.csv"
        before = path.read_bytes()
        await press(pilot, "x")
        assert path.read_bytes() == before
        assert "Not exported" in [note.message for note in pilot.app._notifications][-1]


async def test_x_writes_every_call_and_not_only_those_that_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(calls=6000) as (pilot, _):
        await press(pilot, "4", "x")
        (path,) = tmp_path.glob("otelcost-calls-*.csv")
        with path.open(encoding="utf-8", newline="") as file:
            assert len({row["id"] for row in csv.DictReader(file)}) == 6000
        assert "Wrote 6,000 rows" in [note.message for note in pilot.app._notifications][-1]


def test_a_file_that_cannot_be_finished_is_not_left_behind(tmp_path: Path) -> None:
    def rows() -> Iterator[msgspec.Struct]:
        yield facts.call(1)
        raise StoreError("the store is gone", "bring it back")

    with pytest.raises(StoreError):
        export.write(rows(), "calls", datetime.fromisoformat("2026-11-22T12:00:00"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_would_be_a_formula_is_none(tmp_path: Path) -> None:
    bad = msgspec.structs.replace(facts.call(1), task="=cmd()")
    path, _ = export.write([bad], "calls", datetime.fromisoformat("2026-11-22T12:00:00"), tmp_path)
    assert "=cmd()" not in path.read_text(encoding="utf-8").replace("'=cmd()", "")
