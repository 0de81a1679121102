"""Every kind of change priced by hand on small bills."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import msgspec
import pytest
import world

from otelcost.advise import Report, recommend
from otelcost.advise.catalogue import Rule, load
from otelcost.model import Call, Segment

HAIKU = {"input": 1_000_000, "read": 100_000, "short": 1_250_000, "long": 2_000_000, "output": 5_000_000}
"""claude-haiku-4-5, pico-dollars a token."""
TURNS = [("system", "s", 5000), ("user", "a{n}", 100), ("assistant", "b{n}", 400), ("user", "c{n}", 50)]


def rule(
    number: int, transform: str, calls: str = "list(n)", class_: str = "simulated", source: str = "w_calls"
) -> Rule:
    sql = (
        f"SELECT 'chat' AS task, '' AS target, {calls} AS calls, '{transform}' AS transform, '{{}}' AS evidence, "
        f"NULL AS not_checked FROM {source}"
    )
    base = load()[0][0]
    return msgspec.structs.replace(
        base, id=f"OC{number}", folder=f"OC{number}_x", sql=sql, class_=class_, parameters={}, columns=()
    )


def chat(**more: Any) -> list[Call]:
    return world.expand([world.spec(task="chat", prompt=TURNS, count=10, every_s=60, output=200, **more)])


def report(calls: list[Call], home: Path, *rules: Rule) -> Report:
    with world.store_of(calls, home) as connection:
        return recommend(connection, world.ALL, now=world.NOW, rules=list(rules))


@pytest.mark.parametrize(
    ("transform", "calls", "source", "saved"),
    [
        ('{"kind": "remove_segment", "positions": [3]}', "list(n)", "w_calls", 400 * HAIKU["input"]),
        ('{"kind": "remove_segment", "positions": [3, 3, 2]}', "list(n)", "w_calls", 500 * HAIKU["input"]),
        (
            '{"kind": "remove_segment"}',
            "list({'n': n, 'position': position})",
            "w_segments WHERE \"role\" = 'assistant'",
            400 * HAIKU["input"],
        ),
        ('{"kind": "remove_segment"}', "list({'n': n, 'tokens': 70})", "w_calls", 70 * HAIKU["input"]),
        ('{"kind": "trim_history", "keep_turns": 1}', "list(n)", "w_calls", 500 * HAIKU["input"]),
        ('{"kind": "trim_history", "keep_turns": 0}', "list(n)", "w_calls", 500 * HAIKU["input"]),
        ('{"kind": "limit_output", "tokens": 150}', "list(n)", "w_calls", 50 * HAIKU["output"]),
        ('{"kind": "limit_output", "tokens": 1}', "list({'n': n, 'tokens': 120})", "w_calls", 80 * HAIKU["output"]),
    ],
)
def test_what_leaves_an_uncached_prompt_or_answer(
    transform: str, calls: str, source: str, saved: int, home: Path
) -> None:
    (card,) = report(chat(), home, rule(901, transform, calls, source=source)).recommendations
    assert (card.calls, card.standalone_picousd) == (10, 10 * saved)


def test_two_turns_are_kept_whole(home: Path) -> None:
    assert report(chat(), home, rule(901, '{"kind": "trim_history", "keep_turns": 2}')).recommendations == ()


def _first_named(call: Call) -> tuple[Segment, ...]:
    return (msgspec.structs.replace(call.segments[0], name="search"), *call.segments[1:])


def test_segments_by_hash_and_tools_by_name(home: Path) -> None:
    tool = world.Part("tool", "search", 600, kind="tool")
    calls = world.expand([world.spec(task="chat", prompt=[tool, *TURNS], count=4, tools="t")])
    named = [msgspec.structs.replace(call, segments=_first_named(call)) for call in calls]
    system = named[0].segments[1]
    for number, (change, tokens) in enumerate(
        [
            ('{"kind": "remove_segment", "tools": ["search", "mail"]}', 600),
            (f'{{"kind": "remove_segment", "hashes": [{system.hash}]}}', 5000),
            (f'{{"kind": "remove_segment", "template_hashes": [{system.template_hash}], "positions": [2]}}', 5000),
        ]
    ):
        (card,) = report(named, home / str(number), rule(901, change)).recommendations
        assert card.standalone_picousd == 4 * tokens * HAIKU["input"]


def test_what_was_read_from_the_cache_saves_a_tenth(home: Path) -> None:
    rules = [
        rule(901, '{"kind": "remove_segment", "positions": [3]}'),
        rule(902, '{"kind": "remove_segment", "positions": [4]}'),
    ]
    found = report(chat(read=5500), home, *rules).recommendations
    assert {card.rule: card.standalone_picousd for card in found} == {
        "OC901": 10 * 400 * HAIKU["read"],
        "OC902": 10 * 50 * HAIKU["input"],
    }


def test_a_prefix_cut_below_the_minimum_is_not_cached_any_more(home: Path) -> None:
    """5,000 tokens read for a tenth; without 1,100 of them nothing is: dearer, so nothing is said."""
    change = "list({'n': n, 'tokens': 1200})"
    assert report(chat(read=5000), home, rule(901, '{"kind": "remove_segment"}', change)).recommendations == ()


def test_one_segment_is_removed_once(home: Path) -> None:
    rules = [
        rule(901, '{"kind": "remove_segment", "positions": [2, 3]}'),
        rule(902, '{"kind": "remove_segment", "positions": [3, 4]}'),
    ]
    found = report(chat(), home, *rules)
    assert {card.standalone_picousd for card in found.recommendations} == {
        10 * 500 * HAIKU["input"],
        10 * 450 * HAIKU["input"],
    }
    assert found.joint_picousd == 10 * 550 * HAIKU["input"]


def test_caching_after_a_cut_counts_the_shorter_prefix(home: Path) -> None:
    rules = [
        rule(901, '{"kind": "remove_segment", "positions": [1]}'),
        rule(902, '{"kind": "enable_cache", "breakpoint": 1, "ttl": "5m"}'),
    ]
    found = {card.rule: card for card in report(chat(), home, *rules).recommendations}
    assert found["OC902"].standalone_picousd > 0
    assert found["OC902"].marginal_picousd == 0, "nothing is left to cache"


@pytest.mark.parametrize(("written", "read"), [(5000, 0), (5000, 200)])
def test_entries_that_nobody_reads_need_not_be_written(written: int, read: int, home: Path) -> None:
    (card,) = report(chat(write_short=written, read=read), home, rule(901, '{"kind": "disable_cache"}')).recommendations
    assert card.standalone_picousd == 10 * (
        written * (HAIKU["short"] - HAIKU["input"]) - read * (HAIKU["input"] - HAIKU["read"])
    )


def test_another_lifetime_at_the_marks_that_are_there(home: Path) -> None:
    """Every ten minutes each call writes for five; with an hour nine of ten read."""
    marked = [world.Part("system", "s", 5000, cache="5m"), ("user", "{n}", 100)]
    calls = world.expand([world.spec(task="chat", prompt=marked, count=10, every_s=600, write_short=5000)])
    (card,) = report(calls, home, rule(901, '{"kind": "change_ttl", "ttl": "1h"}')).recommendations
    before, after = 10 * HAIKU["short"], HAIKU["long"] + 9 * HAIKU["read"]
    assert card.standalone_picousd == 5000 * (before - after)
    assert card.evidence["replay"]["calls_that_read"] == 9


def test_smaller_images(home: Path) -> None:
    picture = world.Part("user", "photo {n}", 1600, kind="image")
    calls = world.expand([world.spec(task="chat", prompt=[("system", "s", 100), picture], count=10)])
    change = '{"kind": "image_detail", "detail": "low", "token_milli": 250}'
    (card,) = report(calls, home, rule(901, change, class_="needs-trial")).recommendations
    assert card.standalone_picousd == 10 * 1200 * HAIKU["input"]


def test_without_the_regional_uplift(home: Path) -> None:
    calls = world.expand([world.spec(task="chat", model="claude-sonnet-5", prompt=TURNS, count=10)])
    uplifted = [msgspec.structs.replace(call, inference_geo="us") for call in calls]
    (card,) = report(uplifted, home, rule(901, '{"kind": "set_region"}', class_="exact")).recommendations
    assert card.standalone_picousd * 11 == card.cost_observed_picousd


def test_reasoning_is_not_what_a_shorter_answer_leaves_out(home: Path) -> None:
    (card,) = report(chat(reasoning=180), home, rule(901, '{"kind": "limit_output", "tokens": 5}')).recommendations
    assert card.standalone_picousd == 10 * 15 * HAIKU["output"]
