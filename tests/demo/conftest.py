"""Real SDK clients that talk to the loopback provider and are closed after the test."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anthropic
import openai
import pytest

from otelcost import demo
from otelcost.demo.loopback import Loopback

SEED = 7
DONE = "finished"


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


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of one whole demo run, shared by every worker of a parallel test session."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    home = shared / "demo-truth"
    with (shared / "demo-truth.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / DONE).is_file():
            demo.run(home, seed=SEED)
            (home / DONE).write_text("")
    return home
