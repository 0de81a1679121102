"""Real SDK clients that talk to the loopback provider and are closed after the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import anthropic
import openai
import pytest

from otelcost.demo.loopback import Loopback


@pytest.fixture
def gpt(loopback_provider: Loopback) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="test", base_url=loopback_provider.openai_url, max_retries=0) as client:
        yield client


@pytest.fixture
def claude(loopback_provider: Loopback) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="test", base_url=loopback_provider.url, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_gpt(loopback_provider: Loopback) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key="test", base_url=loopback_provider.openai_url, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_claude(loopback_provider: Loopback) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(api_key="test", base_url=loopback_provider.url, max_retries=0) as client:
        yield client
