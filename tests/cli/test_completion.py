"""Completion as a shell has it: each one that is installed reads our script and is asked with the TAB key."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .world import environ, run

CASES = {
    "a command": ("otelcost re", {"rec", "report", "reconcile"}),
    "a command of a group": ("otelcost rec sn", {"snooze"}),
    "an option": ("otelcost overview --fo", {"--format"}),
    "a value": ("otelcost overview --format ", {"table", "json", "csv", "md"}),
    "a value after =": ("otelcost overview --format=c", {"csv"}),
    "after a value with =": ("otelcost overview --format=json --wi", {"--window"}),
    "values of another command": ("otelcost digest preview --format ", {"text", "html", "eml"}),
    "an argument": ("otelcost digest install ", {"systemd", "launchd", "cron", "github", "kubernetes"}),
    "a file": ("otelcost report --html pag", {"page one.html"}),
    "a file after =": ("otelcost report --html=pag", {"page one.html"}),
    "a program": ("otelcost run my-appl", {"my-application"}),
    "after variables": ("OTELCOST_ASCII=1 otelcost tasks ren", {"rename"}),
}
"""What is typed before the TAB key, and what is then offered."""

PART = {"values of another command"}
"""Where more is offered than is named above."""

START = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
}

READY = {
    "bash": "bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'; "
    """eval "$(otelcost completion bash)"\n""",
    "zsh": """zstyle ':completion:*' list-colors; eval "$(otelcost completion zsh)"\n""",
}


def _installed(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")


@pytest.fixture
def desk(tmp_path: Path) -> dict[str, str]:
    """A user's environment: this otelcost as a program on the path, and a file in the folder."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("otelcost", "my-application"):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m otelcost.cli "$@"\n')
        (tools / name).chmod(0o755)
    (tmp_path / "page one.html").touch()
    kept = environ(tmp_path / "home", HOME=str(tmp_path), ZDOTDIR=str(tmp_path), TERM="xterm", LC_ALL="C.UTF-8")
    return kept | {"PATH": f"{tools}:{kept['PATH']}", "XDG_CONFIG_HOME": str(tmp_path), "HISTFILE": "", "PS1": "> "}


class Terminal:
    """A shell on a terminal."""

    def __init__(self, shell: str, folder: Path, environment: dict[str, str]) -> None:
        self._leader, follower = pty.openpty()
        termios.tcsetwinsize(follower, (50, 150))
        self._process = subprocess.Popen(
            START[shell], stdin=follower, stdout=follower, stderr=follower, cwd=folder, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(follower)
        self._round = 0
        self.type(READY[shell])
        self.settle()

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._leader, text.encode())

    def until(self, *wanted: str) -> str:
        """What is on the screen since the last look, as soon as it has all that is wanted, or what it had instead."""
        seen, deadline = "", time.monotonic() + 60
        while not all(word in seen for word in wanted) and time.monotonic() < deadline:
            if select.select([self._leader], [], [], 1)[0]:
                seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\x07]", "", os.read(self._leader, 65536).decode())
        return seen

    def settle(self) -> None:
        """Throw the line away and wait for the answer of another one."""
        self._round += 1
        self.type(f"\x15echo settled-$((1000 + {self._round}))\n")
        assert f"settled-{1000 + self._round}" in self.until(f"settled-{1000 + self._round}")

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._leader)


@pytest.fixture
def terminal(request: pytest.FixtureRequest, tmp_path: Path, desk: dict[str, str]) -> Iterator[Terminal]:
    _installed(request.param)
    opened = Terminal(request.param, tmp_path, desk)
    yield opened
    opened.close()


@pytest.mark.parametrize("terminal", ["bash", "zsh"], indirect=True)
def test_the_tab_key_offers(terminal: Terminal) -> None:
    for name, (line, wanted) in CASES.items():
        terminal.type(f"{line}\t")
        shown = [word.replace(" ", r"\ ") if len(wanted) == 1 else word for word in sorted(wanted)]
        seen = terminal.until(*shown)
        assert all(word in seen for word in shown), f"{name}: {line!r} shows {seen!r}"
        terminal.settle()


@pytest.fixture
def fish(tmp_path: Path, desk: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """Our script where fish looks for it; gives what fish would offer after a line, each with its description."""
    _installed("fish")
    folder = tmp_path / "fish" / "completions"
    folder.mkdir(parents=True)
    (folder / "otelcost.fish").write_text(run(tmp_path, "completion", "fish").stdout)

    def asked(line: str) -> dict[str, str]:
        answer = subprocess.run(
            ["fish", "-c", 'complete --do-complete "$argv[1]"', line],
            capture_output=True, text=True, check=True, cwd=tmp_path, env=desk, timeout=120,
        )  # fmt: skip
        assert answer.stderr == ""
        return {value: meaning for value, _, meaning in (one.partition("\t") for one in answer.stdout.splitlines())}

    return asked


def test_fish_offers(fish: Callable[[str], dict[str, str]]) -> None:
    for name, (line, wanted) in CASES.items():
        offered = fish(line)
        values = {value.rpartition("=")[2] for value in offered}
        assert wanted <= values if name in PART else wanted == values, f"{name}: {line!r} offers {offered}"


def test_an_answer_to_a_value_after_an_equals_sign_keeps_the_option_in_fish(
    fish: Callable[[str], dict[str, str]],
) -> None:
    assert list(fish("otelcost overview --format=c")) == ["--format=csv"]


def test_descriptions_are_whole(fish: Callable[[str], dict[str, str]]) -> None:
    assert fish("otelcost overview --wind") == {
        "--window": "Which part of time: the last days or hours, everything, or from A up to B (ISO 8601, UTC)."
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_help_says_how_the_script_is_read_by(shell: str, tmp_path: Path) -> None:
    script = run(tmp_path, "completion", shell).stdout
    (how,) = re.findall(r"^# Completion of otelcost for \w+: (.+?)(?: in ~/\S+)?$", script, re.MULTILINE)
    assert how in " ".join(run(tmp_path, "completion", "--help").stdout.split())
