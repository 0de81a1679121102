"""The one engine: rules select, it prices. Nothing here knows a rule, nothing in a rule knows a dollar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import duckdb
import msgspec

from otelcost.advise.cards import calls_changed, calls_found, card, details, traffic
from otelcost.advise.catalogue import Rule
from otelcost.advise.coverage import reads
from otelcost.advise.finding import NAMED, Finding, Outcome, run, with_first_names
from otelcost.advise.interval import day_blocks
from otelcost.advise.joint import Marginal, Saving, alone, marginals
from otelcost.advise.ledger import Ledger
from otelcost.advise.life_cycle import OPEN, counts, read_states
from otelcost.advise.own import sandbox
from otelcost.advise.own.config import Limits
from otelcost.advise.own.installed import installed
from otelcost.advise.own.protocol import Answer, fingerprint
from otelcost.advise.plan import Plan, make_plans, open_bills, stable_id
from otelcost.advise.report import Headline, Insight, NotChecked, Period, Report, Span
from otelcost.advise.text import fill
from otelcost.advise.window import materialised
from otelcost.errors import RuleError

_OBSERVED: Final = """
SELECT f, count(*), coalesce(sum(cost_picousd), 0)::BIGINT
FROM (SELECT DISTINCT f, n FROM w_named) JOIN w_calls USING (n) GROUP BY f
"""

_BILLED: Final = """
SELECT day, sum(paid)::BIGINT
FROM (SELECT DISTINCT n, day, paid FROM w_alone WHERE named AND p IN (SELECT unnest($p::INTEGER[])))
GROUP BY day
"""

Step = Callable[[int, int], None]
"""Told how many steps are done, and how many there are."""


def recommend(
    connection: duckdb.DuckDBPyConnection,
    window: Period,
    *,
    now: datetime,
    rules: Sequence[Rule] | None = None,
    step: Step | None = None,
) -> Report:
    """All advice for the calls that started in `window`.

    Args:
        connection: an open store; reading suffices.
        window: naive UTC, the end not included.
        now: naive UTC; decides whether a snoozed recommendation is due again.
        rules: those to run, the user's own with the usual limits; by default all that are installed and switched on.
        step: is told how far the work is, and may end it with an exception.

    A rule that fails is named in `not_checked`, and the others run.

    Raises:
        UsageError: an `otelcost.toml` has a mistake in `rules`.
    """
    with _worked_out(connection, window, now, rules, step) as (report, _, _):
        return report


def calls_of(
    connection: duckdb.DuckDBPyConnection,
    window: Period,
    id_: str,
    *,
    now: datetime,
    rules: Sequence[Rule] | None = None,
) -> tuple[Report, list[tuple[datetime, str]]]:
    """The report, and start and id of every call that one of its recommendations changes, oldest first.

    An insight's are the calls that it was found in. The list is empty where neither has that id. The other arguments
    are those of `recommend`.
    """
    with _worked_out(connection, window, now, rules) as (report, plans, told):
        changed = [plan.p for plan in plans if plan.id == id_]
        if changed:
            return report, calls_changed(connection, changed[0])
        return report, calls_found(connection, [f for named, f in told if named == id_])


@contextmanager
def _worked_out(
    connection: duckdb.DuckDBPyConnection,
    window: Period,
    now: datetime,
    rules: Sequence[Rule] | None,
    step: Step | None = None,
) -> Iterator[tuple[Report, Sequence[Plan], Sequence[tuple[str, int]]]]:
    """The report, its plans, and id and finding of each insight, while the relations they were made from exist."""
    chosen, broken, limits = (tuple(rules), (), Limits()) if rules is not None else _installed()
    steps = _Steps(step, len(chosen) + 2)  # the window before the rules, the prices after them
    own = [rule for rule in chosen if rule.source != "built-in"]
    answers = sandbox.ask(connection, window, own, limits) if own else sandbox.Answers(None, {})
    with materialised(connection, window, [_reads(rule) for rule in chosen]):
        steps.made()
        connection.execute(NAMED)
        not_checked = [NotChecked(_first_word(error), None, str(error)) for error in broken]
        findings: list[Finding] = []
        said = _of_this_window(connection, answers)
        for rule in chosen:
            # Rows of abstentions have numbers too: one more finding than the highest, not than the count.
            first = 1 + max((one.f for one in findings), default=-1)
            found, abstained = _guarded(connection, rule, first, said.get(rule.id))
            findings += found
            not_checked += abstained
            steps.made()
        findings = with_first_names(connection, findings)
        remarks = [(_known_as(one), one) for one in findings if one.transform is None]
        insights = _insights(connection, remarks)
        changes = [one for one in findings if one.transform is not None]
        report, plans = _advise(connection, window, changes, read_states(connection, now))
        steps.made()
        told = dict.fromkeys([*not_checked, *report.not_checked])
        report = msgspec.structs.replace(report, insights=insights, not_checked=tuple(told))
        yield report, plans, [(id_, one.f) for id_, one in remarks]


class _Steps:
    """Counts steps of the work for whoever wants to know."""

    def __init__(self, step: Step | None, whole: int) -> None:
        self._step = step
        self._done = -1
        self._whole = whole
        self.made()

    def made(self) -> None:
        self._done += 1
        if self._step is not None:
            self._step(self._done, self._whole)


def _reads(rule: Rule) -> str:
    """Every text that may name a relation or a column here; a rule of the user's own is run elsewhere."""
    text = (rule.sql or rule.check or "") if rule.source == "built-in" else ""
    return f"{text} {reads(rule.columns)}"


def _installed() -> tuple[tuple[Rule, ...], tuple[RuleError, ...], Limits]:
    found = installed()
    return found.active, found.errors, found.limits


def _of_this_window(connection: duckdb.DuckDBPyConnection, answers: sandbox.Answers) -> Mapping[str, Answer]:
    """The answers, if their numbers of calls mean the same calls here."""
    if answers.window is None or answers.window == fingerprint(connection):
        return answers.by_rule
    return {id_: Answer(error="the store changed while it ran") for id_ in answers.by_rule}


def _guarded(connection: duckdb.DuckDBPyConnection, rule: Rule, first: int, answer: Answer | None) -> Outcome:
    try:
        return run(connection, rule, first, answer)
    except RuleError as error:
        return Outcome([], [NotChecked(rule.id, None, str(error))])


def _first_word(error: RuleError) -> str:
    """The folder's name in `rule OC101_name: ...`."""
    return error.what.removeprefix("rule ").partition(":")[0]


def _known_as(finding: Finding) -> str:
    return stable_id(finding.rule.id, finding.known_as, finding.target)


def _insights(connection: duckdb.DuckDBPyConnection, findings: Sequence[tuple[str, Finding]]) -> tuple[Insight, ...]:
    """What rules of class information found, dearest first. `findings` are given with their ids."""
    if not findings:
        return ()
    observed = {f: (calls, cost) for f, calls, cost in connection.execute(_OBSERVED).fetchall()}
    told = []
    for id_, one in findings:
        calls, cost = observed.get(one.f, (0, 0))
        words = {**one.evidence, "task": one.task, "calls": calls}
        told.append(
            Insight(
                id=id_,
                rule=one.rule.id,
                task=one.task,
                title=fill(one.rule.title, words),
                calls=calls,
                cost_observed_picousd=cost,
                evidence=one.evidence,
                change=fill(one.rule.change, words),
            )
        )
    return tuple(sorted(told, key=lambda insight: (-insight.cost_observed_picousd, insight.id)))


def _advise(
    connection: duckdb.DuckDBPyConnection, window: Period, findings: Sequence[Finding], states: Mapping[str, str]
) -> tuple[Report, Sequence[Plan]]:
    """Price all findings, alone and together; also the plans that stand in the report."""
    seen = traffic(connection, window)
    ledger = Ledger(connection)
    open_bills(connection, ledger, findings)
    plans, refused = make_plans(connection, findings)
    savings = alone(connection, ledger, plans)
    plans = _best(connection, plans, savings)
    state = {plan.p: states.get(plan.id, OPEN) for plan in plans}
    counted = [plan for plan in plans if counts(state[plan.p])]
    shares, rivals = marginals(connection, ledger, counted, savings)
    ids = {plan.p: plan.id for plan in plans}
    more = details(connection)
    span = Span(window.start, window.end)
    cards = []
    for one in plans:
        others = tuple(sorted(ids[p] for p in rivals.get(one.p, ())))
        cards.append(card(one, savings[one.p], shares.get(one.p), more[one.p], seen, span, state[one.p], others))
    headline = _headline(connection, counted, shares)
    report = Report(
        window=span,
        coverage_days=seen.days_with_calls,
        spend_picousd=seen.spend,
        recommendations=tuple(sorted(cards, key=lambda one: (-one.marginal_picousd, -one.standalone_picousd, one.id))),
        joint_picousd=headline.exact_picousd + headline.simulated_picousd,
        headline=headline,
        not_checked=tuple(refused),
    )
    return report, plans


def _best(connection: duckdb.DuckDBPyConnection, plans: Sequence[Plan], savings: Mapping[int, Saving]) -> list[Plan]:
    """The plans that save something, of two for one finding the better; `w_alone` is left with their rows."""
    best: dict[str, Plan] = {}
    for plan in plans:
        saved = savings[plan.p].total if plan.p in savings else 0
        if saved > 0 and (plan.id not in best or saved > savings[best[plan.id].p].total):
            best[plan.id] = plan
    kept = [plan.p for plan in best.values()]
    connection.execute("DELETE FROM w_alone WHERE p NOT IN (SELECT unnest($p::INTEGER[]))", {"p": kept})
    return list(best.values())


def _headline(
    connection: duckdb.DuckDBPyConnection, counted: Sequence[Plan], shares: Mapping[int, Marginal]
) -> Headline:
    totals: Counter[str] = Counter()
    daily: Counter[int] = Counter()
    simulated = [plan.p for plan in counted if plan.class_ == "simulated"]
    for plan in counted:
        totals[plan.class_] += shares[plan.p].total
        if plan.class_ == "simulated":
            daily.update(shares[plan.p].by_day)
    billed = dict(connection.execute(_BILLED, {"p": simulated}).fetchall())
    bounds = day_blocks(daily, billed)
    return Headline(
        exact_picousd=totals["exact"],
        simulated_picousd=totals["simulated"],
        simulated_low_picousd=min(bounds[0], totals["simulated"]) if bounds else None,
        simulated_high_picousd=max(bounds[1], totals["simulated"]) if bounds else None,
        needs_trial_picousd=totals["needs-trial"],
    )
