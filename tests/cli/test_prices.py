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


def test_update_and_back(home: Path, tmp_path: Path) -> None:
    from ..pricing import raw  # noqa: TID252  (the tests are no package of their own)

    path = tmp_path / "data.json"
    path.write_bytes(raw.encoded(raw.published()))
    answer = json.loads(run(home, "prices", "update", str(path), "--format", "json").stdout)
    assert (answer["changed"], answer["added"], answer["removed"]) == (0, 0, 0)
    assert answer["models"] > 2000
    sources = json.loads(run(home, "prices", "sources", "--format", "json").stdout)
    assert sources["data"]["installed"]["sha256"] == answer["sha256"]
    assert run(home, "prices", "update", "--shipped").stdout == "back to the library's own data\n"
    assert "already in use" in run(home, "prices", "update", "--shipped").stdout


def test_update_refuses_in_one_line(home: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    for arguments in ((str(bad),), (), (str(bad), "--shipped"), ("http://example.org/data.json",)):
        answer = run(home, "prices", "update", *arguments)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr.count("\n") == 1
    assert not home.exists()


@pytest.mark.parametrize("format_", FORMATS)
def test_every_rule_of_the_overlay_has_its_source_and_day(home: Path, format_: str) -> None:
    assert "api-docs.deepseek.com" in run(home, "prices", "sources", "--format", format_).stdout
    rules = json.loads(run(home, "prices", "sources", "--format", "json").stdout)["rules"]
    assert len(rules) > 50
    for rule in rules:
        assert rule["source"].startswith("https://")
        assert "2026-11-01" <= rule["checked"] <= "2026-11-30"


@pytest.mark.parametrize("format_", FORMATS)
def test_balance(recorded_home: Path, tmp_path: Path, format_: str) -> None:
    home = Path(shutil.copytree(recorded_home, tmp_path / "copy"))
    assert "no [[credit]]" in run(home, "prices", "balance").stdout
    (home / "prices.toml").write_text(
        '[[credit]]\nname = "=programme"\nprovider = "openai"\namount = 1\nfrom = 2026-11-01\nto = 2027-01-01\n'
        "[[commitment]]\namount = 1000\nfrom = 2026-11-01\nto = 2026-11-02\n"
    )
    answer = run(home, "prices", "balance", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "programme" in answer.stdout
    found = json.loads(run(home, "prices", "balance", "--format", "json").stdout)["agreements"]
    assert [one["agreement"] for one in found] == ["credit", "commitment"]
    assert found[0]["used_picousd"] + found[0]["left_picousd"] == 10**12
    assert found[1]["ended"]
    before = json.loads(run(recorded_home, "overview", "--format", "json").stdout)["totals"]["spend_picousd"]
    assert json.loads(run(home, "overview", "--format", "json").stdout)["totals"]["spend_picousd"] == before
