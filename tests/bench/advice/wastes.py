"""Waste planted into traffic, each with the same traffic as it should have been.

A plant's dollars are what its provider bills for the one less what it would have billed for the other; nobody's
estimate is in them. Where the change has a parameter that only the advice names (which model, how many turns), the
fixed traffic is made for the transform that the advice names.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from asks import Ask, Part, arrivals, moment, number, segment_hash
from shapes import conversation

Transform = Mapping[str, Any]
Fix = Callable[[Transform], Sequence[Sequence[Ask]]]
"""The traffic as it should have been, for a transform: of several versions the cheapest counts."""


class Plant(NamedTuple):
    """A task with one kind of waste.

    `rules` may each report it; `class_` is where its dollars belong; without `fix` it has none. `beside` are rules that
    are right to report something here too.
    """

    rules: frozenset[str]
    class_: str
    asks: list[Ask]
    fix: Fix | None
    beside: frozenset[str] = frozenset()


def _plant(rules: str, class_: str, asks: list[Ask], *fixed: list[Ask], beside: str = "") -> Plant:
    versions = fixed or None
    fix: Fix | None = None if versions is None else (lambda _: versions)
    return Plant(frozenset(rules.split()), class_, asks, fix, frozenset(beside.split()))


def _with(asks: Sequence[Ask], **fields: Any) -> list[Ask]:
    return [msgspec.structs.replace(ask, **fields) for ask in asks]


def _parts(asks: Sequence[Ask], change: Callable[[Ask], tuple[Part, ...]]) -> list[Ask]:
    return [msgspec.structs.replace(ask, parts=change(ask)) for ask in asks]


def _marked(asks: Sequence[Ask], place: int, ttl: str | None) -> list[Ask]:
    """With a breakpoint at the end of one part, or without it."""
    return _parts(asks, lambda ask: tuple(p._replace(cache=ttl) if n == place else p for n, p in enumerate(ask.parts)))


def uncached_prefix(rng: random.Random, task: str, days: int) -> Plant:
    """A long system prompt that is sent all day and never marked."""
    model, size = rng.choice([("claude-haiku-4-5", 9000), ("claude-sonnet-5-5", 2600), ("claude-opus-5-5", 4000)])
    asks = [
        Ask(
            task=task, at=at, model=model, seconds=rng.uniform(0.8, 2),
            parts=(Part("system", f"{task} rules", size), Part("user", f"{task} {at}", rng.randint(40, 300))),
            output=rng.randint(350, 600),
        )
        for at in arrivals(rng, days, 60, rng.choice([30, 60, 400]))
    ]  # fmt: skip
    return _plant("OC101", "simulated", asks, _marked(asks, 0, "5m"), _marked(asks, 0, "1h"))


def cache_buster(rng: random.Random, task: str, days: int) -> Plant:
    """The time of day stands above a stable prompt, and the automatic cache never reads it."""
    size = rng.choice([2000, 3000, 6000])
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-6.1-sol", seconds=rng.uniform(1, 2),
            parts=(
                Part("system", f"{task} handbook#{at}", size, volatile="datetime"),
                Part("user", f"{task} {at}", rng.randint(40, 200)),
            ),
            output=rng.randint(350, 600),
        )
        for at in arrivals(rng, days, 40, 120)
    ]  # fmt: skip

    def moved(ask: Ask) -> tuple[Part, ...]:
        handbook, question = ask.parts
        return (
            Part("system", f"{task} handbook", handbook.tokens - 5),
            Part("user", f"time {ask.at}", 5),
            question,
        )

    return _plant("OC101 OC102", "simulated", asks, _parts(asks, moved))


def short_lifetime(rng: random.Random, task: str, days: int) -> Plant:
    """Marked for five minutes, asked every ten to thirty."""
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=1.5,
            parts=(Part("system", f"{task} rules", 5000, cache="5m"), Part("user", f"{task} {at}", 80)),
            output=rng.randint(350, 600),
        )
        for day in range(days) for n in range(36)
        for at in [moment(day, 8) + n * 1200 + rng.uniform(-300, 300)]
    ]  # fmt: skip
    return _plant("OC103", "simulated", asks, _marked(asks, 0, "1h"), beside="OC104")


def long_lifetime(rng: random.Random, task: str, days: int) -> Plant:
    """Marked for an hour, asked every minute until the evening."""
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=1.5,
            parts=(
                Part("system", f"{task} rules", 3000, cache="1h"),
                Part("user", f"{task} {at // 600} context", 1500, "document", cache="1h"),
                Part("user", f"{task} {at}", 80),
            ),
            output=rng.randint(350, 600),
        )
        for at in arrivals(rng, days, 60, 60)
    ]  # fmt: skip
    return _plant("OC103", "simulated", asks, _marked(_marked(asks, 0, "5m"), 1, "5m"))


def unread_writes(rng: random.Random, task: str, days: int) -> Plant:
    """Every prompt is its own, and each is written to the cache at a quarter more."""
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2,
            parts=(
                Part("system", f"{task} rules", 150),
                Part("user", f"{task} {at} document", rng.randint(2000, 6000), "document", cache="5m"),
                Part("user", f"{task} {at}", 60),
            ),
            output=rng.randint(350, 600),
        )
        for at in arrivals(rng, days, 40, 200)
    ]  # fmt: skip
    return _plant("OC104", "simulated", asks, _marked(asks, 1, None))


def batchable(rng: random.Random, task: str, days: int) -> Plant:
    """Nightly work at the price of somebody waiting."""
    provider, model = rng.choice([("openai", "gpt-4o"), ("anthropic", "claude-sonnet-5-5")])
    asks = [
        Ask(
            task=task, at=moment(day, 3) + n * 30, provider=provider, model=model, seconds=rng.uniform(1, 4),
            parts=(Part("system", f"{task} rules", 300), Part("user", f"{task} {day} {n}", rng.randint(200, 900))),
            output=rng.randint(350, 900), trace=f"{day}", root="INTERNAL", root_name="cron nightly-summaries",
        )
        for day in range(days) for n in range(40)
    ]  # fmt: skip
    return _plant("OC201", "exact", asks, _with(asks, batch=True))


def overpowered(rng: random.Random, task: str, days: int) -> Plant:
    """The dearest model gives one of four labels."""
    asks = [
        Ask(
            task=task, at=at, model="claude-opus-5-5", seconds=1,
            parts=(Part("system", f"{task} rules", 250), Part("user", f"{task} {at}", rng.randint(100, 400))),
            output=rng.randint(3, 8), answer=f"label {rng.randint(1, 4)}",
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip

    def fix(change: Transform) -> list[list[Ask]]:
        return [[_on_model(ask, change) for ask in asks]]

    return Plant(frozenset({"OC301"}), "needs-trial", asks, fix, frozenset({"OC303"}))


def _on_model(ask: Ask, change: Transform) -> Ask:
    inward, longer = change["token_milli"], change["output_milli"]
    total = -(-sum(part.tokens for part in ask.parts) * inward // 1000)
    return msgspec.structs.replace(
        ask, model=change["model"], parts=(Part("user", "all", total),),
        output=-(-ask.output * inward * longer // 1_000_000),
    )  # fmt: skip


def high_effort(rng: random.Random, task: str, days: int) -> Plant:
    """Long reasoning before a short answer of fixed form."""
    asks = []
    for at in arrivals(rng, days, 40, 300):
        reasoning = rng.randint(900, 1500)
        asks.append(
            Ask(
                task=task, at=at, provider="openai", model="gpt-6.1-sol", seconds=6, effort="high",
                parts=(Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", rng.randint(100, 400))),
                output=reasoning + rng.randint(20, 60), reasoning=reasoning, output_kind="json",
                schema=f"{task} schema",
            )
        )  # fmt: skip

    def fix(change: Transform) -> list[list[Ask]]:
        return [[_less_reasoning(ask, change["reasoning_milli"]) for ask in asks]]

    return Plant(frozenset({"OC302"}), "needs-trial", asks, fix, frozenset({"OC301"}))


def _less_reasoning(ask: Ask, milli: int) -> Ask:
    before = ask.reasoning or 0
    less = before * (1000 - milli) // 1000
    return msgspec.structs.replace(ask, output=ask.output - less, reasoning=before - less)


def regional(rng: random.Random, task: str, days: int) -> Plant:
    """Kept in one country at a tenth more."""
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2, geo="us",
            parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", rng.randint(100, 900))),
            output=rng.randint(350, 600),
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip
    return _plant("OC304", "exact", asks, _with(asks, geo=None))


def duplicates(rng: random.Random, task: str, days: int) -> Plant:
    """A dozen questions asked again and again at temperature 0."""
    asks, kept, used = [], [], {}
    for at in arrivals(rng, days, 40, 500):
        question = rng.randint(1, 12)
        ask = Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=2, temperature=0.0,
            parts=(Part("system", f"{task} rules", 500), Part("user", f"{task} question {question}", 30)),
            output=400 + question, answer=f"answer {question}",
        )  # fmt: skip
        if at - used.get(question, -1e18) > 86_400:
            kept.append(ask)
        used[question] = at
        asks.append(ask)
    return _plant("OC401", "exact", asks, kept)


def in_flight(rng: random.Random, task: str, days: int) -> Plant:
    """Three workers ask the same at once, none waiting for another's answer."""
    asks = [
        Ask(
            task=task, at=at + copy * 0.1, provider="openai", model="gpt-4o", seconds=4, temperature=0.0, nonce=copy,
            parts=(Part("system", f"{task} rules", 500), Part("user", f"{task} {at}", 200)),
            output=450, answer=f"{at}",
        )
        for at in arrivals(rng, days, 20, 900) for copy in range(3)
    ]  # fmt: skip
    return _plant("OC402", "exact", asks, [ask for ask in asks if ask.nonce == 0])


def near_duplicates(rng: random.Random, task: str, days: int) -> Plant:
    """The same question but for a comma."""
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=2, temperature=0.0,
            parts=(Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", 120)),
            output=400, simhash=number(task, question) ^ (1 << rng.randint(0, 60)),
        )
        for at in arrivals(rng, days, 40, 400) for question in [rng.randint(1, 10)]
    ]  # fmt: skip
    return _plant("OC403", "information", asks)


def embedded_again(rng: random.Random, task: str, days: int) -> Plant:
    """The whole shelf is embedded anew every night, though most of it has not changed."""
    sizes = [rng.randint(200, 900) for _ in range(60)]
    asks = [
        Ask(
            task=task, at=moment(day, 4) + n * 2, provider="openai", model="text-embedding-3-small", seconds=0.4,
            parts=(Part("user", f"{task} document {n}", size),), embedding=True, trace=f"{day}", root="INTERNAL",
            root_name="cron reindex",
        )
        for day in range(days) for n, size in enumerate(sizes)
    ]  # fmt: skip
    return _plant("OC404", "exact", asks, [ask for ask in asks if ask.trace == "0"], beside="OC401 OC201")


def loops(rng: random.Random, task: str, days: int) -> Plant:
    """The agent calls one tool with the same arguments and gets the same result, four times over."""
    asks, kept = [], []
    for at in arrivals(rng, days, 12, 1800):
        run = _looping(rng, task, at)
        asks += run
        kept += run[:1] + run[5:]
    return _plant("OC405", "exact", asks, kept)


def _looping(rng: random.Random, task: str, at: float) -> list[Ask]:
    key = f"{task} {at}"
    start = (
        Part("tool", f"{task} tool look", 300, "tool", "look"),
        Part("tool", f"{task} tool save", 300, "tool", "save"),
        Part("system", f"{task} rules", 200),
    )
    said = [Part("user", f"{key} goal", 100)]
    run = []
    for step, name in enumerate(["look", "look", "look", "look", "look", "save", ""]):
        same = name == "look"
        run.append(
            Ask(
                task=task, at=at, provider="openai", model="gpt-4o", seconds=2, parts=(*start, *said), output=60,
                trace=key, session=key, tools_called=(name,) if name else (), output_kind="tool" if name else "text",
                answer=f"{key} look" if same else "", root_name="POST /agent",
            )
        )  # fmt: skip
        said += [
            Part("assistant", f"{key} call {'look' if same else step}", 60, "tool_call", name or None),
            Part("user", f"{key} result {'look' if same else step}", 150, "tool_result"),
        ]
        at += 2 + rng.uniform(0.2, 1.5)
    return run


def retries(rng: random.Random, task: str, days: int) -> Plant:
    """A third of the answers cannot be parsed, and the same request is sent again."""
    asks, kept = [], []
    for at in arrivals(rng, days, 40, 400):
        failures = rng.choice([0, 0, 0, 1, 1, 2])
        for copy in range(failures + 1):
            last = copy == failures
            ask = Ask(
                task=task, at=at + copy * 4, provider="openai", model="gpt-4o", seconds=2, temperature=0.2, nonce=copy,
                parts=(Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", 300)),
                output=rng.randint(350, 450), output_kind="json" if last else "text", trace=f"{at}",
            )  # fmt: skip
            asks.append(ask)
            kept += [ask] if last else []
    return _plant("OC501", "exact", asks, kept)


def truncated(rng: random.Random, task: str, days: int) -> Plant:
    """Cut off at its limit, then asked again with a larger one."""
    asks, kept = [], []
    for at in arrivals(rng, days, 40, 400):
        short = rng.random() < 0.3
        parts = (Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", 300))
        ask = Ask(
            task=task, at=at + 5, provider="openai", model="gpt-4o", seconds=5, parts=parts, trace=f"{at}",
            output=rng.randint(450, 900), limit=1600,
        )  # fmt: skip
        if short:
            cut = {"at": at, "seconds": 3, "output": 400, "limit": 400, "finish": "length", "status": "incomplete"}
            asks += _with([ask], **cut)
        asks.append(ask)
        kept.append(ask)
    return _plant("OC501", "exact", asks, kept)


def asked_again(rng: random.Random, task: str, days: int) -> Plant:
    """An answer that fails its schema is sent back with the error, in one request of the application."""
    asks, kept = [], []
    for at in arrivals(rng, days, 40, 500):
        key = f"{task} {at}"
        parts = [Part("system", f"{task} rules", 300), Part("user", f"{key} letter", rng.randint(200, 400))]
        attempts = rng.choice([1, 1, 2, 3])
        for attempt in range(attempts):
            ask = Ask(
                task=task, at=at + attempt * 4, provider="openai", model="gpt-4o", seconds=2.5, parts=tuple(parts),
                output=rng.randint(350, 420), output_kind="tool", schema=f"{task} schema", trace=key, parent=key,
                tools_called=("answer",),
            )  # fmt: skip
            asks.append(ask)
            kept += [ask] if attempt == attempts - 1 else []
            parts += [
                Part("assistant", f"{key} answer {attempt}", ask.output, "tool_call", "answer"),
                Part("user", f"{key} error {attempt}", 60, "tool_result"),
            ]
    return _plant("OC502", "exact", asks, kept)


def error_spend(rng: random.Random, task: str, days: int) -> Plant:
    """A tenth of the streams break off inside with an error, billed up to there, and nobody asks again."""
    asks, kept = [], []
    for at in arrivals(rng, days, 60, 300):
        broken = rng.random() < 0.2
        ask = Ask(
            task=task, at=at, provider="anthropic", model="claude-sonnet-5-5", seconds=3, stream=True,
            parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", rng.randint(1000, 3000))),
            output=rng.randint(300, 500), status="error" if broken else "ok",
            error="overloaded_error" if broken else None,
        )  # fmt: skip
        asks.append(ask)
        kept += [] if broken else [ask]
    return _plant("OC504", "exact", asks, kept)


def unused_tools(rng: random.Random, task: str, days: int) -> Plant:
    """Twelve tools are offered with every call, and three are ever called."""
    tools = tuple(Part("tool", f"{task} tool {n}", rng.randint(150, 500), "tool", f"tool_{n}") for n in range(12))
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=2,
            parts=(*tools, Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", rng.randint(50, 300))),
            output=rng.randint(350, 450), output_kind="tool", tools_called=(f"tool_{rng.randint(0, 2)}",),
        )
        for at in arrivals(rng, days, 60, 300)
    ]  # fmt: skip

    def fewer(ask: Ask) -> tuple[Part, ...]:
        return tuple(part for part in ask.parts if part.kind != "tool" or part.name in {"tool_0", "tool_1", "tool_2"})

    return _plant("OC601", "needs-trial", asks, _parts(asks, fewer), beside="OC301")


def growing_history(rng: random.Random, task: str, days: int) -> Plant:
    """Conversations of forty turns, each sent whole every time, uncached."""
    asks = [
        ask
        for at in arrivals(rng, days, 3, 7000)
        for ask in conversation(
            rng, task, at, rng.randint(30, 40), system=200, cached=False, provider="openai", model="gpt-4o"
        )
    ]

    def fix(change: Transform) -> list[list[Ask]]:
        return [_parts(asks, lambda ask: _newest(ask.parts, change["keep_turns"]))]

    return Plant(frozenset({"OC602"}), "needs-trial", asks, fix)


def _newest(parts: tuple[Part, ...], turns: int) -> tuple[Part, ...]:
    """The system prompt and the newest turns; the question is one of them."""
    system, said = parts[:1], parts[1:]
    return (*system, *said[max(0, len(said) + 1 - 2 * turns) :])


def static_bloat(rng: random.Random, task: str, days: int) -> Plant:
    """The same table of customers in nearly every call, on a model whose cache nobody knows."""
    table = Part("user", f"{task} customers", 9100, "document")
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=3,
            parts=(
                Part("system", f"{task} rules", 900), *([table] if rng.random() < 0.96 else []),
                Part("user", f"{task} {at}", rng.randint(300, 2500)),
            ),
            output=rng.randint(350, 500),
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip
    return _plant(
        "OC603", "needs-trial", asks, _parts(asks, lambda ask: tuple(p for p in ask.parts if p.kind != "document"))
    )


def few_shot(rng: random.Random, task: str, days: int) -> Plant:
    """Ten worked examples before every question."""
    examples = tuple(
        Part(role, f"{task} example {n} {role}", rng.randint(150, 300))
        for n in range(10)
        for role in ("user", "assistant")
    )
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=3,
            parts=(Part("system", f"{task} rules", 200), *examples, Part("user", f"{task} {at}", rng.randint(50, 200))),
            output=rng.randint(350, 500),
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip

    def fix(change: Transform) -> list[list[Ask]]:
        gone = set(change["hashes"])
        return [_parts(asks, lambda ask: tuple(part for part in ask.parts if segment_hash(part) not in gone))]

    return Plant(frozenset({"OC604"}), "needs-trial", asks, fix)


def image_detail(rng: random.Random, task: str, days: int) -> Plant:
    """Receipts sent at high detail."""
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=3,
            parts=(
                Part("system", f"{task} rules", 200),
                Part("user", f"{task} {at} picture", 1105, "image", detail="high"),
                Part("user", f"{task} {at}", 40),
            ),
            output=rng.randint(350, 500),
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip

    def low(ask: Ask) -> tuple[Part, ...]:
        return tuple(part._replace(tokens=85, detail="low") if part.kind == "image" else part for part in ask.parts)

    return _plant("OC605", "needs-trial", asks, _parts(asks, low))


def spike(rng: random.Random, task: str, days: int) -> Plant:
    """On the last two days three times as many calls, each twice as long."""
    asks = [
        Ask(
            task=task, at=at + copy, provider="openai", model="gpt-4o", seconds=3, nonce=copy,
            parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at} {copy}", 800 if late else 400)),
            output=rng.randint(350, 500),
        )
        for at in arrivals(rng, days, 200, 120)
        for late in [at >= moment(days - 2, 0)]
        for copy in range(3 if late else 1)
    ]  # fmt: skip
    return _plant("OC701", "information", asks)


WASTES: tuple[Callable[[random.Random, str, int], Plant], ...] = (
    uncached_prefix, cache_buster, short_lifetime, long_lifetime, unread_writes, batchable, overpowered, high_effort,
    regional, duplicates, in_flight, near_duplicates, embedded_again, loops, retries, truncated, asked_again,
    error_spend, unused_tools, growing_history, static_bloat, few_shot, image_detail, spike,
)  # fmt: skip
"""Every kind of waste."""
