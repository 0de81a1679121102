"""The labelled benchmark at a small size: every rule finds its plants and their dollars, nothing else."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "advice"))
import report
import score

from otelcost.advise.catalogue import load

DEVELOPED_ON = 3
DAYS = 7
BAR = 0.95


@pytest.fixture(scope="module")
def outcomes() -> list[score.Outcome]:
    """What the installed rules say about one seed."""
    found, _ = score.run(DEVELOPED_ON, DAYS)
    return found


def test_every_rule_is_planted_for(outcomes: list[score.Outcome]) -> None:
    assert {one.rule for one in outcomes if one.kind != "false"} >= {rule.id for rule in load()[0]} - UNPLANTED


UNPLANTED = {"OC303"}
"""Fires beside other rules only, and claims no dollars."""


def test_precision_and_recall(outcomes: list[score.Outcome]) -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    for one in outcomes:
        kinds[one.rule].append(one.kind)
    for rule, seen in kinds.items():
        assert seen.count("found") >= BAR * (len(seen) - seen.count("false")), (rule, outcomes)
        assert seen.count("found") >= BAR * (len(seen) - seen.count("missed")), (rule, outcomes)


def test_dollars_and_classes(outcomes: list[score.Outcome]) -> None:
    found = [one for one in outcomes if one.kind == "found"]
    assert [one for one in found if report.error(one) > report.TOLERATED_ERROR] == []
    assert [one for one in found if one.note] == []


def test_no_headline_dollar_of_clean_traffic(outcomes: list[score.Outcome]) -> None:
    assert [one for one in outcomes if one.kind == "false" and one.note in {"exact", "simulated"}] == []
