"""The bounds of every report over small tasks; over ten thousand by `tests/bench/advice/invariants.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench" / "advice"))
import invariants


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.integers(0, 1_000_000))
def test_bounds_order_and_replay(seed: int) -> None:
    report, competing = invariants.verify(60, seed)
    assert competing > 15, "changes compete"
    assert len({card.rule for card in report.recommendations}) > 6
