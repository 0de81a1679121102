"""`otelcost run -- python app.py`: start a program with capture switched on, as `opentelemetry-instrument` does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from otelcost.capture.interpreter import Interpreter, interpreter_of
from otelcost.errors import OtelcostError, UsageError

if TYPE_CHECKING:
    from otelcost.capture.environment import Installed

_ALSO = "otelcost"
_ASK = """
import sys
from importlib.metadata import entry_points
for group in sys.argv[1:]:
    print(group, *(entry.name for entry in entry_points(group=group)))
"""
_ASK_SECONDS = 60.0


def _silent(line: str) -> None:
    """Nobody is told."""


def run(argv: Sequence[str], warn: Callable[[str], object] = _silent) -> NoReturn:
    """Replace this process by the program.

    Args:
        argv: the program and its arguments; a `.py` file alone runs with this interpreter.
        warn: takes the lines that say what was changed for recording to go on.

    Raises:
        UsageError: there is no such program, or it is a Python that has no otelcost or lets no launcher in.
        OtelcostError: the operating system refuses to start it.
    """
    command = command_of(argv)
    python = _interpreter(argv)
    if python is not None and python.closed_by:
        raise UsageError(
            f"{argv[0]} runs as python {python.closed_by}, which lets no launcher in: nothing would be recorded",
            f"leave out {python.closed_by}, or start it without otelcost run and call otelcost.instrument() in it",
        )
    installed = exporters_of(python, os.environ)
    environment = environment_of(os.environ, str(Path.cwd()), installed, warn)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(command[0], command, environment)  # noqa: S606  (running the user's program is the purpose)
    except OSError as error:
        raise OtelcostError(f"cannot start {argv[0]}", error.strerror or str(error)) from error


def command_of(argv: Sequence[str]) -> list[str]:
    """The program with its full path, and its arguments."""
    if not argv:
        raise UsageError("no program to run", "otelcost run -- python app.py")
    found = shutil.which(argv[0])
    if found is None and argv[0].endswith(".py") and Path(argv[0]).is_file():
        return [sys.executable, *argv]
    if found is None:
        raise UsageError(f"{argv[0]}: no such program", "give a command that is on PATH, or a .py file")
    if _is_other_python(found) and not _has_otelcost(found):
        raise UsageError(
            f"{found} has no otelcost, so nothing would be captured",
            f"install otelcost there, or run: otelcost run -- {sys.executable} {' '.join(argv[1:])}",
        )
    return [found, *argv[1:]]


def _is_other_python(path: str) -> bool:
    # Not resolved: a virtual environment's interpreter is a link to the one it was made from.
    own = Path(sys.executable).parent
    return Path(path).name.startswith("python") and Path(path).parent != own


def _has_otelcost(python: str) -> bool:
    checked = subprocess.run(  # noqa: S603  (the interpreter the user asked to run)
        [python, "-c", "import otelcost.capture.instrumentor"], capture_output=True, check=False
    )
    return checked.returncode == 0


def _interpreter(argv: Sequence[str]) -> Interpreter | None:
    try:
        return interpreter_of(argv)
    except (OSError, UsageError):  # a shell script or another program, which may start any Python
        return None


def exporters_of(
    python: Interpreter | None, environment: Mapping[str, str], timeout_seconds: float = _ASK_SECONDS
) -> Installed | None:
    """The exporters that a program's interpreter has; None where it is this one, or does not say.

    Args:
        python: None where nobody knows which it is.
        environment: under which it is asked.
        timeout_seconds: how long it may take.
    """
    if python is None or python.is_ours:
        return None
    from otelcost.capture.environment import SIGNALS  # noqa: PLC0415  (it acts on being imported)

    groups = [signal.group for signal in SIGNALS.values()]
    try:
        asked = subprocess.run(  # noqa: S603  (the interpreter the user asked to run)
            [*python.command, "-c", _ASK, *groups],
            env=dict(environment), capture_output=True, text=True, timeout=timeout_seconds, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = {group: names for group, *names in map(str.split, filter(str.strip, asked.stdout.splitlines()))}
    return said if said.keys() >= set(groups) else None


def environment_of(
    base: Mapping[str, str],
    directory: str,
    installed: Installed | None = None,
    warn: Callable[[str], object] = _silent,
) -> dict[str, str]:
    """The environment under which a Python program starts with every installed instrumentation on.

    Args:
        base: the environment to start from; not changed.
        directory: the program's working directory, put on its path as `python -m` would.
        installed: the exporters that its interpreter has; None: those of this one.
        warn: takes a line for each exporter that is named and not there, and so is left out.
    """
    from otelcost.capture import environment as defaults  # noqa: PLC0415  (it acts on being imported)

    result = dict(base)
    spec = find_spec("opentelemetry.instrumentation.auto_instrumentation")
    if spec is None or spec.origin is None:
        raise OtelcostError("opentelemetry-instrumentation is missing", "reinstall otelcost")
    hook = str(Path(spec.origin).parent)
    paths = [path for path in result.get("PYTHONPATH", "").split(os.pathsep) if path and path != hook]
    if directory not in paths:
        paths.insert(0, directory)
    result["PYTHONPATH"] = os.pathsep.join([hook, *paths])
    there = defaults.installed_here() if installed is None else installed
    defaults.apply_defaults(result, there)
    for line in defaults.leave_out_missing(result, there):
        warn(line)
    _add_exporter(result, defaults.TRACES)
    return result


def _add_exporter(environment: dict[str, str], variable: str) -> None:
    """Keep the user's trace exporters and add ours, except where tracing was switched off."""
    names = [name for name in environment.get(variable, "").split(",") if name]
    if _ALSO not in names and "none" not in names:
        environment[variable] = ",".join([*names, _ALSO])
