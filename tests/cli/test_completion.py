"""Completion as a user has it: the script of each shell in that shell, with the tab key."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .world import environ

_PATIENCE_S = 60.0
_SET_UP = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
_PREPARE = {
    "bash": 'PS1="re""ady "; eval "$(otelcost completion bash)"; bind "set show-all-if-ambiguous on"',
    "zsh": 'PS1="re""ady "; autoload -Uz compinit; compinit -u; eval "$(otelcost completion zsh)"',
}


class Shell:
    """An interactive shell on a terminal of its own."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.process, self.file = pty.fork()
        if self.process == 0:
            os.execvpe(_SET_UP[name][0], _SET_UP[name], environment)
        self.type(_PREPARE[name] + "\n")
        self.until("ready ")

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.file, keys.encode())

    def until(self, *wanted: str) -> None:
        """Read until all that is wanted was written since the last time."""
        shown, end = "", time.monotonic() + _PATIENCE_S
        while not all(word in shown for word in wanted):
            if time.monotonic() > end:
                pytest.fail(f"{wanted} never came, but {shown!r}")
            if select.select([self.file], [], [], 0.2)[0]:
                shown += os.read(self.file, 65536).decode(errors="replace")

    def close(self) -> None:
        """Hang up."""
        os.close(self.file)
        os.waitpid(self.process, 0)


def environment_of(home: Path) -> dict[str, str]:
    """One in which `otelcost` is a command."""
    folder = home / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "otelcost"
    command.write_text(f"#!{sys.executable}\nfrom otelcost.cli.main import main\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    variables = environ(home) | {"HOME": str(home), "ZDOTDIR": str(home), "TERM": "dumb", "COLUMNS": "200"}
    return variables | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("name", sorted(_SET_UP))
def test_the_tab_key_completes_commands_options_and_choices(home: Path, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    shell = Shell(name, environment_of(home))
    try:
        shell.type("otelcost re\t\t")
        shell.until("rec ", "report ", "reconcile")
        shell.type("\x15otelcost rec sn\t")  # ctrl+u empties the line
        shell.until("snooze")
        shell.type("\x15otelcost calls --form\t")
        shell.until("--format")
        shell.type("\x15otelcost calls --format \t\t")
        shell.until("table", "json", "csv", "md")
    finally:
        shell.close()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("re", {"rec", "reconcile", "report"}),
        ("rec sn", {"snooze"}),
        ("calls --form", {"--format"}),
        ("calls --format ", {"csv", "json", "md", "table"}),
    ],
)
def test_fish_completes_commands_options_and_choices(home: Path, typed: str, offered: set[str]) -> None:
    script = f"otelcost completion fish | source; complete -C 'otelcost {typed}'"
    answer = subprocess.run(
        ["fish", "--no-config", "-c", script],
        capture_output=True,
        text=True,
        env=environment_of(home),
        timeout=_PATIENCE_S,
        check=True,
    )
    assert {line.split("\t")[0] for line in answer.stdout.splitlines() if line} == offered
