"""Which Python a command runs with, and whether that Python lets capture in.

Told by the command alone: a word of it that is a Python, or the first line of the script that it names.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otelcost.errors import UsageError

_SHEBANG_BYTES: Final = 512
_PYTHON: Final = re.compile(r"(python|pypy)[\d.]*t?")
_LAUNCHERS: Final = frozenset(
    {"conda", "env", "hatch", "mamba", "micromamba", "nice", "nohup", "opentelemetry-instrument", "otelcost"}
    | {"pdm", "pipenv", "pixi", "poetry", "rye", "uv"}
)
"""What may stand before a Python and does nothing but start it. Anything else is not started to be asked."""
_OPTION: Final = re.compile(r"-([^-cmWX]*)([cmWX]?)(.*)", re.DOTALL)
_DECISIVE: Final = "EIPSs"
"""Options that decide what an interpreter finds and runs when it starts."""
_CLOSED: Final = "EIS"
"""Those of them under which it reads no PYTHONPATH, or runs no `sitecustomize`: the launchers' only way in."""


class Interpreter(NamedTuple):
    """The part of a command that starts its Python."""

    words: tuple[str, ...]
    """`uv run python app.py` -> `/usr/bin/uv run python`."""
    options: tuple[str, ...] = ()
    """Its own, as far as they decide what it loads at its start."""

    @property
    def command(self) -> list[str]:
        """What starts it, before `-c` or a script."""
        return [*self.words, *self.options]

    @property
    def is_ours(self) -> bool:
        """Whether it is this one, or a Python that lies beside it."""
        # Not resolved: a virtual environment's interpreter is a link to the one it was made from.
        return len(self.words) == 1 and Path(self.words[0]).parent == Path(sys.executable).parent

    @property
    def closed_by(self) -> str:
        """The option by which a launcher cannot get in, such as `-I`; empty where there is none."""
        letters = (letter for option in self.options for letter in _OPTION.sub(r"\1", option))
        return next((f"-{letter}" for letter in letters if letter in _CLOSED), "")


def interpreter_of(argv: Sequence[str]) -> Interpreter:
    """The part of a command that starts its Python.

    A `.py` file runs with this interpreter; an installed command with the one that its first line names.

    Raises:
        UsageError: there is no such command, or no telling which Python it runs with.
    """
    if not argv:
        raise UsageError("no program to look at", 'otelcost doctor --app "python app.py"')
    first = Path(argv[0]).name
    found = shutil.which(argv[0])
    if found is not None and (_PYTHON.fullmatch(first) or first in _LAUNCHERS):
        for position, word in enumerate(argv):
            if _PYTHON.fullmatch(Path(word).name):
                return Interpreter((found, *argv[1 : position + 1]), tuple(_options(argv[position + 1 :])))
    if argv[0].endswith(".py") and Path(argv[0]).is_file():
        return Interpreter((sys.executable,))
    if found is None:
        raise UsageError(f"{argv[0]}: no such program", "give a command that is on PATH, or a .py file")
    return _shebang(Path(found))


def _options(words: Sequence[str]) -> Iterator[str]:
    """The decisive options of those that stand before a program: `-u -Im app` -> `-I`."""
    rest = iter(words)
    for word in rest:
        option = _OPTION.fullmatch(word)
        if option is None:
            return
        letters, last, value = option.groups()
        kept = "".join(letter for letter in letters if letter in _DECISIVE)
        if kept:
            yield f"-{kept}"
        if last in {"c", "m"}:
            return
        if last:
            yield f"-{last}{value or next(rest, '')}"


def _shebang(path: Path) -> Interpreter:
    with path.open("rb") as file:
        first = file.read(_SHEBANG_BYTES).partition(b"\n")[0]
    words = first.removeprefix(b"#!").decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    if words and Path(words[0]).name == "env":
        words = words[2:] if words[1:2] == ["-S"] else words[1:]
    if not words or not Path(words[0]).name.startswith("python"):
        raise UsageError(f"{path} does not say which Python it runs with", "give its python: python -m ...")
    found = shutil.which(words[0])
    if found is None:
        raise UsageError(f"{path} runs with {words[0]}, which is not there", "reinstall it")
    return Interpreter((found,), tuple(_options(words[1:])))
