"""The engine around the rules: broken rules, states, windows, figures by the month, and a store left clean."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import msgspec
import pytest
import world

from otelcost.advise import Recommendation, recommend
from otelcost.advise.catalogue import Rule, load
from otelcost.advise.plan import stable_id
from otelcost.store.db import session

NIGHTLY = world.spec(
    task="report", provider="openai", model="gpt-4o", prompt=[("system", "s", 300), ("user", "{n} {d}", 300)],
    output=900, count=10, every_s=25, at_s=7200, days=14, traces="day", root="INTERNAL", root_name="cron report",
)  # fmt: skip
ONE = 600 * 2_500_000 + 900 * 10_000_000
BATCH_ROW = "SELECT 'report' AS task, '' AS target, list(n) AS calls, {} AS transform, '{{}}' AS evidence, "


def _rule(rule_id: str = "OC201", **changes: object) -> Rule:
    (rule,) = (rule for rule in load()[0] if rule.id == rule_id)
    return msgspec.structs.replace(rule, **changes)  # type: ignore[arg-type]


def test_a_fortnight_of_nights_in_every_figure(home: Path) -> None:
    report = world.advise([NIGHTLY], home)
    (card,) = report.recommendations
    assert report.spend_picousd == card.cost_observed_picousd == 140 * ONE
    assert card.standalone_picousd == card.marginal_picousd == report.joint_picousd == 70 * ONE
    assert card.low_picousd == card.high_picousd == 70 * ONE, "half price is half price on every day"
    assert report.coverage_days == 14
    observed = world.NOW - (world.BASE + timedelta(seconds=7200))
    assert card.monthly_picousd == 70 * ONE * 30 * 86400 // int(observed.total_seconds())
    assert card.id == stable_id("OC201", "report", "openai/gpt-4o") == "R-" + card.id[2:]
    assert (card.class_, card.state, card.risk, card.effort) == ("exact", "open", "low", "medium")
    assert card.call_site == "app/main.py:12 run"
    assert card.transform == {"kind": "batch"}
    assert msgspec.to_builtins(card)["class"] == "exact"


def test_the_id_outlives_the_window_and_the_figures_follow_it(home: Path) -> None:
    with world.store_of(world.expand([NIGHTLY]), home) as connection:
        whole = recommend(connection, world.ALL, now=world.NOW)
        week = world.Window(world.BASE, world.BASE + timedelta(days=3))
        part = recommend(connection, week, now=world.NOW)
    assert part.recommendations[0].id == whole.recommendations[0].id
    assert part.joint_picousd == 15 * ONE
    assert part.recommendations[0].monthly_picousd is None
    assert part.window.end == week.end


def test_findings_behind_an_abstention_keep_their_calls_to_themselves(home: Path) -> None:
    """The rows of a rule that abstains and then finds, and those of the next rule, are told apart."""
    names = "AS target, {} AS calls, {} AS transform, {} AS evidence, {} AS not_checked"
    abstains = "SELECT 'report' AS task, NULL " + names.format("NULL", "NULL", "NULL", "'why'")
    some = (
        "SELECT 'report' AS task, '' "
        + names.format("list(n)", '\'{{"kind": "{}"}}\'', "'{{}}'", "NULL")
        + " FROM w_calls"
    )
    one, two = some.format("drop_call") + " WHERE n <= 3", some.format("batch") + " WHERE n > 10"
    rules = [
        _rule("OC201", id="OC901", sql=f"{abstains} UNION ALL {one}", title="t", change="c", columns=()),
        _rule("OC201", id="OC902", sql=two, title="t", change="c", columns=()),
    ]
    report = world.advise([NIGHTLY], home, rules)
    assert {card.rule: card.calls for card in report.recommendations} == {"OC901": 3, "OC902": 130}
    assert [entry.reason for entry in report.not_checked] == ["why"]


def test_an_empty_store_has_nothing_to_say(home: Path) -> None:
    with session(home / "store.duckdb") as connection:
        report = recommend(connection, world.ALL, now=world.NOW)
    assert (report.spend_picousd, report.joint_picousd, report.coverage_days) == (0, 0, 0)
    assert (report.recommendations, report.not_checked) == ((), ())


def test_the_connection_is_left_as_it_was(home: Path) -> None:
    with world.store_of(world.expand([NIGHTLY]), home) as connection:
        recommend(connection, world.ALL, now=world.NOW)
        tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert not {name for name in tables if name.startswith("w_")}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sql": "SELECT FROM nowhere"}, "rule.sql failed: Parser Error"),
        ({"sql": "SELECT * FROM nowhere"}, "rule.sql failed: Catalog Error"),
        ({"sql": "SELECT 1 AS task"}, "returns columns ('task',)"),
        ({"sql": BATCH_ROW.format('\'{"kind": "pray"}\'') + "NULL AS not_checked FROM w_calls"}, "malformed"),
        ({"sql": BATCH_ROW.format("'nonsense'") + "NULL AS not_checked FROM w_calls"}, "malformed"),
        ({"sql": None, "check": "def check(connection, parameters):\n    return [1 / 0]"}, "ZeroDivisionError"),
        ({"sql": None, "check": "def check(connection, parameters):\n    return [(1, 2)]"}, "gave 2 values"),
        ({"sql": None, "check": "def chec"}, "SyntaxError"),
    ],
)
def test_a_broken_rule_is_named_and_the_others_run(changes: dict[str, object], said: str, home: Path) -> None:
    broken = _rule(id="OC999", folder="OC999_broken", **changes)
    report = world.advise([NIGHTLY], home, [broken, _rule()])
    assert len(report.recommendations) == 1
    (entry,) = (entry for entry in report.not_checked if entry.rule == "OC999")
    assert entry.task is None
    assert said in entry.reason
    assert "\n" not in entry.reason


def test_a_rule_may_be_python(home: Path) -> None:
    source = (
        "def check(connection, parameters):\n"
        "    rows = connection.execute('SELECT task, list(n) FROM w_calls GROUP BY task').fetchall()\n"
        "    for task, ids in rows:\n"
        '        yield task, \'\', ids, \'{"kind": "service_tier", "tier": "batch"}\', \'{}\', None\n'
    )
    report = world.advise([NIGHTLY], home, [_rule(sql=None, check=source)])
    assert report.joint_picousd == 70 * ONE


def test_less_reasoning_is_priced_by_the_reasoning_recorded(home: Path) -> None:
    thinking = msgspec.structs.replace(NIGHTLY, reasoning=500)
    change = '{"kind": "set_effort", "effort": "low", "reasoning_milli": 400}'
    rule = _rule(sql=BATCH_ROW.format(f"'{change}'") + "NULL AS not_checked FROM w_calls", class_="needs-trial")
    report = world.advise([thinking], home, [rule])
    assert report.recommendations[0].standalone_picousd == 140 * 300 * 10_000_000
    assert report.joint_picousd == 0


@pytest.mark.parametrize(
    ("state", "until", "shown", "counted"),
    [
        ("accepted", None, "accepted", True),
        ("dismissed", None, "dismissed", False),
        ("applied", None, "applied", False),
        ("snoozed", "2027-01-01", "snoozed", False),
        ("snoozed", "2026-11-01", "open", True),
    ],
)
def test_only_what_is_still_to_be_had_is_counted(
    state: str, until: str | None, shown: str, counted: bool, home: Path
) -> None:
    id_ = stable_id("OC201", "report", "openai/gpt-4o")
    with world.store_of(world.expand([NIGHTLY]), home):
        pass
    with session(home / "store.duckdb", write=True) as connection:
        connection.execute(
            "INSERT INTO recommendation_event (seq, id, state, until, changed_at) VALUES (1, ?, ?, ?, '2026-11-01')",
            [id_, state, until],
        )
    with session(home / "store.duckdb") as connection:
        report = recommend(connection, world.ALL, now=world.NOW)
    (card,) = report.recommendations
    assert card.state == shown
    assert card.standalone_picousd == 70 * ONE
    assert card.marginal_picousd == report.joint_picousd == (70 * ONE if counted else 0)


def test_what_was_not_recorded_is_named_and_not_clean(home: Path) -> None:
    blind = world.spec(task="other", prompt=[("user", "{n}", 300)], count=30, hashed=False, root="")
    calls = [msgspec.structs.replace(call, segments=()) for call in world.expand([blind])]
    with world.store_of(calls, home) as connection:
        report = recommend(connection, world.ALL, now=world.NOW)
    reasons = {entry.rule: entry.reason for entry in report.not_checked}
    assert report.recommendations == ()
    assert "prompt segments" in reasons["OC101"]
    assert "root span" in reasons["OC201"]
    assert "request hashes" in reasons["OC401"]
    assert "request hashes" in reasons["OC501"]


def test_a_thrown_away_answer_of_uncertain_bill_is_left_out_of_the_low_end(home: Path) -> None:
    def card(flags: list[str], folder: Path) -> Recommendation:
        slow = world.spec(
            task="slow", model="gpt-4o", provider="openai", prompt=[("user", "{n}", 300)], count=5, every_s=600,
            attempts=2, failed_status="timeout", failed_http=200, failed_usage=True, flags=flags,
        )  # fmt: skip
        (found,) = world.advise([slow], folder).recommendations
        return found

    sure, doubtful = card([], home / "a"), card(["estimated", "lower_bound"], home / "b")
    assert sure.standalone_picousd == doubtful.standalone_picousd
    assert (sure.low_picousd, sure.high_picousd) == (None, None), "one day bounds nothing"
    assert (doubtful.low_picousd, doubtful.high_picousd) == (0, doubtful.standalone_picousd)
    assert (sure.marginal_picousd, doubtful.marginal_picousd) == (sure.standalone_picousd, 0)
    assert doubtful.evidence["bill_only_estimated"] == 5


def test_dropping_a_call_that_kept_a_cache_warm_pays_for_the_next_write(home: Path) -> None:
    """The second of three calls renews the entry that the third reads: without it the third writes again."""
    rules = {"role": "system", "key": "rules", "tokens": 9000, "cache": "5m"}
    row = {
        "task": "faq",
        "temperature": 0.0,
        "answer": "x",
        "prompt": [rules, {"role": "user", "key": "q", "tokens": 60}],
    }
    other = {**row, "temperature": None, "prompt": [rules, {"role": "user", "key": "{n}", "tokens": 60}]}
    specs = [
        world.from_table({**row, "at_s": 0, "write_short": 9000}),
        world.from_table({**row, "at_s": 200, "read": 9000}),
        world.from_table({**other, "at_s": 400, "read": 9000}),
    ]
    rule = _rule(sql="SELECT 'faq' AS task, '' AS target, list(n) AS calls, '{\"kind\": \"drop_call\"}' AS "
        "transform, '{}' AS evidence, NULL AS not_checked FROM w_calls WHERE n = 2")  # fmt: skip
    calls = world.expand(specs)
    with world.store_of(calls, home) as connection:
        report = recommend(connection, world.ALL, now=world.NOW, rules=[rule])
    dropped = 9000 * 100_000 + 60 * 1_000_000 + 100 * 5_000_000
    lost = 9000 * (1_250_000 - 100_000)
    assert report.not_checked == (), "judged, not passed over"
    assert report.recommendations == (), "the drop would cost more than it saves"
    assert dropped < lost


def test_one_model_at_two_providers_is_two_findings(home: Path) -> None:
    """The same task, model and number of calls, and a bill a hundred times as high at one of them."""
    small = {"task": "classify", "model": "gpt-4o", "output": 20, "output_kind": "json", "count": 30, "every_s": 3600}
    specs = [
        world.spec(provider=provider, prompt=[("user", "{n}", tokens)], **small)
        for provider, tokens in (("openai", 1000), ("azure.ai.openai", 100_000))
    ]
    report = world.advise(specs, home, [_rule("OC301")])
    costs = sorted(card.cost_observed_picousd for card in report.recommendations)
    assert costs == [30 * (1000 * 2_500_000 + 20 * 10_000_000), 30 * (100_000 * 2_500_000 + 20 * 10_000_000)]
    assert len({card.id for card in report.recommendations}) == 2
    assert report.headline.needs_trial_picousd == sum(card.standalone_picousd for card in report.recommendations)


def test_a_second_finding_of_one_identity_is_named_not_lost(home: Path) -> None:
    halves = " UNION ALL ".join(
        BATCH_ROW.format('\'{"kind": "batch"}\'') + f"NULL AS not_checked FROM w_calls WHERE n % 2 = {rest}"
        for rest in (0, 1)
    )
    report = world.advise([NIGHTLY], home, [_rule(sql=halves)])
    assert [card.calls for card in report.recommendations] == [70]
    assert [(one.task, "one identity" in one.reason) for one in report.not_checked] == [("report", True)]


def test_guessed_bills_are_not_in_the_exact_headline(home: Path) -> None:
    """Thirty time-outs of unknown bill, one of them known: only that one is claimed, the rest is the high end."""
    common = {"task": "slow", "model": "gpt-4o", "provider": "openai", "prompt": [("user", "{n}", 10_000)], "days": 10}
    failing = {"attempts": 2, "failed_status": "timeout", "failed_http": 200, "failed_usage": True}
    guessed = world.spec(count=3, every_s=3600, flags=["estimated", "lower_bound"], **common, **failing)
    known = world.spec(count=1, at_s=0, **common, **failing)
    report = world.advise([guessed, known], home, [_rule("OC501")])
    (card,) = report.recommendations
    one = 10_000 * 2_500_000 + 100 * 10_000_000
    assert (card.calls, card.standalone_picousd, card.high_picousd) == (40, 40 * one, 40 * one)
    assert card.low_picousd == card.marginal_picousd == report.joint_picousd == 10 * one
    assert report.headline.exact_picousd == 10 * one
    observed = int((world.NOW - world.BASE).total_seconds())
    assert card.monthly_picousd == 10 * one * 30 * 86400 // observed


@pytest.mark.parametrize(("days", "told"), [(1, False), (6, False), (7, True)])
def test_a_month_is_told_only_from_seven_days_with_such_calls(days: int, told: bool, home: Path) -> None:
    """A spike is not made a month of by small calls of something else beside it."""
    background = world.spec(task="ping", prompt=[("user", "{n}", 10)], output=1, days=14)
    spike = msgspec.structs.replace(NIGHTLY, days=days, count=200, every_s=5)
    (card,) = world.advise([background, spike], home).recommendations
    assert (card.task, card.monthly_picousd is not None) == ("report", told)


@pytest.mark.parametrize(
    ("every_s", "duration_s", "order", "risk"),
    [(30, 25, "one at a time, each right after", "medium"), (25, 1, "one at a time", "low"), (2, 5, "side", "low")],
)
def test_how_the_calls_of_a_run_follow_each_other_is_said(
    every_s: float, duration_s: float, order: str, risk: str, home: Path
) -> None:
    night = msgspec.structs.replace(NIGHTLY, every_s=every_s, duration_s=duration_s, days=3)
    (card,) = world.advise([night], home, [_rule()]).recommendations
    assert card.evidence["order"].startswith(order)
    assert card.risk == risk


@pytest.mark.parametrize("geo", ["us", "global"])
def test_a_geography_keeps_its_own_batch_price(geo: str, home: Path) -> None:
    queue = world.spec(
        task="label", model="claude-sonnet-5", prompt=[("user", "{n}", 1000)], count=12, root="CONSUMER"
    )  # fmt: skip
    calls = [msgspec.structs.replace(call, inference_geo=geo) for call in world.expand([queue])]
    with world.store_of(calls, home) as connection:
        (card,) = recommend(connection, world.ALL, now=world.NOW, rules=[_rule()]).recommendations
    assert card.standalone_picousd * 2 == card.cost_observed_picousd


def test_a_geography_without_a_batch_price_is_named(home: Path) -> None:
    queue = world.spec(
        task="label", model="claude-sonnet-5", prompt=[("user", "{n}", 1000)], count=12, root="CONSUMER"
    )  # fmt: skip
    calls = [msgspec.structs.replace(call, inference_geo="us") for call in world.expand([queue])]
    with world.store_of(calls, home):
        pass
    with session(home / "store.duckdb", write=True) as connection:
        connection.execute("DELETE FROM price WHERE price_key LIKE '%/batch+us'")
        report = recommend(connection, world.ALL, now=world.NOW, rules=[_rule()])
    assert report.recommendations == ()
    assert [entry.reason for entry in report.not_checked] == ["no batch price is known for claude-sonnet-5 in us"]


def test_a_discount_on_everything_leaves_the_trial_and_scales_it(home: Path) -> None:
    labels = world.spec(
        task="classify", provider="openai", model="gpt-4.1", prompt=[("user", "{n}", 10_000)], output=20,
        output_kind="json", count=20,
    )  # fmt: skip
    (plain,) = world.advise([labels], home / "list", [_rule("OC301")]).recommendations
    (home / "prices.toml").write_text('[[price]]\nmodel = "*"\nmultiplier = "0.9"\n')
    report = world.advise([labels], home, [_rule("OC301")])
    (card,) = report.recommendations
    assert report.not_checked == ()
    assert card.transform == plain.transform
    assert card.cost_observed_picousd * 10 == plain.cost_observed_picousd * 9
    assert card.standalone_picousd * 10 == plain.standalone_picousd * 9


def test_prices_for_one_model_leave_its_relatives_at_theirs(home: Path) -> None:
    home.mkdir()
    (home / "prices.toml").write_text('[[price]]\nmodel = "gpt-4.1"\ninput = "4"\noutput = "16"\n')
    labels = world.spec(
        task="classify", provider="openai", model="gpt-4.1", prompt=[("user", "{n}", 10_000)], output=20,
        output_kind="json", count=20,
    )  # fmt: skip
    (card,) = world.advise([labels], home, [_rule("OC301")]).recommendations
    assert card.transform["model"] == "gpt-4.1-mini"
    trial = 10_000 * 400_000 + 22 * 1_600_000
    assert card.standalone_picousd == 20 * (10_000 * 4_000_000 + 20 * 16_000_000 - trial)
