"""What must hold of every report, over generated traffic."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parent))
import by_hand
import world

from otelcost.advise import Report, recommend

PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
"""No shrinking: an example is a whole store, and takes a second."""

SHAPES = st.fixed_dictionaries(
    {
        "task": st.sampled_from(["a", "b", "c"]),
        "provider_model": st.sampled_from(
            [
                ("anthropic", "claude-haiku-4-5"),
                ("anthropic", "claude-opus-5-5"),
                ("openai", "gpt-4o"),
                ("openai", "gpt-4o"),
                ("azure.ai.openai", "gpt-4o"),
                ("openai", "gpt-6.1-sol"),
            ]
        ),
        "system": st.sampled_from([100, 600, 3000, 9000]),
        "volatile": st.sampled_from([None, None, "datetime"]),
        "question": st.sampled_from(["{n}", "{n}", "q", "{d}"]),
        "output": st.sampled_from([5, 80, 900]),
        "output_kind": st.sampled_from(["text", "json", "tool"]),
        "count": st.integers(2, 25),
        "every_s": st.sampled_from([0.3, 20, 250, 1500, 9000, 22000]),
        "at_s": st.sampled_from([0, 7200, 32400]),
        "days": st.sampled_from([1, 2, 3, 4, 8]),
        "traces": st.sampled_from(["own", "day"]),
        "root": st.sampled_from(["SERVER", "CONSUMER", "INTERNAL", ""]),
        "root_name": st.sampled_from(["POST /x", "cron nightly"]),
        "resends": st.sampled_from([[], [0, 0, 1], [0, 2, 0], [2]]),
        "temperature": st.sampled_from([None, 0.0, 0.8]),
        "answer": st.sampled_from(["same", "{n}"]),
        "duration_s": st.sampled_from([0.5, 5]),
        "warm": st.booleans(),
        "flags": st.sampled_from([[], [], ["estimated", "lower_bound"]]),
    }
)


def _spec(shape: dict[str, object]) -> world.Spec:
    fields = dict(shape)
    provider, model = fields.pop("provider_model")  # type: ignore[misc]
    system, volatile, question = fields.pop("system"), fields.pop("volatile"), fields.pop("question")
    warm = fields.pop("warm")
    tokens = int(system) + 60  # type: ignore[call-overload]
    billed = tokens - tokens % 128 if model == "gpt-6.1-sol" and tokens >= 1024 and volatile else 0
    return world.spec(
        provider=provider,
        model=model,
        prompt=[("system", f"rules {system}", system, volatile), ("user", question, 60)],
        tools="t" if fields["output_kind"] == "tool" else None,
        write_short=billed,
        read=tokens - tokens % 128 if warm and model == "gpt-4o" and tokens >= 1024 else 0,
        **fields,
    )


def check(report: Report, ledger: by_hand.Ledger) -> None:
    cards = report.recommendations
    headline = [card for card in cards if card.class_ != "needs-trial"]
    trials = [card for card in cards if card.class_ == "needs-trial"]
    assert report.joint_picousd == sum(card.marginal_picousd for card in headline)
    assert report.joint_picousd == report.headline.exact_picousd + report.headline.simulated_picousd
    assert report.headline.needs_trial_picousd == sum(card.marginal_picousd for card in trials)
    assert 0 <= report.joint_picousd <= report.spend_picousd
    assert report.joint_picousd + report.headline.needs_trial_picousd <= report.spend_picousd
    assert report.joint_picousd <= sum(card.standalone_picousd for card in headline)
    assert report.spend_picousd == sum(ledger.actual(call) for call in ledger.calls.values())
    assert len({card.id for card in cards}) == len(cards)
    for card in cards:
        assert 0 < card.standalone_picousd <= card.cost_observed_picousd
        assert 0 <= card.marginal_picousd <= card.standalone_picousd
        assert card.cost_observed_picousd == sum(ledger.actual(ledger.calls[call_id]) for call_id in card.call_ids)
        assert card.standalone_picousd == ledger.saving(card), card
        sure = [call_id for call_id in card.call_ids if not ledger.calls[call_id]["flags"]]
        if card.class_ == "exact":
            assert card.marginal_picousd <= sum(ledger.actual(ledger.calls[call_id]) for call_id in sure)
        days = {ledger.calls[call_id]["start"].date() for call_id in card.call_ids}
        assert card.monthly_picousd is None or len(days) >= 7
        if card.low_picousd is not None and card.high_picousd is not None:
            assert card.low_picousd <= card.standalone_picousd <= card.high_picousd <= card.cost_observed_picousd


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(st.lists(SHAPES, min_size=1, max_size=4))
def test_every_report(shapes: list[dict[str, object]]) -> None:
    with TemporaryDirectory() as folder, world.store_of(world.expand(map(_spec, shapes)), Path(folder)) as connection:
        report = recommend(connection, world.ALL, now=world.NOW)
        assert not [entry for entry in report.not_checked if entry.task is None]
        check(report, by_hand.Ledger(connection))
        assert recommend(connection, world.ALL, now=world.NOW) == report
