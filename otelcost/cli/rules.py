"""`otelcost rules`: what advice comes from, the user's own rules among it, and whether a rule does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, terminal
from otelcost.cli.reader import unknown
from otelcost.cli.render import Block, Column, Document, Heading, Name, Prose, Table
from otelcost.display import clean, plural
from otelcost.errors import EXIT_ERROR, EXIT_OK, RuleError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

    from otelcost.advise.catalogue import Rule
    from otelcost.advise.own.installed import Installed, Known
    from otelcost.advise.proof import Verdict

FIELDS = ("id", "version", "class", "family", "source", "enabled", "title", "parameters")
"""The columns of `otelcost rules list --format csv`."""


@click.group("rules")
def command() -> None:
    """Rules: list them, show one, try one on its cases, begin one of your own.

    Your own stand in .otelcost/rules of a project, or in rules beside the store, as FAMILY/Xnnn_NAME; their SQL
    can read the recorded calls and nothing else. [rules.ID] in otelcost.toml sets parameters and switches rules off.
    """


@command.command("list", epilog=options.examples("rules list"))
@options.format_option
@options.debug_option
def list_command(format_: str) -> None:
    """List every rule with its source, whether it is on, and the parameters you changed."""
    from otelcost.advise.own.installed import installed  # noqa: PLC0415

    options.show(list_document(installed()), format_)


def list_document(found: Installed) -> Document:
    """All rules as a document."""
    rows = tuple(_row(one) for one in found.known)
    columns = (
        Column("rule"), Column("version", right=True, drop=4), Column("class", drop=3), Column("family", drop=2),
        Column("source", drop=1), Column("on"), Column("changed", drop=5, flex=12), Column("folder", flex=16),
    )  # fmt: skip
    table = Table(columns, tuple(_cells(one) for one in found.known))
    broken = tuple((Name(str(error)),) for error in found.errors)
    blocks: tuple[Block, ...] = (table, *((Heading("Cannot be used"), Prose(broken, bullets=True)) if broken else ()))
    return Document(
        envelope={
            "rules": rows,
            "errors": [str(error) for error in found.errors],
            "limits": found.limits._asdict(),
        },
        blocks=blocks,
        fields=FIELDS,
        records=tuple({**row, "parameters": _changed(one)} for row, one in zip(rows, found.known, strict=True)),
    )


def _row(one: Known) -> dict[str, Any]:
    rule, choice = one
    return {
        "id": rule.id,
        "version": rule.version,
        "class": rule.class_,
        "family": rule.family,
        "source": rule.source,
        "folder": rule.folder,
        "enabled": choice.enabled,
        "title": rule.title,
        "parameters": {
            name: {
                "value": choice.values.get(name, parameter.default),
                "default": parameter.default,
                "minimum": parameter.minimum,
                "maximum": parameter.maximum,
                "description": parameter.description,
            }
            for name, parameter in rule.parameters.items()
        },
    }


def _cells(one: Known) -> tuple[str, ...]:
    rule = one.rule
    on = "yes" if one.choice.enabled else "no"
    name = rule.folder.partition("_")[2].replace("_", " ")
    return (rule.id, str(rule.version), rule.class_, rule.family, rule.source, on, _changed(one), name)


def _changed(one: Known) -> str:
    return ", ".join(f"{name}={value}" for name, value in one.choice.values.items())


@command.command("show", epilog=options.examples("rules show OC101"))
@click.argument("rule_id", metavar="ID")
@options.format_option
@options.debug_option
def show_command(rule_id: str, format_: str) -> None:
    """Show the rule ID: its parameters with their bounds, and its page."""
    from otelcost.advise.own.installed import folders, installed  # noqa: PLC0415

    known = {one.rule.id: one for one in installed().known}
    if rule_id not in known:
        raise unknown("there is no rule", rule_id, known, "otelcost rules list")
    options.show(show_document(known[rule_id], _page(folders()[rule_id][1])), format_)


def _page(folder: Traversable) -> str:
    page = folder.joinpath("doc.md")
    if not page.is_file():
        return ""
    try:
        return page.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RuleError(f"rule {folder.name}: doc.md cannot be read ({error})", "write it in UTF-8") from error


def show_document(one: Known, page: str) -> Document:
    """One rule as a document."""
    row = _row(one)
    return Document(
        envelope={"rule": row | {"page": page}},
        blocks=(*_paragraphs(page)[:1], *facts_of(one), *_paragraphs(page)[1:]),
        fields=("parameter", "value", "default", "minimum", "maximum", "description"),
        records=tuple({"parameter": name, **each} for name, each in row["parameters"].items()),
    )


def facts_of(one: Known) -> tuple[Block, ...]:
    """What a rule needs and risks, and its parameters with their bounds."""
    rule, state = one.rule, "on" if one.choice.enabled else "off"
    facts = (
        f"{rule.source} rule of class {rule.class_}, version {rule.version}, switched {state}",
        ("needs ", Name(", ".join(rule.requires))),
        f"risk {rule.risk}, effort {rule.effort}",
    )
    columns = (
        Column("parameter"), Column("value", right=True), Column("default", right=True, drop=1),
        Column("from", right=True, drop=2), Column("to", right=True, drop=2), Column("what it means", flex=20),
    )  # fmt: skip
    cells = tuple(
        (name, *(_shown(each[key]) for key in ("value", "default", "minimum", "maximum")), each["description"])
        for name, each in _row(one)["parameters"].items()
    )
    return (Prose(facts), *((Heading("Parameters"), Table(columns, cells)) if cells else ()))


def _shown(value: object) -> str:
    return "" if value is None else clean(str(value))


def _paragraphs(page: str) -> tuple[Block, ...]:
    """The page's headings, and the lines below each."""
    blocks: list[Block] = []
    for part in ("\n" + page).split("\n#")[1:]:
        title, _, text = part.partition("\n")
        blocks.append(Heading((Name(title.lstrip("# ").strip()),), level=2 if title.startswith("#") else 1))
        if text.strip():
            blocks.append(Prose(tuple((Name(line),) for line in text.strip("\n").splitlines())))
    return tuple(blocks)


@command.command("test", epilog=options.examples("rules new dev_priority", "rules test"))
@click.argument("target", metavar="[ID|FOLDER]", required=False, shell_complete=options.files)
@options.format_option
@options.debug_option
def test_command(target: str | None, format_: str) -> int:
    """Try rules on the cases in their cases.toml: all of your own, the one with this ID, or the one in FOLDER.

    Exits 0 when every case holds, 1 when one does not.
    """
    from otelcost.advise.proof import cases, prove  # noqa: PLC0415

    results: list[tuple[Rule, Verdict]] = []
    for rule, folder in _wanted(target):
        terminal.step(f"{rule.folder} ...")
        results += [(rule, verdict) for verdict in prove(rule, cases(folder))]
    terminal.step_done()
    options.show(test_document(results), format_)
    return EXIT_ERROR if any(verdict.failure for _, verdict in results) else EXIT_OK


def _wanted(target: str | None) -> list[tuple[Rule, Traversable]]:
    """The rules to try. Raises RuleError for one that cannot be loaded."""
    from otelcost.advise.catalogue import read_rule  # noqa: PLC0415
    from otelcost.advise.own.installed import folders  # noqa: PLC0415

    known = folders()
    if target is None:
        chosen = [found for found in known.values() if found[0] != "built-in"]
    elif target in known:
        chosen = [known[target]]
    elif Path(target).is_dir():
        # A folder that is pointed at is never trusted as a built-in rule is, whatever it calls itself.
        chosen = [("project", Path(target).resolve())]
    else:
        raise unknown("there is no rule and no folder", target, known, "otelcost rules list")
    return [(read_rule(folder, source), folder) for source, folder in chosen]


def test_document(results: Sequence[tuple[Rule, Verdict]]) -> Document:
    """What came of each case as a document."""
    rows = tuple(
        {"rule": rule.id, "case": verdict.case, "holds": verdict.failure is None, "failure": verdict.failure}
        for rule, verdict in results
    )
    failed = sum(not row["holds"] for row in rows)
    cells = tuple(
        (str(row["rule"]), "holds" if row["holds"] else "FAILS", str(row["case"]), str(row["failure"] or ""))
        for row in rows
    )
    table = Table((Column("rule"), Column("result"), Column("case", flex=20), Column("why", flex=24)), cells)
    words = f"{plural(len(rows), 'case')}, {failed} failed"
    nothing = Prose(("no rules of your own: otelcost rules new NAME begins one",))
    return Document(
        envelope={"ok": not failed, "cases": rows},
        blocks=(table, Prose((words,))) if rows else (nothing,),
        fields=("rule", "case", "holds", "failure"),
        records=rows,
    )


@command.command("new", epilog=options.examples("rules new dev_priority"))
@click.argument("name")
@click.option("--user", is_flag=True, help="For all your projects: beside the store instead of in this project.")
@options.debug_option
def new_command(name: str, user: bool) -> None:
    """Begin a rule of your own: a folder with a rule that works, to be changed into what you want."""
    from otelcost import settings  # noqa: PLC0415
    from otelcost.advise.own.scaffold import new_rule  # noqa: PLC0415

    project = settings.project_dir() or Path.cwd() / settings.PROJECT_FOLDER
    folder = new_rule(settings.rules_dir() if user else project / "rules", name)
    terminal.data(f"{clean(str(folder))} (try it: otelcost rules test {folder.name.partition('_')[0]})\n")
