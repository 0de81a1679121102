"""Renaming, merging and splitting tasks, as typed: one line said, and every list follows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .world import run


@pytest.fixture
def home(recorded_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded_home, tmp_path / "copy"))


def said(home: Path, *arguments: str) -> str:
    answer = run(home, "tasks", *arguments)
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout


def names(home: Path, command: str = "tasks", key: str = "tasks") -> set[str]:
    answer = run(home, command, "--window", "all", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    return {row["task"] for row in json.loads(answer.stdout)[key]}


def advice(home: Path) -> dict[str, str]:
    answer = run(home, "rec", "list", "--window", "14d", "--format", "json")
    return {row["id"]: row["task"] for row in json.loads(answer.stdout)["recommendations"]}


def test_a_renamed_task_keeps_the_ids_of_its_recommendations(home: Path) -> None:
    before = advice(home)
    assert "support-triage" in before.values()
    assert said(home, "rename", "support-triage", "tickets") == (
        "'support-triage' renamed to 'tickets' (take it back: otelcost tasks undo)\n"
    )
    assert advice(home) == {id_: "tickets" if t == "support-triage" else t for id_, t in before.items()}
    for command, key in (("tasks", "tasks"), ("calls", "calls"), ("context", "tasks")):
        assert "tickets" in names(home, command, key)
        assert "support-triage" not in names(home, command, key)
    assert said(home, "undo") == "undone: 'support-triage' renamed to 'tickets'\n"
    assert advice(home) == before


def test_merged_and_split(home: Path) -> None:
    said(home, "merge", "draft", "extract", "--into", "small things")
    assert {"draft", "extract"}.isdisjoint(names(home))
    said(home, "split", "small things", "--by", "model")
    assert {name for name in names(home) if name.startswith("small things/")} == {
        "small things/gpt-4o", "small things/gpt-4o-mini", "small things/in-house-7b",
    }  # fmt: skip
    assert json.loads((home / "tasks.json").read_text())["decisions"][1]["by"] == "model"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rename", "nobody", "x"), "no task is called 'nobody'"),
        (("rename", "draft", "extract"), "otelcost tasks merge"),
        (("split", "draft", "--by", "output"), "--at TOKENS"),
        (("split", "draft", "--by", "moon"), "moon"),
        (("split", "draft", "--by", "output", "--at", "9" * 20), "--at"),
        (("undo",), "left to undo"),
    ],
)
def test_what_makes_no_sense_is_one_line(home: Path, arguments: tuple[str, ...], words: str) -> None:
    answer = run(home, "tasks", *arguments)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert words in answer.stderr
    assert not (home / "tasks.json").exists()


def test_a_task_that_is_not_there_has_no_context(home: Path) -> None:
    answer = run(home, "context", "support-triag")
    assert answer.returncode == 2
    assert "did you mean 'support-triage'" in answer.stderr
