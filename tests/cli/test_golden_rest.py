"""The commands that decide, explain and keep house, in every format, byte for byte but for what is this machine's own.

Together with `test_golden.py` these are all commands that offer `--format`: the last test counts them.
"""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

import click
import pytest

from otelcost.cli.main import cli
from otelcost.cli.render import FORMATS

from ..reconcile import world as bills  # noqa: TID252  (the tests are no package of their own)
from .test_golden import COMMANDS, SUFFIX, golden
from .world import run

FIRST, SECOND = "R-3ea75e05", "R-4b0cd528"
WINDOW = ("--window", "14d")

LIFE = {
    "rec-accept": ("rec", "accept", FIRST, *WINDOW),
    "rec-snooze": ("rec", "snooze", SECOND, "--until", "10d", *WINDOW),
    "rec-history": ("rec", "history"),
    "rec-reopen": ("rec", "reopen", SECOND, *WINDOW),
    "rec-dismiss": ("rec", "dismiss", SECOND, "--reason", "the report is read at night", *WINDOW),
    "rec-apply-dry-run": ("rec", "apply", FIRST, "--dry-run", *WINDOW),
    "rec-apply": ("rec", "apply", FIRST, "--live", "2026-11-18", *WINDOW),
    "rec-measure": ("rec", "measure"),
}
"""What becomes of two recommendations, in this order."""

KEEPING = {
    "prices-show": (("prices", "show", "gpt-4o"), 0),
    "prices-check": (("prices", "check"), 4),  # the world has a model without a price
    "prices-balance": (("prices", "balance"), 0),
    "prices-update": (("prices", "update", "--shipped"), 0),
    "reconcile": (("reconcile", str(bills.EXPORTS / "openai-usage.json"), str(bills.EXPORTS / "openai-costs.json")), 4),
    "config-show": (("config", "show", "--origin"), 0),
    "digest-status": (("digest", "status"), 0),
    "rules-test": (("rules", "test", "X001"), 0),
    "rules-show": (("rules", "show", "X001"), 0),
    "drain": (("drain",), 0),
    "doctor": (("doctor",), 0),
}

ELSEWHERE = {
    "rules list": "grows with every rule: tests/cli/test_rules.py",
    "prices sources": "grows with every price: tests/cli/test_prices.py",
    "demo": "tests/docs/test_examples.py, tests/demo",
}

SETTINGS = """
timezone = "Europe/Berlin"

[[budget]]
name = "everything"
amount = 20
period = "month"

[digest.weekly]

[digest.weekly.channels.archive]
kind = "file"
path = "digests/{digest}-{date}.md"
"""
PRICES = '[[credit]]\nname = "programme"\nprovider = "openai"\namount = 1\nfrom = 2026-11-01\nto = 2027-01-01\n'

OWN = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "SHA256"),
    (re.compile(r"[\d,.]+ (?:MiB|GiB)"), "SIZE"),
    (re.compile(r"schema \d+"), "schema N"),
    (re.compile(r"\b\d+\.\d+(?:\.\d+)?(?:b\d+|rc\d+)?\b(?= |,|\"|\)|$)", re.MULTILINE), "VERSION"),
)
"""What differs from machine to machine and from update to update."""


@pytest.fixture
def home(recorded_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recorded world, beside a project with settings and a rule of its own."""
    monkeypatch.setenv("USER", "somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "otelcost.toml").write_text(SETTINGS)
    home = Path(shutil.copytree(recorded_home, tmp_path / "copy"))
    (home / "prices.toml").write_text(PRICES)
    return home


def steady(text: str, home: Path, form: str, *, versions: bool) -> str:
    """The answer without this machine: its folders, and where `versions` is set its sizes and versions."""
    here = str(home.parent)
    text = text.replace(here, "/somewhere").replace(here.replace("_", "\\_"), "/somewhere")
    text = text.replace(f"@{platform.node()}", "@machine")
    text = re.sub(r"owner \w+,", "owner somebody,", text)
    for pattern, name in OWN if versions else ():
        text = pattern.sub(name, text)
    return re.sub(r" {2,}|-{3,}", "  ", text) if form in {"table", "md"} else text


@pytest.mark.parametrize("form", FORMATS)
def test_the_life_of_recommendations(home: Path, form: str) -> None:
    for name, arguments in LIFE.items():
        answer = run(home, *arguments, "--format", form)
        assert (answer.returncode, answer.stderr) == (0, ""), name
        golden(f"{name}.{SUFFIX[form]}", steady(answer.stdout, home, form, versions=False))


@pytest.mark.parametrize("form", FORMATS)
def test_house_keeping(home: Path, form: str) -> None:
    assert run(home, "rules", "new", "mine").returncode == 0
    bills.spool(home, bills.openai_days()[1:2])
    for name, (arguments, code) in KEEPING.items():
        answer = run(home, *arguments, "--format", form)
        progress = "X001_mine ...\n" if name == "rules-test" else ""
        assert (answer.returncode, answer.stderr) == (code, progress), f"{name}: {answer.stdout}{answer.stderr}"
        shown = steady(answer.stdout, home, form, versions=name in {"doctor", "drain", "prices-check"})
        golden(f"{name}.{SUFFIX[form]}", shown)


def test_every_command_that_offers_a_format_is_here_or_there() -> None:
    offered = set()

    def walk(command: click.Command, path: tuple[str, ...]) -> None:
        if any(parameter.name == "format_" for parameter in command.params):
            offered.add(" ".join(path))
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                found = command.get_command(click.Context(command), name)
                assert found is not None
                walk(found, (*path, name))

    walk(cli, ())
    tried = [*COMMANDS.values(), *LIFE.values(), *(arguments for arguments, _ in KEEPING.values())]
    tried += [("rec", "show"), ("import",)]  # test_golden.py and test_exchange.py
    named = {path for path in offered if any(" ".join(one).startswith(path) for one in tried)}
    assert offered - named == set(ELSEWHERE)
