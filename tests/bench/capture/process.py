"""A contender's process as the harness sees it: start it, ask it, end it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from contenders import Contender

CHILD: Final = Path(__file__).with_name("child.py")
_FOREIGN: Final = ("OTEL_", "OTELCOST_", "OPENAI_", "ANTHROPIC_", "TRACELOOP_", "LOGFIRE_")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")


class MissingError(Exception):
    """The contender is not installed, or does not start."""


class Child:
    """A running contender.

    Attributes:
        setup: what switching it on cost.
        home: its `OTELCOST_HOME`, and where its spans are written.
    """

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process, self.home = process, home
        self.setup = self._answer()

    def ask(self, do: str, **more: Any) -> Any:
        """Have something done and wait for what it says."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise MissingError(f"ended with {self.process.wait(60)}: {_last((self.home / 'complaints').read_text())}")
        return json.loads(line)


def interpreter(contender: Contender, rivals: Path) -> Path:
    """The Python it runs with; otelcost, and the SDKs by themselves, run with this one where they have no other."""
    own = rivals / contender.environment / "bin" / "python"
    if own.exists():
        return own
    if contender.environment == "otelcost":
        return Path(sys.executable)
    raise MissingError("not installed")


@contextmanager
def running(contender: Contender, rivals: Path, url: str, sink: str = "file") -> Iterator[Child]:
    """A contender's process for as long as the block lasts. `sink` as `child` takes it, `file` needs no path.

    Raises:
        MissingError: it is not installed, or ended before it said anything.
    """
    python = interpreter(contender, rivals)
    with tempfile.TemporaryDirectory(prefix="otelcost-bench-") as folder:
        home = Path(folder)
        where = f"file:{home / 'spans'}" if sink == "file" else sink
        command = [str(python), str(CHILD), contender.name, url, where]
        with (home / "complaints").open("w") as complaints:
            process = subprocess.Popen(
                command, env=_environment(contender, home), cwd=home, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
            )  # fmt: skip
            with process:
                try:
                    yield Child(process, home)
                finally:
                    _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    try:
        process.communicate(timeout=60)
    except (subprocess.TimeoutExpired, ValueError):
        process.kill()


def _environment(contender: Contender, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    kept = {name: value for name, value in kept.items() if name.lower() not in _PROXIES}
    return {
        **kept,
        "HOME": str(home),
        "OTELCOST_HOME": str(home / "otelcost"),
        "OTELCOST_TRUSTED_HOSTS": "127.0.0.1",
        "ANTHROPIC_OPEN_TELEMETRY": "false",
        "PYTHONHASHSEED": "0",
        "NO_PROXY": "*",
        **dict(contender.variables),
    }


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:160]
