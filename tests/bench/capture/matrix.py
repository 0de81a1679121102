"""The correctness matrix: every contender's tokens beside what was billed, case by case."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cases import CASES
from contenders import BARE, BY_NAME, Contender
from process import MissingError, running
from provider import serving
from reading import Seen
from verdict import verdict


def observe(contender: Contender, rivals: Path) -> dict[str, Any]:
    """What one contender saw of every case."""
    with serving() as url, running(contender, rivals, url, "memory") as child:
        seen: dict[str, Any] = child.ask("matrix")
        return seen


def judge(seen: dict[str, Any]) -> dict[str, str]:
    """A verdict for every case; `` where it was not run: an SDK of another kind, or without such a call."""
    return {
        case.name: verdict(case.truth, [Seen(**one) for one in seen[case.name]])
        if isinstance(seen.get(case.name), list)
        else ""
        for case in CASES
    }


def table(rivals: Path, chosen: Sequence[Contender]) -> list[str]:
    """The matrix as lines of Markdown."""
    columns: dict[str, dict[str, str]] = {}
    missing: list[str] = []
    for contender in chosen:
        if contender is BARE or contender.name == "otelcost, own exporter":
            continue
        try:
            columns[contender.name] = judge(observe(contender, rivals))
        except MissingError as reason:
            missing.append(f"{contender.name}: {reason}")
    lines = [f"| case | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {case.name} | {' | '.join(one[case.name] for one in columns.values())} |" for case in CASES]
    lines.append(f"| **right, of those run** | {' | '.join(map(_score, columns.values()))} |")
    return [*lines, *(f"\n{line}" for line in missing)]


def _score(verdicts: dict[str, str]) -> str:
    counted = Counter(verdicts.values())
    return f"**{counted['right']}/{len(verdicts) - counted['']}**"


def main() -> None:
    """Print one contender's verdicts and records as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("--rivals", type=Path, default=Path("/nonexistent"))
    asked = parser.parse_args()
    seen = observe(BY_NAME[asked.contender], asked.rivals)
    verdicts = judge(seen)
    told = {
        case.name: {
            "verdict": verdicts[case.name], "kind": case.truth.kind, "records": case.truth.records,
            "seen": seen.get(case.name),
        }
        for case in CASES
    }  # fmt: skip
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
