"""A dropped call may have filled an automatic cache for nothing: what the others then lose is counted."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import by_hand
import msgspec
import pytest
import world
from oracle import Arrival, Bound, Sent, reads_at_risk

from otelcost.advise import recommend
from otelcost.advise.catalogue import Rule, load


def _rule() -> Rule:
    """OC401, for which an even pace is no polling: the traffic here is even to keep its figures simple."""
    (rule,) = (rule for rule in load()[0] if rule.id == "OC401")
    gaps = msgspec.structs.replace(rule.parameters["min_polling_gaps"], default=1000)
    return msgspec.structs.replace(rule, parameters={**rule.parameters, "min_polling_gaps": gaps})


RULES = [_rule()]


def _hourly(provider: str, model: str) -> list[world.Spec]:
    """Every hour the same question, cold, then another one that reads what the first left in the cache."""
    common = {
        "task": "faq", "provider": provider, "model": model, "temperature": 0.0, "output": 20, "count": 8,
        "every_s": 3600, "days": 9, "at_s": 0,
    }  # fmt: skip
    return [
        world.spec(prompt=[("system", "rules", 20000), ("user", "again", 100)], answer="a", **common),
        world.spec(
            prompt=[("system", "rules", 20000), ("user", "{n}", 100)], read=19968, **(common | {"at_s": 60})
        ),
    ]  # fmt: skip


def test_duplicates_that_filled_the_cache_save_little(home: Path) -> None:
    """71 repetitions cost $1.80, and 71 other calls would lose reads worth $1.59."""
    with world.store_of(world.expand(_hourly("openai", "gpt-5")), home) as connection:
        report = recommend(connection, world.ALL, now=world.NOW, rules=RULES)
        ledger = by_hand.Ledger(connection)
    (card,) = report.recommendations
    repeated = 71 * (20100 * 1_250_000 + 20 * 10_000_000)
    assert card.cost_observed_picousd == repeated
    assert card.standalone_picousd == repeated - 71 * 19968 * (1_250_000 - 125_000) == ledger.saving(card)
    assert card.class_ == "simulated"
    assert (report.headline.exact_picousd, report.headline.simulated_picousd) == (0, card.standalone_picousd)
    assert (card.evidence["calls_that_lose_cache"], card.evidence["cache_read_tokens_lost"]) == (71, 71 * 19968)


def test_a_cache_whose_rules_nobody_knows_is_named(home: Path) -> None:
    specs = _hourly("openai", "gpt-5")
    calls = [call for spec in (specs[0], specs[1]) for call in world.expand([spec])]
    blind = [msgspec.structs.replace(call, segments=()) for call in calls]
    with world.store_of(blind, home) as connection:
        report = recommend(connection, world.ALL, now=world.NOW, rules=RULES)
    assert report.recommendations == ()
    assert [entry.task for entry in report.not_checked if "may have filled a cache" in entry.reason] == ["faq"]


def test_where_nothing_is_read_a_drop_stays_exact(home: Path) -> None:
    report = world.advise(_hourly("openai", "gpt-5")[:1], home, RULES)
    (card,) = report.recommendations
    assert (card.class_, card.standalone_picousd) == ("exact", card.cost_observed_picousd)


def _sent(at: int, read: int, *, dropped: bool = False, end: int | None = None, last: int = 0) -> Sent:
    bounds = (Bound(1, 2000), Bound(last or 100 + at, 2100))
    return Sent(Arrival(at, at if end is None else end, 2100, bounds), read, dropped)


@pytest.mark.parametrize(
    ("sent", "lost"),
    [
        ([_sent(0, 0, dropped=True), _sent(5, 1920), _sent(9, 1920)], [0, 1920, 0]),
        ([_sent(0, 0), _sent(5, 1920)], [0, 0]),
        ([_sent(0, 0), _sent(5, 1920, dropped=True), _sent(9, 1920)], [0, 0, 1920]),
        ([_sent(0, 0, dropped=True), _sent(5, 1920, end=20), _sent(9, 1920), _sent(20, 1920)], [0, 1920, 1920, 0]),
        ([_sent(0, 0, dropped=True, last=7), _sent(5, 1920), _sent(9, 2048, last=7)], [0, 1920, 48]),
        ([_sent(9, 1920), _sent(0, 0, dropped=True)], [1920, 0]),
    ],
)
def test_a_read_is_safe_up_to_what_a_staying_call_sent_since(sent: list[Sent], lost: list[int]) -> None:
    assert reads_at_risk(sent, 1024) == lost


def test_a_prompt_below_the_minimum_warms_nothing() -> None:
    short = Sent(Arrival(0, 0, 900, (Bound(1, 900),)), 0, dropped=True)
    assert reads_at_risk([short, _sent(5, 1920)], 1024) == [0, 0]
