"""Waste as it is met: a share of a task's calls only, at any size and price list, cached or not, among clean calls.

What each plant costs is, as in `wastes`, what the provider bills for it less what it bills for the traffic as it
should have been.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from asks import Ask, Part, arrivals, moment, segment_hash
from shapes import conversation
from wastes import Plant, Transform, _less_reasoning, _marked, _newest, _on_model, _parts, _plant, _with

PLAIN = (
    ("openai", "gpt-4o"), ("azure.ai.openai", "gpt-4o"), ("openai", "gpt-4.1"), ("gcp.gemini", "gemini-2.5-flash"),
    ("mistral_ai", "mistral-large-2512"), ("anthropic", "claude-sonnet-5-5"),
)  # fmt: skip
"""Providers and models of several price lists; what is sent to them here is not cached."""


def _plain(rng: random.Random) -> dict[str, Any]:
    provider, model = rng.choice(PLAIN)
    return {"provider": provider, "model": model}


def _times(rng: random.Random, days: int) -> list[float]:
    """Requests at any pace, on some or all days."""
    return arrivals(rng, rng.randint(min(5, days), days), rng.randint(30, 90), rng.choice([20, 90, 400]))


def _question(task: str, at: float, rng: random.Random) -> Part:
    return Part("user", f"{task} {at}", rng.randint(40, 400))


def shared_prefix(rng: random.Random, task: str, days: int) -> Plant:
    """Tools, rules and a handbook before each question, none marked; bursts that start cold together; short noise."""
    model = rng.choice(["claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-5-5", "claude-sonnet-5-5"])
    start = (
        Part("tool", f"{task} tool", rng.randint(1500, 2500), "tool", "find"),
        Part("system", f"{task} rules", rng.randint(2600, 5000)),
        Part("user", f"{task} handbook", rng.randint(100, 900), "document"),
    )
    asks = [
        Ask(
            task=task, at=at + copy * 0.2, model=model, seconds=rng.uniform(1, 4), nonce=copy,
            parts=(*(start[:0] if noise else start), _question(task, at + copy, rng)),
            output=rng.randint(350, 600), tools_called=() if noise else ("find",),
        )
        for at in _times(rng, days)
        for noise in [rng.random() < 0.2]
        for copy in range(1 if noise else rng.choice([1, 1, 1, 4]))
    ]  # fmt: skip

    def marked(place: int, ttl: str) -> list[Ask]:
        return _parts(asks, lambda ask: tuple(
            part._replace(cache=ttl) if n == place and len(ask.parts) > 1 else part for n, part in enumerate(ask.parts)
        ))  # fmt: skip

    return _plant("OC101", "simulated", asks, *(marked(place, ttl) for place in (1, 2) for ttl in ("5m", "1h")))


def busted(rng: random.Random, task: str, days: int) -> Plant:
    """An id in the middle of a long start, on a model whose cache wants marks; a third of the calls are without it."""
    size, model = rng.randint(1500, 4000), rng.choice(["claude-sonnet-5-5", "claude-opus-5-5"])
    clean = rng.choice([0.0, 0.1])
    asks = [
        Ask(
            task=task, at=at, model=model, seconds=2, output=rng.randint(350, 600),
            parts=(
                *([] if rng.random() < clean else [Part("system", f"{task} handbook#{at}", size, volatile="uuid")]),
                _question(task, at, rng),
            ),
        )
        for at in arrivals(rng, days, 50, 100)
    ]  # fmt: skip

    def moved(ttl: str) -> Callable[[Ask], tuple[Part, ...]]:
        def change(ask: Ask) -> tuple[Part, ...]:
            if len(ask.parts) == 1:
                return ask.parts
            stable = Part("system", f"{task} handbook", size - 5, cache=ttl)
            return (stable, Part("user", f"id {ask.at}", 5), ask.parts[1])

        return change

    return _plant("OC101 OC102", "simulated", asks, _parts(asks, moved("5m")), _parts(asks, moved("1h")))


def slow_chats(rng: random.Random, task: str, days: int) -> Plant:
    """Marked chats whose users take their time: every turn is written anew."""
    asks = [
        ask
        for at in arrivals(rng, days, 12, 3000)
        for ask in conversation(rng, task, at, rng.randint(3, 7), system=2500, cached=True, gap_s=900)
    ]

    def longer(ask: Ask) -> tuple[Part, ...]:
        return tuple(part._replace(cache="1h") if part.cache else part for part in ask.parts)

    return _plant("OC103", "simulated", asks, _parts(asks, longer), beside="OC104")


def one_unread_mark(rng: random.Random, task: str, days: int) -> Plant:
    """Two marks: the rules are read all day, the document behind them is another one each time."""
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2, output=rng.randint(350, 600),
            parts=(
                Part("system", f"{task} rules", 3000, cache="5m"),
                Part("user", f"{task} {at} document", rng.randint(2000, 6000), "document", cache="5m"),
                _question(task, at, rng),
            ),
        )
        for at in arrivals(rng, days, 60, 60)
    ]  # fmt: skip
    return _plant("OC104", "simulated", asks, _marked(asks, 1, None), beside="OC103")


def batch_begun(rng: random.Random, task: str, days: int) -> Plant:
    """A queue's work, part of which goes to the batch API already; some of the rest is cached."""
    choices = [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-5-5"), ("mistral_ai", "mistral-large-2512")]
    provider, model = rng.choice(choices)
    share, size = rng.uniform(0.1, 0.7), rng.choice([200, 900])
    mark = "5m" if provider == "anthropic" and size > 512 else None
    asks = [
        Ask(
            task=task, at=at, provider=provider, model=model, seconds=rng.uniform(1, 4), root="CONSUMER",
            root_name="orders process", batch=rng.random() < share, output=rng.randint(350, 900),
            parts=(Part("system", f"{task} rules", size, cache=mark), _question(task, at, rng)),
        )
        for at in _times(rng, days)
    ]  # fmt: skip
    return _plant("OC201", "exact", asks, _with(asks, batch=True), beside="OC103 OC104")


def overpowered_cached(rng: random.Random, task: str, days: int) -> Plant:
    """A classifier with a marked prompt, too short for the cheaper model's cache or not; a few answers are long."""
    model, size = rng.choice([("claude-opus-5-5", 900), ("claude-sonnet-4-5", 1600), ("claude-sonnet-5-5", 700)])
    asks = [
        Ask(
            task=task, at=at, model=model, seconds=1, answer=f"label {rng.randint(1, 4)}",
            parts=(Part("system", f"{task} rules", size, cache="5m"), _question(task, at, rng)),
            output=rng.randint(3, 8) if rng.random() < 0.97 else 300,
        )
        for at in arrivals(rng, days, 80, 60)
    ]  # fmt: skip

    def fix(change: Transform) -> list[list[Ask]]:
        return [[_cheaper(ask, change) for ask in asks]]

    return Plant(frozenset({"OC301"}), "needs-trial", asks, fix, frozenset({"OC303", "OC103"}))


def _cheaper(ask: Ask, change: Transform) -> Ask:
    """On the other model, part by part."""
    whole = _on_model(ask, change)
    parts = tuple(part._replace(tokens=-(-part.tokens * change["token_milli"] // 1000)) for part in ask.parts)
    return _with([whole], parts=parts)[0]


def high_effort_some(rng: random.Random, task: str, days: int) -> Plant:
    """Long reasoning before a tool call, in most calls of a task; the others think at low effort."""
    asks = []
    for at in arrivals(rng, days, 50, 200):
        low = rng.random() < 0.4
        reasoning = rng.randint(0, 60) if low else rng.randint(600, 4000)
        asks.append(
            Ask(
                task=task, at=at, provider="openai", model="gpt-6.1-sol", seconds=6, effort="low" if low else "high",
                parts=(Part("system", f"{task} rules", 300), _question(task, at, rng)), schema=f"{task} schema",
                output=reasoning + rng.randint(20, 90), reasoning=reasoning, output_kind="json",
            )
        )  # fmt: skip

    def fix(change: Transform) -> list[list[Ask]]:
        milli = change["reasoning_milli"]
        return [[_less_reasoning(ask, milli) if ask.effort == "high" else ask for ask in asks]]

    return Plant(frozenset({"OC302"}), "needs-trial", asks, fix, frozenset({"OC301"}))


def regional_cached(rng: random.Random, task: str, days: int) -> Plant:
    """Some calls kept in one country, with a marked prompt: writes and reads are a tenth dearer too."""
    share = rng.uniform(0.2, 1)
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2, output=rng.randint(350, 600),
            parts=(Part("system", f"{task} rules", 2000, cache="5m"), _question(task, at, rng)),
            geo="us" if rng.random() < share else None,
        )
        for at in arrivals(rng, days, 50, 60)
    ]  # fmt: skip
    return _plant("OC304", "exact", asks, _with(asks, geo=None), beside="OC103")


def some_duplicates(rng: random.Random, task: str, days: int) -> Plant:
    """Between 3 % and 90 % of the requests had been answered; one trace each, any model, any hour."""
    share, common = rng.uniform(0.05, 0.9), _plain(rng)
    asks, kept, used = [], [], {}
    for n, at in enumerate(_times(rng, days)):
        question = f"{task} popular {rng.randint(1, 9)}" if rng.random() < share else f"{task} {n}"
        ask = Ask(
            task=task, at=at, **common, seconds=rng.uniform(0.5, 3), temperature=0.0, stream=rng.random() < 0.5,
            parts=(Part("system", f"{task} rules", 300), Part("user", question, 60)), output=400, answer=question,
        )  # fmt: skip
        fresh = [done for done in used.get(question, ()) if at - 86_400 <= done <= at]
        if not fresh and not any(at - 86_400 <= done for done in used.get(question, ())):
            kept.append(ask)
        elif not fresh:
            kept.append(ask)  # the first is still on its way
        used.setdefault(question, []).append(at + ask.seconds)
        asks.append(ask)
    return _plant("OC401", "exact", asks, kept, beside="OC402")


def some_in_flight(rng: random.Random, task: str, days: int) -> Plant:
    """A share of the requests is sent two to five times at once, from several traces."""
    share, common = rng.uniform(0.15, 0.9), _plain(rng)
    asks = []
    for at in _times(rng, days):
        copies = rng.randint(2, 5) if rng.random() < share else 1
        asks += [
            Ask(
                task=task, at=at + copy * rng.uniform(0.01, 0.2), **common, seconds=rng.uniform(3, 5), nonce=copy,
                temperature=0.0, output=420, answer=f"{at}",
                parts=(Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", 200)),
            )
            for copy in range(copies)
        ]  # fmt: skip
    first: dict[Any, Ask] = {}
    for ask in asks:
        if ask.parts not in first or ask.at < first[ask.parts].at:
            first[ask.parts] = ask
    return _plant("OC402", "exact", asks, list(first.values()))


def shelves(rng: random.Random, task: str, days: int) -> Plant:
    """Documents embedded sixteen a request; some come again in another request, for another part of the index."""
    seen: set[str] = set()
    asks, kept = [], []
    for at in _times(rng, days):
        names = rng.sample(range(4000), 16)
        parts = tuple(Part("user", f"{task} document {n % 2000}", 200 + n % 2000 // 4) for n in sorted(set(names)))
        parts = tuple({part.key: part for part in parts}.values())
        ask = Ask(
            task=task, at=at, provider="openai", model="text-embedding-3-small", seconds=0.4, parts=parts,
            embedding=True,
        )  # fmt: skip
        fresh = tuple(part for part in parts if part.key not in seen)
        seen |= {part.key for part in parts}
        asks.append(ask)
        kept += _with([ask], parts=fresh) if fresh else []
    return _plant("OC404", "exact", asks, kept, beside="OC401")


def cached_loops(rng: random.Random, task: str, days: int) -> Plant:
    """Agents on a marked prompt; a third of the runs repeat one step three to six times."""
    asks, kept = [], []
    for at in arrivals(rng, days, 15, 1500):
        rounds = rng.randint(3, 6) if rng.random() < 0.6 else 1
        run = _run(rng, task, at, rounds)
        asks += run
        kept += run[:1] + run[rounds:]
    return _plant("OC405", "exact simulated", asks, kept, beside="OC104")


def _run(rng: random.Random, task: str, at: float, rounds: int) -> list[Ask]:
    key = f"{task} {at}"
    start = (*(Part("tool", f"{task} tool {name}", 300, "tool", name) for name in ("look", "save")),
        Part("system", f"{task} rules", 250))  # fmt: skip
    said, run = [Part("user", f"{key} goal", 150)], []
    common = _plain(random.Random(task))
    for step, name in enumerate([*["look"] * rounds, "save", ""]):
        label = "look" if name == "look" else f"{step}"
        run.append(
            Ask(
                task=task, at=at, **common, seconds=2, parts=(*start, *said), output=60, trace=key,
                tools_called=(name,) if name else (), output_kind="tool" if name else "text", answer=f"{key} {label}",
            )
        )  # fmt: skip
        said += [
            Part("assistant", f"{key} call {label}", 60, "tool_call", name or None),
            Part("user", f"{key} result {label}", 150, "tool_result"),
        ]
        at += 2 + rng.uniform(0.2, 4)
    return run


def some_retries(rng: random.Random, task: str, days: int) -> Plant:
    """Five to fifty in a hundred answers cannot be parsed; the same is sent again at the default temperature."""
    share, common = rng.uniform(0.05, 0.5), _plain(rng)
    asks, kept = [], []
    for at in _times(rng, days):
        failures = rng.choice([1, 1, 2]) if rng.random() < share else 0
        sent, start = [], at
        for copy in range(failures + 1):
            seconds = rng.uniform(1, 6)
            sent.append(
                Ask(
                    task=task, at=start, **common, seconds=seconds, nonce=copy, trace=f"{at}",
                    parts=(Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", 300)),
                    output=rng.randint(350, 450), output_kind="json" if copy == failures else "text",
                )
            )  # fmt: skip
            start += seconds + rng.uniform(0.1, 20)
        asks += sent
        kept.append(sent[-1])
    return _plant("OC501", "exact", asks, kept)


def some_reasks(rng: random.Random, task: str, days: int) -> Plant:
    """A tenth to a half of the answers are sent back with what was wrong, by any model."""
    share, common = rng.uniform(0.1, 0.6), _plain(rng)
    asks, kept = [], []
    for at in _times(rng, days):
        key, start = f"{task} {at}", at
        parts = [Part("system", f"{task} rules", 300), Part("user", f"{key} letter", rng.randint(200, 400))]
        attempts = rng.choice([2, 2, 3]) if rng.random() < share else 1
        for attempt in range(attempts):
            ask = Ask(
                task=task, at=start, **common, seconds=2.5, parts=tuple(parts), output=rng.randint(350, 420),
                output_kind="json", schema=f"{task} schema", trace=key, parent=key,
            )  # fmt: skip
            asks.append(ask)
            kept += [ask] if attempt == attempts - 1 else []
            parts += [Part("assistant", f"{key} {attempt}", ask.output), Part("user", f"{key} wrong {attempt}", 60)]
            start += 2.5 + rng.uniform(0.1, 10)
    return _plant("OC502", "exact", asks, kept)


def timeouts(rng: random.Random, task: str, days: int) -> Plant:
    """Three to thirty in a hundred calls end in an error or a time-out that is billed; nobody asks again."""
    share, common = rng.uniform(0.05, 0.3), _plain(rng)
    asks, kept = [], []
    for at in _times(rng, days):
        broken = rng.random() < share
        status = rng.choice(["error", "timeout"]) if broken else "ok"
        ask = Ask(
            task=task, at=at, **common, seconds=3, stream=True, output=rng.randint(300, 500), status=status,
            parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", rng.randint(1000, 3000))),
            error="overloaded_error" if broken else None,
        )  # fmt: skip
        asks.append(ask)
        kept += [] if broken else [ask]
    return _plant("OC504", "exact", asks, kept)


def cached_tools(rng: random.Random, task: str, days: int) -> Plant:
    """One to nine of ten tools are never called; all are read from the cache, at a tenth or less."""
    used = rng.randint(1, 9)
    tools = tuple(Part("tool", f"{task} tool {n}", rng.randint(150, 500), "tool", f"t{n}") for n in range(10))
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2, output=rng.randint(350, 450), output_kind="tool",
            parts=(*tools, Part("system", f"{task} rules", 900, cache="5m"), _question(task, at, rng)),
            tools_called=(f"t{n % used}",),
        )
        for n, at in enumerate(arrivals(rng, days, 60, 60))
    ]  # fmt: skip

    def fewer(ask: Ask) -> tuple[Part, ...]:
        return tuple(part for part in ask.parts if part.kind != "tool" or int((part.name or "")[1:]) < used)

    return _plant("OC601", "needs-trial", asks, _parts(asks, fewer), beside="OC301 OC103")


def mixed_histories(rng: random.Random, task: str, days: int) -> Plant:
    """Long conversations among short ones."""
    common = _plain(rng)
    asks = [
        ask
        for at in arrivals(rng, days, 5, 7000)
        for ask in conversation(
            rng, task, at, rng.choice([2, 4, 25, 40]), system=150, cached=False, gap_s=400, **common
        )
    ]

    def fix(change: Transform) -> list[list[Ask]]:
        return [_parts(asks, lambda ask: _newest(ask.parts, change["keep_turns"]))]

    return Plant(frozenset({"OC602"}), "needs-trial", asks, fix, frozenset({"OC101"}))


def cached_table(rng: random.Random, task: str, days: int) -> Plant:
    """A table in most calls, marked and read from the cache: what it costs is a tenth of what it seems."""
    table = Part("user", f"{task} customers", rng.randint(3000, 12_000), "document", cache="5m")
    share = rng.uniform(0.75, 1)
    asks = [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2, output=rng.randint(350, 500),
            parts=(
                Part("system", f"{task} rules", 900, cache="5m"), *([table] if rng.random() < share else []),
                Part("user", f"{task} {at}", rng.randint(100, 1500)),
            ),
        )
        for at in arrivals(rng, days, 60, 50)
    ]  # fmt: skip
    gone = _parts(asks, lambda ask: tuple(part for part in ask.parts if part.kind != "document"))
    return _plant("OC603", "needs-trial", asks, gone, beside="OC103")


def cached_examples(rng: random.Random, task: str, days: int) -> Plant:
    """Six to fourteen examples, read from an automatic cache in steps of 128 tokens."""
    examples = tuple(
        Part(role, f"{task} example {n} {role}", rng.randint(60, 300))
        for n in range(rng.randint(6, 14)) for role in ("user", "assistant")
    )  # fmt: skip
    asks = [
        Ask(
            task=task, at=at, provider="openai", model="gpt-6.1-sol", seconds=3, output=rng.randint(350, 500),
            parts=(Part("system", f"{task} rules", 1300), *examples, _question(task, at, rng)),
        )
        for at in arrivals(rng, days, 60, 120)
    ]  # fmt: skip

    def fix(change: Transform) -> list[list[Ask]]:
        gone = set(change["hashes"])
        return [_parts(asks, lambda ask: tuple(part for part in ask.parts if segment_hash(part) not in gone))]

    return Plant(frozenset({"OC604"}), "needs-trial", asks, fix)


def mixed_images(rng: random.Random, task: str, days: int) -> Plant:
    """One to four images a call, some at low detail already, some calls without any."""
    common = {"provider": rng.choice(["openai", "azure.ai.openai"]), "model": "gpt-4o"}
    asks = []
    for at in arrivals(rng, days, 50, 300):
        images = tuple(
            Part("user", f"{task} {at} {n}", 85 if low else rng.choice([425, 765, 1105]), "image",
                detail="low" if low else rng.choice(["high", "auto"]))
            for n in range(rng.randint(0, 4)) for low in [rng.random() < 0.2]
        )  # fmt: skip
        asks.append(
            Ask(
                task=task,
                at=at,
                **common,
                seconds=3,
                output=rng.randint(350, 500),
                parts=(Part("system", f"{task} rules", 200), *images, Part("user", f"{task} {at}", 40)),
            )
        )

    def low(ask: Ask) -> tuple[Part, ...]:
        return tuple(part._replace(tokens=85, detail="low") if part.kind == "image" else part for part in ask.parts)

    return _plant("OC605", "needs-trial", asks, _parts(asks, low))


def one_cause(rng: random.Random, task: str, days: int) -> Plant:
    """The last days cost more through one thing alone: calls, or length, or a dearer model."""
    cause, late_days = rng.choice(["calls", "length", "model"]), rng.randint(1, 2)
    asks = [
        Ask(
            task=task, at=at + copy, provider="openai", nonce=copy, seconds=3, output=rng.randint(1500, 2500),
            model="gpt-4o" if cause != "model" or late else "gpt-4o-mini",
            parts=(Part("system", f"{task} rules", 200),
                Part("user", f"{task} {at} {copy}", 6000 if late and cause == "length" else 500)),
        )
        for at in arrivals(rng, days, 250, 90) for late in [at >= moment(days - late_days, 0)]
        for copy in range(3 if late and cause == "calls" else 1)
    ]  # fmt: skip
    return _plant("OC701", "information", asks)


TIERED = ("o3", "gpt-5.1", "gpt-6.1-sol")
"""Models with a flexible tier and a priority one."""


def queued_chain(rng: random.Random, task: str, days: int) -> Plant:
    """A queue's agent: each call holds the answer before it, and flex would do at half the price."""
    model, asks = rng.choice(TIERED[:2]), []
    for at in arrivals(rng, days, 15, 1200):
        said = [Part("user", f"{task} {at} order", rng.randint(100, 300))]
        for step in range(rng.randint(2, 6)):
            asks.append(
                Ask(
                    task=task, at=at + step * 5, provider="openai", model=model, seconds=3, root="CONSUMER",
                    root_name="orders process", trace=f"{at}", output=rng.randint(350, 450),
                    parts=(Part("system", f"{task} rules", 200), *said),
                )
            )  # fmt: skip
            said += [Part("assistant", f"{task} {at} {step}", 400), Part("user", f"{task} {at} then {step}", 30)]
    return _plant("OC202", "exact", asks, _with(asks, tier="flex"))


def hurried_queue(rng: random.Random, task: str, days: int) -> Plant:
    """A share of a queue's work is paid to be fast, though nobody is in a hurry; the rest is batched already."""
    provider, model, tier = rng.choice(
        [("openai", "gpt-4o", "priority"), ("openai", "gpt-5.1", "priority"), ("anthropic", "claude-opus-5-5", "fast")]
    )
    share = rng.uniform(0.2, 1)
    asks = [
        Ask(
            task=task, at=at, provider=provider, model=model, seconds=2, root="CONSUMER", root_name="orders process",
            parts=(Part("system", f"{task} rules", 200), _question(task, at, rng)), output=rng.randint(350, 600),
            **({"tier": tier} if rng.random() < share else {"batch": True}),
        )
        for at in _times(rng, days)
    ]  # fmt: skip
    return _plant("OC202", "exact", asks, _with(asks, tier=None, batch=True), beside="OC301")


HARD: tuple[Callable[[random.Random, str, int], Plant], ...] = (
    shared_prefix, busted, slow_chats, one_unread_mark, batch_begun, overpowered_cached, high_effort_some,
    regional_cached, some_duplicates, some_in_flight, shelves, cached_loops, some_retries, some_reasks, timeouts,
    cached_tools, mixed_histories, cached_table, cached_examples, mixed_images, one_cause, queued_chain, hurried_queue,
)  # fmt: skip
"""Every kind of waste, the hard way."""
