"""`otelcost rules`: what there is, one rule, a new one, and whether it does what it says."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otelcost.advise.catalogue import load
from otelcost.cli.render import FORMATS

from .world import environ


def run(where: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otelcost.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=where,
        env=environ(home),
        check=False,
        timeout=300,
    )


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Path:
    """A project with one rule of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = run(folder, home, "rules", "new", "mine")
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == f"{folder}/.otelcost/rules/house/X001_mine (try it: otelcost rules test X001)\n"
    return folder


@pytest.mark.parametrize("format_", FORMATS)
def test_list_in_every_format(project: Path, home: Path, format_: str) -> None:
    answer = run(project, home, "rules", "list", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    for rule in load()[0]:
        assert rule.id in answer.stdout
    assert "X001" in answer.stdout
    assert not (home / "store.duckdb").exists()


def test_list_shows_what_was_set(project: Path, home: Path) -> None:
    (project / "otelcost.toml").write_text("[rules.OC401]\nhorizon_hours = 48\n[rules.X001]\nenabled = false\n")
    answer = json.loads(run(project, home, "rules", "list", "--format", "json").stdout)
    rules = {row["id"]: row for row in answer["rules"]}
    hours = rules["OC401"]["parameters"]["horizon_hours"]
    assert (hours["value"], hours["default"], hours["minimum"], hours["maximum"]) == (48, 24, 1, 720)
    assert (rules["X001"]["source"], rules["X001"]["enabled"]) == ("project", False)
    assert answer["limits"] == {"seconds": 10, "memory_mb": 512}
    rows = {
        row["id"]: row
        for row in csv.DictReader(io.StringIO(run(project, home, "rules", "list", "--format", "csv").stdout))
    }
    assert (rows["OC401"]["parameters"], rows["OC401"]["source"]) == ("horizon_hours=48", "built-in")


def test_a_broken_rule_is_named_and_what_it_calls_itself_does_nothing(project: Path, home: Path) -> None:
    bad = project / ".otelcost" / "rules" / "house" / "\x1b[2J"
    bad.mkdir()
    listed = run(project, home, "rules", "list")
    assert listed.returncode == 0
    assert "Cannot be used" in listed.stdout
    assert "\x1b" not in listed.stdout
    tested = run(project, home, "rules", "test")
    assert (tested.returncode, tested.stdout) == (1, "")
    assert "\x1b" not in tested.stderr
    assert "rule.toml cannot be read" in tested.stderr.splitlines()[-1]
    advice = run(project, home, "rec", "list")
    assert advice.returncode == 0
    assert "rule.toml cannot be read" in advice.stdout


def test_a_title_from_a_project_does_nothing_either(project: Path, home: Path) -> None:
    file = project / ".otelcost" / "rules" / "house" / "X001_mine" / "rule.toml"
    file.write_text(file.read_text().replace('requires = ["call site"]', 'requires = ["\\u001b[2J"]'))
    for arguments in (("list",), ("show", "X001"), ("show", "X001", "--format", "md")):
        answer = run(project, home, "rules", *arguments)
        assert answer.returncode == 0
        assert "\x1b" not in answer.stdout


@pytest.mark.parametrize("format_", FORMATS)
def test_show_in_every_format(home: Path, tmp_path: Path, format_: str) -> None:
    answer = run(tmp_path, home, "rules", "show", "OC401", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "720" in answer.stdout
    assert "How long an answer is kept" in answer.stdout


def test_show_knows_near_names(home: Path, tmp_path: Path) -> None:
    answer = run(tmp_path, home, "rules", "show", "OC4O1")
    assert answer.returncode == 2
    assert answer.stderr == "error: there is no rule 'OC4O1': did you mean 'OC401'? see otelcost rules list\n"


def test_test_says_what_holds_and_what_does_not(project: Path, home: Path) -> None:
    holds = run(project, home, "rules", "test", "--format", "json")
    assert (holds.returncode, json.loads(holds.stdout)["ok"]) == (0, True)
    assert [row["holds"] for row in json.loads(holds.stdout)["cases"]] == [True] * 4
    folder = project / ".otelcost" / "rules" / "house" / "X001_mine"
    sql = folder / "rule.sql"
    sql.write_text(sql.read_text().replace("starts_with(call_site, $folder)", "$folder = 'tests/'"))
    fails = run(project, home, "rules", "test", "X001", "--format", "json")
    assert fails.returncode == 1
    assert [row["holds"] for row in json.loads(fails.stdout)["cases"]] == [True, False, False, True]
    sql.write_text("SELECT * FROM read_text('/etc/hostname')")
    text = run(project, home, "rules", "test", str(folder))
    assert text.returncode == 1
    assert text.stdout.count("FAILS") == 4
    assert "file system operations are disabled" in " ".join(text.stdout.split())
    assert not home.exists()


def test_a_folder_that_is_pointed_at_is_not_trusted(project: Path, home: Path) -> None:
    """Not even where it says that it is a built-in rule: a check.py in it is code."""
    own = project / ".otelcost" / "rules" / "house" / "X001_mine"
    posing = project / "OC401_exact_duplicates"
    shutil.copytree(own, posing)
    for file in posing.iterdir():
        file.write_text(file.read_text().replace("X001", "OC401"))
    (posing / "rule.sql").unlink()
    (posing / "check.py").write_text("open('ran', 'w')\ndef check(connection, parameters):\n    return []\n")
    answer = run(project, home, "rules", "test", posing.name)
    assert answer.returncode == 1
    assert "project rules are X001 and up" in answer.stderr
    assert not (project / "ran").exists()


def test_new_counts_on_and_refuses_other_names(project: Path, home: Path) -> None:
    assert "X002_theirs" in run(project, home, "rules", "new", "theirs", "--user").stdout
    assert (home / "rules" / "house" / "X002_theirs" / "cases.toml").is_file()
    (project / "deep" / "down").mkdir(parents=True)
    below = run(project / "deep" / "down", home, "rules", "new", "below")
    assert below.stdout.startswith(f"{project}/.otelcost/rules/house/X003_below")
    for name in ("../up", "a b"):
        refused = run(project, home, "rules", "new", name)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1


def test_a_value_out_of_bounds_is_one_line_wherever_advice_is_given(project: Path, home: Path) -> None:
    (project / "otelcost.toml").write_text("[rules.OC401]\nhorizon_hours = 1000\n")
    for command in (("rec", "list"), ("rules", "list"), ("overview",)):
        answer = run(project, home, *command)
        assert (answer.returncode, answer.stdout) == (2, ""), command
        assert answer.stderr == (
            f"error: {project}/otelcost.toml: rules.OC401: horizon_hours is 1000: give a number from 1 to 720\n"
        )


def test_nothing_of_ones_own(home: Path, tmp_path: Path) -> None:
    answer = run(tmp_path, home, "rules", "test")
    assert (answer.returncode, answer.stdout) == (0, "no rules of your own: otelcost rules new NAME begins one\n")
