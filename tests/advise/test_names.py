"""What tasks are called, and in which order rules speak of them, changes no figure and no id."""

from __future__ import annotations

from pathlib import Path

import msgspec

from otelcost.advise import catalogue, recommend
from otelcost.advise.catalogue import Rule
from otelcost.store import task_decisions

from . import world

NIGHTLY = world.spec(
    task="report", provider="openai", model="gpt-4o", root="CONSUMER", root_name="nightly", count=10, days=3,
    output=500, prompt=[("system", "rules", 500), ("user", "*", 500)],
)  # fmt: skip
OTHER = msgspec.structs.replace(NIGHTLY, task="summary", count=7, at_s=7 * 3600.0, root_name="weekly")


def rule(name: str, wanted: str, abstained: int) -> Rule:
    """A rule that abstains on so many tasks before it speaks of one."""
    rules, _ = catalogue.load()
    source = (
        "def check(connection, parameters):\n"
        f"    for number in range({abstained}):\n"
        "        yield f'a{number}', None, None, None, None, 'nothing known'\n"
        f"    rows = connection.execute(\"SELECT task, list(n) FROM w_calls WHERE task = '{wanted}' GROUP BY task\")\n"
        "    for task, calls in rows.fetchall():\n"
        "        yield task, '', calls, '{\"kind\": \"batch\"}', '{}', None\n"
    )
    exact = next(one for one in rules if one.class_ == "exact")
    return msgspec.structs.replace(exact, id=name, sql=None, check=source, columns=())


def test_abstentions_before_a_finding_lend_it_no_calls(home: Path) -> None:
    report = world.advise([NIGHTLY, OTHER], home, [rule("OC998", "report", 1), rule("OC999", "summary", 0)])
    assert {one.task: one.calls for one in report.recommendations} == {"report": 30, "summary": 21}


def test_a_renamed_task_has_the_same_advice(home: Path) -> None:
    with world.store_of(world.expand([NIGHTLY, OTHER]), home) as connection:
        before = recommend(connection, world.ALL, now=world.NOW)
    assert before.recommendations
    names = {"report": "zz last of all", "summary": "0 first of all"}
    for old, new in names.items():
        task_decisions.decide(home / "store.duckdb", task_decisions.rename(old, new))
    with world.store_of([], home) as connection:
        after = recommend(connection, world.ALL, now=world.NOW)
    figures = ("id", "rule", "calls", "cost_observed_picousd", "standalone_picousd", "marginal_picousd", "state")
    assert sorted([(names[one.task], *(getattr(one, name) for name in figures)) for one in before.recommendations]) == (
        sorted([(one.task, *(getattr(one, name) for name in figures)) for one in after.recommendations])
    )
