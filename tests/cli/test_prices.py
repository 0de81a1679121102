"""Prices shown exactly, and a check that a timer can act on."""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.cli.prices import per_million
from otelcost.cli.render import FORMATS

from .world import run


@given(st.integers(min_value=0, max_value=10**15))
def test_a_rate_is_shown_exactly(picousd: int) -> None:
    text = per_million(picousd)
    assert Decimal(text.removeprefix("$").replace(",", "")) == Decimal(picousd) / 10**6
    assert len(text.partition(".")[2]) >= 2


def test_an_unknown_rate_is_not_nothing() -> None:
    assert per_million(None) == "?"
    assert per_million(0) == "$0.00"


@pytest.mark.parametrize("format_", FORMATS)
def test_show_in_every_format(home: Path, format_: str) -> None:
    answer = run(home, "prices", "show", "gpt-4o", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "standard" in answer.stdout
    assert not home.exists()


def test_show_gives_integers(home: Path) -> None:
    answer = json.loads(run(home, "prices", "show", "gpt-4o", "--format", "json").stdout)
    assert (answer["provider"], answer["price_status"]) == ("openai", "exact")
    standard = next(row for row in answer["prices"] if row["price_key"].endswith("/standard"))
    assert standard["input_picousd"] == 2_500_000
    assert standard["valid_to"] is None
    rows = list(csv.DictReader(io.StringIO(run(home, "prices", "show", "gpt-4o", "--format", "csv").stdout)))
    assert [row["price_key"] for row in rows] == [row["price_key"] for row in answer["prices"]]


def test_show_context_and_history(home: Path) -> None:
    text = run(home, "prices", "show", "claude-sonnet-4-5").stdout
    assert "up to 200,000" in text
    assert "above 200,000" in text
    now = run(home, "prices", "show", "gpt-4o", "--format", "csv").stdout.count("\n")
    before = run(home, "prices", "show", "gpt-4o", "--format", "csv", "--history").stdout.count("\n")
    assert before >= now
    assert "\nfast" in run(home, "prices", "show", "gpt-4o", now="2026-11-22").stdout
    assert "\nfast" not in run(home, "prices", "show", "gpt-4o", now="2025-01-01").stdout


def test_own_prices_win(home: Path) -> None:
    home.mkdir()
    (home / "prices.toml").write_text('[[price]]\nmodel = "gpt-4o"\nprovider = "openai"\ninput = 1.25\noutput = 5\n')
    answer = json.loads(run(home, "prices", "show", "gpt-4o", "--format", "json").stdout)
    assert answer["price_status"] == "override"
    standard = next(row for row in answer["prices"] if row["price_key"].endswith("/standard"))
    assert standard["input_picousd"] == 1_250_000


@pytest.mark.parametrize("format_", FORMATS)
def test_check_fails_on_an_unpriced_model(recorded_home: Path, format_: str) -> None:
    answer = run(recorded_home, "prices", "check", "--format", format_)
    assert (answer.returncode, answer.stderr) == (4, "")
    assert "in-house-7b" in answer.stdout


def test_check_passes_once_the_model_has_a_price(recorded_home: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(recorded_home, tmp_path / "copy"))
    (home / "prices.toml").write_text('[[price]]\nmodel = "in-house-*"\nself_hosted = true\n')
    answer = run(home, "prices", "check", now="2026-11-10T00:00:00Z")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "every recorded call has a price" in answer.stdout


def test_check_names_an_entry_that_matches_nothing(recorded_home: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(recorded_home, tmp_path / "copy"))
    (home / "prices.toml").write_text('[[price]]\nmodel = "in-huose-*"\nself_hosted = true\n')
    answer = run(home, "prices", "check", "--format", "json")
    assert answer.returncode == 4
    findings = json.loads(answer.stdout)["findings"]
    assert [finding["kind"] for finding in findings] == ["glob", "unpriced"]
    assert "in-huose-*" in findings[0]["what"]


def test_check_fails_on_a_stale_book(home: Path) -> None:
    answer = run(home, "prices", "check", "--format", "json", now="2036-01-01")
    assert answer.returncode == 4
    report = json.loads(answer.stdout)
    assert (report["ok"], report["unpriced"]) == (False, [])
    assert [finding["kind"] for finding in report["findings"]] == ["stale"]
    assert "days ago" in run(home, "prices", "check", now="2036-01-01").stdout
