"""A recommendation of more calls than a report lists: every one of them can be had, and rivals are found by all."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otelcost.advise import Report, calls_of, recommend
from otelcost.store.db import session
from otelcost.tui.convert_advice import advice

from . import world

NIGHTLY: dict[str, Any] = {
    "task": "nightly", "provider": "openai", "model": "gpt-4o", "output": 200, "root": "CONSUMER", "root_name": "queue",
    "temperature": 0.0,
}  # fmt: skip
SPECS = [
    world.spec(**NIGHTLY, prompt=[("user", "{n}", 300)], count=2300, every_s=10),
    # Asked again and again, at no regular pace, after the first thousand.
    *(
        world.spec(**NIGHTLY, prompt=[("user", "same", 300)], at_s=60_000 + 97 * k * k, answer="same")
        for k in range(12)
    ),
]
WINDOW = ("--window", "2026-11-01..2026-11-30")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    with world.store_of(world.expand(SPECS), folder):
        return folder


@pytest.fixture(scope="module")
def report(home: Path) -> Report:
    with session(home / "store.duckdb") as connection:
        return recommend(connection, world.ALL, now=world.NOW)


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otelcost.cli", *arguments],
        env={**os.environ, "OTELCOST_HOME": str(home), "OTELCOST_NOW": world.NOW.isoformat()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_call_is_listed_and_adds_up(home: Path, report: Report) -> None:
    (card,) = [card for card in report.recommendations if card.rule == "OC201"]
    assert (card.calls, len(card.call_ids)) == (2312, 1000)
    oldest = _run(home, "calls", "--rec", card.id, *WINDOW, "--order", "oldest", "--format", "csv")
    assert (oldest.returncode, oldest.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(oldest.stdout)))
    ids = [row["span_id"] for row in rows]
    assert len(set(ids)) == len(ids) == card.calls
    assert tuple(ids[:1000]) == card.call_ids
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)
    assert sum(int(row["cost_picousd"]) for row in rows) == card.cost_observed_picousd

    newest = json.loads(_run(home, "calls", "--rec", card.id, *WINDOW, "--format", "json").stdout)
    assert [row["span_id"] for row in newest["calls"]] == ids[::-1]


def test_a_small_one_reads_as_the_list_of_its_ids(home: Path, report: Report) -> None:
    (card,) = [card for card in report.recommendations if card.rule == "OC401"]
    ids = ",".join(card.call_ids)
    for format_ in ("json", "csv", "table", "md"):
        named = _run(home, "calls", "--ids", ids, *WINDOW, "--format", format_)
        assert _run(home, "calls", "--rec", card.id, *WINDOW, "--format", format_).stdout == named.stdout


def test_people_see_the_first_and_how_to_have_all(home: Path, report: Report) -> None:
    (card,) = [card for card in report.recommendations if card.rule == "OC201"]
    shown = _run(home, "calls", "--rec", card.id, *WINDOW, "--limit", "7").stdout
    assert "and 2,305 more" in shown
    assert sum(" nightly " in line for line in shown.splitlines()) == 7
    told = _run(home, "rec", "show", card.id, *WINDOW).stdout
    assert f"otelcost calls --rec {card.id}" in " ".join(told.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rec", "R-00000000"), "no recommendation or insight of this window"),
        (("--rec", "R-00000000", "--ids", "0" * 16), "--rec and --ids exclude each other"),
        (("--rec", "R-00000000", "--order", "cost"), "--order cost"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(home: Path, arguments: tuple[str, ...], said: str) -> None:
    answer = _run(home, "calls", *arguments, *WINDOW)
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (2, "", 1)
    assert said in answer.stderr


def test_rivals_are_found_beyond_the_listed_ids(report: Report) -> None:
    batch, duplicates = (
        next(card for card in report.recommendations if card.rule == rule) for rule in ("OC201", "OC401")
    )
    assert not set(batch.call_ids) & set(duplicates.call_ids)
    assert (batch.overlaps, duplicates.overlaps) == ((duplicates.id,), (batch.id,))
    shown = {card.id: card.overlaps for card in advice(report, (), ()).recommendations}
    assert shown == {card.id: card.overlaps for card in report.recommendations}


def test_the_report_beside_the_calls_is_the_same(home: Path, report: Report) -> None:
    card = report.recommendations[0]
    with session(home / "store.duckdb") as connection:
        again, calls = calls_of(connection, world.ALL, card.id, now=world.NOW)
        assert calls_of(connection, world.ALL, "R-00000000", now=world.NOW) == (report, [])
    assert again == report
    assert tuple(call_id for _, call_id in calls)[:1000] == card.call_ids
