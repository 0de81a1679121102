"""What capture would do in an application's own interpreter: `otelcost doctor --app "python app.py"`.

`inspect_app` starts the interpreter that the command would run with, under the environment of `otelcost run`, with a
small program in place of the application; that program tells what it finds there. The application itself never runs;
what every start of that interpreter runs does (`sitecustomize`, `.pth` files, instrumentations).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from otelcost.capture import launch
from otelcost.capture.inspection import Inspection
from otelcost.errors import OtelcostError, UsageError

_PROGRAM: Final = "from otelcost.capture.inspection import tell; tell()"
_TIMEOUT_SECONDS: Final = 60.0
_SHEBANG_BYTES: Final = 512
_STDERR_CHARACTERS: Final = 2000
_PYTHON: Final = re.compile(r"(python|pypy)[\d.]*t?")
_LAUNCHERS: Final = frozenset(
    {"conda", "env", "hatch", "mamba", "micromamba", "nice", "nohup", "opentelemetry-instrument", "otelcost"}
    | {"pdm", "pipenv", "pixi", "poetry", "rye", "uv"}
)
"""What may stand before a Python and does nothing but start it. Anything else is not started to be asked."""


def inspect_app(argv: Sequence[str], *, timeout_seconds: float = _TIMEOUT_SECONDS) -> Inspection:
    """What is there to instrument, and what is instrumented, for the program of a command.

    Args:
        argv: the command as it would follow `otelcost run --`. Not run.
        timeout_seconds: how long the interpreter may take to start.

    Raises:
        UsageError: there is no such command, or no telling which Python it runs with.
        OtelcostError: that Python has no otelcost, or does not start.
    """
    given, argv = _assignments(argv)
    command = [*interpreter_of(argv), "-c", _PROGRAM]
    environment = launch.environment_of({**os.environ, **given}, str(Path.cwd()))
    try:
        finished = subprocess.run(  # noqa: S603  (the interpreter the user asked about)
            command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise OtelcostError(f"{command[0]} did not answer in {timeout_seconds:g} s", "see what holds it up") from None
    except OSError as error:
        raise OtelcostError(f"cannot start {command[0]}", error.strerror or str(error)) from error
    return _read(finished, command[0])


def _assignments(argv: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """Variables that a shell command sets in front of its program, and the rest."""
    given: dict[str, str] = {}
    for position, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            return given, argv[position:]
        given[name] = value
    return given, ()


def _read(finished: subprocess.CompletedProcess[str], python: str) -> Inspection:
    for line in reversed(finished.stdout.splitlines()):  # instrumentations may print as well
        if line.startswith(Inspection.MARK):
            try:
                found = msgspec.json.decode(line.removeprefix(Inspection.MARK), type=Inspection)
            except msgspec.ValidationError as error:
                fix = "install the same version of otelcost in both places"
                raise OtelcostError(f"{python} has an otelcost that speaks otherwise ({error})", fix) from None
            return msgspec.structs.replace(found, stderr=finished.stderr[-_STDERR_CHARACTERS:])
    said = (finished.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise OtelcostError(f"{python} cannot run otelcost: {said}", f"{python} -m pip install otelcost")


def interpreter_of(argv: Sequence[str]) -> list[str]:
    """The part of a command that starts its Python: `uv run python app.py` -> `uv run python`.

    A `.py` file runs with this interpreter; an installed command with the one that its first line names.
    """
    if not argv:
        raise UsageError("no program to look at", 'otelcost doctor --app "python app.py"')
    first = Path(argv[0]).name
    found = shutil.which(argv[0])
    if found is not None and (_PYTHON.fullmatch(first) or first in _LAUNCHERS):
        for position, word in enumerate(argv):
            if _PYTHON.fullmatch(Path(word).name):
                return [found, *argv[1 : position + 1]]
    if argv[0].endswith(".py") and Path(argv[0]).is_file():
        return [sys.executable]
    if found is None:
        raise UsageError(f"{argv[0]}: no such program", "give a command that is on PATH, or a .py file")
    return _shebang(Path(found))


def _shebang(path: Path) -> list[str]:
    with path.open("rb") as file:
        first = file.read(_SHEBANG_BYTES).partition(b"\n")[0]
    words = first.removeprefix(b"#!").decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    if not words or not Path(words[0]).name.startswith("python"):
        raise UsageError(f"{path} does not say which Python it runs with", "give its python: python -m ...")
    found = shutil.which(words[0])
    if found is None:
        raise UsageError(f"{path} runs with {words[0]}, which is not there", "reinstall it")
    return [found]
