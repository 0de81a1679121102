"""Every command has examples in its help, and each of them is typed into a shell, as it stands, over a demo run."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path

import click
import pytest

from otelcost.cli.main import cli

from .conftest import DONE, Shell
from .test_reference import commands

EXAMPLE = re.compile(r"^  (otelcost .+)$", re.MULTILINE)

ENDS_WITH = {
    "otelcost prices check": 4,  # the demo calls a model of its own making, which nobody has a price for
    "otelcost reconcile usage.json costs.json --max-gap 2": 3,  # this bill is of other calls than the demo's
}
"""Exit codes other than 0, each of which the command's help explains."""


def examples(command: click.Command) -> list[str]:
    """The command lines at the end of a command's help."""
    return EXAMPLE.findall(command.epilog or "")


BY_COMMAND = {
    context.command_path: examples(command)
    for context, command in commands(cli, click.Context(cli, info_name="otelcost"))
    if not isinstance(command, click.Group) or command.invoke_without_command
}
del BY_COMMAND["otelcost"]  # the screens: tests/tui


@pytest.mark.parametrize("path", BY_COMMAND)
def test_every_command_has_examples_of_itself(path: str) -> None:
    assert BY_COMMAND[path], f"{path} has no example: epilog=options.examples(...)"
    assert any(line == path or line.startswith(f"{path} ") for line in BY_COMMAND[path])


@pytest.mark.parametrize("path", [path for path in BY_COMMAND if path != "otelcost demo"])
def test_the_examples_do_what_they_say(path: str, shell: Shell) -> None:
    for line in BY_COMMAND[path]:
        answer = shell.run(line)
        assert answer.returncode == ENDS_WITH.get(line, 0), f"{line}: {answer.stderr}{answer.stdout}"
        assert "Traceback" not in answer.stderr
        check_form(line, answer.stdout, shell.folder)


def test_the_example_of_the_demo_was_run(demo_store: Path) -> None:
    """The store that all others look at is its work."""
    assert BY_COMMAND["otelcost demo"] == ["otelcost demo --no-tui"]
    assert "fixes save" in (demo_store.parent / DONE).read_text(encoding="utf-8")


def check_form(line: str, output: str, folder: Path) -> None:
    """The answer, on standard output or in the file that was named, has the form that was asked for."""
    words = shlex.split(line)
    for option in ("--html", "--output", ">"):
        if option in words:
            written = folder / words[words.index(option) + 1]
            assert output == ""
            assert written.stat().st_size > 0
            output = "" if written.suffix == ".parquet" else written.read_text(encoding="utf-8")
    form = words[words.index("--format") + 1] if "--format" in words else ""
    if form == "json":
        assert json.loads(output)["schema_version"] == 1
    elif form == "csv":
        rows = list(csv.reader(io.StringIO(output)))
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}
    elif form == "md":
        assert output.startswith(("# ", "|"))
    elif form == "html" or "--html" in words:
        assert output.lower().startswith("<!doctype html>")
