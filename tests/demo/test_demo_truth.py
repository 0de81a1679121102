"""The whole path, checked from outside: what the provider billed against what otelcost says.

Nothing here asks otelcost for a figure it then compares with itself: dollars come from the provider's log and
genai-prices, savings from direct arithmetic, and the two cache cases from really asking the provider again
with the proposed change.
"""

from __future__ import annotations

import http.client
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from otelcost.advise import Recommendation, Report, recommend
from otelcost.demo.app import assistant, triage
from otelcost.demo.app.fortnight import plan
from otelcost.demo.loopback import Loopback, running
from otelcost.demo.runner import MARKER
from otelcost.store import db

from .ledger import known_cost, rates, read_log

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (the store's times are naive UTC)
SHARE_ERROR = 0.002
PLANTED = {
    "triage.triage_ticket": "simulated",
    "assistant.answer_visitor": "simulated",
    "nightly.write_report": "exact",
    "extract.extract_invoice": "needs-trial",
    "faq.answer_question": "exact",
    "parser.ask_for_json": "exact",
}
CONTROLS = {
    "chat.continue_chat",
    "sync_catalogue.describe_changes",
    "documents.index_document",
    "vote.judge_review",
    "writer.draft_text",
}


class Window(NamedTuple):
    """A period of time, as the engine takes it."""

    start: datetime
    end: datetime


class Truth(NamedTuple):
    """One demo run from both sides."""

    home: Path
    until: datetime
    log: list[dict[str, Any]]
    calls: dict[str, dict[str, Any]]
    report: Report

    def billed(self, api: str, model: str) -> list[dict[str, Any]]:
        """The lines of one task: no two planted tasks share an API and a model."""
        return [
            line for line in self.log if (line["api"], line["model"]) == (api, model) and line["http_status"] == 200
        ]

    def found(self, task: str) -> Recommendation:
        (recommendation,) = [one for one in self.report.recommendations if one.task == task]
        return recommendation


@pytest.fixture(scope="module")
def truth(demo_home: Path) -> Truth:
    facts = json.loads((demo_home / MARKER).read_text())
    until = EPOCH + timedelta(microseconds=facts["until_unix_us"])
    with db.session(demo_home / "store.duckdb") as connection:
        calls = {row["request_id"]: row for row in _rows(connection, "SELECT * EXCLUDE (usage_raw) FROM v_calls")}
        report = recommend(connection, Window(EPOCH, until), now=until)
    return Truth(demo_home, until, read_log(demo_home), calls, report)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description]
    for row in found.fetchall():
        yield dict(zip(names, row, strict=True))


def test_every_request_became_one_call(truth: Truth) -> None:
    assert 1_200 <= len(truth.log) <= 2_000
    assert len(truth.calls) == len(truth.log)
    assert set(truth.calls) == {line["request_id"] for line in truth.log}


def test_tokens_are_the_providers_own(truth: Truth) -> None:
    for line in truth.log:
        call, usage = truth.calls[line["request_id"]], line["usage"]
        if line["outcome"] == "aborted":
            continue
        assert call["flags"] == [], line
        recorded = {
            "input_uncached": call["input_uncached_tokens"] or 0,
            "cache_read": call["cache_read_tokens"] or 0,
            "cache_write_short": call["cache_write_short_tokens"] or 0,
            "cache_write_long": call["cache_write_long_tokens"] or 0,
            "output": call["output_tokens"] or 0,
            "reasoning": call["reasoning_tokens"] or 0,
        }
        assert recorded == usage, line


def test_calls_carry_the_providers_facts(truth: Truth) -> None:
    for line in truth.log:
        call = truth.calls[line["request_id"]]
        assert call["model"] == line["model"]
        assert call["http_status"] == line["http_status"]
        assert call["response_id"] == line["response_id"]
        assert (call["start"] - EPOCH) // timedelta(microseconds=1) == line["time_us"]
        if line["outcome"] != "aborted":
            assert call["service_tier"] == line["tier"]


def test_aborted_streams_are_flagged_and_counted_closely(truth: Truth) -> None:
    aborted = [line for line in truth.log if line["outcome"] == "aborted"]

    assert aborted
    for line in aborted:
        call, usage = truth.calls[line["request_id"]], line["usage"]
        assert call["status"] == "aborted"
        assert set(call["flags"]) == {"estimated", "lower_bound"}
        total = usage["input_uncached"] + usage["cache_read"] + usage["cache_write_short"]
        assert call["input_tokens"] == pytest.approx(total, rel=0.25)
        assert call["output_tokens"] == pytest.approx(usage["output"], rel=0.4)


def test_every_call_costs_what_the_price_list_says(truth: Truth) -> None:
    for line in truth.log:
        call, priced = truth.calls[line["request_id"]], rates(line["model"])
        if priced is None:
            assert (call["cost_picousd"], call["price_status"]) == (None, "unpriced")
        elif line["http_status"] == 429:
            assert (call["cost_picousd"], call["price_status"]) == (0, "not_billed")
        elif line["outcome"] != "aborted":
            assert call["cost_picousd"] == priced.cost(line["usage"]), line


def test_the_total_is_the_sum_of_the_log(truth: Truth) -> None:
    settled = [line for line in truth.log if line["outcome"] == "ok" and rates(line["model"]) is not None]
    aborted = [truth.calls[line["request_id"]] for line in truth.log if line["outcome"] == "aborted"]
    guessed = sum(int(call["cost_picousd"]) for call in aborted)

    assert truth.report.spend_picousd == known_cost(settled) + guessed


def test_the_unpriced_model_is_unknown_and_not_free(truth: Truth) -> None:
    private = [call for call in truth.calls.values() if call["model"] == "house-writer-1"]

    assert private
    assert {call["cost_picousd"] for call in private} == {None}


def test_every_planted_case_is_found_and_nothing_else(truth: Truth) -> None:
    assert {one.task: one.class_ for one in truth.report.recommendations} == PLANTED
    assert len(truth.report.recommendations) == len(PLANTED)
    assert {str(call["task"]) for call in truth.calls.values()} == set(PLANTED) | CONTROLS


def test_recommendations_point_at_the_line_of_code(truth: Truth) -> None:
    for one in truth.report.recommendations:
        module, function = one.task.split(".")
        assert one.call_site is not None
        place, _, named = one.call_site.partition(" ")
        file, _, line = place.rpartition(":")
        assert (file, named) == (f"app/{module}.py", function)
        assert "create(" in (truth.home / file).read_text().splitlines()[int(line) - 1]


def test_savings_do_not_overlap_here(truth: Truth) -> None:
    report = truth.report

    assert report.joint_picousd == sum(
        one.marginal_picousd for one in report.recommendations if one.class_ != "needs-trial"
    )
    assert report.joint_picousd <= report.spend_picousd
    assert all(one.standalone_picousd == one.marginal_picousd for one in report.recommendations)


def test_batch_saves_half(truth: Truth) -> None:
    lines = truth.billed("openai.chat", "gpt-6.1-terra")
    found = truth.found("nightly.write_report")

    assert found.calls == len(lines)
    assert found.cost_observed_picousd == known_cost(lines)
    assert found.standalone_picousd == known_cost(lines) / 2


def test_duplicates_save_every_repetition_within_a_day(truth: Truth) -> None:
    last_used: dict[str, int] = {}
    repeated = []
    for line in truth.billed("openai.responses", "gpt-5.4"):
        if line["time_us"] - last_used.get(line["digest"], -(10**18)) <= 24 * 3600 * 10**6:
            repeated.append(line)
        last_used[line["digest"]] = line["time_us"]
    found = truth.found("faq.answer_question")

    assert found.calls == len(repeated)
    assert found.standalone_picousd == known_cost(repeated)


def test_retries_save_every_answer_that_was_asked_for_again(truth: Truth) -> None:
    lines = truth.billed("openai.chat", "gpt-5.4")
    last = {line["digest"]: line["number"] for line in lines}
    wasted = [line for line in lines if last[line["digest"]] != line["number"]]
    found = truth.found("parser.ask_for_json")

    assert found.calls == len(wasted)
    assert found.standalone_picousd == known_cost(wasted)


def test_model_swap_scales_tokens_and_lengthens_answers(truth: Truth) -> None:
    lines = truth.billed("anthropic.messages", "claude-opus-4-6")
    found = truth.found("extract.extract_invoice")
    candidate = rates(found.transform["model"])
    assert candidate is not None
    # about 30 % more tokens of the same text, answers taken to be a tenth longer
    inputs = sum(line["usage"]["input_uncached"] for line in lines) * Fraction(13, 10)
    outputs = sum(line["usage"]["output"] for line in lines) * Fraction(13, 10) * Fraction(11, 10)
    saving = known_cost(lines) - inputs * candidate.input - outputs * candidate.output

    assert found.cost_observed_picousd == known_cost(lines)
    assert abs(found.standalone_picousd - saving) <= len(lines) * (candidate.input + candidate.output)


def test_caching_the_customer_table_saves_what_the_provider_then_bills(truth: Truth) -> None:
    """Ask again with the breakpoint set: the saving is the difference of the two input bills."""
    found = truth.found("triage.triage_ticket")
    again = list(_replayed(truth, triage.triage_ticket, _ticket_with_breakpoint))
    before = [line for line in truth.billed("anthropic.messages", "claude-haiku-4-5") if _is_long(line)]
    saving = _input_cost(before) - _input_cost(again)

    assert found.calls == len(before) == len(again)
    assert found.low_picousd is not None
    assert found.high_picousd is not None
    # The engine knows a segment's tokens only from its share of the bytes; the bounds are about days, not that.
    assert found.standalone_picousd == pytest.approx(float(saving), rel=SHARE_ERROR)
    assert found.low_picousd * (1 - SHARE_ERROR) <= saving <= found.high_picousd * (1 + SHARE_ERROR)


def test_moving_the_time_down_saves_what_the_provider_then_bills(truth: Truth) -> None:
    """Ask again with the time below the handbook: the same tokens, now shared from call to call."""
    found = truth.found("assistant.answer_visitor")
    lines = [line for line in truth.log if line["model"] == "gpt-6.1-sol"]
    again = list(_replayed(truth, assistant.answer_visitor, _question_with_time_below))
    kept = [number for number, line in enumerate(lines) if line["outcome"] == "ok"]
    saving = _input_cost(lines[i] for i in kept) - _input_cost(again[i] for i in kept)

    assert len(again) == len(lines)
    assert found.calls == len(kept)
    assert found.standalone_picousd == pytest.approx(float(saving), rel=SHARE_ERROR)


def test_the_bill_grew_because_of_the_table(truth: Truth) -> None:
    middle = (truth.until - timedelta(days=7) - EPOCH) // timedelta(microseconds=1)
    weeks: dict[str, Counter[bool]] = defaultdict(Counter)
    for line in truth.log:
        priced = rates(line["model"])
        if priced is not None:
            weeks[line["model"]][line["time_us"] >= middle] += int(priced.cost(line["usage"]))

    growth = {model: week[True] - week[False] for model, week in weeks.items()}
    assert max(growth, key=lambda model: growth[model]) == "claude-haiku-4-5"
    assert weeks["claude-haiku-4-5"][True] > 4 * weeks["claude-haiku-4-5"][False]


WORDS = ("a colleague reads the whole request", "Amber Kiln", "Saddlery", "felt rug", "arrived dented", "voucher")
ANSWERS = ("follow up within", "thank you for waiting", "more look at stock")


def test_no_text_is_at_rest(truth: Truth) -> None:
    app = (truth.home / "app").resolve()
    files = [path for path in truth.home.rglob("*") if path.is_file() and app not in path.resolve().parents]
    for path in files:
        data = path.read_bytes()
        assert not [word for word in (*WORDS, *ANSWERS) if word.encode() in data], path
    with db.session(truth.home / "store.duckdb") as connection:
        tables = [row["table_name"] for row in _rows(connection, "SELECT table_name FROM duckdb_tables()")]
        for table in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            text = repr(rows)
            assert not [word for word in (*WORDS, *ANSWERS) if word in text], table


def test_the_words_looked_for_are_the_workloads_own(truth: Truth) -> None:
    scripts = "".join(path.read_text() for path in (truth.home / "app").glob("*.py"))

    assert "a colleague reads the whole request" in scripts
    assert "Saddlery" in triage.system_prompt(with_customers=True)
    assert "Amber Kiln" in triage.system_prompt(with_customers=True)
    assert all(word in scripts for word in ("felt rug", "arrived dented", "voucher"))


def _is_long(line: dict[str, Any]) -> bool:
    """Whether a ticket was sorted with the whole customer table in its prompt."""
    return int(line["usage"]["input_uncached"]) > 4096


def _input_cost(lines: Any) -> Fraction:
    return known_cost({**line, "usage": {**line["usage"], "output": 0}} for line in lines)


def _replayed(
    truth: Truth, act: Callable[..., object], request: Callable[[partial[object], datetime], tuple[str, Any] | None]
) -> Iterator[dict[str, Any]]:
    """Ask a fresh provider again, at the same virtual times, with changed requests; what it then billed."""
    with running() as provider:
        for happening in plan(truth.until.replace(tzinfo=UTC), 7):
            if isinstance(happening.act, partial) and happening.act.func is act:
                changed = request(happening.act, happening.at)
                if changed is not None:
                    _ask(provider, happening.at, *changed)
        yield from provider.log()


def _ask(provider: Loopback, at: datetime, path: str, body: Any) -> None:
    provider.set_clock((at.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1))
    connection = http.client.HTTPConnection("127.0.0.1", provider.port)
    connection.request("POST", path, json.dumps(body), {"authorization": "Bearer x"})
    response = connection.getresponse()
    assert (response.status, len(response.read()) > 0) == (200, True)
    connection.close()


def _ticket_with_breakpoint(act: partial[object], _: datetime) -> tuple[str, Any] | None:
    if not act.keywords["with_customers"]:
        return None
    system = {"type": "text", "text": triage.system_prompt(with_customers=True), "cache_control": {"type": "ephemeral"}}
    user = {"role": "user", "content": f"{act.args[0]}\n\nAnswer in about 90 words."}
    return "/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 800, "system": [system], "messages": [user]}


def _question_with_time_below(act: partial[object], at: datetime) -> tuple[str, Any]:
    system = f"You are the shop's assistant.\n{assistant._HANDBOOK}Current time: {at:%Y-%m-%d %H:%M:%S}\n"
    messages = [
        {"role": "system", "content": system},
        {"role": "user", "content": f"{act.args[0]}\nAnswer in about 80 words."},
    ]
    return "/v1/chat/completions", {"model": "gpt-6.1-sol", "messages": messages}
