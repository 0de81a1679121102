"""The page: sections of text, tables and charts into one HTML file that loads nothing and runs nothing.

Whatever came from an application is escaped by the template engine; the one thing it takes as it is are charts,
which escape their own texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otelcost import __version__, charts
from otelcost.cli import movement, overview, rec, recommendation, terminal, windows
from otelcost.cli import tasks as task_table
from otelcost.cli.page import pictures
from otelcost.digest import phrases
from otelcost.display import clean, count, instant, money, plural
from otelcost.document import Block, Column, Heading, Line, Prose, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.advise import Recommendation
    from otelcost.cli.page.facts import Facts
    from otelcost.cli.page.pictures import Picture

MOST_NAMES: Final = 5
NO_MORE: Final = "Nothing to show here in this window."

HOW: Final[tuple[Line, ...]] = (
    "Money is counted in integers of 10^-12 dollars: the provider's own sum where it sent one, else the list price.",
    "It is not the invoice: credits, taxes and rounding are not in it; otelcost reconcile compares the two.",
    "A ? is unknown and never zero. Calls of unknown cost are in no sum; their number stands beside it.",
    "Exact savings are changes of rate; simulated ones replay the provider's cache over the recorded calls.",
    "What changes the answers needs a trial first and is in no total.",
    "Ranges cover 95 of 100 resamples of whole days. A monthly figure needs seven days with calls.",
    "Made from token counts and keyed hashes: no word of a prompt or an answer was stored or is on this page.",
)


@dataclass(frozen=True)
class Figure:
    """A headline figure: what it is, how it reads, and the exact number behind it."""

    label: str
    shown: str
    exact: int | None


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading, with an anchor of its own."""

    id: str
    title: str
    blocks: tuple[Block, ...] = ()
    picture: Picture | None = None
    details: tuple[tuple[str, tuple[Block, ...]], ...] = ()
    """Blocks that open under a line of their own."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.blocks or self.picture or self.details)


def page(facts: Facts) -> str:
    """The whole page; it ends in a newline."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("otelcost.cli.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = _plain
    light, dark, rules = charts.page_css()
    return environment.get_template("page.html.j2").render(
        title=f"LLM spend, {windows.title(facts.found)}",
        bounds=windows.bounds(facts.found.window),
        made=instant(facts.made),
        version=__version__,
        figures=figures(facts),
        sections=sections(facts),
        light=light,
        dark=dark,
        chart_rules=rules,
        kind=_kind,
        parts=_parts,
        no_more=NO_MORE,
    ) + "\n"  # fmt: skip


def _plain(words: str) -> str:
    """Printable text. Where otelcost lies on this machine is nothing for a page that is shared."""
    return clean(words.replace(terminal.program(), "otelcost"))


def _kind(block: Block) -> str:
    return type(block).__name__


def _parts(line: Line) -> tuple[str, ...]:
    return (line,) if isinstance(line, str) else line


def figures(facts: Facts) -> tuple[Figure, ...]:
    """The few numbers somebody reads who reads nothing else."""
    found, saved = facts.overview, phrases.saved(facts.report)
    return (
        Figure("spend", phrases.spend(found), found.spend_picousd),
        Figure("calls", phrases.activity(found), found.calls),
        Figure("fixes save together", money(saved.joint_picousd), saved.joint_picousd),
        Figure("of unknown cost", plural(found.unpriced_calls, "call"), found.unpriced_calls),
        Figure("tokens estimated", plural(found.estimated_calls, "call"), found.estimated_calls),
    )


def sections(facts: Facts) -> tuple[Section, ...]:
    """The page from top to bottom."""
    found = facts.overview
    if not found.calls:
        from otelcost.cli.nothing import why_nothing  # noqa: PLC0415

        return (Section("answer", "The answer", (why_nothing(facts.found),)),)
    return (
        Section("answer", "The answer", (Prose(overview.answer(found, facts.report)),)),
        Section("days", "Spend over time", picture=pictures.spend(facts)),
        Section("moved", "What moved it", _moved(facts), pictures.drivers(facts)),
        Section(
            "fixes",
            "What to do",
            _fixes(facts),
            pictures.savings(facts),
            tuple(_fix(fix, facts) for fix in _open(facts)),
        ),
        Section("realised", "Realised against promised", _realised(facts), pictures.realised(facts)),
        Section("context", "Where the input goes", picture=pictures.anatomy(facts)),
        Section("cache", "The prompt cache over time", picture=pictures.cache(facts)),
        Section("latency", "Waiting against cost", picture=pictures.latency(facts)),
        Section("tasks", "By task", (task_table.table(facts.tasks),)),
        Section("models", "By model", _models(facts)),
        Section("unknown", "What is not in the figures", _unknown(facts)),
        Section("unchecked", "What could not be checked", _unchecked(facts)),
        Section("how", "How the figures are made", (Prose(HOW, bullets=True),)),
    )


def _moved(facts: Facts) -> tuple[Block, ...]:
    if facts.movement is None:
        return (Prose(("there are no calls in an equally long window before to compare with",)),)
    return _without_heading(movement.blocks(facts.drivers))


def _realised(facts: Facts) -> tuple[Block, ...]:
    return () if facts.measured else (Prose(("nothing has been applied yet: otelcost rec apply ID",)),)


def _without_heading(blocks: Sequence[Block]) -> tuple[Block, ...]:
    return tuple(block for block in blocks if not isinstance(block, Heading))


def _open(facts: Facts) -> tuple[Recommendation, ...]:
    return phrases.open_fixes(facts.report)


def _fixes(facts: Facts) -> tuple[Block, ...]:
    fixes = _open(facts)
    rows = tuple(
        (fix.id, fix.title, fix.task, saved, alone, fix.class_, fix.state)
        for fix, saved, alone in zip(fixes, recommendation.savings(fixes), recommendation.alone(fixes), strict=True)
    )
    columns = (
        Column("fix"), Column("what to change", flex=20), Column("task"), Column("saves", right=True),
        Column("alone", right=True), Column("basis"), Column("state"),
    )  # fmt: skip
    return (Prose((phrases.savings(facts.report),)), *((Table(columns, rows),) if rows else ()))


def _fix(fix: Recommendation, facts: Facts) -> tuple[str, tuple[Block, ...]]:
    """One recommendation: why, math, change, as `otelcost rec show` tells them."""
    told = recommendation.as_json(fix, facts.found.window, facts.found.label)
    blocks = rec.show_blocks(fix, told, windows.flags(facts.found))
    return f"{fix.id}: {fix.title}", blocks[1:]


def _unknown(facts: Facts) -> tuple[Block, ...]:
    told = phrases.unknowns(facts.overview)
    lines = Prose(told or ("every call of this window has a price and the provider's own token counts",), bullets=True)
    if not facts.overview.unpriced_calls:
        return (lines,)
    columns = (Column("provider"), Column("model"), Column("why", flex=20), Column("calls", right=True))
    rows = tuple(
        (row.provider or "unknown", row.model or "unknown", row.reason or "unknown", count(row.calls))
        for row in facts.unpriced
    )
    return lines, Prose(("all calls of unknown cost in the store, by reason:",)), Table(columns, rows)


def _unchecked(facts: Facts) -> tuple[Block, ...]:
    """What no rule could judge, a row for each rule and reason."""
    tasks: dict[tuple[str, str], list[str]] = {}
    for row in facts.report.not_checked:
        tasks.setdefault((row.rule, row.reason), []).append(row.task or "all tasks")
    if not tasks:
        return (Prose(("every rule could judge every task",)),)
    rows = tuple((rule, why, ", ".join(_short(named))) for (rule, why), named in tasks.items())
    columns = (Column("rule"), Column("why not", flex=20), Column("tasks", flex=20))
    return Prose(("Not checked is not the same as clean.",)), Table(columns, rows)


def _short(names: Sequence[str]) -> Sequence[str]:
    shown = names[:MOST_NAMES]
    return [*shown, f"and {len(names) - MOST_NAMES:,} more"] if len(names) > MOST_NAMES else shown


def _models(facts: Facts) -> tuple[Block, ...]:
    found = facts.overview
    return overview.breakdown("model", found.by_model, found.spend_picousd, "otelcost overview --format csv")
