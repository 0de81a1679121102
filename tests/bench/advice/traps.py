"""More traffic that merely looks wasteful: what a careless rule would take for each kind of waste."""

from __future__ import annotations

import random

from asks import Ask, Part, arrivals, moment
from shapes import Make, conversation


def _ask(rng: random.Random, task: str, at: float, **fields: object) -> Ask:
    """A call nobody can complain about: a short prompt of its own, prose for an answer."""
    common: dict[str, object] = {
        "provider": "openai", "model": "gpt-4o", "seconds": 3.0, "output": rng.randint(350, 500),
        "parts": (Part("system", f"{task} rules", 200), Part("user", f"{task} {at}", rng.randint(200, 500))),
    }  # fmt: skip
    return Ask(task=task, at=at, **(common | fields))  # type: ignore[arg-type]


def long_cached_chats(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Forty turns, all read from the cache: a window that slides would be written anew every turn."""
    return [
        ask
        for at in arrivals(rng, days, 3, 7000)
        for ask in conversation(rng, task, at, rng.randint(25, 40), system=1500, cached=True)
    ]


def weekdays(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Busy on weekdays, nearly silent at weekends: Monday is no spike."""
    return [
        _ask(rng, task, at)
        for at in arrivals(rng, days, 60, 300)
        if int((at - moment(0, 0)) // 86400) % 7 < 5 or rng.random() < 0.1
    ]


def steady_growth(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A little more every day: success, no incident."""
    return [_ask(rng, task, at) for day in range(days) for at in _day(rng, day, 40 + day)]


def _day(rng: random.Random, day: int, calls: int) -> list[float]:
    return sorted(moment(day, 9) + rng.random() * 30000 for _ in range(calls))


def vote_at_zero(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Three answers to each question within one trace, at temperature 0, that differ all the same."""
    return [
        _ask(
            rng, task, at + copy * 0.1, temperature=0.0, trace=f"{at}", nonce=copy,
            parts=(Part("user", f"{task} {at}", 300),),
        )
        for at in arrivals(rng, days, 15, 900) for copy in range(3)
    ]  # fmt: skip


def jittered_polling(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Asks every few minutes what is new, with some jitter; the answer stays the same for hours."""
    return [
        _ask(
            rng, task, moment(day, 8) + n * 240 + rng.uniform(-50, 50), temperature=0.0, output=400,
            parts=(Part("user", f"{task} anything new?", 200),), answer=f"{day} {n // 40}",
        )
        for day in range(days) for n in range(100)
    ]  # fmt: skip


def default_temperature(rng: random.Random, task: str, days: int) -> list[Ask]:
    """The same request for ideas again and again, at the default temperature: other ideas are the point."""
    return [
        _ask(rng, task, at, parts=(Part("user", f"{task} give me an idea", 200),))
        for at in arrivals(rng, days, 30, 600)
    ]


def worker_chain(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A queue's consumer runs an agent: each call needs the answer before it, whatever the root says."""
    asks = []
    for at in arrivals(rng, days, 12, 1200):
        said = [Part("user", f"{task} {at} order", 200)]
        for step in range(4):
            asks.append(
                _ask(
                    rng, task, at + step * 5, root="CONSUMER", root_name="orders process", trace=f"{at}",
                    parts=(Part("system", f"{task} rules", 200), *said), output=400,
                )
            )  # fmt: skip
            said += [
                Part("assistant", f"{task} {at} {step}", 400),
                Part("user", f"{task} {at} then {step}", rng.randint(20, 40)),
            ]
    return asks


def waiting_loop(rng: random.Random, task: str, days: int) -> list[Ask]:
    """The agent waits half a minute between looks that say the same until the job is done."""
    asks = []
    for at in arrivals(rng, days, 8, 2400):
        key, said = f"{task} {at}", [Part("user", f"{task} {at} start", 100)]
        for step in range(5):
            asks.append(
                _ask(
                    rng, task, at + 30 * step, seconds=2, trace=key, output=400, tools_called=("status",),
                    parts=(Part("tool", f"{task} tool status", 200, "tool", "status"), *said), output_kind="tool",
                    answer=f"{key} status",
                )
            )  # fmt: skip
            said += [
                Part("assistant", f"{key} call", 40, "tool_call", "status"),
                Part("user", f"{key} running", 30, "tool_result"),
            ]
    return asks


def edit_and_run(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Run, edit, run, edit: the same tool with the same arguments, each time after a change."""
    asks = []
    tools = tuple(Part("tool", f"{task} tool {name}", 200, "tool", name) for name in ("run", "edit"))
    for at in arrivals(rng, days, 8, 2400):
        key, said = f"{task} {at}", [Part("user", f"{task} {at} goal", 100)]
        for step in range(8):
            name = ("run", "edit")[step % 2]
            asks.append(
                _ask(
                    rng, task, at + 4 * step, seconds=2, trace=key, output=400, tools_called=(name,),
                    parts=(*tools, *said), output_kind="tool", answer=f"{key} {name if name == 'run' else step}",
                )
            )  # fmt: skip
            said += [
                Part("assistant", f"{key} {name if name == 'run' else step}", 40, "tool_call", name),
                Part("user", f"{key} {'1 failed' if name == 'run' else step}", 30, "tool_result"),
            ]
    return asks


def form_dialogue(rng: random.Random, task: str, days: int) -> list[Ask]:
    """A dialogue in JSON under one schema: every turn extends the one before, in a request of its own."""
    asks = []
    for at in arrivals(rng, days, 12, 1500):
        said = [Part("user", f"{task} {at} hello", 100)]
        for turn in range(4):
            asks.append(
                _ask(
                    rng, task, at + turn * 40, schema=f"{task} schema", output_kind="json", session=f"{at}",
                    trace=f"{at} {turn}", parent=f"{at} {turn}", parts=(Part("system", f"{task} rules", 200), *said),
                    output=400,
                )
            )  # fmt: skip
            said += [Part("assistant", f"{task} {at} {turn}", 400), Part("user", f"{task} {at} more {turn}", 30)]
    return asks


def many_labels(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Names of goods: short answers, hundreds of them."""
    return [_ask(rng, task, at, model="gpt-4o-mini", output=12) for at in arrivals(rng, days, 50, 300)]


def popular_passage(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Retrieval whose best passage comes with six questions in ten, picked for each."""
    popular = Part("user", f"{task} passage", 1500, "document")
    return [
        _ask(
            rng, task, at,
            parts=(
                Part("system", f"{task} rules", 200), *([popular] if rng.random() < 0.5 else []),
                Part("user", f"{task} {at} passage", 800, "document"), Part("user", f"{task} {at}", 40),
            ),
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip


def chosen_examples(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Five examples out of forty, chosen for each question."""
    pool = [
        (Part("user", f"{task} example {n}", 100), Part("assistant", f"{task} example {n}", 100)) for n in range(40)
    ]
    return [
        _ask(
            rng, task, at,
            parts=(
                Part("system", f"{task} rules", 200), *(part for pair in rng.sample(pool, 5) for part in pair),
                Part("user", f"{task} {at}", 60),
            ),
        )
        for at in arrivals(rng, days, 50, 300)
    ]  # fmt: skip


def few_failures(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Two errors in the whole window: no pattern."""
    times = arrivals(rng, days, 50, 300)
    broken = set(rng.sample(range(len(times)), 2))
    return [
        _ask(rng, task, at, **({"status": "error", "error": "overloaded_error"} if n in broken else {}))
        for n, at in enumerate(times)
    ]


def unknown_model(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Duplicates at night on a model nobody has a price of: nothing can be promised."""
    return [
        _ask(
            rng, task, moment(day, 2) + n * 20, model="house-model-7b", temperature=0.0, root="CONSUMER",
            parts=(Part("system", f"{task} rules", 4000), Part("user", f"{task} {n % 5}", 100)), answer=f"{n % 5}",
        )
        for day in range(days) for n in range(40)
    ]  # fmt: skip


def hours_apart(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Marked for an hour, used once or twice an hour: the long lifetime is right."""
    return [
        Ask(
            task=task, at=moment(day, 8) + n * 1500 + rng.uniform(-200, 200), model="claude-sonnet-5-5", seconds=2,
            parts=(Part("system", f"{task} rules", 5000, cache="1h"), Part("user", f"{task} {day} {n}", 80)),
            output=rng.randint(350, 500),
        )
        for day in range(days) for n in range(24)
    ]  # fmt: skip


def two_prompts(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Two marked prompts behind one task, in turn: each is warm, though each call differs from the last."""
    return [
        Ask(
            task=task, at=at, model="claude-sonnet-5-5", seconds=2, output=rng.randint(350, 500),
            parts=(Part("system", f"{task} rules {n % 2}", 1500, cache="5m"), Part("user", f"{task} {at}", 80)),
        )
        for n, at in enumerate(arrivals(rng, days, 80, 40))
    ]  # fmt: skip


def hurry_for_people(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Priority for somebody who waits, and a nightly job whose root span nobody named so."""
    return [
        _ask(rng, task, at, tier="priority", root=rng.choice(["SERVER", "INTERNAL"]), root_name="handle request")
        for at in arrivals(rng, days, 30, 600)
    ]


def foreign_records(rng: random.Random, task: str, days: int) -> list[Ask]:
    """Duplicates, retries and a long start that another instrumentation recorded, without hashes or parts."""
    return [
        _ask(
            rng, task, at + copy * 0.1, temperature=0.0, bare=True, root="", nonce=copy,
            parts=(Part("system", f"{task} rules", 4000), Part("user", f"{task} {n % 4}", 100)),
        )
        for n, at in enumerate(arrivals(rng, days, 30, 400)) for copy in range(2)
    ]  # fmt: skip


TRAPS: tuple[Make, ...] = (
    long_cached_chats, weekdays, steady_growth, vote_at_zero, jittered_polling, default_temperature, worker_chain,
    waiting_loop, edit_and_run, form_dialogue, many_labels, popular_passage, chosen_examples, few_failures,
    unknown_model, hours_apart, two_prompts, hurry_for_people, foreign_records,
)  # fmt: skip
"""Every trap, the hard way."""
