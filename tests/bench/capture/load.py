"""What is measured: calls through the real SDKs at a loopback provider, each prompt a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import anthropic
import openai
from wire import CLAUDE, GPT

KILOBYTES: Final = (1, 20, 400)
_SENTENCE: Final = "The order of the 3rd of May was checked and a reply is on its way to you with every detail. "
_USAGE: Final[Any] = {"stream": True, "stream_options": {"include_usage": True}}

Prepare = Callable[[], Callable[[], Any]]
"""Makes the next call ready; only the call itself is measured."""


def _text(kilobytes: float, number: int) -> str:
    filled = _SENTENCE * int(kilobytes * 1000 / len(_SENTENCE))
    return f"Request {number}. {filled}"


def _messages(kilobytes: float, number: int) -> list[Any]:
    return [{"role": "user", "content": _text(kilobytes, number)}]


def loads(url: str) -> dict[str, Prepare]:
    """Every load by its name: `openai-1` is a chat of 1 KB, `anthropic-stream-500` a stream of 500 chunks."""
    made: dict[str, Prepare] = {}
    for size in KILOBYTES:
        made[f"openai-{size}"] = _chat(_gpt(url, "load-chat"), size)
        made[f"anthropic-{size}"] = _say(_claude(url, "load-message"), size)
    for count in (100, 500):
        made[f"openai-stream-{count}"] = _chat(_gpt(url, f"load-chunks-{count}"), 0.1, **_USAGE)
        made[f"anthropic-stream-{count}"] = _say(_claude(url, f"load-events-{count}"), 0.1, stream=True)
    return made


def _gpt(url: str, name: str) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-x", base_url=f"{url}/{name}/v1")


def _claude(url: str, name: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-x", base_url=f"{url}/{name}")


def _chat(client: openai.OpenAI, size: float, **more: Any) -> Prepare:
    number = 0

    def prepare() -> Callable[[], Any]:
        nonlocal number
        number += 1
        said = _messages(size, number)

        def call() -> None:
            answer: Any = client.chat.completions.create(model=GPT, messages=said, **more)
            if more:
                for _ in answer:
                    pass

        return call

    return prepare


def _say(client: anthropic.Anthropic, size: float, **more: Any) -> Prepare:
    number = 0

    def prepare() -> Callable[[], Any]:
        nonlocal number
        number += 1
        said = _messages(size, number)

        def call() -> None:
            answer: Any = client.messages.create(model=CLAUDE, max_tokens=64, messages=said, **more)
            if more:
                for _ in answer:
                    pass

        return call

    return prepare


class Concurrent:
    """An event loop and an async client that live as long as the process."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = openai.AsyncOpenAI(api_key="sk-x", base_url=f"{url}/load-chat/v1")
        self._number = 0

    def run(self, calls: int, kilobytes: float) -> None:
        """So many calls at once."""
        self._loop.run_until_complete(self._all(calls, kilobytes))

    async def _all(self, calls: int, kilobytes: float) -> None:
        self._number += calls
        said = [_messages(kilobytes, self._number + i) for i in range(calls)]
        await asyncio.gather(*(self._client.chat.completions.create(model=GPT, messages=one) for one in said))
