"""Settings: which file or variable wins, and what a mistake in one is told as."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost import config
from otelcost.errors import UsageError

KEYS = {"timezone": ('"Asia/Tokyo"', '"America/Lima"', "Africa/Cairo"), "check.max_spend": ("1", "2.5", "3.25")}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("OTELCOST_HOME", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


def write(folder: Path, text: str) -> Path:
    path = folder / config.FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def toml(key: str, value: str) -> str:
    table, _, name = key.rpartition(".")
    return f"[{table}]\n{name} = {value}\n" if table else f"{name} = {value}\n"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("sources", range(8))
def test_variable_over_project_over_user(home: Path, project: Path, key: str, sources: int) -> None:
    user, here, variable = KEYS[key]
    name = config.variable_of(key)
    expected, origin = None, config.DEFAULT
    if sources & 1:
        expected, origin = user, str(write(home, toml(key, user)))
    if sources & 2:
        expected, origin = here, str(write(project, toml(key, here)))
    if sources & 4:
        expected, origin = variable, name
    found = config.load(project, {name: variable} if sources & 4 else {})
    value = found.settings.timezone if key == "timezone" else found.settings.check.max_spend
    default = "UTC" if key == "timezone" else None
    assert value == (default if expected is None else expected.strip('"') if key == "timezone" else Decimal(expected))
    assert found.origin(key) == origin


def test_the_nearest_file_above_counts_up_to_the_repository(home: Path, project: Path) -> None:
    write(project.parent, 'timezone = "Asia/Tokyo"\n')
    below = project / "src" / "app"
    below.mkdir(parents=True)
    assert config.load(below, {}).settings.timezone == "UTC"  # what lies above the repository is somebody else's
    write(project, 'timezone = "America/Lima"\n')
    assert config.load(below, {}).settings.timezone == "America/Lima"
    elsewhere = project.parent / "ci.toml"
    elsewhere.write_text('timezone = "Africa/Cairo"\n', encoding="utf-8")
    assert config.load(below, {config.FILE_VARIABLE: str(elsewhere)}).settings.timezone == "Africa/Cairo"
    with pytest.raises(UsageError, match="which is not there"):
        config.load(below, {config.FILE_VARIABLE: str(elsewhere) + "x"})


def test_budgets_meet_by_name_and_tables_by_key(home: Path, project: Path) -> None:
    mine = write(home, '[[budget]]\nname="a"\namount=1\n[[budget]]\nname="b"\namount=2\n[rules.R1]\nx=1\ny=2\n')
    ours = write(project, '[[budget]]\nname="b"\namount=3.10\nperiod="day"\n[rules.R1]\ny=5\n')
    found = config.load(project, {})
    assert [(one.name, one.amount_picousd, one.period) for one in found.settings.budget] == [
        ("a", 10**12, "month"),
        ("b", 31 * 10**11, "day"),
    ]
    assert found.settings.rules == {"R1": {"x": 1, "y": 5}}
    assert [found.origin(key) for key in ("budget.a", "budget.b", "rules.R1.x", "rules.R1.y")] == [
        str(mine),
        str(ours),
        str(mine),
        str(ours),
    ]


def test_one_budget_needs_no_second_bracket(home: Path, project: Path) -> None:
    write(project, "[budget]\namount = 0.1\n")
    assert [one.amount_picousd for one in config.load(project, {}).settings.budget] == [10**11]


@given(st.decimals(min_value=0, max_value=10**6, places=4))
def test_dollars_are_read_as_they_are_typed(amount: Decimal) -> None:
    text = f"{amount:f}"
    typed = config._settings(config.tomllib.loads(f"budget = [{{amount = {text}}}]"), "here")
    assert typed.budget[0].amount_picousd == int(amount * 10**12)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("timezon = 'UTC'", "unknown key 'timezon': did you mean 'timezone'"),
        ("[[budget]]\namuont = 3", "unknown key 'budget[0].amuont': did you mean 'amount'"),
        ("[check]\nmax_spent = 3", "unknown key 'check.max_spent': did you mean 'max_spend'"),
        ("[[budget]]\nname = 'x'", "missing required field `amount`"),
        ("[[budget]]\namount = 3\nperiod = 'year'", "Invalid enum value 'year'"),
        ("[[budget]]\namount = -3", "write a number from 0"),
        ("[[budget]]\namount = nan", "write a number from 0"),
        ("[[budget]]\namount = 1\nlabel = 'acme'", "write it as key=value"),
        ("[[budget]]\namount = 1\n[[budget]]\namount = 2", "two budgets are called 'budget'"),
        ("[check]\nmax_growth = true", "`check.max_growth`"),
        ("timezone = 'Mars/Olympus'", "no time zone is called 'Mars/Olympus'"),
        ("timezone = '../../etc/passwd'", "no time zone is called"),
        ("timezone = ", "is not TOML"),
    ],
)
def test_a_mistake_is_one_line_with_the_file_and_the_key(home: Path, project: Path, text: str, complaint: str) -> None:
    path = write(project, text + "\n")
    with pytest.raises(UsageError) as caught:
        config.load(project, {})
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_variable_that_cannot_be_used_names_itself(home: Path, project: Path) -> None:
    with pytest.raises(UsageError, match="OTELCOST_CHECK_MAX_SPEND"):
        config.load(project, {"OTELCOST_CHECK_MAX_SPEND": "lots"})


def test_show_tells_where_everything_comes_from(home: Path, project: Path) -> None:
    mine = write(home, 'timezone = "Europe/Berlin"\n[rules.OC101]\nmin_share = 0.5\n')
    ours = write(project, "[budget]\namount = 7\ntask = 'x*'\n")
    answer = subprocess.run(
        [sys.executable, "-m", "otelcost.cli", "config", "show", "--origin", "--format", "json"],
        cwd=project,
        env={**os.environ, "OTELCOST_CHECK_MAX_SPEND": "9.5"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {row["key"]: (row["value"], row["origin"]) for row in json.loads(answer.stdout)["settings"]}
    assert rows["timezone"] == ("Europe/Berlin", str(mine))
    assert rows["check.max_spend"] == ("9.5", "OTELCOST_CHECK_MAX_SPEND")
    assert rows["check.max_growth"] == (None, "default")
    assert rows["budget.budget"] == ("amount 7, period month, task x*", str(ours))
    assert rows["rules.OC101.min_share"] == (0.5, str(mine))
