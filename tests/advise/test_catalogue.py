"""Rule folders that break the form are refused with a name, and never stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from otelcost.advise.catalogue import load

GOOD = """
id = "OC901"
version = 1
title = "T {task}"
family = "waste"
class = "exact"
risk = "low"
effort = "low"
reversibility = "r"
requires = ["x"]
false_positives = ["y"]
change = "c"

[parameters.days]
default = 3
minimum = 1
maximum = 9
description = "d"
"""


def _write(root: Path, toml: str | None, name: str = "OC901_x", **files: str) -> None:
    folder = root / "waste" / name
    folder.mkdir(parents=True)
    if toml is not None:
        (folder / "rule.toml").write_text(toml)
    for file, text in files.items():
        (folder / file.replace("_", ".", 1)).write_text(text)


def test_a_good_folder_loads(tmp_path: Path) -> None:
    _write(tmp_path, GOOD, rule_sql="SELECT 1")
    (tmp_path / "waste" / "notes").mkdir()
    (tmp_path / "__pycache__").mkdir()
    rules, errors = load(tmp_path)
    assert errors == ()
    assert rules[0].defaults() == {"days": 3}
    assert (rules[0].class_, rules[0].sql, rules[0].check) == ("exact", "SELECT 1", None)


@pytest.mark.parametrize(
    ("toml", "files", "said"),
    [
        (None, {"rule_sql": ""}, "rule.toml cannot be read"),
        ("id = ", {"rule_sql": ""}, "rule.toml cannot be read"),
        (GOOD.replace('class = "exact"', 'class = "certain"'), {"rule_sql": ""}, "Invalid enum value 'certain'"),
        (GOOD.replace('risk = "low"', ""), {"rule_sql": ""}, "missing required field `risk`"),
        (GOOD + 'colour = "red"', {"rule_sql": ""}, "unknown field `colour`"),
        (GOOD.replace("OC901", "OC902"), {"rule_sql": ""}, "does not begin with its id OC902"),
        (GOOD, {}, "either rule.sql or check.py"),
        (GOOD, {"rule_sql": "", "check_py": ""}, "either rule.sql or check.py"),
        (GOOD.replace("default = 3", "default = 30"), {"rule_sql": ""}, "parameter days: 30 is not between 1 and 9"),
        (GOOD.replace("minimum = 1\n", ""), {"rule_sql": ""}, "parameter days"),
        (GOOD.replace("default = 3", 'default = "x"'), {"rule_sql": ""}, "parameter days"),
    ],
)
def test_a_malformed_folder_is_named(toml: str | None, files: dict[str, str], said: str, tmp_path: Path) -> None:
    _write(tmp_path, toml, **files)
    _write(tmp_path, GOOD.replace("OC901", "OC903"), "OC903_fine", rule_sql="SELECT 1")
    rules, errors = load(tmp_path)
    assert [rule.id for rule in rules] == ["OC903"]
    assert len(errors) == 1
    assert str(errors[0]).startswith("rule OC901_x: ")
    assert said in str(errors[0])
    assert errors[0].fix


def test_an_id_is_taken_once(tmp_path: Path) -> None:
    _write(tmp_path, GOOD, "OC901_a", rule_sql="SELECT 1")
    _write(tmp_path, GOOD, "OC901_b", rule_sql="SELECT 2")
    rules, errors = load(tmp_path)
    assert [rule.folder for rule in rules] == ["OC901_a"]
    assert "OC901_b: the id OC901 is taken by OC901_a" in str(errors[0])
