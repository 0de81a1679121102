"""The real thing in a real terminal: `python -m otelcost.tui` under tmux, read back with capture-pane."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from . import traffic

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

_PATIENCE_S = 60


class Terminal:
    """One tmux server of our own with one window."""

    def __init__(self, folder: Path, home: Path, size: tuple[int, int], **environment: str) -> None:
        self.socket = str(folder / "tmux.sock")
        variables = {"OTELCOST_HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color", **environment}
        assignments = [f"{name}={value}" for name, value in variables.items()]
        # A size in the environment, such as a test runner's, would win over the terminal's own.
        command = ["env", "-u", "COLUMNS", "-u", "LINES", *assignments, sys.executable, "-m", "otelcost.tui", "all"]
        self.tmux("-f", os.devnull, "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *command)
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", self.socket, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

    def screen(self, *options: str) -> str:
        return self.tmux("capture-pane", "-p", *options)

    def wait(self, wanted: Callable[[str], bool]) -> str:
        shown = ""
        for _ in range(_PATIENCE_S * 10):
            shown = self.screen()
            if wanted(shown):
                return shown
            time.sleep(0.1)
        pytest.fail(f"never came to be, last screen:\n{shown}")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def close(self) -> None:
        self.tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path, home: Path) -> Iterator[Callable[..., Terminal]]:
    now = datetime.now(UTC).replace(tzinfo=None)
    traffic.spool(home, traffic.week(now - timedelta(minutes=5)))
    started: list[Terminal] = []

    def start(size: tuple[int, int], **environment: str) -> Terminal:
        started.append(Terminal(tmp_path, home, size, **environment))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_overview_answers_and_every_tab_opens(terminal: Callable[..., Terminal], size: tuple[int, int]) -> None:
    here = terminal(size)
    shown = here.wait(lambda text: "360 calls" in text)
    assert len(shown.splitlines()) == size[1]
    assert "unpriced 9 (2.5%)" in shown
    assert "By model" in shown
    here.press("4")
    here.wait(lambda text: "Time ▼" in text and "triage" in text)
    here.press("Enter")
    here.wait(lambda text: "read from the provider's cache" in text)
    here.press("Escape")  # by itself: with a key behind it, it would be that key with Alt
    here.wait(lambda text: "Time ▼" in text)
    here.press("3")
    here.wait(lambda text: "Tok/call" in text)
    here.press("q")
    here.wait(lambda text: "Pane is dead (status 0" in text)


@pytest.mark.parametrize("theme", ["", "light"])
def test_without_colour_nothing_is_lost_and_no_colour_is_sent(terminal: Callable[..., Terminal], theme: str) -> None:
    here = terminal((80, 24), NO_COLOR="1", OTELCOST_THEME=theme)
    here.wait(lambda text: "360 calls" in text)
    raw = here.screen("-e")
    assert not any(f"\x1b[{code}" in raw for code in ("31m", "32m", "33m", "34m", "38;", "48;"))


def test_a_locale_without_unicode_gets_ascii(terminal: Callable[..., Terminal]) -> None:
    here = terminal((80, 24), LC_ALL="C")
    assert here.wait(lambda text: "360 calls" in text).isascii()
    here.press("v")
    assert here.wait(lambda text: "What fixes save" in text).isascii()


def test_a_small_terminal_is_asked_to_grow(terminal: Callable[..., Terminal]) -> None:
    here = terminal((60, 20))
    here.wait(lambda text: "enlarge this terminal" in text)
    here.tmux("resize-window", "-x", "80", "-y", "24")
    here.wait(lambda text: "360 calls" in text)


def test_a_terminal_that_vanishes_without_a_word_ends_it(home: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # in a session without a terminal nobody is told of a hang-up
        [sys.executable, "-m", "otelcost.tui", "all"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "OTELCOST_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"Overview" not in shown:
        shown += os.read(ours, 65536)
    os.close(ours)
    assert process.wait(_PATIENCE_S) == 0


def test_without_a_terminal_to_read_from_it_says_so_and_ends(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "otelcost.tui", "all"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OTELCOST_HOME": str(home)},
        timeout=_PATIENCE_S,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the screens need a terminal")
    assert done.stderr.count("\n") == 1
