"""Commands that start or load: run, drain, demo, and the screens, all as real processes on real terminals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from otelcost.cli.render import FORMATS
from otelcost.display import money
from otelcost.store import lock

from . import world
from .world import environ, run


def test_run_passes_arguments_output_and_exit_code_through(home: Path) -> None:
    code = "import sys; print(sys.argv[1:]); print('err', file=sys.stderr); sys.exit(7)"
    answer = run(home, "run", "--", sys.executable, "-c", code, "--debug", "--help", "-x")
    assert answer.returncode == 7
    assert answer.stdout == "['--debug', '--help', '-x']\n"
    assert "err" in answer.stderr


def test_run_becomes_the_program(home: Path) -> None:
    code = "import os; print(os.getpid())"
    process = subprocess.Popen(
        [sys.executable, "-m", "otelcost.cli", "run", "--", sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env=environ(home),
        text=True,
    )
    output, _ = process.communicate(timeout=60)
    assert int(output) == process.pid


def test_run_dies_of_the_programs_signal(home: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert run(home, "run", "--", sys.executable, "-c", code).returncode == -signal.SIGTERM


@pytest.mark.parametrize("format_", FORMATS)
def test_drain_says_how_much(tmp_path: Path, format_: str) -> None:
    home = tmp_path / "home"
    world.spool(home, world.lines())
    answer = run(home, "drain", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert str(len(world.lines())) in answer.stdout
    again = json.loads(run(home, "drain", "--format", "json").stdout)
    assert (again["calls"], again["segments"]) == (0, 0)


class Screen:
    """A command on a terminal of its own, 100 by 30."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.output = ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            variables = environ(home, TERM="xterm-256color", **environment)
            variables.pop("COLUMNS")
            os.execve(sys.executable, [sys.executable, "-m", "otelcost.cli", *arguments], variables)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def until(self, pattern: str, patience_s: float = 60) -> None:
        deadline = time.monotonic() + patience_s
        while not re.search(pattern, self.output):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.output[-2000:]!r}"
            if not self._read():
                break

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        if select.select([self._terminal], [], [], 1)[0]:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # the other end is closed: the command has ended
                return False
            self.output += data.decode(errors="replace")
            return bool(data)
        return True


def test_a_terminal_gets_colour_and_the_same_figures(recorded_home: Path) -> None:
    screen = Screen(recorded_home, "overview")
    assert screen.end() == 0
    assert "\x1b[1m" in screen.output
    words = re.sub(r"\x1b\[[0-9;]*m", "", screen.output)
    spend = next(line for line in run(recorded_home, "overview").stdout.splitlines() if line.startswith("spend"))
    assert spend in words
    assert "\x1b[2J" not in screen.output
    assert "\x1b]0;" not in screen.output


def test_json_on_a_terminal_is_still_only_json(recorded_home: Path) -> None:
    screen = Screen(recorded_home, "tasks", "--format", "json")
    assert screen.end() == 0
    assert json.loads(screen.output)["schema_version"] == 1


def test_otelcost_alone_opens_the_screens(recorded_home: Path) -> None:
    screen = Screen(recorded_home)
    screen.until("Quit")
    screen.press("q")
    assert screen.end() == 0
    assert "\x1b[?1049h" in screen.output


def test_plain_prints_every_screen_and_the_same_bytes_each_time(recorded_home: Path) -> None:
    first, second = (run(recorded_home, "--plain") for _ in range(2))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    for title in ("1 Overview", "2 Recommendations", "3 Tasks", "4 Calls", "Pictures"):
        assert title in first.stdout
    spend = json.loads(run(recorded_home, "overview", "--format", "json").stdout)["totals"]["spend_picousd"]
    assert money(spend) in first.stdout


@pytest.mark.slow
def test_the_demo_prints_one_document_and_says_what_it_is(home: Path) -> None:
    answer = run(home, "demo", "--no-tui", "--format", "json", "--seed", "3", now=None)
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert report["schema_version"] == 1
    assert report["demo"]["provider"] == "loopback"
    assert report["demo"]["clock"] == "virtual"
    assert report["demo"]["seed"] == 3
    assert report["demo"]["calls"] > report["totals"]["calls"] > 0
    assert report["window"]["label"] == "7d"
    assert report["totals"]["previous_picousd"]
    assert report["drivers"][0]["change_picousd"] > 0
    assert report["totals"]["spend_picousd"] == report["spend_picousd"] > 0
    assert report["recommendations"]
    assert "loopback" in answer.stderr
    own = Path(report["demo"]["home"])
    assert own.is_relative_to(home)
    moment = report["window"]["end"]
    again = json.loads(run(own, "rec", "list", "--format", "json", now=moment).stdout)
    assert again == {name: report[name] for name in again}


@pytest.mark.parametrize("looked_at", [True, False])
def test_who_waits_for_the_store_is_told_on_a_terminal(recorded_home: Path, looked_at: bool) -> None:
    leader, follower = pty.openpty()
    with lock.hold(recorded_home / "store.lock", exclusive=True):
        process = subprocess.Popen(
            [sys.executable, "-m", "otelcost.cli", "overview"],
            stdout=subprocess.PIPE,
            stderr=follower if looked_at else subprocess.PIPE,
            env=environ(recorded_home),
        )
        os.close(follower)
        if looked_at:
            ready, _, _ = select.select([leader], [], [], 60)
            assert ready
            said = os.read(leader, 65536).decode()
            assert re.match(r"waiting for (another process|process \d+), which uses the store \(lock .*\)", said)
            if sys.platform == "linux":
                assert f"process {os.getpid()}," in said
        else:
            time.sleep(lock.NOTICE_S + 2)
    output, errors = process.communicate(timeout=60)
    os.close(leader)
    assert (process.returncode, errors or b"") == (0, b"")
    assert b"LLM spend" in output
