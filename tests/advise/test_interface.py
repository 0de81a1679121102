"""What a rule may return and read: lists of calls in every form, insights, abstentions, shared relations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import msgspec
import pytest
import world

from otelcost.advise.catalogue import Rule, load
from otelcost.advise.finding import NAMED, run
from otelcost.advise.window import materialised
from otelcost.model import Segment

CHAT = [
    world.spec(task="chat", prompt=[("system", "rules", 3000), ("user", "a", 50)], output=40),
    world.spec(
        task="chat",
        at_s=9 * 3600 + 60,
        output=40,
        prompt=[("system", "rules", 3000), ("user", "a", 50), ("assistant", "b", 70), ("user", "c", 30)],
    ),
    world.spec(task="chat", at_s=9 * 3600 + 90, prompt=[("system", "rules", 3000), ("user", "z", 20)], output=40),
]


def rule(sql: str, **changes: Any) -> Rule:
    return msgspec.structs.replace(load()[0][0], id="OC901", folder="OC901_x", sql=sql, parameters={}, **changes)


def row(calls: str, source: str = "w_calls") -> str:
    return (
        f"SELECT 'chat' AS task, '' AS target, {calls} AS calls, '{{\"kind\": \"batch\"}}' AS transform, "
        f"'{{}}' AS evidence, NULL AS not_checked FROM {source}"
    )


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        (row("list(n)"), [(0, 1, None, None), (0, 2, None, None), (0, 3, None, None)]),
        (row("[n, n, NULL]", "w_calls WHERE n = 2"), [(0, 2, None, None)]),
        (row("list(printf('%016x', span_id))", "w_calls WHERE n > 1"), [(0, 2, None, None), (0, 3, None, None)]),
        (
            row("list({'n': n, 'position': position})", "w_segments WHERE n < 3 AND \"role\" = 'system'"),
            [(0, 1, 1, None), (0, 2, 1, None)],
        ),
        (row("list({'n': n, 'tokens': n * 10::BIGINT})"), [(0, 1, None, 10), (0, 2, None, 20), (0, 3, None, 30)]),
        (
            row("list(n)", "w_calls GROUP BY n > 2 ORDER BY n > 2"),
            [(0, 1, None, None), (0, 2, None, None), (1, 3, None, None)],
        ),
    ],
)
def test_calls_may_be_numbers_ids_segments_or_figures(sql: str, named: list[tuple[Any, ...]], home: Path) -> None:
    with world.store_of(world.expand(CHAT), home) as connection, materialised(connection, world.ALL, [sql]):
        connection.execute(NAMED)
        found = run(connection, rule(sql), first=7).findings
        rows = connection.execute("SELECT f - 7, n, position, tokens FROM w_named ORDER BY ALL").fetchall()
    assert [one.f for one in found] == sorted({7 + one[0] for one in named})
    assert rows == named


@pytest.mark.parametrize("calls", ["count(*)", "list(start)", "list({'n': n, 'hope': 1})", "list({'position': 1})"])
def test_calls_of_another_form_are_refused(calls: str, home: Path) -> None:
    report = world.advise(CHAT, home, [rule(row(calls))])
    assert report.recommendations == ()
    (entry,) = report.not_checked
    assert "the column calls is" in entry.reason


def test_an_insight_has_calls_and_their_cost_but_no_saving(home: Path) -> None:
    told = rule(row("list(n)").replace('\'{"kind": "batch"}\'', "NULL"), class_="information", title="Look at {task}")
    report = world.advise(CHAT, home, [told])
    (insight,) = report.insights
    assert (insight.rule, insight.task, insight.title, insight.calls) == ("OC901", "chat", "Look at chat", 3)
    assert insight.cost_observed_picousd == report.spend_picousd > 0
    assert report.recommendations == report.not_checked == ()


@pytest.mark.parametrize("class_", ["exact", "information"])
def test_a_class_and_its_rows_must_agree(class_: str, home: Path) -> None:
    sql = row("list(n)") if class_ == "information" else row("list(n)").replace('\'{"kind": "batch"}\'', "NULL")
    (entry,) = world.advise(CHAT, home, [rule(sql, class_=class_)]).not_checked
    assert "class information" in entry.reason


def test_the_engine_says_what_a_task_does_not_have(home: Path) -> None:
    calls = world.expand([*CHAT, world.spec(task="blind", prompt=[("user", "q", 9)])])
    calls[-1] = msgspec.structs.replace(calls[-1], segments=(), request_hash=None)
    asks = rule(row("list(n)", "w_calls HAVING count(*) > 99"), columns=("segments", "request_hash"))
    with world.store_of(calls, home) as connection:
        report = world.recommend(connection, world.ALL, now=world.NOW, rules=[asks])
    assert {(one.rule, one.task) for one in report.not_checked} == {("OC901", "blind")}
    assert {one.reason.split(" (")[0] for one in report.not_checked} == {
        "needs prompt segments",
        "needs request hashes",
    }


def test_pairs_compare_each_call_with_the_one_before(home: Path) -> None:
    with world.store_of(world.expand(CHAT), home) as connection, materialised(connection, world.ALL, ["w_pairs"]):
        rows = connection.execute(
            "SELECT n, earlier, gap_us, compared_to, first_difference, next_difference, only_values, shared_tokens, "
            "extends FROM w_pairs ORDER BY n"
        ).fetchall()
    assert rows == [
        (2, 1, 59_000_000, 2, None, None, False, 3050, True),
        (3, 2, 29_000_000, 2, 2, None, False, 3000, False),
    ]


def _named(part: Segment, name: str | None) -> Segment:
    return msgspec.structs.replace(part, name=name)


def test_tools_are_counted_as_offered_and_as_called(home: Path) -> None:
    tooled = world.spec(
        task="agent",
        prompt=[
            world.Part("tool", "search", 200, kind="tool"),
            world.Part("tool", "mail", 300, kind="tool"),
            ("user", "{n}", 10),
        ],
        count=4,
        tools="t",
    )
    names = ("search", "mail", None)
    calls = [
        msgspec.structs.replace(
            call,
            segments=tuple(map(_named, call.segments, names)),
            tools_called=("search", "search") if index < 3 else (),
        )
        for index, call in enumerate(world.expand([tooled]))
    ]
    with world.store_of(calls, home) as connection, materialised(connection, world.ALL, ["w_tools"]):
        rows = connection.execute('SELECT g, "name", offered, called, tokens FROM w_tools ORDER BY ALL').fetchall()
    assert rows == [(1, "mail", 4, 0, 300), (1, "search", 4, 3, 200)]
