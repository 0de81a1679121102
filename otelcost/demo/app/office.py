"""What every script of the helpdesk shares: clients, the time, and fixed texts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime

import anthropic
import openai

_now: Callable[[], datetime] = functools.partial(datetime.now, UTC)
_sleep: Callable[[float], None]


@functools.cache
def claude() -> anthropic.Anthropic:
    return anthropic.Anthropic()


@functools.cache
def gpt() -> openai.OpenAI:
    return openai.OpenAI()


def now() -> datetime:
    return _now()


def sleep(seconds: float) -> None:
    _sleep(seconds)


def live_by(current: Callable[[], datetime], sleeper: Callable[[float], None]) -> None:
    """Take the time from somebody else: the fortnight is simulated."""
    global _now, _sleep
    _now, _sleep = current, sleeper


def handbook(*, sections: int, topic: str) -> str:
    """A long, never-changing text of house rules, about 70 tokens a section."""
    lines = [
        f"{number}. On {topic}, point {number}: a colleague reads the whole request first, names the article and "
        f"its shelf {100 + 7 * number}, answers within {1 + number % 5} working days, never promises a date that "
        f"the warehouse did not confirm, and writes plain sentences without jargon or blame."
        for number in range(1, sections + 1)
    ]
    return "\n".join(lines)
