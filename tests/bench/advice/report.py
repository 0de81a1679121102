"""Precision, recall and dollar error of every rule: `python tests/bench/advice/report.py [--seeds 101-105]`.

Seeds 1 to 99 are for developing rules; those from 100 on are for reporting, and were not looked at before. `--detail`
names every miss, every false alarm and every wrong dollar.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from score import Outcome, run

TOLERATED_ERROR = 0.01


def main() -> None:
    """Run the seeds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101-105", help="A-B or A,B,C")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--detail", action="store_true")
    options = parser.parse_args()
    outcomes: list[tuple[int, Outcome]] = []
    headline = 0
    for seed in seeds(options.seeds):
        found, _ = run(seed, options.days)
        outcomes += [(seed, one) for one in found]
        headline += sum(
            one.said_picousd or 0 for one in found if one.kind == "false" and one.note in {"exact", "simulated"}
        )
    if options.detail:
        for seed, one in outcomes:
            if one.kind != "found" or one.note or error(one) > TOLERATED_ERROR:
                print(seed, *one, f"{error(one):.2%}" if one.planted_picousd else "")
    table(one for _, one in outcomes)
    print(f"false headline dollars: ${headline / 1e12:.4f}")


def seeds(text: str) -> list[int]:
    """`101-105` or `1,2,3` as numbers."""
    if "-" in text:
        first, last = text.split("-")
        return list(range(int(first), int(last) + 1))
    return [int(one) for one in text.split(",")]


def error(one: Outcome) -> float:
    """How far the dollars are off, as a share of what was planted."""
    if not one.planted_picousd or one.said_picousd is None:
        return 0.0
    return abs(one.said_picousd - one.planted_picousd) / one.planted_picousd


def table(outcomes: Iterable[Outcome]) -> None:
    """One line a rule."""
    rules: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        rules[one.rule].append(one)
    print(f"{'rule':8}{'planted':>8}{'found':>7}{'false':>7}{'precision':>11}{'recall':>8}{'worst $ error':>15}")
    for rule, found in sorted(rules.items()):
        hits = sum(one.kind == "found" for one in found)
        missed = sum(one.kind == "missed" for one in found)
        false = sum(one.kind == "false" for one in found)
        precision = hits / (hits + false) if hits + false else float("nan")
        recall = hits / (hits + missed) if hits + missed else float("nan")
        worst = max((error(one) for one in found if one.planted_picousd is not None), default=float("nan"))
        print(f"{rule:8}{hits + missed:8}{hits:7}{false:7}{precision:11.3f}{recall:8.3f}{worst:15.2%}")


if __name__ == "__main__":
    main()
