"""What a digest picks: the answer, few drivers, few actions; a quiet week is one line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from otelcost.advise.report import Headline, Recommendation, Report, Span
from otelcost.digest import phrases
from otelcost.digest.content import MAX_ACTIONS, MAX_DRIVERS, Followed, compose, drivers
from otelcost.store.queries import Overview, TaskRow, Window

DOLLAR = 10**12
START, END = datetime(2026, 11, 15), datetime(2026, 11, 22)  # noqa: DTZ001


def overview(**figures: Any) -> Overview:
    known: dict[str, Any] = {
        "spend_picousd": 100 * DOLLAR,
        "previous_picousd": 98 * DOLLAR,
        "calls": 1000,
        "unpriced_calls": 0,
        "errors": 0,
        "estimated_calls": 0,
        "input_tokens": 1000,
        "cache_read_tokens": 0,
        "output_tokens": 10,
        "by_model": (),
        "by_task": (),
        "by_day": (),
        "coverage_days": 7,
        "first_call": START,
        "last_call": END,
        "monthly_picousd": None,
    }
    return Overview(window=Window(START, END), **(known | figures))


def task(name: str, cost: int | None, calls: int = 1) -> TaskRow:
    return TaskRow(
        task=name,
        task_source="explicit",
        call_site=None,
        calls=calls,
        operations=calls,
        errors=0,
        unpriced_calls=0,
        cost_picousd=cost,
        previous_picousd=None,
        input_tokens=None,
        cache_read_tokens=None,
        output_tokens=None,
        models=(),
    )


def fix(number: int, state: str = "open", class_: str = "exact") -> Recommendation:
    return Recommendation(
        id=f"R-{number}",
        rule="OC201",
        task="nightly",
        title=f"Fix {number}",
        class_=class_,
        calls=1,
        call_ids=(),
        window=Span(START, END),
        cost_observed_picousd=DOLLAR,
        standalone_picousd=DOLLAR,
        marginal_picousd=DOLLAR,
        low_picousd=None,
        high_picousd=None,
        monthly_picousd=None,
        transform={},
        evidence={},
        state=state,
        call_site=None,
        change="",
        risk="low",
        effort="low",
        reversibility="",
    )


def report(*fixes: Recommendation, **head: int | None) -> Report:
    figures: dict[str, Any] = {
        "exact_picousd": 0,
        "simulated_picousd": 0,
        "simulated_low_picousd": None,
        "simulated_high_picousd": None,
        "needs_trial_picousd": 0,
    }
    headline = Headline(**(figures | head))
    return Report(
        window=Span(START, END),
        coverage_days=7.0,
        spend_picousd=100 * DOLLAR,
        recommendations=fixes,
        joint_picousd=headline.exact_picousd + headline.simulated_picousd,
        headline=headline,
        not_checked=(),
    )


def test_a_quiet_week_is_one_line() -> None:
    said = compose(overview(), [task("a", 100 * DOLLAR)], [task("a", 98 * DOLLAR)], report(), "last 7 days")
    assert said.quiet
    assert said.subject == ("LLM spend, last 7 days: $100.00, up 2.0% (+$2.00). A quiet week: nothing to do")
    assert (said.drivers, said.actions) == ((), ())


def test_what_is_not_quiet() -> None:
    rows = [task("a", 100 * DOLLAR)]
    for figures in ({"previous_picousd": 50 * DOLLAR}, {"unpriced_calls": 1}, {"previous_picousd": None}):
        assert not compose(overview(**figures), rows, [], report(), "x").quiet
    assert not compose(overview(), rows, [], report(fix(1)), "x").quiet
    assert not compose(overview(spend_picousd=None), rows, [], report(), "x").quiet


def test_silence_after_spend_is_not_quiet() -> None:
    gone = overview(calls=0, spend_picousd=0)
    said = compose(gone, [], [task("a", 98 * DOLLAR)], report(), "last 7 days")
    assert not said.quiet
    assert said.subject == "LLM spend, last 7 days: no calls recorded"
    assert [(driver.task, driver.change_picousd) for driver in said.drivers] == [("a", -98 * DOLLAR)]
    assert compose(overview(calls=0, spend_picousd=0, previous_picousd=None), [], [], report(), "x").quiet


def test_the_subject_holds_the_answer() -> None:
    advice = report(
        fix(1),
        fix(2),
        fix(3, class_="needs-trial"),
        exact_picousd=10 * DOLLAR,
        simulated_picousd=DOLLAR,
        simulated_low_picousd=DOLLAR // 2,
        simulated_high_picousd=2 * DOLLAR,
        needs_trial_picousd=30 * DOLLAR,
    )
    said = compose(overview(unpriced_calls=2), [], [], advice, "last 7 days")
    assert said.subject == (
        "LLM spend, last 7 days: $100.00, up 2.0% (+$2.00), 2 calls unpriced. "
        "2 fixes save $11.00 (11% of spend): $10.00 exact + $1.00 simulated [$0.50-$2.00]; "
        "1 more needs a trial: $30.00"
    )


def test_at_most_five_actions_and_only_open_ones() -> None:
    fixes = [fix(number) for number in range(8)] + [fix(9, "dismissed"), fix(10, "snoozed")]
    said = compose(overview(), [], [], report(*fixes), "x")
    assert len(said.actions) == MAX_ACTIONS
    assert said.more_actions == 3


def test_fixes_without_a_price_promise_nothing() -> None:
    assert phrases.savings(report(fix(1))) == "1 fix: nothing that can be priced"
    assert phrases.savings(report()) == "no fixes found"


def test_a_range_that_says_nothing_is_left_out() -> None:
    advice = report(fix(1), simulated_picousd=DOLLAR)
    assert phrases.savings(advice) == "1 fix saves $1.00 (1.0% of spend), simulated"


def test_a_sentence_has_one_precision() -> None:
    few = report(fix(1), fix(2), exact_picousd=DOLLAR, simulated_picousd=DOLLAR // 500, needs_trial_picousd=0)
    assert phrases.savings(few) == "2 fixes save $1.00 (1.0% of spend): $1.00 exact + <$0.01 simulated"


def test_what_needs_a_trial_is_no_fix_yet() -> None:
    one = report(fix(1, class_="needs-trial"), needs_trial_picousd=DOLLAR)
    assert phrases.savings(one) == "1 fix needs a trial: $1.00"
    two = report(fix(1), fix(2, class_="needs-trial"), fix(3, class_="needs-trial"), exact_picousd=DOLLAR)
    assert phrases.savings(two) == "1 fix saves $1.00 (1.0% of spend), exact; 2 more need a trial"
    assert (phrases.saved(two).fixes, phrases.saved(two).trials) == (1, 2)


def test_unpriced_tasks_are_not_said_to_have_moved() -> None:
    assert drivers([task("a", None)], [task("a", DOLLAR)]) == ()


COSTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(min_value=0, max_value=10**15))


@given(COSTS, COSTS)
def test_drivers_are_few_real_and_in_order(now: dict[str, int], before: dict[str, int]) -> None:
    found = drivers([task(*item) for item in now.items()], [task(*item) for item in before.items()])
    assert len(found) <= MAX_DRIVERS
    moves = [abs(driver.change_picousd) for driver in found]
    assert moves == sorted(moves, reverse=True)
    for driver in found:
        assert driver.change_picousd == now.get(driver.task, 0) - before.get(driver.task, 0) != 0


def test_a_week_in_which_something_was_carried_out_is_not_quiet() -> None:
    rows = ([task("a", 100 * DOLLAR)], [task("a", 98 * DOLLAR)], report(), "last 7 days")
    done = Followed(id="R-1", title="Batch it", task="a", state="verified")
    said = compose(overview(), *rows, followed=(done,), scope="task a*")
    assert not said.quiet
    assert said.subject == "LLM spend (task a*), last 7 days: $100.00, up 2.0% (+$2.00). no fixes found"
    assert compose(overview(), *rows, followed=(Followed(id="R-1", title="x", task="a", state="gone"),)).quiet
