"""Traffic that merely looks wasteful: one task each for the traps that published engines fall into.

No rule may promise a dollar here.
"""

from __future__ import annotations

import random

from asks import Ask, Part, arrivals, moment, number
from shapes import Make, conversation


def rare_prefix(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A stable prompt every six hours: never warm, so that caching would cost more."""
    return [
        Ask(
            task=task, at=moment(day, hour + rng.random()), model="claude-sonnet-5-5",
            parts=(Part("system", f"{task} rules", 6000), Part("user", f"{task} {day} {hour}", 80)), output=420,
        )
        for day in range(days) for hour in (2, 8, 14, 20)
    ]  # fmt: skip


def cold_starts(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Thirty requests with one prefix at the same moment, once a day: each would write it for itself."""
    return [
        Ask(
            task=task, at=moment(day, 10) + n * 0.01, model="claude-sonnet-5-5", seconds=20, nonce=n,
            parts=(Part("system", f"{task} rules {day}", 3000), Part("user", f"{task} {day} {n}", rng.randint(50, 90))),
            output=420,
        )
        for day in range(days) for n in range(30)
    ]  # fmt: skip


def two_agents(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Two agents with tools of their own behind one call site, in turn, each with its prefix marked."""
    asks = []
    for n, at in enumerate(moment(day, 9) + 40 * call for day in range(days) for call in range(60)):
        who = n % 2
        asks.append(
            Ask(
                task=task, at=at, model="claude-sonnet-5-5", seconds=2,
                parts=(
                    Part("tool", f"{task} tool {who}", 700, "tool", f"act_{who}"),
                    Part("system", f"{task} rules {who}", 1500, cache="5m"), Part("user", f"{task} {at}", 100),
                ),
                output=420, tools_called=(f"act_{who}",), output_kind="tool", finish="tool_use",
            )
        )  # fmt: skip
    return asks


def polling(rng: random.Random, task: str, days: int) -> list[Ask]:
    """The same request every two minutes: it asks whether something has changed."""
    return [
        Ask(
            task=task, at=moment(day, 9) + n * 120 + rng.uniform(0, 6), provider="openai", model="gpt-4o",
            temperature=0.0, parts=(Part("user", f"{task} anything new?", 200),), output=400, answer=f"{day} {n // 30}",
        )
        for day in range(days) for n in range(150)
    ]  # fmt: skip


def sampling(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Five answers to each question on purpose: a vote."""
    return [
        Ask(
            task=task, at=at + copy * 0.05, provider="openai", model="gpt-4o", seconds=3, temperature=0.8, nonce=copy,
            trace=f"{at}", parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", 300)),
            output=rng.randint(380, 500),
        )
        for at in arrivals(rng, days, 15, 900) for copy in range(5)
    ]  # fmt: skip


def short_burst(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Twenty interactive calls within two minutes: not streamed, and somebody waits for each."""
    return [
        Ask(
            task=task, at=moment(days - 1, 11) + n * 6, provider="openai", model="gpt-4o", seconds=3,
            parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {n}", rng.randint(100, 400))),
            output=420,
        )
        for n in range(20)
    ]  # fmt: skip


def night_chain(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Nightly work in which each prompt holds the answer before it: no queue can do that."""
    asks = []
    for day in range(days):
        at, said = moment(day, 2), [Part("user", f"{task} {day} start", 200)]
        for step in range(12):
            asks.append(
                Ask(
                    task=task, at=at, provider="openai", model="gpt-4o", seconds=3, trace=f"{day}", root="INTERNAL",
                    root_name="cron nightly-story", parts=(Part("system", f"{task} rules", 200), *said), output=400,
                )
            )  # fmt: skip
            said += [
                Part("assistant", f"{task} {day} answer {step}", 400),
                Part("user", f"{task} {day} more {step}", rng.randint(20, 40)),
            ]
            at += 4
    return asks


def vital_tool(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A tool that is called once in some hundred calls, when it matters."""
    tools = tuple(Part("tool", f"{task} tool {name}", 200, "tool", name) for name in ("look", "alarm"))
    times = arrivals(rng, days, 60, 300)
    alarms = set(rng.sample(range(len(times)), 4))
    return [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=2,
            parts=(*tools, Part("system", f"{task} rules", 300), Part("user", f"{task} {at}", rng.randint(300, 600))),
            output=rng.randint(350, 450), output_kind="tool" if n % 3 else "text",
            tools_called=("alarm",) if n in alarms else ("look",) if n % 3 else (),
        )
        for n, at in enumerate(times)
    ]  # fmt: skip


def plain_chat(rng: random.Random, task: str, days: int) -> list[Ask]:
    """An ordinary conversation: each request extends the one before, and nobody failed."""
    return [
        ask
        for at in arrivals(rng, days, 12, 2000)
        for ask in conversation(
            rng, task, at, rng.randint(2, 5), system=150, cached=False, provider="openai", model="gpt-4o"
        )
    ]


def refused(rng: random.Random, task: str, days: int) -> list[Ask]:
    """The SDK tries again after 429: what was refused was not billed."""
    asks = []
    for at in arrivals(rng, days, 40, 400):
        failures = 2 if rng.random() < 0.3 else 0
        for attempt in range(1, failures + 2):
            last = attempt == failures + 1
            asks.append(
                Ask(
                    task=task, at=at + attempt, provider="openai", model="gpt-4o", seconds=0.5, operation=f"{at}",
                    trace=f"{at}", attempt=attempt, billed=last, status="ok" if last else "error",
                    http=200 if last else 429, error=None if last else "rate_limit_exceeded",
                    parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", 300)),
                    output=rng.randint(350, 450),
                )
            )  # fmt: skip
    return asks


def poll_tool(rng: random.Random, task: str, days: int) -> list[Ask]:
    """The agent looks at a job until it is done: the same call, and each time another result."""
    asks = []
    for at in arrivals(rng, days, 10, 2400):
        key = f"{task} {at}"
        said = [Part("user", f"{key} start", 100)]
        for step in range(5):
            asks.append(
                Ask(
                    task=task, at=at + 30 * step, provider="openai", model="gpt-4o", seconds=2, trace=key, session=key,
                    parts=(Part("tool", f"{task} tool status", 200, "tool", "status"), *said), output=400,
                    tools_called=("status",), output_kind="tool", answer=f"{key} status",
                )
            )  # fmt: skip
            said += [
                Part("assistant", f"{key} call", 40, "tool_call", "status"),
                Part("user", f"{key} {step * 20}% done", 30, "tool_result"),
            ]
    return asks


def resampled_embedding(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Queries embedded as users type them; a few common ones come twice, weeks apart."""
    return [
        Ask(
            task=task, at=at, provider="openai", model="text-embedding-3-small", seconds=0.2, embedding=True,
            parts=(Part("user", f"{task} {number(at)}", rng.randint(5, 30)),),
        )
        for at in arrivals(rng, days, 80, 240)
    ]  # fmt: skip


def deploy(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A new feature that begins in the middle of the window and stays as it is."""
    return [
        Ask(
            task=task, at=at, provider="openai", model="gpt-4o", seconds=3,
            parts=(Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", rng.randint(300, 500))),
            output=rng.randint(350, 500),
        )
        for at in arrivals(rng, days, 40, 400) if at >= moment(days // 2, 0)
    ]  # fmt: skip


CONTROLS: tuple[Make, ...] = (
    rare_prefix, cold_starts, two_agents, polling, sampling, short_burst, night_chain, vital_tool, plain_chat, refused,
    poll_tool, resampled_embedding, deploy,
)  # fmt: skip
"""Every trap."""
