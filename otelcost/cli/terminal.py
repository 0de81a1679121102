"""The one place that writes standard error, maps errors to exit codes and ends the process.

An error is one line: what, where, what to do. `--debug` adds the traceback. Errors nobody foresaw come
through `sys.excepthook`, so that no broad `except` is needed to keep a traceback off the user's screen.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from otelcost.display import clean
from otelcost.errors import EXIT_ERROR, EXIT_OK, EXIT_USAGE, OtelcostError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

DEBUG_VARIABLE = "OTELCOST_DEBUG"
EXIT_INTERRUPTED = 130

_PROGRAM = "otelcost"
_COMMAND = re.compile(
    r"(?<![\w./-])otelcost(?= (?:overview|tasks|context|calls|rec|check|forecast|anomalies|rules|digest|prices|config"
    r"|doctor|demo|run|drain|completion)\b)"
)


def data(answer: str | bytes) -> None:
    """Write a command's answer to standard output. A reader that has gone (`| head`) ends us quietly."""
    try:
        if isinstance(answer, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(answer)
        else:
            sys.stdout.write(answer)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more()
        sys.exit(EXIT_OK)
    except OSError as error:
        _write_no_more()
        raise OtelcostError(*_unwritable(error)) from error


def _unwritable(error: OSError) -> tuple[str, str]:
    return f"standard output cannot be written ({error.strerror})", "free some space, or write elsewhere"


def _write_no_more() -> None:
    """Let the interpreter's own last flush go nowhere: it would complain a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress(text: str) -> None:
    """Say what is going on, on standard error."""
    print(clean(text), file=sys.stderr)


def step(text: str) -> None:
    """Say how far a long command is: one line that changes where somebody looks, plain lines elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{clean(text)}", end="", file=sys.stderr, flush=True)
    else:
        progress(text)


def step_done() -> None:
    """Wipe the changing line, so that the answer starts on a clean one."""
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Say what is wrong but did not stop the command, on standard error."""
    print(f"warning: {clean(text)}", file=sys.stderr)


def program() -> str:
    """What to type to run otelcost again: its name, or its path where the shell would not find the name."""
    invoked = Path(sys.argv[0])
    if shutil.which(_PROGRAM) or invoked.name != _PROGRAM or not invoked.is_file():
        return _PROGRAM
    return shlex.quote(str(invoked.absolute()))


def runnable(hint: str) -> str:
    """Our own words, with every `otelcost command` in them as it can be typed here."""
    name = program()
    return hint if name == _PROGRAM else _COMMAND.sub(lambda _: name, hint)


def is_terminal() -> bool:
    """Whether standard output is looked at by a person right now."""
    return sys.stdout.isatty()


def debug_wanted() -> bool:
    """Whether tracebacks were asked for, by `--debug` or `OTELCOST_DEBUG`."""
    return bool(os.environ.get(DEBUG_VARIABLE))


def want_debug() -> None:
    """Ask for tracebacks from here on, in this process and in those it starts."""
    os.environ[DEBUG_VARIABLE] = "1"


def run(command: Callable[[], object]) -> NoReturn:
    """Run a command and end the process with the exit code its outcome stands for."""
    from otelcost.store import lock  # noqa: PLC0415  (it loads no database)

    _forgiving_output()
    lock.on_wait = _waiting
    sys.excepthook = _unforeseen
    try:
        code = command()
    except (KeyboardInterrupt, click.Abort):
        code = EXIT_INTERRUPTED
    except click.ClickException as error:
        code = _complain(_click_line(error), error, error.exit_code)
    except OtelcostError as error:
        code = _complain(str(error), error, error.exit_code)
    except OSError as error:
        code = _complain(_os_line(error), error, EXIT_ERROR)
    sys.exit(code if isinstance(code, int) else EXIT_OK)


def _waiting(text: str) -> None:
    """A person should not wonder; a log need not know."""
    if sys.stderr.isatty():
        progress(text)


def _forgiving_output() -> None:
    """A name that the locale cannot write is shown by its code; what was closed (`>&-`) takes all and keeps nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  (open until the end)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _complain(line: str, error: BaseException, code: int) -> int:
    if debug_wanted():
        traceback.print_exception(error)
    print(f"error: {clean(runnable(line))}", file=sys.stderr)
    return code


def _click_line(error: click.ClickException) -> str:
    line = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if error.exit_code == EXIT_USAGE and context is not None:
        return f"{line.rstrip('.')}: see {context.command_path} --help"
    return line


def _os_line(error: OSError) -> str:
    if error.filename is None and _output_is_stuck():
        return ": ".join(_unwritable(error))  # a help text: click writes those
    where = error.filename or "a file or standard output"
    return f"cannot use {where}: {error.strerror or error}: check the path, its owner and the free space"


def _output_is_stuck() -> bool:
    """Whether standard output holds what it cannot write."""
    try:
        sys.stdout.flush()
    except OSError:
        _write_no_more()
        return True
    return False


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The hook for errors that no code foresaw: a fault of otelcost, in one line."""
    if debug_wanted():
        traceback.print_exception(kind, error, trace)
    what = " ".join(f"{kind.__name__}: {error}".split())
    print(f"error: internal fault{_where(trace)}: {clean(what)}: run again with --debug and report it", file=sys.stderr)


def _where(trace: TracebackType | None) -> str:
    """The innermost line of our own code."""
    frames = [frame for frame in traceback.extract_tb(trace) if f"{os.sep}otelcost{os.sep}" in frame.filename]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
