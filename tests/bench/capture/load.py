"""What is measured: calls through the real SDKs at a loopback provider, each prompt a new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import anthropic
import openai
from wire import ANSWERS, CLAUDE, GPT

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


def loads(url: str, *, bare: bool = False) -> dict[str, Prepare]:
    """Every load by its name: `openai-1` is a chat of 1 KB, `anthropic-stream-500` a stream of 500 chunks.

    With `bare` the clients keep the `send` that their HTTP library has now, whoever replaces it later.
    """

    def gpt(name: str) -> openai.OpenAI:
        kind = _keeping(openai.DefaultHttpxClient) if bare else openai.DefaultHttpxClient
        return openai.OpenAI(api_key="sk-x", base_url=f"{url}/{name}/v1", http_client=kind())

    def claude(name: str) -> anthropic.Anthropic:
        kind = _keeping(anthropic.DefaultHttpxClient) if bare else anthropic.DefaultHttpxClient
        return anthropic.Anthropic(api_key="sk-x", base_url=f"{url}/{name}", http_client=kind())

    made: dict[str, Prepare] = {}
    for size in KILOBYTES:
        made[f"openai-{size}"] = _chat(gpt("load-chat"), size)
        made[f"anthropic-{size}"] = _say(claude("load-message"), size)
    for count in (100, 500):
        made[f"openai-stream-{count}"] = _chat(gpt(f"load-chunks-{count}"), 0.1, **_USAGE)
        made[f"anthropic-stream-{count}"] = _say(claude(f"load-events-{count}"), 0.1, stream=True)
    return made


def _keeping(kind: Any) -> Any:
    return type("Bare", (kind,), {"send": kind.send})


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


def in_memory() -> Callable[[], Any]:
    """A chat of 1 KB whose answer comes from memory: the calling thread never waits for anything."""
    http: Any = import_module("httpx2" if issubclass(openai.DefaultHttpxClient, _client_of("httpx2")) else "httpx")
    body = ANSWERS["load-chat"][0].pieces[0]
    headers = {"content-type": "application/json"}
    transport = http.MockTransport(lambda _: http.Response(200, headers=headers, content=body))
    client = openai.OpenAI(api_key="sk-x", base_url="http://provider/v1", http_client=http.Client(transport=transport))
    said = _messages(1, 0)
    return lambda: client.chat.completions.create(model=GPT, messages=said)


def _client_of(name: str) -> Any:
    return import_module(name).Client if find_spec(name) else ()


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
