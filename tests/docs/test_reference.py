"""The reference pages are generated from the code and must say what it says now.

`OTELCOST_WRITE_DOCS=1 python -m pytest tests/docs` writes them anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from otelcost.advise import catalogue
from otelcost.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WIDTH = 96


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    """A command and everything below it, in the order of its help."""
    yield context, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            if not found.hidden:
                yield from commands(found, click.Context(found, info_name=name, parent=context))


def cli_page() -> str:
    """Every command's help, as the command line prints it."""
    parts = ["# Command line", "", "Generated from the commands' own help.", ""]
    for context, command in commands(cli, click.Context(cli, info_name="otelcost", max_content_width=WIDTH)):
        context.terminal_width = WIDTH
        parts += [f"## {context.command_path}", "", "```text", command.get_help(context).strip(), "```", ""]
    parts += [
        "## Exit codes",
        "",
        "0 ok, 1 error, 2 usage, 3 gate breached, 4 stale or unpriced data.",
        "",
    ]
    return "\n".join(parts)


def rules_page() -> str:
    """Every installed rule with its class and where it is explained."""
    rules, broken = catalogue.load()
    assert not broken
    parts = ["# Rules", "", "Generated from the rule folders.", "", "| rule | class | what it does |", "|---|---|---|"]
    for rule in sorted(rules, key=lambda one: one.id):
        folder = next((ROOT / "rules" / "otelcost_rules").glob(f"*/{rule.id}_*"))
        text = (folder / "doc.md").read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix("# ")
        what = re.search(r"## What it does\n(.*?)\n\n", text, re.DOTALL)
        assert what
        sentence = re.split(r"(?<=\.)\s", " ".join(what.group(1).split()), maxsplit=1)[0]
        parts.append(f"| [{title}](../../{folder.relative_to(ROOT)}/doc.md) | {rule.class_} | {sentence} |")
    return "\n".join([*parts, ""])


@pytest.mark.parametrize(("name", "page"), [("cli.md", cli_page), ("rules.md", rules_page)])
def test_generated_page_is_current(name: str, page: object) -> None:
    path, now = DOCS / "reference" / name, page()  # type: ignore[operator]
    if os.environ.get("OTELCOST_WRITE_DOCS"):
        path.write_text(now, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == now, "run with OTELCOST_WRITE_DOCS=1 and look at the difference"


def markdown_files() -> list[Path]:
    """Every page a reader may land on."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "rules").rglob("doc.md"))]


@pytest.mark.parametrize("path", markdown_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", markdown_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_pages_exist(path: Path) -> None:
    known = {context.command_path for context, _ in commands(cli, click.Context(cli, info_name="otelcost"))}
    text = path.read_text(encoding="utf-8")
    for line in re.findall(r"(?:^|`)(otelcost(?: [a-z]+)+)", text, re.MULTILINE):
        words = line.split()
        assert any(" ".join(words[:size]) in known for size in (3, 2)) or len(words) == 1, line


def test_every_environment_variable_is_documented() -> None:
    page = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("otelcost", "exporters")
        for path in (ROOT / folder).rglob("*.py")
        if "demo" not in path.parts
    )
    read = set(re.findall(r"\"(OTELCOST_[A-Z_]+)\"", code))
    assert read
    assert not {name for name in read if f"`{name}" not in page}


def test_every_json_field_is_documented() -> None:
    from otelcost.cli import calls, recommendation

    page = (DOCS / "reference" / "json.md").read_text(encoding="utf-8")
    for field in (*calls.FIELDS, *recommendation.FIELDS):
        assert f"`{field}`" in page, field


@pytest.mark.parametrize(
    "command",
    ["overview", "tasks", "drain", "prices sources", "prices balance", "prices check", "config show", "rec measure",
     "digest status"],
)  # fmt: skip
def test_every_field_that_a_command_prints_is_documented(command: str) -> None:
    page = (DOCS / "reference" / "json.md").read_text(encoding="utf-8")
    answer = CliRunner().invoke(cli, [*command.split(), "--format", "json"])
    assert answer.exit_code == 0, answer.output
    names = set(json.loads(answer.stdout)) - {"schema_version", "window"}
    assert names
    assert not {name for name in names if f"`{name}`" not in page}


def test_what_a_list_of_nothing_does_not_show_is_documented() -> None:
    from otelcost.cli import check, decision_text, digest, reconcile

    page = (DOCS / "reference" / "json.md").read_text(encoding="utf-8")
    fields = (*check.FIELDS, *decision_text.MEASUREMENT_FIELDS, *digest.STATUS_FIELDS, *reconcile.FIELDS)
    assert not {name for name in fields if not re.search(rf"[`\"]{name}[`\"]", page)}
