"""`otelcost reconcile`: what a person and a timer see, and what a bad file says."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from otelcost.cli.render import FORMATS

from ..reconcile import world as bills  # noqa: TID252  (the tests are no package of their own)
from .world import run

USAGE, COSTS = (str(bills.EXPORTS / f"openai-{name}.json") for name in ("usage", "costs"))


@pytest.fixture(scope="module")
def billed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("reconcile") / "home"
    bills.spool(home, bills.openai_days()[1:])
    return home


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format(billed_home: Path, format_: str) -> None:
    answer = run(billed_home, "reconcile", USAGE, COSTS, "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "gpt-4o" in answer.stdout
    assert "\x1b" not in answer.stdout


def test_people_read_the_gap_and_what_it_is_made_of(billed_home: Path) -> None:
    text = run(billed_home, "reconcile", USAGE, COSTS).stdout
    assert "recorded $0.0152, billed $0.0984, gap +$0.0831 (85% of the bill)" in text
    assert "not recorded" in text
    assert "~+$0.0031" in text
    assert "code interpreter sessions" in text


def test_programs_read_integers_that_add_up(billed_home: Path) -> None:
    answer = json.loads(run(billed_home, "reconcile", USAGE, COSTS, "--format", "json").stdout)
    (total,) = answer["totals"]
    assert total["gap_picousd"] == total["billed_picousd"] - total["recorded_picousd"] == 83_125_000_000
    assert sum(cause["picousd"] for cause in total["causes"]) == total["gap_picousd"]
    for row in answer["rows"]:
        assert sum(cause["picousd"] for cause in row["causes"]) == row["gap_picousd"]
    rows = list(csv.DictReader(io.StringIO(run(billed_home, "reconcile", COSTS, "--format", "csv").stdout)))
    assert sum(int(row["billed_picousd"]) for row in rows) == total["billed_picousd"]


def test_a_gap_beyond_the_limit_is_exit_code_3(billed_home: Path) -> None:
    assert run(billed_home, "reconcile", USAGE, COSTS, "--max-gap", "80").returncode == 3
    assert run(billed_home, "reconcile", USAGE, COSTS, "--max-gap", "90").returncode == 0
    assert run(billed_home, "reconcile", USAGE, "--max-gap", "0").returncode == 0  # no cost, no gap
    assert run(billed_home, "reconcile", USAGE, "--max-gap", "-1").returncode == 2


def test_calls_without_a_price_are_exit_code_4(tmp_path: Path) -> None:
    home = tmp_path / "home"
    unknown = bills.call("2026-11-20T05:00:00", "in-house-7b", input_uncached_tokens=10, output_tokens=1)
    bills.spool(home, [*bills.openai_days(), unknown])
    answer = run(home, "reconcile", COSTS)
    assert answer.returncode == 4
    assert "without a price" in answer.stdout


def test_a_bad_file_is_one_line(billed_home: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"object": "list", "data": [{"id": "x"}]}')
    for path in (str(bad), str(tmp_path / "none.json")):
        answer = run(billed_home, "reconcile", path)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr.startswith("error: ")
        assert answer.stderr.count("\n") == 1


def test_nothing_recorded_is_all_not_recorded(tmp_path: Path) -> None:
    answer = json.loads(run(tmp_path / "home", "reconcile", USAGE, COSTS, "--format", "json").stdout)
    (total,) = answer["totals"]
    assert total["recorded_picousd"] == 0
    assert {cause["cause"] for cause in total["causes"]} == {"uncaptured", "not_by_call"}
