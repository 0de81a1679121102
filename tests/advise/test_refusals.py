"""Four published ways to be wrong about savings, each refused, with its numbers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import by_hand
import pytest
import world

from otelcost.advise import recommend

CENT = 10**10


@pytest.mark.parametrize("root", ["SERVER", "", "CLIENT"])
def test_twenty_interactive_calls_in_two_minutes_are_no_54_dollars_a_month(root: str, home: Path) -> None:
    """$0.15 of chat, not streamed: no batch suggestion, and no monthly figure from two minutes."""
    chat = world.spec(
        task="chat", provider="openai", model="gpt-4o", prompt=[("system", "s", 600), ("user", "{n}", 400)],
        output=500, count=20, every_s=6, root=root,
    )  # fmt: skip
    report = world.advise([chat], home)
    assert report.spend_picousd == 15 * CENT  # 20 x (1,000 x $2.50 + 500 x $10) per million
    assert report.recommendations == ()
    assert report.joint_picousd == 0
    reasons = [entry.reason for entry in report.not_checked if entry.rule == "OC201"]
    assert bool(reasons) == (root == "")
    assert all("root span" in reason for reason in reasons)


def test_no_monthly_figure_from_minutes_even_where_batch_is_right(home: Path) -> None:
    queue = world.spec(
        task="label", provider="openai", model="gpt-4o", prompt=[("system", "s", 600), ("user", "{n}", 400)],
        output=500, count=20, every_s=6, root="CONSUMER",
    )  # fmt: skip
    (card,) = world.advise([queue], home).recommendations
    assert card.standalone_picousd == 15 * CENT // 2
    assert card.monthly_picousd is None
    assert (card.low_picousd, card.high_picousd) == (None, None)


@pytest.mark.parametrize(("ttl", "factor_percent"), [("5m", 125), ("1h", 200)])
def test_caching_a_prefix_that_is_called_every_six_hours_costs_more(ttl: str, factor_percent: int, home: Path) -> None:
    """Every call would write and none would read: +25 % and +100 % on the prefix."""
    catalogue = world.spec(
        task="catalogue", model="claude-sonnet-4-6", prompt=[("system", "rules", 5000), ("user", "{n}", 60)],
        count=4, every_s=21600, days=14, at_s=0,
    )  # fmt: skip
    with world.store_of(world.expand([catalogue]), home) as connection:
        report = recommend(connection, world.ALL, now=world.NOW)
        assert report.recommendations == ()
        assert "OC101" not in {entry.rule for entry in report.not_checked}, "refused, not overlooked"
        ledger = by_hand.Ledger(connection)
        calls = sorted(ledger.calls.values(), key=lambda row: row["start"])
        after = ledger.changed(calls, {"kind": "enable_cache", "breakpoint": 1, "ttl": ttl})
        output_and_question = 100 * 15_000_000 + 60 * 3_000_000
        assert sum(after) == 56 * (5000 * 3_000_000 * factor_percent // 100 + output_and_question)
        assert sum(after) > report.spend_picousd


def test_one_json_call_site_is_no_799_dollars_of_825(home: Path) -> None:
    """Nearly the whole bill on one extraction job: worth a trial, worth nothing in the headline."""
    invoices = world.spec(
        task="invoices", model="claude-opus-5-5", prompt=[("system", "s", 300), ("user", "{n}", 200)],
        output=100, output_kind="json", count=300, every_s=60,
    )  # fmt: skip
    report = world.advise([invoices], home)
    (card,) = report.recommendations
    assert card.class_ == "needs-trial"
    assert card.standalone_picousd > report.spend_picousd // 4
    assert report.joint_picousd == 0
    assert report.headline.exact_picousd == report.headline.simulated_picousd == 0
    assert report.headline.needs_trial_picousd == card.marginal_picousd == card.standalone_picousd
    assert "trial" in card.change


def test_overlapping_cards_are_not_added_up(home: Path) -> None:
    """A nightly job that repeats its own requests: dropped calls cannot also be batched."""
    nightly = world.spec(
        task="report", provider="openai", model="gpt-4o", temperature=0.0, answer="{n}",
        prompt=[("system", "s", 300), ("user", "{n}", 300)], output=900, count=30, every_s=25, root="CONSUMER",
    )  # fmt: skip
    again = world.spec(
        task="report", provider="openai", model="gpt-4o", temperature=0.0, answer="{n}",
        prompt=[("system", "s", 300), ("user", "{n}", 300)], output=900, count=30, every_s=25, root="CONSUMER",
        at_s=60000,
    )  # fmt: skip
    report = world.advise([nightly, again], home)
    drop, batch = sorted(report.recommendations, key=lambda card: card.rule, reverse=True)
    one = 600 * 2_500_000 + 900 * 10_000_000
    assert report.spend_picousd == 60 * one
    assert (drop.standalone_picousd, batch.standalone_picousd) == (30 * one, 30 * one)
    assert (drop.marginal_picousd, batch.marginal_picousd) == (30 * one, 15 * one)
    assert report.joint_picousd == 45 * one
    assert report.joint_picousd < drop.standalone_picousd + batch.standalone_picousd == report.spend_picousd


def test_a_change_that_a_better_one_makes_dearer_is_not_counted(home: Path) -> None:
    """Caching and batch on the same calls: a queue outlives the cache, so batch adds nothing on top."""
    job = world.spec(
        task="job", model="claude-haiku-4-5", prompt=[("system", "s", 20000), ("user", "{n}", 100)], output=50,
        count=60, every_s=20, root="CONSUMER",
    )  # fmt: skip
    report = world.advise([job], home)
    by_rule = {card.rule: card for card in report.recommendations}
    assert set(by_rule) == {"OC101", "OC201"}
    assert by_rule["OC201"].marginal_picousd == 0 < by_rule["OC201"].standalone_picousd
    assert report.joint_picousd == by_rule["OC101"].standalone_picousd


def test_cards_that_add_up_to_more_than_the_bill_are_no_saving_above_it(home: Path) -> None:
    """Repeated labels of a queue on the dearest model: dropped, batched and on a cheaper model are 130% of the bill."""
    labels = [
        world.spec(
            task="label", model="claude-opus-5-5", temperature=0.0, answer="{n}", root="CONSUMER",
            prompt=[("system", "s", 300), ("user", "{n}", 100)], output=5, output_kind="json", count=40, every_s=20,
            at_s=at,
        )
        for at in (0, 20000, 60000)
    ]  # fmt: skip
    report = world.advise(labels, home)
    by_rule = {card.rule: card for card in report.recommendations}
    assert set(by_rule) == {"OC201", "OC301", "OC401"}
    sum_of_cards = sum(card.standalone_picousd for card in report.recommendations)
    total = report.joint_picousd + report.headline.needs_trial_picousd
    assert sum_of_cards * 10 > report.spend_picousd * 13
    assert report.joint_picousd <= total < report.spend_picousd
    assert total == sum(card.marginal_picousd for card in report.recommendations)
    drop = by_rule["OC401"].standalone_picousd
    assert drop * 3 == report.spend_picousd * 2
    assert by_rule["OC201"].marginal_picousd * 6 == report.spend_picousd, "half of the third that is still made"
    for card in report.recommendations:
        assert card.marginal_picousd <= card.standalone_picousd <= card.cost_observed_picousd


def test_an_honest_total_is_well_below_the_sum_of_its_cards(home: Path) -> None:
    """Two in five calls repeat, all can be batched: the cards say 90%, the bill says 70%."""
    work = [
        world.spec(
            task="sum", provider="openai", model="gpt-4o", temperature=0.0, answer="{n}", root="CONSUMER",
            prompt=[("system", "s", 300), ("user", "{n}", 300)], output=900, count=count, every_s=20, at_s=at,
        )
        for count, at in ((60, 0), (40, 40000))
    ]  # fmt: skip
    report = world.advise(work, home)
    cards = sum(card.standalone_picousd for card in report.recommendations)
    assert cards * 10 == report.spend_picousd * 9
    assert report.joint_picousd * 10 == report.spend_picousd * 7


def test_a_window_that_slides_over_a_cached_chat_is_no_saving(home: Path) -> None:
    """Turns read from the cache at a tenth: cut to the newest eight, each turn would be written anew."""
    turns = []
    for chat, turn in ((chat, turn) for chat in range(3) for turn in range(20)):
        said = [world.Part(role, f"{chat} {n} {role}", 200) for n in range(turn) for role in ("user", "assistant")]
        rules = world.Part("system", "rules", 1500, cache="5m")
        asked = world.Part("user", f"{chat} {turn} user", 200, cache="5m")
        turns.append(
            world.spec(
                task="chat", model="claude-sonnet-5-5", prompt=[rules, *said, asked], output=200,
                at_s=36000 + 7200 * chat + 60 * turn, read=1300 + 400 * turn if turn else 0,
                write_short=400 if turn else 1700,
            )
        )  # fmt: skip
    report = world.advise(turns, home)
    assert [card.rule for card in report.recommendations] == []
