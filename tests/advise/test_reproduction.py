"""Replaying untouched traffic gives the cache use that was billed; where it does not, the task is not judged."""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import msgspec
import pytest
import world

from otelcost.advise import replay
from otelcost.advise.ledger import Ledger
from otelcost.advise.plan import TOLERATED_MISFIT_PERCENT
from otelcost.advise.window import materialised
from otelcost.demo.provider.caching import PromptCache
from otelcost.demo.provider.prompt import Block
from otelcost.model import Call, Usage


def _conversations(provider: str, model: str, cache: str | None, seed: int) -> list[world.Spec]:
    """Visitors who come back after seconds or hours; each turn sends all turns before it."""
    rng = random.Random(seed)
    specs, at = [], 0.0
    for visitor in range(6):
        prompt: list[world.Part] = [world.Part("system", "rules", 3000, cache=cache)]  # type: ignore[arg-type]
        for turn in range(4):
            at += rng.choice([15, 90, 280, 400, 2000, 4000])
            asked = world.Part("user", f"{visitor} {turn}", 400, cache=cache)  # type: ignore[arg-type]
            specs.append(world.spec(task="chat", provider=provider, model=model, prompt=[*prompt, asked], at_s=at))
            prompt += [msgspec.structs.replace(asked, cache=None), world.Part("assistant", f"{visitor} {turn}", 300)]
    return specs


def _billed(specs: list[world.Spec]) -> list[Call]:
    """The calls, with the usage the loopback provider would have billed."""
    cache, billed = PromptCache(), []
    for spec, call in zip(specs, world.expand(specs), strict=True):
        blocks = [
            Block(f"{part.role}{part.key}".ljust(16).encode() * (part.tokens // 4), part.cache) for part in spec.prompt
        ]
        one = cache.anthropic if spec.provider == "anthropic" else cache.openai
        found = one(spec.model, blocks, call.context.start_unix_us)
        usage = Usage(
            input_uncached_tokens=found.uncached, cache_read_tokens=found.read, output_tokens=100,
            cache_write_short_tokens=found.write_short, cache_write_long_tokens=found.write_long,
        )  # fmt: skip
        billed.append(msgspec.structs.replace(call, usage=usage))
    return billed


def _misfit(calls: list[Call], home: Path) -> float:
    """The share of the input that a replay of the calls as they were sent bills otherwise than the provider did."""
    with world.store_of(calls, home) as connection, materialised(connection, world.ALL):
        ledger = Ledger(connection)
        ledger.open("true")
        replay.prepare(connection, ledger)
        connection.execute("INSERT INTO w_arrivals SELECT 1, n, NULL, false, false, true FROM w_bills")
        wrong, total = replay.misfits(connection)[1]
    return wrong / total


@pytest.mark.parametrize(
    ("provider", "model", "cache"),
    [
        ("anthropic", "claude-sonnet-4-6", "5m"),
        ("anthropic", "claude-sonnet-4-6", "1h"),
        ("anthropic", "claude-sonnet-4-6", None),
        ("openai", "gpt-6.1-sol", None),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_untouched_traffic_is_billed_as_it_was(
    provider: str, model: str, cache: str | None, seed: int, home: Path
) -> None:
    calls = _billed(_conversations(provider, model, cache, seed))
    reads = sum(call.usage.cache_read_tokens or 0 for call in calls)
    assert (reads > 0) == (cache is not None or provider == "openai")
    assert _misfit(calls, home) * 100 <= TOLERATED_MISFIT_PERCENT


def test_traffic_that_something_else_kept_warm_is_not_explained(home: Path) -> None:
    calls = _billed(_conversations("anthropic", "claude-sonnet-4-6", "5m", 1))
    warm = [
        msgspec.structs.replace(
            call, usage=Usage(input_uncached_tokens=100, cache_read_tokens=_input(call) - 100, output_tokens=100)
        )
        for call in calls
    ]
    assert _misfit(warm, home) * 100 > TOLERATED_MISFIT_PERCENT


def _input(call: Call) -> int:
    usage = call.usage
    return sum(
        count or 0
        for count in (usage.input_uncached_tokens, usage.cache_read_tokens, usage.cache_write_short_tokens,
            usage.cache_write_long_tokens)
    )  # fmt: skip
