"""The command line as a shell sees it: help, versions, exit codes, pipes, completion, what it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from otelcost import __version__
from otelcost.cli.main import COMMANDS, cli

from .world import environ, run


def _walk(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += _walk(command, (*path, name))
    return found


EVERY_COMMAND = _walk(cli)


def test_the_commands_are_these() -> None:
    assert [" ".join(path) for path in EVERY_COMMAND] == [
        "overview",
        "tasks",
        "tasks candidates",
        "tasks merge",
        "tasks rename",
        "tasks split",
        "tasks undo",
        "context",
        "calls",
        "diff",
        "rec",
        "rec accept",
        "rec apply",
        "rec dismiss",
        "rec history",
        "rec list",
        "rec measure",
        "rec reopen",
        "rec show",
        "rec snooze",
        "check",
        "forecast",
        "anomalies",
        "rules",
        "rules list",
        "rules new",
        "rules show",
        "rules test",
        "digest",
        "digest install",
        "digest preview",
        "digest resend",
        "digest run",
        "digest send",
        "digest status",
        "digest uninstall",
        "report",
        "prices",
        "prices balance",
        "prices check",
        "prices show",
        "prices sources",
        "prices update",
        "reconcile",
        "import",
        "export",
        "config",
        "config show",
        "doctor",
        "demo",
        "run",
        "drain",
        "completion",
    ]


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    context = click.Context(cli, info_name="otelcost")
    command: click.Command | None = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(context, name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts}"


def test_help_lists_every_command(home: Path) -> None:
    answer = run(home, "--help")
    assert answer.returncode == 0
    assert answer.stderr == ""
    for name in COMMANDS:
        assert f"\n  {name} " in answer.stdout


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(home: Path, flag: str) -> None:
    answer = run(home, flag)
    assert (answer.returncode, answer.stdout) == (0, f"otelcost {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("overview", "--help"),
        ("run", "--help"),
        ("demo", "--help"),
        ("completion", "bash"),
        ("calls", "--limit", "none"),
    ],
    ids=" ".join,
)
def test_what_needs_no_data_loads_no_database_no_screen_no_prices(home: Path, arguments: tuple[str, ...]) -> None:
    code = (
        "import atexit, json, sys\n"
        "from otelcost.cli.main import main\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        f"sys.argv = ['otelcost', *{arguments!r}]\n"
        "main()\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ(home), timeout=60, check=False
    )
    loaded = {name.partition(".")[0] for name in json.loads(answer.stderr.splitlines()[-1])}
    heavy = {
        "duckdb",
        "textual",
        "rich",
        "genai_prices",
        "pydantic",
        "tiktoken",
        "openai",
        "anthropic",
        "httpx",
        "numpy",
    }
    assert not loaded & heavy
    assert not home.exists()


def test_an_unknown_command_is_a_usage_error(home: Path) -> None:
    answer = run(home, "overvew")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("error: No such command 'overvew'")


def test_a_bad_option_is_a_usage_error(home: Path) -> None:
    answer = run(home, "calls", "--format", "xml")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "see otelcost calls --help" in answer.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(home: Path, shell: str) -> None:
    answer = run(home, "completion", shell)
    assert answer.returncode == 0
    assert "_OTELCOST_COMPLETE" in answer.stdout


def test_completion_completes(home: Path) -> None:
    words = {"_OTELCOST_COMPLETE": "bash_complete", "COMP_WORDS": "otelcost re", "COMP_CWORD": "1"}
    answer = run(home, **words)
    assert [line.split("\t")[:2] for line in answer.stdout.splitlines()] == [
        ["plain", "rec"],
        ["plain", "report"],
        ["plain", "reconcile"],
    ]


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "otelcost.cli", "completion", "zsh"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ(home),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process:
        assert process.stderr.read() == b""
    assert process.returncode == 0


def _main(body: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real entry function with one command replaced by `body`."""
    code = (
        "import sys, os, signal, click\n"
        "from otelcost.cli import overview, main\n"
        f"def command():\n    {body}\n"
        "overview.command = click.Command('overview', callback=command)\n"
        f"sys.argv = ['otelcost', *{arguments!r}, 'overview']\n"
        "main.main()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ(home), timeout=60, check=False
    )


def test_a_fault_of_ours_is_one_line(home: Path) -> None:
    answer = _main("raise RuntimeError('boom\\n\\x1b[2J')", home)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("error: internal fault")
    assert "RuntimeError: boom \\x1b[2J" in answer.stderr
    assert "--debug" in answer.stderr


def test_debug_shows_the_traceback(home: Path) -> None:
    answer = _main("raise RuntimeError('boom')", home, "--debug")
    assert answer.returncode == 1
    assert "Traceback (most recent call last)" in answer.stderr


def test_the_operating_systems_errors_are_one_line(home: Path) -> None:
    answer = _main("raise PermissionError(13, 'Permission denied', '/some/where')", home)
    assert answer.returncode == 1
    assert answer.stderr == (
        "error: cannot use /some/where: Permission denied: check the path, its owner and the free space\n"
    )


@pytest.mark.parametrize(
    ("error", "code"), [("OtelcostError", 1), ("UsageError", 2), ("StoreError", 1), ("PriceError", 2)]
)
def test_our_errors_carry_their_exit_code(home: Path, error: str, code: int) -> None:
    answer = _main(f"from otelcost import errors; raise errors.{error}('what is wrong', 'do that')", home)
    assert (answer.returncode, answer.stderr) == (code, "error: what is wrong: do that\n")


def test_an_interrupt_ends_quietly(home: Path) -> None:
    # A shell that starts this run in the background has it ignore the signal.
    raised = "signal.signal(signal.SIGINT, signal.default_int_handler); os.kill(os.getpid(), signal.SIGINT)"
    answer = _main(f"{raised}; import time; time.sleep(5)", home)
    assert answer.returncode == 130
    assert "Traceback" not in answer.stderr


def test_output_that_the_locale_cannot_write_is_shown_by_code(home: Path) -> None:
    answer = run(home, "completion", "bash", PYTHONIOENCODING="ascii")
    assert answer.returncode == 0


@pytest.mark.parametrize(
    ("flags", "environ", "expected"),
    [
        (("--plain",), {"LANG": "C.UTF-8"}, False),
        (("--plain", "--ascii"), {"LANG": "C.UTF-8"}, True),
        (("--plain",), {"OTELCOST_ASCII": "1"}, True),
        (("--plain",), {"LC_ALL": "C"}, True),
    ],
)
def test_screens_as_lines_are_ascii_where_it_is_wanted(
    home: Path, flags: tuple[str, ...], environ: dict[str, str], expected: bool
) -> None:
    locale = {"LC_ALL": "", "LC_CTYPE": "", "LANG": "", "PYTHONIOENCODING": "utf-8"}
    answer = run(home, *flags, **(locale | environ))
    assert answer.returncode == 0
    assert "otelcost demo" in answer.stdout
    assert answer.stdout.isascii() is expected


def test_a_moment_that_is_none_is_a_usage_error(home: Path) -> None:
    answer = run(home, "overview", now="yesterday")
    assert answer.returncode == 2
    assert "OTELCOST_NOW is 'yesterday'" in answer.stderr


def test_run_without_a_program_is_a_usage_error(home: Path) -> None:
    answer = run(home, "run")
    assert answer.returncode == 2
    assert "PROGRAM" in answer.stderr
