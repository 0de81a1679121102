"""Every reading command in every format, byte for byte, over a small recorded world with fixed times.

After a change that is meant: `OTELCOST_WRITE_GOLDEN=1 python -m pytest tests/cli/test_golden.py`, then look at
the difference before it is committed.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from otelcost.cli.render import FORMATS

from .world import HOSTILE_TASK, on_terminal, run

GOLDEN = Path(__file__).parent / "golden"
WRITE = "OTELCOST_WRITE_GOLDEN"
SUFFIX = {"table": "txt", "json": "json", "csv": "csv", "md": "md"}
COMMANDS = {
    "overview": ("overview",),
    "tasks": ("tasks",),
    "tasks-candidates": ("tasks", "candidates", "support-triage"),
    "context": ("context",),
    "context-task": ("context", "support-triage"),
    "calls": ("calls", "--limit", "12"),
    "rec-list": ("rec", "list", "--window", "14d"),
    "check": (
        "check",
        "--max-spend",
        "100",
        "--max-growth",
        "1000",
        "--max-anomaly",
        "100",
        "--max-unpriced",
        "5",
        "--max-age",
        "26h",
    ),
    "forecast": ("forecast", "--period", "week"),
    "anomalies": ("anomalies",),
    "digest-preview": ("digest", "preview"),
    "diff": ("diff", "--base", "2026-11-08T12:00:00Z..2026-11-15T12:00:00Z"),
    "diff-scaled": ("diff", "--base", "2026-11-08..2026-11-15", "--head", "2026-11-20..2026-11-21"),
}


def golden(name: str, text: str) -> None:
    """Compare with the stored answer, or store it where that was asked for."""
    path = GOLDEN / name
    if os.environ.get(WRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no golden file {name}: write it with {WRITE}=1"
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", COMMANDS)
def test_answers_are_these(recorded_home: Path, name: str, format_: str) -> None:
    answer = run(recorded_home, *COMMANDS[name], "--format", format_)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "\x1b" not in answer.stdout
    golden(f"{name}.{SUFFIX[format_]}", answer.stdout)


@pytest.mark.parametrize("format_", FORMATS)
def test_one_recommendation(recorded_home: Path, format_: str) -> None:
    listed = json.loads(run(recorded_home, "rec", "list", "--window", "14d", "--format", "json").stdout)
    first = listed["recommendations"][0]["id"]
    answer = run(recorded_home, "rec", "show", first, "--window", "14d", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    golden(f"rec-show.{SUFFIX[format_]}", answer.stdout)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    "name", ["overview", "tasks", "context", "calls", "rec-list", "digest-preview", "diff", "anomalies"]
)
def test_an_empty_store_says_what_to_do(empty_home: Path, name: str, format_: str) -> None:
    answer = run(empty_home, *COMMANDS[name], "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    golden(f"empty-{name}.{SUFFIX[format_]}", answer.stdout)


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize(
    "name",
    ["overview", "tasks", "context", "context-task", "calls", "rec-list", "prices", "check", "forecast", "anomalies"],
)
def test_a_terminal_of_any_width_shows_figures_and_ids_whole(recorded_home: Path, name: str, columns: int) -> None:
    command = {**COMMANDS, "prices": ("prices", "show", "gpt-4o")}[name]
    text = on_terminal(recorded_home, columns, *command)
    assert all(len(line) <= columns for line in text.splitlines())
    golden(f"{name}.{columns}.terminal.txt", text)


def _json(home: Path, *arguments: str) -> dict[str, Any]:
    answer = run(home, *arguments, "--format", "json")
    assert answer.returncode == 0, answer.stderr
    envelope: dict[str, Any] = json.loads(answer.stdout)
    assert envelope["schema_version"] == 1
    return envelope


CALL_FIELDS = """
    trace_id span_id operation_id start duration_ms ttft_ms provider operation request_model response_model
    service_tier task status error_type attempt flags input_uncached_tokens cache_read_tokens
    cache_write_short_tokens cache_write_long_tokens output_tokens reasoning_tokens cost_picousd price_status
    price_source price_key price_valid_from price_context_lo_tokens call_site
"""
RECOMMENDATION_FIELDS = """
    id rule task title class calls window cost_observed_picousd standalone_picousd marginal_picousd low_picousd
    high_picousd transform evidence state
"""


def test_the_stable_fields_of_a_call(recorded_home: Path) -> None:
    envelope = _json(recorded_home, "calls", "--limit", "500", "--window", "all")
    assert len(envelope["calls"]) > 300
    for call in envelope["calls"]:
        assert list(call) == CALL_FIELDS.split()
        assert call["start"].endswith("Z")
        assert len(call["start"]) == len("2026-11-22T10:00:00.000000Z")
        assert call["cost_picousd"] is None or type(call["cost_picousd"]) is int


def test_the_stable_fields_of_a_recommendation(recorded_home: Path) -> None:
    envelope = _json(recorded_home, "rec", "list", "--window", "14d")
    assert {"window", "recommendations", "joint_picousd", "spend_picousd", "not_checked", "headline"} <= set(envelope)
    assert envelope["recommendations"]
    for found in envelope["recommendations"]:
        assert set(RECOMMENDATION_FIELDS.split()) <= set(found)
        for name in found:
            if name.endswith("_picousd"):
                assert found[name] is None or type(found[name]) is int


def test_unknown_cost_is_never_nothing(recorded_home: Path) -> None:
    calls = _json(recorded_home, "calls", "--window", "all", "--task", "draft")["calls"]
    unpriced = [call for call in calls if call["price_status"] == "unpriced"]
    assert [call["cost_picousd"] for call in unpriced] == [None]
    table = run(recorded_home, "calls", "--ids", unpriced[0]["span_id"]).stdout
    assert "unpriced" in table
    assert "$0" not in table
    text = run(recorded_home, "calls", "--ids", unpriced[0]["span_id"], "--format", "csv").stdout
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["cost_picousd"], row["price_status"]) == ("", "unpriced")


def test_an_auditor_can_recompute_every_cost(recorded_home: Path) -> None:
    """From the JSON alone: a call names the row of the book, `prices show` has its rates."""
    listed = _json(recorded_home, "calls", "--limit", "1000")
    assert listed["book_sha256"] == _json(recorded_home, "prices", "sources")["book_sha256"]
    models = {(call["provider"], call["response_model"]) for call in listed["calls"] if call["price_key"]}
    assert len(models) == 3
    book = {}
    for provider, model in models:
        shown = _json(recorded_home, "prices", "show", model, "--provider", provider, "--history")
        for row in shown["prices"]:
            book[row["price_key"], row["valid_from"], row["context_lo_tokens"]] = row
    recomputed = 0
    for call in listed["calls"]:
        if call["price_status"] in {"unpriced", "not_billed"}:
            assert call["price_key"] is None
            continue
        row = book[call["price_key"], call["price_valid_from"], call["price_context_lo_tokens"]]
        rates = {name: row[f"{name}_picousd"] for name in ("input", "cache_read", "output")}
        assert call["cost_picousd"] == (
            call["input_uncached_tokens"] * rates["input"]
            + call["cache_read_tokens"] * rates["cache_read"]
            + call["output_tokens"] * rates["output"]
        )
        recomputed += call["cost_picousd"]
    assert recomputed == _json(recorded_home, "overview")["totals"]["spend_picousd"] > 0


@pytest.mark.parametrize("format_", FORMATS)
def test_an_insight_can_be_looked_at_like_a_recommendation(recorded_home: Path, format_: str) -> None:
    (insight,) = _json(recorded_home, "rec", "list", "--window", "14d")["insights"]
    rows = csv.DictReader(io.StringIO(run(recorded_home, "rec", "list", "--window", "14d", "--format", "csv").stdout))
    (row,) = [row for row in rows if row["class"] == "information"]
    assert (row["id"], row["standalone_picousd"], row["state"]) == (insight["id"], "", "")
    assert int(row["cost_observed_picousd"]) == insight["cost_observed_picousd"]
    answer = run(recorded_home, "rec", "show", insight["id"], "--window", "14d", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    golden(f"rec-show-insight.{SUFFIX[format_]}", answer.stdout)


def test_every_call_of_an_insight_is_listed_and_adds_up(recorded_home: Path) -> None:
    (insight,) = _json(recorded_home, "rec", "list", "--window", "14d")["insights"]
    calls = _json(recorded_home, "calls", "--rec", insight["id"], "--window", "14d")["calls"]
    assert len(calls) == insight["calls"]
    assert {call["task"] for call in calls} == {insight["task"]}
    assert sum(call["cost_picousd"] for call in calls) == insight["cost_observed_picousd"]


def test_every_surface_says_the_same_total(recorded_home: Path) -> None:
    overview = _json(recorded_home, "overview")
    calls = _json(recorded_home, "calls", "--limit", "1000")["calls"]
    spend = sum(call["cost_picousd"] or 0 for call in calls)
    assert overview["totals"]["spend_picousd"] == spend
    assert overview["totals"]["calls"] == len(calls)
    assert sum(row["cost_picousd"] or 0 for row in overview["by_task"]) == spend
    assert sum(row["cost_picousd"] or 0 for row in overview["by_model"]) == spend
    assert sum(row["cost_picousd"] or 0 for row in overview["by_day"]) == spend
    assert sum(row["cost_picousd"] or 0 for row in _json(recorded_home, "tasks")["tasks"]) == spend
    assert _json(recorded_home, "rec", "list")["spend_picousd"] == spend


def test_the_joint_saving_is_the_sum_of_the_marginals(recorded_home: Path) -> None:
    envelope = _json(recorded_home, "rec", "list", "--window", "14d")
    head = envelope["headline"]
    assert envelope["joint_picousd"] <= envelope["spend_picousd"]
    assert head["exact_picousd"] + head["simulated_picousd"] == envelope["joint_picousd"]


def test_json_keeps_a_hostile_name_and_text_disarms_it(recorded_home: Path) -> None:
    names = [row["name"] for row in _json(recorded_home, "overview")["by_task"]]
    assert HOSTILE_TASK in names
    for format_ in ("table", "md", "csv"):
        for command in ("overview", "tasks", "calls"):
            text = run(recorded_home, command, "--format", format_).stdout
            assert "\x1b" not in text
            assert "\u202e" not in text
            if format_ == "csv":
                cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
                assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
            if format_ == "md":
                assert "<b>" not in text.replace("\\<", "")


def test_calls_are_found_by_id_in_all_of_time_and_in_any_number(recorded_home: Path) -> None:
    old = [f"{1000 + 13 * 100 + minute:016x}" for minute in (0, 4)]
    wanted = ",".join(old)
    found = _json(recorded_home, "calls", "--ids", wanted, "--ids", f"{91:016X}", "--limit", "1")["calls"]
    assert {call["span_id"] for call in found} == {*old, f"{91:016x}"}


def test_since_is_a_window(recorded_home: Path) -> None:
    day = _json(recorded_home, "calls", "--since", "24h", "--limit", "500")["calls"]
    again = _json(recorded_home, "calls", "--window", "24h", "--limit", "500")["calls"]
    moment = _json(recorded_home, "calls", "--since", "2026-11-21T12:00:00Z", "--limit", "500")["calls"]
    assert day == again == moment
    assert day


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("newest", lambda call: call["start"]),
        ("cost", lambda call: call["cost_picousd"] or 0),
        ("duration", lambda call: call["duration_ms"]),
    ],
)
def test_orders(recorded_home: Path, order: str, key: Any) -> None:
    calls = _json(recorded_home, "calls", "--order", order, "--limit", "40")["calls"]
    assert [key(call) for call in calls] == sorted((key(call) for call in calls), reverse=True)


def test_attempts_of_one_operation_share_its_id(recorded_home: Path) -> None:
    calls = _json(recorded_home, "calls", "--task", "extract", "--order", "oldest")["calls"]
    assert [(call["attempt"], call["status"]) for call in calls] == [(1, "error"), (2, "ok")]
    assert len({call["operation_id"] for call in calls}) == 1
    assert [call["cost_picousd"] == 0 for call in calls] == [True, False]


def test_without_a_terminal_otelcost_alone_is_the_overview(recorded_home: Path) -> None:
    assert run(recorded_home).stdout == run(recorded_home, "overview").stdout


def test_no_monthly_figure_from_less_than_a_week(recorded_home: Path) -> None:
    assert _json(recorded_home, "overview", "--window", "24h")["totals"]["monthly_picousd"] is None
    assert "a month" not in run(recorded_home, "overview", "--window", "24h").stdout


def test_no_drain_leaves_the_spool_alone(tmp_path: Path) -> None:
    from . import world

    home = tmp_path / "home"
    waiting = world.spool(home, world.lines())
    assert _json(home, "overview", "--no-drain")["totals"]["calls"] == 0
    assert waiting.exists()
    assert _json(home, "overview", "--window", "all")["totals"]["calls"] == len(world.lines())
    assert not waiting.exists()
