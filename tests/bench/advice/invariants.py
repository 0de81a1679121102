"""What must hold of every report, over ten thousand small tasks: `python tests/bench/advice/invariants.py`.

All tasks live in one store, drawn so that changes compete for the same calls, and every rule runs at its lowest
thresholds so that it fires on few calls. Checked at once: what is saved together is never above the bill nor above
the sum of the parts, shares add up, the order of records and rules changes nothing, and a replay of the traffic as it
was sent gives the cache reads and writes that the simulated provider billed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import duckdb
import msgspec
from asks import Ask, Bill, Part, moment, record
from billing import bill_all
from score import Window

from otelcost.advise import Recommendation, Report, recommend, replay
from otelcost.advise.catalogue import Rule, load
from otelcost.advise.ledger import Ledger
from otelcost.advise.window import materialised
from otelcost.spool.names import segment_name
from otelcost.store.db import session
from otelcost.store.drain import drain

MODELS = (
    ("anthropic", "claude-sonnet-5-5"), ("anthropic", "claude-opus-5-5"), ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-6.1-sol"), ("openai", "gpt-4o"), ("openai", "o3"), ("gcp.gemini", "gemini-2.5-flash"),
    ("mistral_ai", "mistral-large-2512"),
)  # fmt: skip
DAYS = 3


def tasks(rng: random.Random, count: int) -> list[Ask]:
    """Small tasks of every mixture: marked or not, repeated or not, attended or not, growing or not."""
    return [ask for number in range(count) for ask in _task(rng, f"task {number}")]


def _task(rng: random.Random, task: str) -> Iterator[Ask]:
    provider, model = rng.choice(MODELS)
    mark = rng.choice([None, "5m", "1h"]) if provider == "anthropic" else None
    rules = Part("system", f"{task} rules", rng.choice([200, 1500, 5000]), cache=mark)
    tools = tuple(Part("tool", f"{task} {n}", 300, "tool", f"t{n}") for n in range(rng.choice([0, 0, 3])))
    common: dict[str, Any] = {
        "provider": provider, "model": model, "temperature": rng.choice([None, 0.0]),
        "effort": rng.choice([None, "high"]),
        "root": rng.choice(["SERVER", "CONSUMER"]), "output_kind": rng.choice(["text", "json"]),
        "tier": "priority" if model in {"gpt-4o", "o3"} and rng.random() < 0.2 else None,
        "geo": "us" if model == "claude-opus-5-5" and rng.random() < 0.3 else None,
        "schema": rng.choice([None, task]), "seconds": rng.choice([0.5, 4.0]),
    }  # fmt: skip
    gap, topics, grows = rng.choice([1, 60, 250, 700]), rng.choice([2, 50]), rng.random() < 0.3
    said: list[Part] = []
    at, trace = moment(rng.randrange(DAYS), rng.randint(1, 20)), f"{task} run" if rng.random() < 0.3 else ""
    for number in range(rng.randint(4, 12)):
        topic = rng.randrange(topics)
        said = [*said, Part("user", f"{task} {topic} {number if grows else ''}", 40 + topic)] if grows else [
            Part("user", f"{task} {topic}", 40 + topic)]  # fmt: skip
        reasoning = rng.choice([None, 400])
        yield Ask(
            task=task, at=at, parts=(*tools, rules, *said), output=(reasoning or 0) + rng.choice([4, 60, 500]),
            reasoning=reasoning, answer=f"{task} {topic}", trace=trace, parent=trace, nonce=number,
            tools_called=("t0",) if tools and rng.random() < 0.5 else (), **common,
        )  # fmt: skip
        said = [*said, Part("assistant", f"{task} {number} answer", 80)]
        at += rng.choice([0.13, gap, gap])  # never just when an answer comes


def eager(rules: Sequence[Rule]) -> list[Rule]:
    """The rules with every lower limit at its lowest."""
    return [msgspec.structs.replace(rule, parameters={
        name: msgspec.structs.replace(one, default=one.minimum)
        if name.startswith("min_") and one.minimum is not None else one
        for name, one in rule.parameters.items()
    }) for rule in rules]  # fmt: skip


def report_of(billed: Sequence[tuple[Ask, Bill]], rules: Sequence[Rule], misfit: bool = True) -> tuple[Report, Any]:
    """The report over a store of these calls, and what each task cost; with a check of the replay."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "spool").mkdir()
        lines = b"".join(msgspec.json.encode(record(ask, bill)) + b"\n" for ask, bill in billed)
        (home / "spool" / f"{segment_name('calls', 1, 1, 1)}.ndjson").write_bytes(lines)
        assert drain(home / "store.duckdb", home / "spool").rejects == 0
        with session(home / "store.duckdb") as connection:
            window = Window(*connection.execute("SELECT min(start), max(start) + INTERVAL 1 DAY FROM calls").fetchone())  # type: ignore[misc]
            if misfit:
                reproduced(connection, window)
            report = recommend(connection, window, now=window.end, rules=rules)
            spend = connection.execute("SELECT task, sum(cost_picousd)::BIGINT FROM v_calls GROUP BY task").fetchall()
            return report, dict(spend)


def reproduced(connection: duckdb.DuckDBPyConnection, window: Window) -> None:
    """A replay of every group as it was sent bills what the provider billed, to the token."""
    with materialised(connection, window):
        ledger = Ledger(connection)
        ledger.open("true")
        replay.prepare(connection, ledger)
        connection.execute(
            "INSERT INTO w_arrivals SELECT g, n, NULL, false, false, true FROM w_bills b "
            "WHERE g IN (SELECT g FROM w_cache WHERE NOT automatic OR charged)"
        )
        found = replay.misfits(connection)
        wrong = {lane: tokens for lane, (tokens, _) in found.items() if tokens}
        assert found, "nothing was replayed"
        assert not wrong, f"{len(wrong)} of {len(found)} groups are billed otherwise: {sorted(wrong.items())[:5]}"


def check(report: Report, spend: dict[str, int]) -> int:
    """Every bound, task by task; the number of tasks in which changes compete."""
    assert not [entry for entry in report.not_checked if entry.task is None], report.not_checked[:3]
    by_task: dict[str, list[Recommendation]] = defaultdict(list)
    for card in report.recommendations:
        by_task[card.task].append(card)
        assert 0 <= card.marginal_picousd <= card.standalone_picousd <= card.cost_observed_picousd, card
    for task, cards in by_task.items():
        headline = [card for card in cards if card.class_ != "needs-trial"]
        assert sum(card.marginal_picousd for card in cards) <= spend[task], task
        assert sum(card.marginal_picousd for card in headline) <= sum(card.standalone_picousd for card in headline)
    joint = sum(card.marginal_picousd for card in report.recommendations if card.class_ != "needs-trial")
    assert report.joint_picousd == joint <= report.spend_picousd
    return sum(len(cards) > 1 for cards in by_task.values())


def figures(report: Report) -> dict[str, tuple[int, int]]:
    """Every card's two figures by its id."""
    return {card.id: (card.standalone_picousd, card.marginal_picousd) for card in report.recommendations}


def verify(count: int, seed: int) -> tuple[Report, int]:
    """Draw `count` tasks and check everything; the report, and how many tasks have competing changes."""
    rng = random.Random(seed)
    billed = bill_all(tasks(rng, count))
    rules = eager(load()[0])
    report, spend = report_of(billed, rules)
    competing = check(report, spend)
    rng.shuffle(billed)
    again, _ = report_of(billed, rules[::-1], misfit=False)
    assert figures(again) == figures(report), "the order of records or rules matters"
    return report, competing


def main() -> None:
    """Check, and say what was checked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    report, competing = verify(options.tasks, options.seed)
    rules = sorted({card.rule for card in report.recommendations})
    print(f"{options.tasks} tasks, {len(report.recommendations)} recommendations of {' '.join(rules)}")
    print(f"{competing} tasks with competing changes")
    print(f"joint {report.joint_picousd} of {report.spend_picousd} pico-dollars")


if __name__ == "__main__":
    main()
