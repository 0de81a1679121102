"""The same seed gives the same bytes; another seed does not."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otelcost.demo.app.fortnight import DAYS, Happening, plan
from otelcost.demo.loopback import Loopback, running

REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"model": "gpt-6.1-sol", "messages": [{"role": "user", "content": "hello"}]}),
    (
        "/v1/chat/completions",
        {"model": "gpt-6.1-sol", "messages": [{"role": "user", "content": "hello"}], "stream": True},
    ),
    ("/v1/messages", {"model": "claude-haiku-4-5", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}),
    ("/v1/responses", {"model": "gpt-5.4", "input": "hello", "stream": True}),
    ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hello"}),
]


def conversation(provider: Loopback) -> list[bytes]:
    provider.set_clock(1_790_000_000_000_000)
    connection = http.client.HTTPConnection("127.0.0.1", provider.port)
    answers = []
    for path, body in REQUESTS:
        connection.request("POST", path, json.dumps(body), {"authorization": "Bearer x"})
        answers.append(connection.getresponse().read())
    connection.close()
    return [*answers, provider.log_text().encode()]


def test_provider_says_the_same_for_the_same_seed() -> None:
    with running(seed=3) as one, running(seed=3) as same, running(seed=4) as other:
        first, second, third = conversation(one), conversation(same), conversation(other)

    assert first == second
    assert first != third


def test_temperature_zero_repeats_itself_and_others_do_not(loopback_provider: Loopback) -> None:
    def ask(**settings: float) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", loopback_provider.port)
        body = {**REQUESTS[0][1], **settings}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"authorization": "Bearer x"})
        text: str = json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
        connection.close()
        return text

    assert ask(temperature=0) == ask(temperature=0)
    assert ask() != ask()


def shape(happening: Happening) -> tuple[datetime, str, tuple[str, ...]]:
    return happening.at, happening.root, happening.trouble


def test_plan_is_fixed_by_seed_and_time() -> None:
    now = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)

    assert [shape(one) for one in plan(now, 7)] == [shape(one) for one in plan(now, 7)]
    assert [shape(one) for one in plan(now, 7)] != [shape(one) for one in plan(now, 8)]


def test_a_day_is_the_same_whenever_the_demo_looks_back_on_it() -> None:
    now = datetime(2026, 11, 20, 23, 55, tzinfo=UTC)

    before, after = ({shape(one) for one in plan(at, 7)} for at in (now, now + timedelta(minutes=10)))
    whole_days = {one for one in before if one[0].date() > (now - timedelta(days=DAYS - 1)).date()}
    assert len(whole_days) > 1_000
    assert whole_days <= after


@pytest.mark.parametrize("hours", range(0, 14 * 24, 7))
def test_plan_keeps_its_shape_whenever_it_runs(hours: int) -> None:
    now = datetime(2026, 11, 9, tzinfo=UTC) + timedelta(hours=hours)
    made = plan(now, 7)

    assert 1_200 <= len(made) <= 1_400
    assert all(now - timedelta(days=DAYS) <= one.at < now for one in made)
    assert [one.at for one in made] == sorted(one.at for one in made)
    assert sum(one.root == "cron nightly-report" for one in made) in (13, 14)
    office = [one for one in made if one.root == "POST /tickets"]
    assert all(one.at.weekday() < 5 and 8 <= one.at.hour < 18 for one in office)
    assert all(one.serves is one.root.startswith("POST ") for one in made)
