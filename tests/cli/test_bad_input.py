"""Whatever is wrong: one line on standard error, nothing on standard output, and the right exit code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from . import world
from .world import run

READERS = (("overview",), ("tasks",), ("context",), ("calls",), ("rec", "list"), ("digest", "preview"))


def one_line(answer: subprocess.CompletedProcess[str], code: int) -> str:
    """The single error line of a command that failed as it should."""
    assert answer.returncode == code, answer.stderr
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.isascii()
    assert "internal fault" not in answer.stderr
    return answer.stderr


@pytest.fixture
def copied_home(recorded_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded_home, tmp_path / "copy"))


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_a_store_of_a_later_version(copied_home: Path, command: tuple[str, ...]) -> None:
    with duckdb.connect(copied_home / "store.duckdb") as connection:
        connection.execute("INSERT INTO migrations (version) VALUES (999)")
    line = one_line(run(copied_home, *command), 1)
    assert "999" in line
    assert "update otelcost" in line


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_a_corrupted_store(copied_home: Path, command: tuple[str, ...]) -> None:
    (copied_home / "store.duckdb").write_bytes(b"this is no database" * 1000)
    assert "store.duckdb" in one_line(run(copied_home, *command), 1)


def test_a_store_that_cannot_be_read_without_a_drain_either(copied_home: Path) -> None:
    store = copied_home / "store.duckdb"
    with duckdb.connect(store) as connection:
        connection.execute("INSERT INTO migrations (version) VALUES (999)")
    one_line(run(copied_home, "overview", "--no-drain"), 1)
    store.write_bytes(b"this is no database")
    one_line(run(copied_home, "overview", "--no-drain"), 1)


def test_a_truncated_store(copied_home: Path) -> None:
    store = copied_home / "store.duckdb"
    store.write_bytes(store.read_bytes()[:20_000])
    assert "store.duckdb" in one_line(run(copied_home, "overview"), 1)


@pytest.mark.parametrize("room", [64 * 1024, 512 * 1024])
@pytest.mark.parametrize("command", [*READERS, ("drain",), ("rec", "dismiss", "R-1", "--reason", "no")], ids=" ".join)
def test_a_full_disk(tmp_path: Path, command: tuple[str, ...], room: int) -> None:
    waiting = world.spool(tmp_path, world.lines())
    line = one_line(world.run_on_a_full_disk(tmp_path, *command, room=room), 1)
    assert "cannot be written (File too large): free some space" in line
    assert str(tmp_path) in line
    assert waiting.exists()
    assert not (tmp_path / "stage.ndjson").exists()


def test_a_drain_that_fills_the_disk(copied_home: Path) -> None:
    """Here the store is made, and what is staged for it is too large."""
    copies = [b'"trace_id":"%02x' % copy for copy in range(1, 11)]
    world.spool(copied_home, [re.sub(b'"trace_id":"..', copy, line) for copy in copies for line in world.lines()])
    room = (copied_home / "store.duckdb").stat().st_size + 1024
    line = one_line(world.run_on_a_full_disk(copied_home, "drain", room=room), 1)
    assert f"{copied_home / 'stage.ndjson'} cannot be written (File too large): free some space" in line
    assert not (copied_home / "stage.ndjson").exists()


OUTPUTS = ("--help", "overview", "overview --format json", "digest preview --format html", "export calls", "--plain")


@pytest.mark.parametrize("command", OUTPUTS)
def test_standard_output_that_cannot_be_written(copied_home: Path, command: str) -> None:
    room = 64 * 1024 * 1024
    target = copied_home / "full"
    with target.open("ab") as full:
        full.truncate(room)
        answer = world.run_on_a_full_disk(copied_home, *command.split(), room=room, stdout=full)
    answer.stdout = ""
    assert "standard output cannot be written (File too large): free some space" in one_line(answer, 1)


def test_standard_output_that_is_closed(recorded_home: Path) -> None:
    command = f"{sys.executable} -m otelcost.cli overview >&-"
    answer = subprocess.run(["sh", "-c", command], capture_output=True, env=world.environ(recorded_home), check=False)
    assert (answer.returncode, answer.stderr) == (0, b"")


def test_nothing_recorded_is_lost_to_a_corrupted_store(copied_home: Path) -> None:
    waiting = world.spool(copied_home, world.lines(), pid=5)
    (copied_home / "store.duckdb").write_bytes(b"this is no database")
    one_line(run(copied_home, "drain"), 1)
    assert waiting.exists()


@pytest.mark.parametrize("command", [*READERS, ("drain",)], ids=" ".join)
@pytest.mark.parametrize("place", ["file", "system"])
def test_a_home_that_cannot_be_written(tmp_path: Path, command: tuple[str, ...], place: str) -> None:
    # A mode would not stop root, who runs containers; a file in the way and the kernel's own folder do.
    (tmp_path / "file").write_text("in the way")
    home = tmp_path / "file" / "home" if place == "file" else Path("/proc/otelcost-home")
    assert str(home) in one_line(run(home, *command), 1)


@pytest.mark.parametrize(
    "window", ["7", "yesterday", "7y", "-3d", "0d", "2026-11-22..2026-11-01", "2026-13-01..2026-14-01", ""]
)
def test_an_unknown_window(home: Path, window: str) -> None:
    line = one_line(run(home, "overview", f"--window={window}"), 2)
    assert "window" in line
    assert not home.exists()


def test_a_window_cannot_smuggle_terminal_codes(home: Path) -> None:
    assert "\x1b" not in one_line(run(home, "overview", "--window", "\x1b[2J"), 2)


def test_an_unknown_task_names_the_nearest(recorded_home: Path) -> None:
    line = one_line(run(recorded_home, "calls", "--task", "suport-triage"), 2)
    assert "did you mean 'support-triage'?" in line


@pytest.mark.parametrize("ids", ["xyz", "12", "0" * 17, ",", "00000000000003e8;drop table calls"])
def test_what_is_no_call_id(recorded_home: Path, ids: str) -> None:
    one_line(run(recorded_home, "calls", "--ids", ids), 2)


def test_an_unknown_call(recorded_home: Path) -> None:
    line = one_line(run(recorded_home, "calls", "--ids", "ffffffffffffffff"), 2)
    assert "ffffffffffffffff" in line


def test_an_unknown_recommendation(recorded_home: Path) -> None:
    line = one_line(run(recorded_home, "rec", "show", "R-nope"), 2)
    assert "otelcost rec list" in line


@pytest.mark.parametrize(
    "since", ["2y", "soon", "2027-01-01", "0h", "99999999d", f"{'9' * 5000}w", "0001-01-01T00:00+14:00"]
)
def test_an_unusable_since(recorded_home: Path, since: str) -> None:
    assert "--since" in one_line(run(recorded_home, "calls", "--since", since), 2)


def test_a_window_before_all_time(recorded_home: Path) -> None:
    assert "+14:00" in one_line(run(recorded_home, "calls", "--window", "0001-01-01T00:00+14:00.."), 2)


def test_a_limit_beyond_all_numbers(recorded_home: Path) -> None:
    assert "--limit" in one_line(run(recorded_home, "calls", "--limit", "9" * 20), 2)


@pytest.mark.parametrize("now", [world.NOW, None])
def test_a_base_up_to_now_has_nothing_to_compare_with(recorded_home: Path, now: str | None) -> None:
    line = one_line(run(recorded_home, "diff", "--base", "7d", now=now), 2)
    assert "such as --base 20" in line
    assert "--head C..D" in line
    if now is not None:
        assert "--base 2026-11-08T12:00..2026-11-15T12:00," in line


def test_since_and_window_exclude_each_other(recorded_home: Path) -> None:
    one_line(run(recorded_home, "calls", "--since", "2h", "--window", "7d"), 2)


TYPO = '[[price]]\nmodle = "gpt-4o"\ninput = 1\n'


@pytest.mark.parametrize("command", [("prices", "check"), ("prices", "show", "gpt-4o")], ids=" ".join)
@pytest.mark.parametrize("text", [TYPO, "[[price]\n", '[[price]]\nmodel = "gpt-4o"\ninput = "cheap"\n'])
def test_a_price_override_with_a_typo(copied_home: Path, command: tuple[str, ...], text: str) -> None:
    (copied_home / "prices.toml").write_text(text)
    assert "prices.toml" in one_line(run(copied_home, *command), 2)


@pytest.mark.parametrize("command", READERS, ids=" ".join)
def test_a_typo_in_the_prices_warns_and_the_last_good_book_answers(copied_home: Path, command: tuple[str, ...]) -> None:
    before = run(copied_home, *command)
    (copied_home / "prices.toml").write_text(TYPO)
    after = run(copied_home, *command)
    assert after.returncode == 0
    assert after.stdout == before.stdout
    assert after.stderr.count("\n") == 1
    assert after.stderr.startswith("warning: ")
    assert "modle" in after.stderr


def test_an_unknown_model(home: Path) -> None:
    line = one_line(run(home, "prices", "show", "gpt-4oo"), 2)
    assert "did you mean 'gpt-4o'?" in line
    one_line(run(home, "prices", "show", "gpt-4o", "--provider", "nobody"), 2)


def test_lines_that_cannot_be_read_are_kept_and_said(copied_home: Path) -> None:
    world.spool(copied_home, [b'{"torn": ', b"\xff\xfe", b"[]"], pid=6)
    answer = run(copied_home, "overview")
    assert answer.returncode == 0
    assert "3 recorded lines could not be read" in answer.stderr
    assert any((copied_home / "quarantine").iterdir())


def test_an_unknown_program(home: Path) -> None:
    assert "no-such-program" in one_line(run(home, "run", "--", "no-such-program"), 2)


@pytest.mark.parametrize(
    "command",
    ["overview", "tasks", "context", "calls", "rec list", "digest preview", "forecast", "check --max-spend 1",
     "anomalies", "diff --base 14d..7d", "export calls", "report --html x.html", "config show", "--plain", ""],
)  # fmt: skip
def test_a_key_nobody_knows_is_an_error_everywhere(home: Path, tmp_path: Path, command: str) -> None:
    path = tmp_path / "otelcost.toml"
    path.write_text("[check]\nmax_spendd = 3\n", encoding="utf-8")
    base = command.replace("14d..7d", "2026-11-08..2026-11-15")
    line = one_line(run(home, *base.split(), OTELCOST_CONFIG=str(path)), 2)
    assert f"{path}: unknown key 'check.max_spendd': did you mean 'max_spend'" in line
    assert not home.exists()


@pytest.mark.parametrize(
    ("option", "name", "near"),
    [("--task", "suport-triage", "support-triage"), ("--model", "GPT-4o-mimi", "gpt-4o-mini")],
)
def test_a_forecast_of_what_nobody_has(recorded_home: Path, option: str, name: str, near: str) -> None:
    assert f"did you mean '{near}'?" in one_line(run(recorded_home, "forecast", option, name), 2)
    assert run(recorded_home, "forecast", option, near.upper() if option == "--model" else near).returncode == 0


@pytest.mark.parametrize("age", ["5", "2y", "0h", "all", "2026-11-01.."])
def test_an_unusable_age(recorded_home: Path, age: str) -> None:
    assert f"--max-age '{age}' is no age: write it as 26h or 2d" in one_line(
        run(recorded_home, "check", "--max-age", age), 2
    )


def test_an_unusable_end_of_a_snooze(recorded_home: Path) -> None:
    line = one_line(run(recorded_home, "rec", "snooze", "R-1", "--until", "foo"), 2)
    assert "--until is 'foo': give a number of days such as 14d, or a moment such as 2027-01-31" in line


def test_an_empty_reason_is_none(recorded_home: Path) -> None:
    assert "--reason is empty" in one_line(run(recorded_home, "rec", "dismiss", "R-1", "--reason", " "), 2)
