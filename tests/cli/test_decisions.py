"""Decisions as a user makes them: commands in processes of their own, and two of them at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .world import environ, run

WINDOW = ("--window", "14d")


@pytest.fixture
def home(recorded_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded_home, tmp_path / "copy"))


def _json(home: Path, *arguments: str) -> dict[str, Any]:
    answer = run(home, *arguments, "--format", "json")
    assert (answer.returncode, answer.stderr) == (0, "")
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def _first(home: Path) -> dict[str, Any]:
    listed: list[dict[str, Any]] = _json(home, "rec", "list", *WINDOW)["recommendations"]
    return listed[0]


def test_the_way_of_a_recommendation(home: Path) -> None:
    card = _first(home)
    id_ = card["id"]
    accepted = _json(home, "rec", "accept", id_, *WINDOW)["event"]
    assert accepted["state"] == "accepted"
    assert accepted["frozen"]["standalone_picousd"] == card["standalone_picousd"]
    assert _first(home)["state"] == "accepted"

    refused = run(home, "rec", "accept", id_, *WINDOW)
    assert refused.returncode == 2
    assert f"{id_} is accepted" in refused.stderr
    assert refused.stderr.count("\n") == 1

    dry = run(home, "rec", "apply", id_, "--dry-run", *WINDOW)
    assert card["change"].splitlines()[0][:40] in dry.stdout
    assert _first(home)["state"] == "accepted"

    _json(home, "rec", "apply", id_, "--live", "2026-11-20", *WINDOW)
    after = _json(home, "rec", "list", *WINDOW)
    (applied,) = [one for one in after["recommendations"] if one["id"] == id_]
    assert (applied["state"], applied["marginal_picousd"]) == ("applied", 0)

    past = _json(home, "rec", "history", id_)["history"]
    assert [event["state"] for event in past] == ["accepted", "applied"]
    assert past[1]["frozen"]["since"].startswith("2026-11-20")
    shown = _json(home, "rec", "show", id_, *WINDOW)
    assert shown["history"] == past
    assert shown["history"][0]["frozen"]["standalone_picousd"] == card["standalone_picousd"]
    (measured,) = _json(home, "rec", "measure")["measurements"]
    assert measured["id"] == id_
    assert measured["verdict"] in {"too early", "failed"}  # nothing changed in this world


def test_dismissed_with_a_reason_and_reopened(home: Path) -> None:
    id_ = _first(home)["id"]
    assert run(home, "rec", "dismiss", id_, *WINDOW).returncode == 2
    assert _json(home, "rec", "dismiss", id_, "--reason", "=2+3 needed", *WINDOW)["event"]["reason"] == "=2+3 needed"
    assert "'=2+3" in run(home, "rec", "history", "--format", "csv").stdout  # no formula in a spreadsheet
    blocked = run(home, "rec", "accept", id_, *WINDOW)
    assert "reopen it first" in blocked.stderr
    assert _json(home, "rec", "reopen", id_, *WINDOW)["event"]["state"] == "open"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("snooze", "ID", "--until", "yesterday"), "days such as 14d"),
        (("snooze", "ID", "--until", "2020-01-01"), "past"),
        (("snooze", "ID", "--until", "99999999999d"), "days such as 14d"),
        (("apply", "ID", "--live", "2030-01-01"), "future"),
        (("accept", "R-nothing"), "no recommendation"),
        (("dismiss", "R-nothing", "--reason", "x"), "no recommendation"),
        (("history", "R-nothing"), "nothing was ever decided"),
    ],
)
def test_what_cannot_be_is_one_line(home: Path, arguments: tuple[str, ...], said: str) -> None:
    id_ = _first(home)["id"]
    answer = run(home, "rec", *(id_ if word == "ID" else word for word in arguments))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_two_terminals_at_once(home: Path) -> None:
    """Four processes decide on one thing: one is obeyed, the others are told, and the log has one event."""
    id_ = _first(home)["id"]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "otelcost.cli", "rec", *command, id_, *WINDOW],
            env=environ(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in (("accept",), ("dismiss", "--reason", "a"), ("accept",), ("dismiss", "--reason", "b"))
    ]
    answers = [(*process.communicate(timeout=120), process.returncode) for process in started]
    codes = sorted(code for _, _, code in answers)
    past = _json(home, "rec", "history", id_)["history"]
    assert codes.count(0) == len(past) >= 1
    assert codes.count(0) + codes.count(2) == 4
    for out, err, code in answers:
        assert (code == 0) == bool(out)
        assert code == 0 or ("meanwhile" in err or f"{id_} is " in err)
