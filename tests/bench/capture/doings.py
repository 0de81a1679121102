"""What an application does with the real SDKs, call by call: the moving half of the correctness cases.

No exception of an SDK that a case is about leaves it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import anthropic
import openai
from wire import CLAUDE, GPT

ASK: Final[list[Any]] = [{"role": "user", "content": "How far is the moon?"}]
CHAT: Final[dict[str, Any]] = {"model": GPT, "messages": ASK}
SAY: Final[dict[str, Any]] = {"model": CLAUDE, "max_tokens": 64, "messages": ASK}
USAGE: Final[dict[str, Any]] = {"stream": True, "stream_options": {"include_usage": True}}
TOOLS: Final[list[Any]] = [
    {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
]
LEGACY: Final[dict[str, Any]] = {"model": "gpt-3.5-turbo-instruct", "prompt": "hello"}
CLAUDE_TOOLS: Final[list[Any]] = [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]


def gpt(url: str, **options: Any) -> openai.OpenAI:
    """An OpenAI client."""
    return openai.OpenAI(api_key="sk-x", base_url=f"{url}/v1", **options)


def claude(url: str, **options: Any) -> anthropic.Anthropic:
    """An Anthropic client."""
    return anthropic.Anthropic(api_key="sk-x", base_url=url, **options)


def chat(**more: Any) -> Callable[[str], Any]:
    """A chat completion."""
    return lambda url: gpt(url).chat.completions.create(**CHAT, **more)


def chat_stream(**more: Any) -> Callable[[str], Any]:
    """A chat completion, streamed to its end."""
    return lambda url: list(gpt(url).chat.completions.create(**CHAT, **more))


def say(**more: Any) -> Callable[[str], Any]:
    """A message."""
    return lambda url: claude(url).messages.create(**SAY, **more)


def say_stream(url: str) -> None:
    """A message, streamed to its end."""
    list(claude(url).messages.create(**SAY, stream=True))


def raw(url: str) -> None:
    gpt(url).chat.completions.with_raw_response.create(**CHAT).parse()


def legacy(url: str) -> None:
    gpt(url).completions.create(**LEGACY)


def legacy_stream(url: str) -> None:
    list(gpt(url).completions.create(**LEGACY, **USAGE))


def respond(url: str) -> None:
    gpt(url).responses.create(model=GPT, input="hello")


def respond_stream(url: str) -> None:
    list(gpt(url).responses.create(model=GPT, input="hello", stream=True))


def embed(url: str) -> None:
    gpt(url).embeddings.create(model="text-embedding-3-small", input="hello", encoding_format="float")


def draw(url: str) -> None:
    gpt(url).images.generate(model="gpt-image-1", prompt="a moon")


def transcribe(url: str) -> None:
    gpt(url).audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"RIFF...."))


def claude_raw(url: str) -> None:
    claude(url).messages.with_raw_response.create(**SAY).parse()


def beta(url: str) -> None:
    claude(url).beta.messages.create(**SAY)


def count(url: str) -> None:
    claude(url).messages.count_tokens(model=CLAUDE, messages=ASK)


def once(url: str) -> None:
    gpt(url, max_retries=0).chat.completions.create(**CHAT)


def soon(url: str) -> None:
    gpt(url, max_retries=0, timeout=0.3).chat.completions.create(**CHAT)


def later(work: Callable[[Any], Awaitable[Any]], *, anthropics: bool = False) -> Callable[[str], None]:
    """A case of an async client."""

    async def run(url: str) -> None:
        made: Any = (
            anthropic.AsyncAnthropic(api_key="sk-x", base_url=url)
            if anthropics
            else openai.AsyncOpenAI(api_key="sk-x", base_url=f"{url}/v1")
        )
        async with made as client:
            await work(client)

    return lambda url: asyncio.run(run(url))


async def drain(stream: Any) -> None:
    async for _ in await stream:
        pass


def helper(url: str) -> None:
    with gpt(url).chat.completions.stream(**CHAT, stream_options={"include_usage": True}) as stream:
        stream.get_final_completion()


def raw_lines(url: str) -> None:
    with gpt(url).chat.completions.with_streaming_response.create(**CHAT, **USAGE) as raw:
        list(raw.iter_lines())


def claude_lines(url: str) -> None:
    with claude(url).messages.with_streaming_response.create(**SAY) as raw:
        raw.read()


def claude_helper(url: str) -> None:
    with claude(url).messages.stream(**SAY) as stream:
        stream.get_final_message()


async def async_claude_helper(client: Any) -> None:
    async with client.messages.stream(**SAY) as stream:
        await stream.get_final_message()


def again(url: str) -> None:
    client = gpt(url)
    made = client.responses.create(model=GPT, input="hello")
    for _ in range(2):
        client.responses.retrieve(made.id)


def plain(url: str) -> None:
    client = import_module("httpx2" if find_spec("httpx2") else "httpx")
    client.post(f"{url}/v1/chat/completions", json=CHAT, headers={"authorization": "Bearer sk-x"}).json()


def batch(url: str) -> None:
    client = gpt(url)
    for _ in range(2):  # reading the file again bills nothing
        client.files.content("file-1").read()


def message_batch(url: str) -> None:
    list(claude(url).messages.batches.results("msgbatch_1"))


def leave(stream: Any, after: int = 5) -> None:
    for number, _ in enumerate(stream):
        if number == after:
            break
    stream.close()


def leave_chat(url: str) -> None:
    leave(gpt(url).chat.completions.create(**CHAT, **USAGE))


def leave_message(url: str) -> None:
    leave(claude(url).messages.create(**SAY, stream=True))


def drop(url: str) -> None:
    client = gpt(url)

    def half() -> None:
        stream = client.chat.completions.create(**CHAT, **USAGE)
        for number, _ in enumerate(stream):
            if number == 5:
                return

    half()
    gc.collect()


async def cancel(client: Any) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in await client.messages.create(**SAY, stream=True):
            begun.set()

    reading = asyncio.ensure_future(read())
    await begun.wait()
    await asyncio.sleep(0.05)  # it waits for what does not come
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading


def failing(work: Callable[[str], Any]) -> Callable[[str], None]:
    def run(url: str) -> None:
        with suppress(openai.OpenAIError, anthropic.AnthropicError):
            work(url)

    return run


def own_spans(url: str) -> None:
    client = claude(url, open_telemetry={"traces": True})
    client.messages.create(**SAY)
