"""The doctor explains every zero: each thing that can be wrong is made wrong and must be named, with its fix."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import msgspec
import pytest

from otelcost.cli.checks import Check
from otelcost.cli.checks import spool as spool_checks
from otelcost.cli.checks.environment import check_environment
from otelcost.cli.doctor import document
from otelcost.cli.render import FORMATS, render
from otelcost.spool.diagnostics import Diagnostics
from otelcost.spool.names import SegmentName
from otelcost.store import db
from otelcost.store.migrations import HEAD, MIGRATIONS

from . import world
from .world import run


def examine(home: Path, code: int = 0, **environment: str) -> dict[str, dict[str, Any]]:
    """Run the doctor and give its checks by name."""
    answer = run(home, "doctor", "--format", "json", **environment)
    assert answer.returncode == code, answer.stdout + answer.stderr
    assert answer.stderr == ""
    report = json.loads(answer.stdout)
    assert report["ok"] == (code == 0)
    return {check["name"]: check for check in report["checks"]}


def test_all_is_well(recorded_home: Path) -> None:
    checks = examine(recorded_home)
    assert {name: check["state"] for name, check in checks.items() if name != "unpriced"} == dict.fromkeys(
        [
            "python",
            "packages",
            "instrumentor",
            "span exporter",
            "launcher defaults",
            "OpenTelemetry SDK",
            "instrumentations",
            "OTEL_TRACES_EXPORTER",
            "OTEL_METRICS_EXPORTER",
            "OTEL_LOGS_EXPORTER",
            "configuration",
            "home",
            "access",
            "spool",
            "quarantine",
            "capture",
            "drain",
            "store",
            "calls",
            "errors",
            "price book",
        ],
        "ok",
    )
    assert checks["errors"]["detail"] == "2 of 390 calls failed or broke off in the last 7d"
    assert checks["unpriced"]["state"] == "warning"
    assert "in-house-7b" in checks["unpriced"]["detail"]
    assert "prices.toml" in checks["unpriced"]["fix"]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format(recorded_home: Path, format_: str) -> None:
    answer = run(recorded_home, "doctor", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "in-house-7b" in answer.stdout


def test_an_empty_home_says_how_to_fill_it(home: Path) -> None:
    checks = examine(home)
    assert checks["calls"]["state"] == "note"
    assert "otelcost run" in checks["calls"]["fix"]
    assert "otelcost demo" in checks["calls"]["fix"]


@pytest.mark.parametrize(
    ("variable", "value", "name", "code"),
    [
        ("OTEL_SDK_DISABLED", "true", "OpenTelemetry SDK", 1),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "flask, otelcost", "instrumentations", 1),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "*", "instrumentations", 1),
        ("OTEL_TRACES_EXPORTER", "otelcost,nonesuch", "OTEL_TRACES_EXPORTER", 1),
        ("OTEL_METRICS_EXPORTER", "nonesuch", "OTEL_METRICS_EXPORTER", 1),
        ("OTEL_PYTHON_DISTRO", "nonesuch", "OTEL_PYTHON_DISTRO", 0),
        ("OTEL_PYTHON_CONFIGURATOR", "nonesuch", "OTEL_PYTHON_CONFIGURATOR", 0),
    ],
)
def test_environment_problems(recorded_home: Path, variable: str, value: str, name: str, code: int) -> None:
    check = examine(recorded_home, code, **{variable: value})[name]
    assert check["state"] == ("broken" if code else "warning")
    assert variable in check["fix"]


def test_settings_are_read_as_by_every_command(home: Path) -> None:
    assert "no otelcost.toml" in examine(home)["configuration"]["detail"]
    (home / "otelcost.toml").write_text("[check]\nmax_spend = 5\n")
    assert examine(home)["configuration"]["detail"] == str(home / "otelcost.toml")
    (home / "otelcost.toml").write_text("[check]\nmax_spendd = 5\n")
    wrong = examine(home, code=1)["configuration"]
    assert (wrong["state"], "max_spendd" in wrong["detail"], bool(wrong["fix"])) == ("broken", True, True)


def test_harmless_environment() -> None:
    environment = {"OTEL_TRACES_EXPORTER": "otelcost,console", "OTEL_METRICS_EXPORTER": "none"}
    environment |= {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask", "OTEL_PYTHON_DISTRO": "distro"}
    checks = {check.name: check for check in check_environment(environment)}
    assert {check.state for check in checks.values()} == {"ok"}
    assert checks["instrumentations"].detail == "switched off: flask"
    assert checks["OTEL_PYTHON_DISTRO"].detail == "distro"


def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    checks = examine(tmp_path / "file" / "home", 1)
    assert checks["home"]["state"] == "broken"
    assert "OTELCOST_HOME" in checks["home"]["fix"]


@pytest.fixture
def copied_home(recorded_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded_home, tmp_path / "copy"))


def test_a_corrupted_store(copied_home: Path) -> None:
    (copied_home / "store.duckdb").write_bytes(b"this is no database")
    check = examine(copied_home, 1)["store"]
    assert check["state"] == "broken"
    assert check["fix"]


def test_swallowed_errors_are_shown_with_their_place(copied_home: Path) -> None:
    diagnostics = Diagnostics()
    secret = "never" + "shown"
    try:
        {}[secret]
    except KeyError as error:
        diagnostics.error("decode", error)
    diagnostics.count("dropped_records", 3)
    (copied_home / "spool").mkdir(exist_ok=True)
    diagnostics.write(copied_home / "spool", force=True)
    checks = examine(copied_home)
    name = next(name for name in checks if name.startswith("capture "))
    assert "dropped_records 3" in checks[name]["detail"]
    assert "error:decode 1" in checks[name]["detail"]
    assert "KeyError at test_doctor.py:" in checks[name]["detail"]
    assert 'File "' in checks[name]["traceback"]
    assert checks[name]["traceback"].endswith("KeyError")
    assert secret not in json.dumps(checks)
    table = run(copied_home, "doctor").stdout
    assert f"First error of {name}" in table
    assert secret not in table


def test_counts_without_an_error(copied_home: Path) -> None:
    diagnostics = Diagnostics()
    diagnostics.count("dropped_records")
    (copied_home / "spool").mkdir(exist_ok=True)
    diagnostics.write(copied_home / "spool", force=True)
    checks = examine(copied_home)
    assert "OTELCOST_SPOOL_MAX_MB" in next(v for k, v in checks.items() if k.startswith("capture "))["fix"]


def test_calls_left_out_on_request_are_no_fault(copied_home: Path) -> None:
    diagnostics = Diagnostics()
    diagnostics.count("suppressed", 4)
    (copied_home / "spool").mkdir(exist_ok=True)
    diagnostics.write(copied_home / "spool", force=True)
    check = next(v for k, v in examine(copied_home).items() if k.startswith("capture "))
    assert (check["state"], check["detail"]) == ("note", "suppressed 4")
    assert "suppress_instrumentation" in check["fix"]


def test_a_spool_that_others_can_read(copied_home: Path) -> None:
    (copied_home / "spool").mkdir(exist_ok=True)
    (copied_home / "spool").chmod(0o755)
    check = examine(copied_home)["access"]
    assert check["state"] == "warning"
    assert "mode 0755" in check["detail"]
    assert check["fix"] == f"chmod 700 {copied_home / 'spool'}"


def test_little_space_is_said_before_records_are_lost(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_checks.shutil, "disk_usage", lambda path: SimpleNamespace(free=1024 * 1024))
    assert [(one.state, one.fix) for one in spool_checks.check_spool() if one.name == "spool"] == [
        ("warning", "free some disk space")
    ]


def test_lines_that_cannot_be_read(copied_home: Path) -> None:
    world.spool(copied_home, [b"not json"], pid=7)
    checks = examine(copied_home)
    assert "1 line put aside" in checks["drain"]["detail"]
    checks = examine(copied_home)
    assert checks["quarantine"]["state"] == "warning"


def test_records_of_a_later_version_wait(copied_home: Path) -> None:
    name = SegmentName("calls", 99, "host", 1, 1, 0)
    (copied_home / "spool").mkdir(exist_ok=True)
    (copied_home / "spool" / f"{name}.ndjson").write_bytes(b"{}\n")
    assert "update" in examine(copied_home)["spool version"]["fix"]


def test_orphans_are_counted_before_they_are_loaded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sealed = world.spool(home, world.lines())
    sealed.rename(sealed.with_suffix(".open"))
    checks = examine(home)
    assert "of processes that have ended: 1" in checks["spool"]["detail"]
    assert str(len(world.lines())) in checks["drain"]["detail"]


def test_own_prices(copied_home: Path) -> None:
    path = copied_home / "prices.toml"
    path.write_text('[[price]]\nmodel = "in-house-7b"\nself_hosted = true\n')
    checks = examine(copied_home)
    assert checks["own prices"]["state"] == "ok"
    assert checks["unpriced"]["state"] == "ok"
    path.write_text('[[price]]\nmodle = "x"\n')
    assert "modle" in examine(copied_home)["own prices"]["fix"]


def test_calls_from_the_future(recorded_home: Path) -> None:
    answer = run(recorded_home, "doctor", "--format", "json", now="2026-11-01T00:00:00Z")
    checks = {check["name"]: check for check in json.loads(answer.stdout)["checks"]}
    assert "clocks" in checks["calls"]["fix"]


def test_a_machine_whose_clock_runs_ahead(home: Path) -> None:
    ahead = msgspec.json.decode(world.lines()[-1])
    ahead["context"]["start_unix_us"] = int((datetime.now(UTC) + timedelta(hours=3)).timestamp()) * 1_000_000
    world.spool(home, [msgspec.json.encode(ahead)])
    checks = json.loads(run(home, "doctor", "--format", "json", now=None).stdout)["checks"]
    (check,) = [check for check in checks if check["name"] == "calls"]
    assert (check["state"], check["fix"]) == ("warning", "check the clocks of the machines")


def test_nothing_lately_says_where_the_calls_are(recorded_home: Path) -> None:
    answer = run(recorded_home, "doctor", "--format", "json", now="2026-12-24T00:00:00Z")
    check = next(check for check in json.loads(answer.stdout)["checks"] if check["name"] == "calls")
    assert (check["state"], answer.returncode) == ("note", 0)
    assert "none in the last 7d" in check["detail"]
    assert "--window all" in check["fix"]
    assert "otelcost doctor --app" in check["fix"]


APPLICATION = """
import sys
from pathlib import Path
from otelcost.spool.diagnostics import diagnostics
from otelcost.spool.writer import Spool
folder = Path(sys.argv[1])
spool = Spool(folder)
while spool.append(b'{"filler": "' + b'x' * 4000 + b'"}'):
    pass
diagnostics.write(folder, force=True)
"""


def test_a_spool_that_is_full(home: Path) -> None:
    """An application has written until its records were dropped, and nobody has drained."""
    little = {"OTELCOST_SPOOL_MAX_MB": "0.1"}
    subprocess.run(
        [sys.executable, "-c", APPLICATION, str(home / "spool")], env=world.environ(home, **little), check=True
    )
    checks = examine(home, **little)
    assert checks["spool"]["state"] == "warning"
    assert "full: it may hold 0.1 MiB" in checks["spool"]["detail"]
    assert checks["spool"]["fix"] == "run otelcost drain now and from a timer, or raise OTELCOST_SPOOL_MAX_MB"
    (capture,) = [check for name, check in checks.items() if name.startswith("capture ")]
    assert "dropped_records 1" in capture["detail"]
    assert "OTELCOST_SPOOL_MAX_MB" in capture["fix"]
    assert "report it" not in capture["fix"]
    assert "full" not in examine(home, **little)["spool"]["detail"], "the first look has drained it"


def test_an_old_store_is_brought_up_to_date_with_its_calls(home: Path) -> None:
    home.mkdir()
    with duckdb.connect(str(home / "store.duckdb")) as connection:
        db._apply(connection, MIGRATIONS[0])
        connection.execute("INSERT INTO calls (span_id, start, provider) VALUES (77, '2026-11-20', 'openai')")
    checks = examine(home)
    assert f"schema {HEAD}" in checks["store"]["detail"]
    assert checks["calls"]["detail"].startswith("1 recorded")


def test_a_store_of_a_later_version_says_to_update(copied_home: Path) -> None:
    with duckdb.connect(str(copied_home / "store.duckdb")) as connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'm099_future', now())")
    check = examine(copied_home, 1)["store"]
    assert (check["state"], check["fix"]) == ("broken", "update otelcost")
    assert "schema 99" in check["detail"]


def test_spans_of_another_instrumentation_are_found_and_counted_once(home: Path) -> None:
    spans = Path(__file__).parents[1] / "imports" / "files" / "spans.otlp.jsonl"
    assert run(home, "import", str(spans)).returncode == 0
    check = examine(home)["spans"]
    assert check["state"] == "ok"
    assert "of other instrumentations" in check["detail"]
    assert "no call is counted twice" in check["detail"]


def test_nothing_to_do_is_said() -> None:
    text = render(document([Check("python", "ok", "fine")]), "table")
    assert text.endswith("Nothing to do\n")


def test_a_check_is_plain_data() -> None:
    assert msgspec.to_builtins(document([Check("a", "ok", "b")]).envelope)["checks"][0]["state"] == "ok"


def test_calls_that_fail_are_named(home: Path) -> None:
    world.spool(home, world.failing(3))
    check = examine(home)["errors"]
    assert (check["state"], check["detail"]) == ("warning", "3 of 3 calls failed or broke off in the last 7d (100%)")
    assert "otelcost calls" in check["fix"]


def test_a_mistake_in_own_prices_is_named_with_its_file_and_entry(home: Path) -> None:
    home.mkdir()
    (home / "prices.toml").write_text('[[price]]\nmodel = "gpt-4o"\ninput = -0.4\n')
    fix = examine(home)["own prices"]["fix"]
    assert str(home / "prices.toml") in fix
    assert "entry 1 (gpt-4o), input: -0.4" in fix
    assert "no price is negative" in fix
