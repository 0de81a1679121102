"""`otelcost check` as CI and cron use it: exit codes, settings, baselines, and nothing said that is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from . import world
from .test_golden import golden
from .world import HOSTILE_TASK, run


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("--max-spend 1000", 0),
        ("--max-spend 1", 3),
        ("--max-spend $7.82", 3),
        ("--max-spend $7.84", 0),
        ("--max-unpriced 5%", 0),
        ("--max-unpriced 0.25", 4),  # one call of 390 has no price: 0.256 percent
        ("--max-unpriced 0.26", 0),
        ("--max-age 26h", 0),
        ("--max-age 1h", 4),
        ("--max-growth 1000", 0),
        ("--max-growth 20", 3),
        ("--max-growth 20 --baseline 2026-01-01..2026-01-08", 4),  # nothing there to compare with
        ("--max-growth 0 --baseline 2026-11-15T12:00..2026-11-22T12:00", 0),  # with itself
        ("--max-anomaly 100", 0),
        ("--max-anomaly 1", 3),
        # What is breached stays so whatever is not known; what is not known is no ok.
        ("--max-spend 1 --max-unpriced 0 --max-age 1h", 3),
        ("--max-spend 1000 --max-unpriced 0", 4),
        # A window without calls is nothing to judge by: neither cheap nor fully priced.
        ("--max-spend 0 --window 2026-01-01..2026-01-02", 4),
        ("--max-unpriced 0 --window 2026-01-01..2026-01-02", 4),
        ("--max-growth 10 --window 2026-01-01..2026-01-02 --baseline 2026-11-01..2026-11-20", 4),
    ],
)
def test_exit_codes(recorded_home: Path, options: str, code: int) -> None:
    answer = run(recorded_home, "check", *options.split(), "--format", "json")
    assert (answer.returncode, answer.stderr) == (code, "")
    assert json.loads(answer.stdout)["exit_code"] == code


def test_a_run_that_recorded_nothing_does_not_pass(recorded_home: Path, empty_home: Path, tmp_path: Path) -> None:
    baseline = str(tmp_path / "baseline.json")
    assert run(recorded_home, "check", "--window", "all", "--save-baseline", baseline).returncode == 0
    limits = ("--max-spend", "2", "--max-growth", "10", "--baseline", baseline, "--max-unpriced", "0")
    answer = run(empty_home, "check", "--window", "all", *limits, "--format", "json")
    judged = [(gate["measured"], gate["verdict"]) for gate in json.loads(answer.stdout)["gates"]]
    assert (answer.returncode, judged) == (4, [(None, "unknown")] * 3)


@pytest.mark.parametrize(
    "options",
    ["", "--max-spend -1", "--max-spend nan", "--max-spend much", "--max-spend 1 --max-age yesterday",
     "--max-spend 1 --max-age all", "--max-growth 1 --window all", "--max-growth 1 --baseline none.json",
     "--max-growth 1 --baseline a..b", "--max-spend 1 --window 7x"],
)  # fmt: skip
def test_what_cannot_be_checked_is_one_line_and_exit_2(recorded_home: Path, options: str) -> None:
    answer = run(recorded_home, "check", *options.split())
    assert answer.returncode == 2, answer.stdout
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1


def gates(home: Path, *options: str, **environment: str) -> dict[str, dict[str, Any]]:
    answer = run(home, "check", *options, "--format", "json", **environment)
    return {f"{gate['gate']} {gate['name']}".strip(): gate for gate in json.loads(answer.stdout)["gates"]}


def test_figures_are_those_of_the_overview(recorded_home: Path) -> None:
    overview = json.loads(run(recorded_home, "overview", "--format", "json").stdout)
    found = gates(recorded_home, "--max-spend", "1")["spend"]
    assert found["measured"] == overview["totals"]["spend_picousd"]
    assert found["drivers"] == [
        {"task": row["name"], "picousd": row["cost_picousd"]} for row in overview["by_task"][:3]
    ]


def test_settings_options_and_variables(recorded_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "otelcost.toml"
    path.write_text("[check]\nmax_spend = 3\nmax_age = '26h'\n[[budget]]\nname = 'b'\namount = 5\n", encoding="utf-8")
    named = {"OTELCOST_CONFIG": str(path)}
    assert {name: gate["limit"] for name, gate in gates(recorded_home, **named).items()} == {
        "spend": 3 * 10**12,
        "budget b": 5 * 10**12,
        "age": 26 * 60,
    }
    assert gates(recorded_home, **named, OTELCOST_CHECK_MAX_SPEND="4")["spend"]["limit"] == 4 * 10**12
    again = gates(recorded_home, "--max-spend", "6", **named, OTELCOST_CHECK_MAX_SPEND="4")
    assert again["spend"]["limit"] == 6 * 10**12


def test_budgets_begin_at_the_zones_midnight(recorded_home: Path, tmp_path: Path) -> None:
    """The nightly job of 02:00 UTC belongs to the day before in New York, and to no later one in UTC."""
    path = tmp_path / "otelcost.toml"
    found = {}
    for zone in ("UTC", "America/New_York"):
        path.write_text(
            f"timezone = '{zone}'\n[budget]\nname = 'n'\namount = 9\nperiod = 'day'\ntask = 'nightly*'\n",
            encoding="utf-8",
        )
        found[zone] = gates(recorded_home, OTELCOST_CONFIG=str(path))["budget n"]["measured"]
    a_night = 40 * (3000 * 2_500_000 + 400 * 10_000_000)
    assert found == {"UTC": a_night, "America/New_York": 0}


def test_a_saved_baseline_finds_its_own_window_unchanged(recorded_home: Path, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "baseline.json"
    path.parent.mkdir()
    saved = run(recorded_home, "check", "--save-baseline", str(path))
    assert (saved.returncode, saved.stdout) == (0, "")
    assert "390 calls" in saved.stderr
    same = gates(recorded_home, "--max-growth", "0", "--baseline", str(path))
    assert [(gate["measured"], gate["verdict"]) for gate in same.values()] == [(0, "ok")]
    settings = path.parent / "otelcost.toml"
    settings.write_text("[check]\nmax_growth = 0\nbaseline = 'baseline.json'\n", encoding="utf-8")
    assert gates(recorded_home, OTELCOST_CONFIG=str(settings)) == same  # beside the file that names it


def test_quiet_says_only_what_is_not_ok(recorded_home: Path) -> None:
    fine = run(recorded_home, "check", "--quiet", "--max-spend", "100")
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, "", "")
    not_fine = run(recorded_home, "check", "--quiet", "--max-spend", "100", "--max-age", "1h")
    assert not_fine.returncode == 4
    assert "age" in not_fine.stdout
    assert "spend" not in not_fine.stdout


@pytest.mark.parametrize("format_", ["table", "md", "csv"])
def test_a_breach_with_its_drivers(recorded_home: Path, tmp_path: Path, format_: str) -> None:
    path = tmp_path / "otelcost.toml"
    path.write_text(
        "timezone = 'Europe/Berlin'\n[[budget]]\nname = '=all | of it'\namount = 9\n"
        "[[budget]]\nname = 'triage'\ntask = 'support-*'\namount = 20\nperiod = 'week'\n",
        encoding="utf-8",
    )
    options = ("--max-spend", "5", "--max-growth", "20", "--max-anomaly", "1", "--max-unpriced", "0")
    answer = run(recorded_home, "check", *options, "--format", format_, OTELCOST_CONFIG=str(path))
    assert (answer.returncode, answer.stderr) == (3, "")
    assert HOSTILE_TASK not in answer.stdout
    golden(f"check-breached.{ {'table': 'txt'}.get(format_, format_) }", answer.stdout)


def test_few_days_tell_no_month(tmp_path: Path) -> None:
    """Six days of calls: what was spent is said, and no figure of a month, a rest or an end."""
    home = tmp_path / "home"
    world.spool(home, world.lines()[-300:])
    now = "2026-11-22T12:00:00Z"
    assert run(home, "drain", now=now).returncode == 0
    answer = json.loads(run(home, "forecast", "--format", "json", now=now).stdout)["forecasts"][0]
    assert 0 < answer["days_with_calls"] < 7
    assert answer["spent_picousd"] > 0
    assert {answer[name] for name in ("rest_picousd", "total_picousd", "low80_picousd", "high95_picousd")} == {None}
    path = tmp_path / "otelcost.toml"
    path.write_text("[budget]\namount = 100\n", encoding="utf-8")
    assert run(home, "check", OTELCOST_CONFIG=str(path)).returncode == 0
    risk = run(home, "check", "--max-risk", "50", OTELCOST_CONFIG=str(path))
    assert risk.returncode == 4  # asked for, and not known
    assert "too few days to foretell the end" in risk.stdout


def test_an_empty_store_is_no_ok_where_calls_are_expected(empty_home: Path) -> None:
    assert run(empty_home, "check", "--max-age", "1d").returncode == 4
    assert run(empty_home, "check", "--max-growth", "1").returncode == 4
    assert run(empty_home, "check", "--max-anomaly", "1").returncode == 4
    assert run(empty_home, "forecast").returncode == 0
