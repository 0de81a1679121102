"""Import and export at the command line: every form byte for byte, round trips, and names that obey nobody."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.cli.exports import prometheus
from otelcost.cli.exports.parquet import column_type

from .test_golden import golden
from .world import NOW, run

FILES = Path(__file__).parents[1] / "imports" / "files"
FORMS = {"csv": "csv", "json": "json", "otlp": "otlp.jsonl", "prometheus": "prom"}
SERIES = re.compile(r'[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\\n]|\\\\|\\")*",?)+\})? -?\d+(?:\.\d+)?')


@pytest.mark.parametrize(
    ("what", "target"),
    [(what, form) for what in ("tasks", "recommendations") for form in FORMS if form != "otlp"]
    + [("calls", "prometheus"), ("calls", "otlp")],
)
def test_exports_are_these(recorded_home: Path, what: str, target: str) -> None:
    window = ("--window", "2026-11-21T14:00..2026-11-21T16:00") if target == "otlp" else ()
    answer = run(recorded_home, "export", what, "--format", target, *window)
    assert (answer.returncode, answer.stderr) == (0, "")
    golden(f"export-{what}.{FORMS[target]}", answer.stdout)


def test_every_form_of_calls_says_the_total_of_the_overview(recorded_home: Path, tmp_path: Path) -> None:
    totals = json.loads(run(recorded_home, "overview", "--format", "json").stdout)["totals"]
    target = tmp_path / "it's calls.parquet"
    answer = run(recorded_home, "export", "calls", "--format", "parquet", "--output", str(target))
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr == f"wrote {target}\n"
    counted = "SELECT sum(cost_picousd), count(*), count(*) FILTER (cost_picousd IS NULL) FROM read_parquet(?)"
    total, calls, unpriced = duckdb.execute(counted, [str(target)]).fetchall()[0]
    assert (total, calls, unpriced) == (totals["spend_picousd"], totals["calls"], totals["unpriced_calls"])
    rows = list(csv.DictReader(io.StringIO(run(recorded_home, "export", "calls").stdout)))
    assert sum(int(row["cost_picousd"] or 0) for row in rows) == total
    assert sum(not row["cost_picousd"] for row in rows) == unpriced
    told = run(recorded_home, "export", "calls", "--format", "prometheus").stdout
    dollars = re.findall(r"^otelcost_window_cost_dollars\{.*\} (\S+)$", told, re.MULTILINE)
    assert sum(round(float(one) * 10**12) for one in dollars) == total


def test_an_export_brought_back_adds_nothing_here_and_everything_elsewhere(recorded_home: Path, tmp_path: Path) -> None:
    target, elsewhere = tmp_path / "calls.jsonl", tmp_path / "elsewhere"
    home = Path(shutil.copytree(recorded_home, tmp_path / "copy"))
    run(home, "export", "calls", "--format", "otlp", "--output", str(target))
    there = json.loads(run(home, "overview", "--format", "json").stdout)["totals"]
    back = json.loads(run(home, "import", str(target), "--format", "json").stdout)["files"][0]
    assert back["covered"] == back["calls"] == there["calls"]
    assert json.loads(run(home, "overview", "--format", "json").stdout)["totals"] == there
    assert run(elsewhere, "import", str(target)).returncode == 0
    here = json.loads(run(elsewhere, "overview", "--format", "json").stdout)["totals"]
    for name in ("calls", "errors", "input_tokens", "output_tokens", "cache_read_tokens"):
        assert here[name] == there[name]
    tasks = [
        {row["task"]: row["calls"] for row in json.loads(run(one, "tasks", "--format", "json").stdout)["tasks"]}
        for one in (home, elsewhere)
    ]
    assert tasks[0] == tasks[1]


@pytest.mark.parametrize(("format_", "suffix"), [("table", "txt"), ("json", "json"), ("csv", "csv"), ("md", "md")])
def test_imports_say_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str, suffix: str) -> None:
    monkeypatch.chdir(FILES)
    names = ("langfuse.jsonl", "helicone.jsonl", "litellm.json", "openrouter.csv", "spans.otlp.jsonl")
    answer = run(tmp_path, "import", *names, "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    golden(f"import.{suffix}", answer.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("import", "openai-usage.json"), 1, "otelcost reconcile FILE"),
        (("import", "no-such-file"), 1, "cannot be read"),
        (("import",), 2, "FILE"),
        (("export", "tasks", "--format", "otlp"), 2, "no spans"),
        (("export", "tasks", "--format", "parquet"), 2, "--output"),
        (("export", "tasks", "--output", "no/such/folder/x.csv"), 1, "no/such/folder/x.csv cannot be written"),
        (("export", "calls", "--format", "parquet", "--output", "no/such/x"), 1, "no/such/x cannot be written"),
        (("export", "calls", "--output", "."), 1, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    monkeypatch.chdir(FILES)
    answer = run(tmp_path, *arguments, now=NOW)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_pipe_is_written_to_and_stays_one(recorded_home: Path, tmp_path: Path, form: str) -> None:
    pipe, regular = tmp_path / "pipe", tmp_path / "regular"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        answer = run(recorded_home, "export", "calls", "--format", form, "--output", str(pipe))
        if answer.returncode or not pipe.is_fifo():
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # nobody else would end the reading
    assert (answer.returncode, answer.stderr) == (0, f"wrote {pipe}\n")
    assert pipe.is_fifo()
    assert run(recorded_home, "export", "calls", "--format", form, "--output", str(regular)).returncode == 0
    assert read.result() == regular.read_bytes()


@pytest.mark.parametrize("command", [("export", "tasks", "--output"), ("report", "--html")], ids=" ".join)
def test_a_link_stays_one_and_its_file_is_replaced(
    recorded_home: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file, link = folder / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    assert run(recorded_home, *command, str(link)).returncode == 0
    assert link.readlink() == file
    assert "support-triage" in file.read_text()
    assert [path.name for path in folder.iterdir()] == ["file"]


@given(st.lists(st.tuples(st.text(max_size=20), st.none() | st.integers(0, 10**15)), max_size=130))
def test_any_names_make_a_valid_exposition_with_few_series_and_the_whole_sum(
    rows: list[tuple[str, int | None]],
) -> None:
    metric = prometheus.TASK_METRICS[0]
    sums = prometheus._sums([{"task": name, "cost_picousd": cost} for name, cost in rows], ("task",), [metric.field])
    told = prometheus._metric(metric, sums)
    lines = told.splitlines()[2:]
    assert told.splitlines() == told.split("\n")[:-1]
    assert all(SERIES.fullmatch(line) for line in lines)
    assert len(lines) <= prometheus.MOST_SERIES
    total = sum(round(float(line.rpartition(" ")[2]) * 10**12) for line in lines)
    assert total == pytest.approx(sum(cost or 0 for _, cost in rows), rel=1e-9)


def test_columns_are_typed_by_their_units() -> None:
    assert [column_type(name) for name in ("cost_picousd", "duration_us", "http_status")] == ["BIGINT"] * 3
    assert [column_type(name) for name in ("price_status", "status", "task")] == ["VARCHAR"] * 3
    assert [column_type(name) for name in ("start", "flags", "stream")] == ["TIMESTAMP", "VARCHAR[]", "BOOLEAN"]
    assert [column_type(name) for name in ("price_valid_from", "price_context_lo_tokens")] == ["TIMESTAMP", "BIGINT"]
