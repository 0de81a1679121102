"""Clean traffic of five shapes: nothing in it should be changed, though some of it looks as if it should.

Every function gives the asks of one task. Stable prompts are marked for caching where it pays, nightly work goes
through the batch API, every tool is used, and no two requests are the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from asks import Ask, Part, arrivals, moment

Make = Callable[[random.Random, str, int], list[Ask]]
"""A task's asks from (random numbers, the task's name, days)."""


def conversation(
    rng: random.Random,
    task: str,
    at: float,
    turns: int,
    *,
    system: int,
    cached: bool,
    gap_s: float = 60,
    **fields: object,
) -> Iterator[Ask]:
    """One chat: each request sends all turns before it again."""
    mark = "5m" if cached else None
    key = f"{task} {at}"
    said: list[Part] = []
    for turn in range(turns):
        said.append(Part("user", f"{key} question {turn}", rng.randint(30, 120), cache=mark))
        output = rng.randint(120, 400)
        yield Ask(
            task=task,
            at=at,
            seconds=rng.uniform(2, 6),
            parts=(Part("system", f"{task} rules", system, cache=mark), *said),
            output=output,
            session=key,
            stream=True,
            root_name="POST /chat",
            **fields,  # type: ignore[arg-type]
        )
        said[-1] = said[-1]._replace(cache=None)
        said.append(Part("assistant", f"{key} answer {turn}", output))
        at += rng.uniform(0.5, 1.5) * gap_s


def chat(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A chat product: short cached conversations all day."""
    starts = arrivals(rng, days, 40, 100)
    return [ask for at in starts for ask in conversation(rng, task, at, rng.randint(2, 6), system=1800, cached=True)]


def rag(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Retrieval: short rules, documents that differ from question to question, prose for an answer."""
    return [
        Ask(
            task=task,
            at=at,
            provider="openai",
            model="gpt-6.1-sol",
            seconds=rng.uniform(2, 5),
            parts=(
                Part("system", f"{task} rules", 300),
                *(Part("user", f"{task} {at} passage {n}", rng.randint(300, 700), "document") for n in range(4)),
                Part("user", f"{task} {at} question", rng.randint(20, 60)),
            ),
            output=rng.randint(350, 700),
            root_name="GET /search",
        )
        for at in arrivals(rng, days, 80, 240)
    ]


TOOLS = ("search", "read", "write", "run")


def agent_run(rng: random.Random, task: str, at: float, steps: int) -> Iterator[Ask]:
    """One agent run: each step sends everything before it, and the next tool is another one."""
    key = f"{task} {at}"
    tools = tuple(Part("tool", f"{task} tool {name}", 350, "tool", name) for name in TOOLS)
    start = (*tools, Part("system", f"{task} rules", 1200, cache="5m"))
    said = [Part("user", f"{key} goal", rng.randint(80, 200), cache="5m")]
    for step in range(steps):
        name = rng.choice(TOOLS) if step < steps - 1 else ""
        output = rng.randint(60, 250)
        seconds = rng.uniform(2, 6)
        yield Ask(
            task=task,
            at=at,
            seconds=seconds,
            parts=(*start, *said),
            output=output,
            trace=key,
            session=key,
            tools_called=(name,) if name else (),
            output_kind="tool" if name else "text",
            finish="tool_use" if name else "end_turn",
            root_name="POST /agent",
        )
        said[-1] = said[-1]._replace(cache=None)
        said += [
            Part("assistant", f"{key} call {step}", output, "tool_call", name or None),
            Part("user", f"{key} result {step}", rng.randint(100, 900), "tool_result", cache="5m"),
        ]
        at += seconds + rng.uniform(0.2, 3)


def agents(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Agents: tool loops of three to nine steps, cached."""
    return [ask for at in arrivals(rng, days, 14, 1800) for ask in agent_run(rng, task, at, rng.randint(3, 9))]


def nightly(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Nightly extraction through the batch API."""
    return [
        Ask(
            task=task,
            at=moment(day, 2) + n * 2,
            provider="openai",
            model="gpt-4o",
            seconds=rng.uniform(1, 3),
            parts=(
                Part("system", f"{task} rules", 600),
                Part("user", f"{task} {day} letter {n}", rng.randint(400, 900)),
            ),
            output=rng.randint(350, 600),
            output_kind="json",
            schema=f"{task} schema",
            trace=f"{day}",
            root="INTERNAL",
            root_name="cron nightly",
            batch=True,
        )
        for day in range(days)
        for n in range(60)
    ]


def prose(rng: random.Random, task: str, days: int) -> list[Ask]:
    """One of several providers: texts written for somebody who waits, each prompt its own."""
    provider, model = rng.choice([("openai", "gpt-4o"), ("anthropic", "claude-haiku-4-5"), ("openai", "gpt-6.1-sol")])
    return [
        Ask(
            task=task,
            at=at,
            provider=provider,
            model=model,
            seconds=rng.uniform(2, 8),
            parts=(Part("system", f"{task} style", 200), Part("user", f"{task} {at} order", rng.randint(100, 700))),
            output=rng.randint(350, 900),
        )
        for at in arrivals(rng, days, 50, 400)
    ]


def embeddings(rng: random.Random, task: str, days: int) -> list[Ask]:
    """New documents embedded as they come."""
    return [
        Ask(
            task=task,
            at=at,
            provider="openai",
            model="text-embedding-3-small",
            seconds=0.3,
            parts=(Part("user", f"{task} {at}", rng.randint(100, 800)),),
            embedding=True,
        )
        for at in arrivals(rng, days, 60, 300)
    ]


SHAPES: dict[str, Make] = {
    "chat": chat,
    "rag": rag,
    "agents": agents,
    "nightly": nightly,
    "prose": prose,
    "embeddings": embeddings,
}
"""The clean shapes by name."""
