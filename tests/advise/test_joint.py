"""Ten thousand small bills, each with changes that compete for its calls: together never more than there is."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import msgspec
import world

from otelcost.advise import Recommendation, recommend
from otelcost.advise.catalogue import Rule, load

CASES = 10_000
CHANGES = (
    '{"kind": "drop_call"}',
    '{"kind": "remove_segment", "positions": [1]}',
    '{"kind": "remove_segment", "positions": [1, 2]}',
    '{"kind": "trim_history", "keep_turns": 1}',
    '{"kind": "limit_output", "tokens": 20}',
    '{"kind": "set_effort", "effort": "low", "reasoning_milli": 300}',
    '{"kind": "set_model", "model": "claude-haiku-4-5", "token_milli": 1000, "output_milli": 1100}',
    '{"kind": "enable_cache", "breakpoint": 1}',
    '{"kind": "change_ttl", "ttl": "1h"}',
    '{"kind": "disable_cache"}',
    '{"kind": "batch"}',
)
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-6")


def _calls(rng: random.Random) -> list[world.Spec]:
    """Of each case one task with a few calls, cached or not, estimated or not."""
    specs = []
    for case in range(CASES):
        system, warm = rng.choice([200, 2000, 6000]), rng.random() < 0.4
        asked = [("user", "{n}", 60), ("assistant", "{n}", 90), ("user", "again {n}", 30)][: rng.choice([1, 3])]
        specs.append(
            world.spec(
                task=f"t{case}", model=rng.choice(MODELS), count=rng.randint(1, 4), every_s=rng.choice([1, 60, 400]),
                prompt=[world.Part("system", "s", system, cache="5m" if warm else None), *asked],
                output=rng.choice([10, 400]), reasoning=rng.choice([None, 8]),
                read=system if warm and rng.random() < 0.7 else 0, flags=rng.choice([[], [], ["estimated"]]),
            )
        )  # fmt: skip
    return specs


def _rules() -> list[Rule]:
    """One rule for each kind of change; which cases and which of their calls it names is drawn by a hash."""
    base = load()[0][0]
    rules = []
    for number, change in enumerate(CHANGES):
        sql = (
            f"SELECT task, '' AS target, list(n) AS calls, '{change}' AS transform, '{{}}' AS evidence, "
            f"NULL AS not_checked FROM w_calls WHERE hash(task || ':{number}') % 3 = 0 "
            f"AND hash(n * 31 + {number}) % 4 > 0 GROUP BY task"
        )
        trial = any(kind in change for kind in ("set_model", "set_effort", "trim_history", "limit_output"))
        class_ = "needs-trial" if trial else "exact" if "batch" in change or "drop" in change else "simulated"
        id_ = f"OC{901 + number}"
        rules.append(
            msgspec.structs.replace(base, id=id_, folder=f"{id_}_x", sql=sql, class_=class_, parameters={}, columns=())
        )
    return rules


def test_joint_is_below_the_bill_and_below_the_parts_in_ten_thousand_cases(home: Path) -> None:
    with world.store_of(world.expand(_calls(random.Random(7))), home) as connection:
        report = recommend(connection, world.ALL, now=world.NOW, rules=_rules())
        spend = dict(connection.execute("SELECT task, sum(cost_picousd)::BIGINT FROM v_calls GROUP BY task").fetchall())
    cards: dict[str, list[Recommendation]] = defaultdict(list)
    for card in report.recommendations:
        cards[card.task].append(card)
    competing = sum(1 for found in cards.values() if len(found) > 1)
    capped = 0
    for task, found in cards.items():
        headline = [card for card in found if card.class_ != "needs-trial"]
        assert sum(card.marginal_picousd for card in found) <= spend[task], task
        assert sum(card.marginal_picousd for card in headline) <= sum(card.standalone_picousd for card in headline)
        for card in found:
            assert 0 <= card.marginal_picousd <= card.standalone_picousd <= card.cost_observed_picousd <= spend[task]
        capped += sum(card.marginal_picousd < card.standalone_picousd for card in found)
    assert len(spend) == CASES
    assert competing > CASES // 3, "changes compete"
    assert capped > CASES // 10, "overlap is taken off"
    assert report.joint_picousd == sum(
        one.marginal_picousd for one in report.recommendations if one.class_ != "needs-trial"
    )
    assert not [entry for entry in report.not_checked if entry.task is None]
