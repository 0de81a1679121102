"""What capture would do in an application's own interpreter: `otelcost doctor --app "python app.py"`.

`inspect_app` starts the interpreter that the command would run with, under the environment of `otelcost run`, with a
small program in place of the application; that program tells what it finds there. The application itself never runs;
what every start of that interpreter runs does (`sitecustomize`, `.pth` files, instrumentations).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from otelcost.capture import launch
from otelcost.capture.inspection import Inspection
from otelcost.capture.interpreter import Interpreter, interpreter_of
from otelcost.errors import OtelcostError

_PROGRAM: Final = "from otelcost.capture.inspection import tell; tell()"
_TIMEOUT_SECONDS: Final = 60.0


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
    python = interpreter_of(argv)
    command = [*python.command, "-c", _PROGRAM]
    left_out: list[str] = []
    base = {**os.environ, **given}
    installed = launch.exporters_of(python, base, timeout_seconds)
    environment = launch.environment_of(base, str(Path.cwd()), installed, left_out.append)
    try:
        finished = subprocess.run(  # noqa: S603  (the interpreter the user asked about)
            command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise OtelcostError(f"{command[0]} did not answer in {timeout_seconds:g} s", "see what holds it up") from None
    except OSError as error:
        raise OtelcostError(f"cannot start {command[0]}", error.strerror or str(error)) from error
    found = _read(finished, python)
    return msgspec.structs.replace(found, left_out=left_out, stderr=finished.stderr, closed_by=python.closed_by)


def _assignments(argv: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """Variables that a shell command sets in front of its program, and the rest."""
    given: dict[str, str] = {}
    for position, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            return given, argv[position:]
        given[name] = value
    return given, ()


def _read(finished: subprocess.CompletedProcess[str], interpreter: Interpreter) -> Inspection:
    python = interpreter.words[0]
    for line in reversed(finished.stdout.splitlines()):  # instrumentations may print as well
        if line.startswith(Inspection.MARK):
            try:
                return msgspec.json.decode(line.removeprefix(Inspection.MARK), type=Inspection)
            except msgspec.ValidationError as error:
                fix = "install the same version of otelcost in both places"
                raise OtelcostError(f"{python} has an otelcost that speaks otherwise ({error})", fix) from None
    said = (finished.stderr.strip().splitlines() or ["it said nothing"])[-1]
    closed = interpreter.closed_by
    fix = f"leave out {closed}" if closed else f"{python} -m pip install otelcost"
    raise OtelcostError(f"{python} {closed}".rstrip() + f" cannot run otelcost: {said}", fix)
