"""Small wordings: evidence with labels and units, commands that can be typed, what was loaded, what failed."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import pytest

from otelcost.cli import evidence, terminal, windows
from otelcost.cli.drain import _loaded
from otelcost.cli.render import plain_line
from otelcost.store.drain import DrainReport
from otelcost.store.queries import Window

from .world import run


def test_evidence_has_labels_and_units_and_no_empty_counts() -> None:
    facts = {
        "offset_bytes": 0,
        "stable_tokens": 9296,
        "in_flight_not_counted": 0,
        "reasoning_share_percent": 0,
        "wasted_picousd": 10**12,
        "changing": ["date", "time"],
        "own_key": "as it is",
        "advice": "told elsewhere",
        "replay": {"calls_that_read": 2},
    }
    assert [plain_line(line) for line in evidence.lines(facts)] == [
        "where it starts: 0 bytes from the start",
        "text that could be read from cache: 9,296 tokens",
        "reasoning in the output: 0%",
        "wasted: $1.00",
        "what changes there: date, time",
        "own key: as it is",
    ]
    assert evidence.lines({"advice": "x"}) == ("no further evidence",)


def test_how_calls_were_priced_again_is_a_sentence() -> None:
    cached = evidence.repricing({"kind": "enable_cache", "breakpoint": 1, "ttl": "5m", "move_volatile": 0})
    assert cached == (
        "priced again with cache entries that live 5 minutes over the prompt's stable start, "
        "with the changing value moved below it"
    )
    assert plain_line(evidence.repricing({"kind": "set_model", "model": "m"})) == "priced again as calls of m"
    assert evidence.repricing({"kind": "limit_output"}) == "priced again with the change: limit output"


def test_commands_can_be_typed_where_the_name_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "with blank" / "otelcost"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert terminal.program() == f"'{script}'"
    assert terminal.runnable("see otelcost prices check") == f"see '{script}' prices check"
    assert terminal.runnable("the folder of otelcost is full") == "the folder of otelcost is full"
    monkeypatch.setenv("PATH", str(script.parent))
    assert terminal.runnable("see otelcost prices check") == "see otelcost prices check"


def test_what_was_loaded_is_said_in_words() -> None:
    assert _loaded(DrainReport(calls=0, spans=0, rejects=0, segments=0)) == "nothing new to load"
    some = DrainReport(calls=3, spans=1, rejects=2, segments=1)
    assert _loaded(some) == "loaded 3 calls and 1 span from 1 spool file; 2 lines could not be read and put aside"


def test_everything_has_no_start() -> None:
    now = datetime(2026, 11, 22)  # noqa: DTZ001
    assert windows.envelope(Window.parse("all", now), "all")["start"] is None


def test_a_call_that_is_not_billed_is_not_said_to_cost_nothing(recorded_home: Path) -> None:
    text = run(recorded_home, "calls", "--task", "extract").stdout
    assert "not billed" in text


def test_an_empty_store_has_no_calls_with_a_price(empty_home: Path) -> None:
    assert "every recorded call has a price" not in run(empty_home, "doctor").stdout


def test_a_range_is_titled_to_the_minute() -> None:
    assert windows.in_words("2026-11-22T10:00:00.123456..2026-11-22T12:00:00") == "2026-11-22 10:00..2026-11-22 12:00"
    assert windows.in_words("2026-11-14..2026-11-21") == "2026-11-14..2026-11-21"
