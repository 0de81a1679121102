"""What is done with each package: whole answers, streams, sync and async, as its own documentation shows.

A case gets the address of a loopback server and makes its calls; how many, only the server counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

ASK: Final[list[Any]] = [{"role": "user", "content": "How far is the moon?"}]
GPT, CLAUDE, GEMINI = "gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash"


def openai(url: str) -> None:
    """Chat, responses and embeddings; streams; raw and streaming responses; async."""
    import openai as package

    client = package.OpenAI(api_key="sk-x", base_url=f"{url}/v1")
    client.chat.completions.create(model=GPT, messages=ASK)
    list(client.chat.completions.create(model=GPT, messages=ASK, stream=True, stream_options={"include_usage": True}))
    client.responses.create(model=GPT, input="hello")
    list(client.responses.create(model=GPT, input="hello", stream=True))
    client.chat.completions.with_raw_response.create(model=GPT, messages=ASK)

    async def later() -> None:
        async with package.AsyncOpenAI(api_key="sk-x", base_url=f"{url}/v1") as client:
            await client.chat.completions.create(model=GPT, messages=ASK)

    asyncio.run(later())


def openai_over_aiohttp(url: str) -> None:
    """The SDK's own aiohttp-backed client."""
    import openai as package

    async def later() -> None:
        http = package.DefaultAioHttpClient()
        async with package.AsyncOpenAI(api_key="sk-x", base_url=f"{url}/v1", http_client=http) as client:
            await client.chat.completions.create(model=GPT, messages=ASK)
            options: Any = {"include_usage": True}
            async for _ in await client.chat.completions.create(
                model=GPT, messages=ASK, stream=True, stream_options=options
            ):
                pass

    asyncio.run(later())


def anthropic(url: str) -> None:
    """Messages, whole and streamed, sync and async."""
    import anthropic as package

    client = package.Anthropic(api_key="sk-x", base_url=url)
    client.messages.create(model=CLAUDE, max_tokens=64, messages=ASK)
    with client.messages.stream(model=CLAUDE, max_tokens=64, messages=ASK) as stream:
        stream.get_final_message()

    async def later() -> None:
        async with package.AsyncAnthropic(api_key="sk-x", base_url=url) as client:
            await client.messages.create(model=CLAUDE, max_tokens=64, messages=ASK)

    asyncio.run(later())


def google_genai(url: str) -> None:
    """generate_content, whole and streamed; the async client uses aiohttp where it is installed."""
    from google import genai  # type: ignore[attr-defined, unused-ignore]

    client = genai.Client(api_key="x", http_options={"base_url": url})
    client.models.generate_content(model=GEMINI, contents="hello")
    list(client.models.generate_content_stream(model=GEMINI, contents="hello"))

    async def later() -> None:
        await client.aio.models.generate_content(model=GEMINI, contents="hello")
        async for _ in await client.aio.models.generate_content_stream(model=GEMINI, contents="hello"):
            pass

    asyncio.run(later())


def mistralai(url: str) -> None:
    """chat.complete and chat.stream."""
    from mistralai.client import Mistral

    with Mistral(api_key="x", server_url=url) as client:
        client.chat.complete(model="mistral-small-latest", messages=ASK)
        with client.chat.stream(model="mistral-small-latest", messages=ASK) as events:
            list(events)

    async def later() -> None:
        async with Mistral(api_key="x", server_url=url) as client:
            await client.chat.complete_async(model="mistral-small-latest", messages=ASK)
            async for _ in await client.chat.stream_async(model="mistral-small-latest", messages=ASK):
                pass

    asyncio.run(later())


def groq(url: str) -> None:
    """Chat, whole and streamed; async."""
    import groq as package

    asked: Any = {"model": "llama-3.3-70b-versatile", "messages": ASK}
    client = package.Groq(api_key="x", base_url=url)
    client.chat.completions.create(**asked)
    list(client.chat.completions.create(**asked, stream=True))

    async def later() -> None:
        async with package.AsyncGroq(api_key="x", base_url=url) as client:
            await client.chat.completions.create(**asked)
            async for _ in await client.chat.completions.create(**asked, stream=True):
                pass

    asyncio.run(later())


def cohere(url: str) -> None:
    """Version 2 chat, whole and streamed."""
    import cohere as package

    client = package.ClientV2(api_key="x", base_url=url)
    client.chat(model="command-a-03-2025", messages=ASK)
    list(client.chat_stream(model="command-a-03-2025", messages=ASK))

    async def later() -> None:
        client = package.AsyncClientV2(api_key="x", base_url=url)
        await client.chat(model="command-a-03-2025", messages=ASK)
        async for _ in client.chat_stream(model="command-a-03-2025", messages=ASK):
            pass

    asyncio.run(later())


def ollama(url: str) -> None:
    """Chat, whole and streamed."""
    import ollama as package

    client = package.Client(host=url)
    client.chat(model="llama3.2", messages=ASK)
    list(client.chat(model="llama3.2", messages=ASK, stream=True))


def boto3(url: str) -> None:
    """converse, converse_stream, invoke_model and its stream."""
    import bedrock  # type: ignore[import-not-found]
    import boto3 as package

    keys: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client = package.client("bedrock-runtime", endpoint_url=url, **keys)
    said: Any = [{"role": "user", "content": [{"text": "hello"}]}]
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": ASK})
    client.converse(modelId=bedrock.MODEL, messages=said)
    list(client.converse_stream(modelId=bedrock.MODEL, messages=said)["stream"])
    client.invoke_model(modelId=bedrock.MODEL, body=body)["body"].read()
    list(client.invoke_model_with_response_stream(modelId=bedrock.MODEL, body=body)["body"])


def aiobotocore(url: str) -> None:
    """converse and converse_stream over aiohttp."""
    _aiobotocore(url, {}, streamed=True)


def aiobotocore_over_httpx(url: str) -> None:
    """converse over its httpx session, with which its event streams do not work."""
    from aiobotocore.httpxsession import HttpxSession

    _aiobotocore(url, {"http_session_cls": HttpxSession}, streamed=False)


def _aiobotocore(url: str, options: dict[str, Any], *, streamed: bool) -> None:
    import bedrock
    from aiobotocore.config import AioConfig
    from aiobotocore.session import get_session

    keys: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    said: Any = [{"role": "user", "content": [{"text": "hello"}]}]

    async def later() -> None:
        made = get_session().create_client("bedrock-runtime", endpoint_url=url, config=AioConfig(**options), **keys)
        async with made as client:
            await client.converse(modelId=bedrock.MODEL, messages=said)
            if streamed:
                stream = (await client.converse_stream(modelId=bedrock.MODEL, messages=said))["stream"]
                async for _ in stream:
                    pass

    asyncio.run(later())


def langchain_openai(url: str) -> None:
    """ChatOpenAI: invoke, stream, ainvoke."""
    from langchain_openai import ChatOpenAI

    made: Any = {"model": GPT, "api_key": "x", "base_url": f"{url}/v1", "stream_usage": True}
    chat = ChatOpenAI(**made)
    chat.invoke("hello")
    list(chat.stream("hello"))
    asyncio.run(chat.ainvoke("hello"))


def langchain_anthropic(url: str) -> None:
    """ChatAnthropic: invoke, stream, ainvoke."""
    from langchain_anthropic import ChatAnthropic

    made: Any = {"model": CLAUDE, "api_key": "x", "base_url": url, "max_tokens": 64}
    chat = ChatAnthropic(**made)
    chat.invoke("hello")
    list(chat.stream("hello"))
    asyncio.run(chat.ainvoke("hello"))


def langchain_aws(url: str) -> None:
    """ChatBedrockConverse: invoke and stream."""
    import bedrock
    from langchain_aws import ChatBedrockConverse

    keys: Any = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    chat = ChatBedrockConverse(model=bedrock.MODEL, endpoint_url=url, **keys)
    chat.invoke("hello")
    list(chat.stream("hello"))


def instructor(url: str) -> None:
    """A structured answer through its wrapper of the OpenAI SDK."""
    import instructor as package
    import openai as below
    from pydantic import BaseModel

    class Moon(BaseModel):
        text: str = ""

    client = package.from_openai(below.OpenAI(api_key="sk-x", base_url=f"{url}/v1"), mode=package.Mode.JSON)
    with suppress(package.core.InstructorRetryException):
        client.chat.completions.create(model=GPT, messages=ASK, response_model=Moon, max_retries=1)


def litellm(url: str) -> None:
    """OpenAI and Anthropic models, whole, streamed and async (whose transport is aiohttp)."""
    import litellm as package

    to_openai: Any = {"model": f"openai/{GPT}", "api_base": f"{url}/v1", "api_key": "x", "messages": ASK}
    to_claude: Any = {"model": f"anthropic/{CLAUDE}", "api_base": url, "api_key": "x", "messages": ASK}
    for to in (to_openai, to_claude):
        package.completion(**to)
        list(package.completion(**to, stream=True, stream_options={"include_usage": True}))

    async def later() -> None:
        for to in (to_openai, to_claude):
            await package.acompletion(**to)
            stream = await package.acompletion(**to, stream=True, stream_options={"include_usage": True})
            async for _ in stream:
                pass

    asyncio.run(later())


def requests(url: str) -> None:
    """No SDK at all."""
    import requests as package

    key = {"authorization": "Bearer x"}
    package.post(f"{url}/v1/chat/completions", json={"model": GPT, "messages": ASK}, headers=key).json()


def aiohttp(url: str) -> None:
    """No SDK at all."""
    import aiohttp as package

    async def later() -> None:
        key = {"authorization": "Bearer x"}
        async with package.ClientSession(headers=key) as session:
            asked = session.post(f"{url}/v1/chat/completions", json={"model": GPT, "messages": ASK})
            async with asked as response:
                await response.json()

    asyncio.run(later())


class Case(NamedTuple):
    """A package's calls.

    Attributes:
        distribution: as it is installed.
        run: makes the calls.
        demo: against the demo's provider; otherwise against `server`.
        needs: a module that must be there too.
        apart: wants older versions of what others need, and so an environment of its own.
    """

    distribution: str
    run: Callable[[str], None]
    demo: bool = True
    needs: str | None = None
    apart: bool = False


CASES: Final = (
    Case("openai", openai),
    Case("openai", openai_over_aiohttp, needs="httpx_aiohttp"),
    Case("anthropic", anthropic),
    Case("google-genai", google_genai, demo=False),
    Case("mistralai", mistralai, demo=False),
    Case("groq", groq, demo=False),
    Case("cohere", cohere, demo=False),
    Case("ollama", ollama, demo=False),
    Case("boto3", boto3, demo=False),
    Case("aiobotocore", aiobotocore, demo=False),
    Case("aiobotocore", aiobotocore_over_httpx, demo=False),
    Case("langchain-openai", langchain_openai),
    Case("langchain-anthropic", langchain_anthropic),
    Case("langchain-aws", langchain_aws, demo=False),
    Case("litellm", litellm),
    Case("instructor", instructor, apart=True),
    Case("requests", requests),
    Case("aiohttp", aiohttp),
)
