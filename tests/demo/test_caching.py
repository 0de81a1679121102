"""Cache accounting of the loopback provider against examples worked out by hand, and its invariants."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otelcost.demo.loopback import Loopback
from otelcost.demo.provider.caching import Input, PromptCache, anthropic_minimum, openai_bills_writes
from otelcost.demo.provider.prompt import BadRequestError, Block, Ttl, anthropic_blocks

SECOND = 1_000_000
HAIKU = "claude-haiku-4-5"  # at least 4,096 tokens
SONNET = "claude-sonnet-4-6"  # at least 1,024 tokens
BILLED = "gpt-5.6-sol"
FREE = "gpt-5.5"


def block(tokens: int, name: str = "a", cache: Ttl | None = None) -> Block:
    return Block(name.encode() * (4 * tokens), cache)


@pytest.mark.parametrize(
    ("model", "minimum"),
    [
        ("claude-opus-5-5", 512),
        ("claude-opus-5", 512),
        ("claude-sonnet-5-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-fable-5-2", 512),
        ("claude-mythos-5-1", 512),
        ("claude-sonnet-4-5-20250929", 1024),
        ("claude-sonnet-4-6", 1024),
        ("claude-sonnet-5", 1024),
        ("claude-opus-4-8", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-opus-4-5", 4096),
        ("claude-opus-4-6", 4096),
    ],
)
def test_anthropic_minimum_by_model(model: str, minimum: int) -> None:
    assert anthropic_minimum(model) == minimum


@pytest.mark.parametrize(
    ("model", "billed"),
    [("gpt-4o", False), ("gpt-5.5", False), ("gpt-5.6-luna", True), ("gpt-6-sol", True), ("gpt-6.1-terra", True)],
)
def test_writes_are_billed_from_5_6_on(model: str, billed: bool) -> None:
    assert openai_bills_writes(model) is billed


def test_anthropic_write_then_read_then_expiry() -> None:
    cache, prompt = PromptCache(), [block(2000, cache="5m"), block(50, "b")]

    assert cache.anthropic(SONNET, prompt, 0) == Input(50, 0, 2000, 0)
    assert cache.anthropic(SONNET, prompt, 299 * SECOND) == Input(50, 2000, 0, 0)
    # the hit renewed the entry: it lives until 299 + 300 seconds
    assert cache.anthropic(SONNET, prompt, 598 * SECOND) == Input(50, 2000, 0, 0)
    assert cache.anthropic(SONNET, prompt, 898 * SECOND) == Input(50, 0, 2000, 0)


def test_anthropic_hour_long_entries() -> None:
    cache, prompt = PromptCache(), [block(2000, cache="1h"), block(50, "b")]

    assert cache.anthropic(SONNET, prompt, 0) == Input(50, 0, 0, 2000)
    assert cache.anthropic(SONNET, prompt, 3599 * SECOND) == Input(50, 2000, 0, 0)


def test_anthropic_below_the_minimum_nothing_is_cached() -> None:
    cache = PromptCache()

    for _ in range(2):
        assert cache.anthropic(HAIKU, [block(4095, cache="5m"), block(9, "b")], 0) == Input(4104)
    assert cache.anthropic(HAIKU, [block(4096, cache="5m"), block(9, "b")], 0) == Input(9, 0, 4096, 0)


def test_anthropic_minimum_counts_the_whole_prefix() -> None:
    prompt = [block(3000, "t"), block(1096, "s", "5m"), block(7, "u")]

    assert PromptCache().anthropic(HAIKU, prompt, 0) == Input(7, 0, 4096, 0)


def test_anthropic_longer_lives_first_and_each_is_billed_for_its_own_part() -> None:
    cache = PromptCache()
    prompt = [block(1500, "t", "1h"), block(700, "s", "5m"), block(30, "u")]

    assert cache.anthropic(SONNET, prompt, 0) == Input(30, 0, 700, 1500)
    # after ten minutes only the hour-long part is left, the rest is written again
    assert cache.anthropic(SONNET, prompt, 600 * SECOND) == Input(30, 1500, 700, 0)


def test_anthropic_growing_conversation_reads_its_own_past() -> None:
    cache = PromptCache()
    system = block(1100, "s", "5m")
    first = [system, block(100, "u", "5m")]
    second = [system, block(100, "u"), block(80, "v"), block(60, "w", "5m")]

    assert cache.anthropic(SONNET, first, 0) == Input(0, 0, 1200, 0)
    assert cache.anthropic(SONNET, second, SECOND) == Input(0, 1200, 140, 0)


def test_anthropic_looks_back_twenty_blocks_and_no_further() -> None:
    def grown(extra: int) -> Input:
        cache = PromptCache()
        start = block(1100, "s")
        cache.anthropic(SONNET, [Block(start.data, "5m")], 0)
        more = [block(1, f"{chr(97 + i)}") for i in range(extra - 1)]
        return cache.anthropic(SONNET, [start, *more, block(1, "z", "5m")], SECOND)

    assert grown(19).read == 1100
    assert grown(20).read == 0


def test_anthropic_models_share_nothing_and_a_changed_byte_breaks_the_rest() -> None:
    cache, prompt = PromptCache(), [block(1200, "t", "5m"), block(1200, "s", "5m")]
    cache.anthropic(SONNET, prompt, 0)

    assert cache.anthropic("claude-sonnet-5", prompt, 0).read == 0
    assert cache.anthropic(SONNET, [prompt[0], block(1200, "x", "5m")], 0) == Input(0, 1200, 1200, 0)
    assert cache.anthropic(SONNET, [block(1200, "x", "5m"), prompt[1]], 0).read == 0


def test_anthropic_order_is_tools_system_messages() -> None:
    body = {
        "messages": [{"role": "user", "content": "hello"}],
        "system": [{"type": "text", "text": "rules", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [{"name": "t"}],
    }

    tool, system, user = anthropic_blocks(body)
    assert tool.data.startswith(b"<tool>")
    assert system == Block(b"<system>rules", "1h")
    assert user == Block(b"<user>hello")


def test_anthropic_refuses_a_fifth_breakpoint_and_a_short_life_before_a_long_one() -> None:
    def marked(*ttls: str) -> dict[str, Any]:
        parts = [{"type": "text", "text": ttl, "cache_control": {"type": "ephemeral", "ttl": ttl}} for ttl in ttls]
        return {"system": parts, "messages": []}

    with pytest.raises(BadRequestError, match="maximum of 4"):
        anthropic_blocks(marked(*["5m"] * 5))
    with pytest.raises(BadRequestError, match="must not come after"):
        anthropic_blocks(marked("5m", "1h"))
    with pytest.raises(BadRequestError, match="ttl"):
        anthropic_blocks(marked("2h"))


def test_openai_reads_and_writes_in_steps_of_128() -> None:
    cache = PromptCache()

    # 1,400 tokens: ten whole steps are 1,280
    assert cache.openai(BILLED, [block(1300, "s"), block(100, "u")], 0) == Input(120, 0, 1280, 0)
    # the shared 1,300 tokens hold ten whole steps; the new tail has none of its own
    assert cache.openai(BILLED, [block(1300, "s"), block(100, "v")], SECOND) == Input(120, 1280, 0, 0)
    # 1,700 tokens are 13 steps (1,664): three are new
    assert cache.openai(BILLED, [block(1300, "s"), block(400, "w")], SECOND) == Input(36, 1280, 384, 0)


def test_openai_below_the_minimum_nothing_is_cached() -> None:
    cache = PromptCache()

    for _ in range(2):
        assert cache.openai(BILLED, [block(1023)], 0) == Input(1023)
    assert cache.openai(BILLED, [block(1024, "b")], 0) == Input(0, 0, 1024, 0)


def test_openai_lifetimes() -> None:
    billed, free = PromptCache(), PromptCache()
    prompt = [block(2048)]
    billed.openai(BILLED, prompt, 0)
    free.openai(FREE, prompt, 0)

    assert billed.openai(BILLED, prompt, 1799 * SECOND).read == 2048
    assert billed.openai(BILLED, prompt, (1799 + 1800) * SECOND).write_short == 2048
    assert free.openai(FREE, prompt, 599 * SECOND) == Input(0, 2048, 0, 0)
    assert free.openai(FREE, prompt, 1300 * SECOND) == Input(2048, 0, 0, 0)


def test_openai_a_change_at_the_top_loses_everything() -> None:
    cache = PromptCache()
    for second in range(3):
        prompt = [Block(f"Time {second:04}.".encode()), block(3000, "s")]
        assert cache.openai(BILLED, prompt, second * SECOND).read == 0


def test_openai_caching_can_be_left_to_explicit_breakpoints(gpt: openai.OpenAI, loopback_provider: Loopback) -> None:
    for _ in range(2):
        gpt.chat.completions.create(
            model=BILLED,
            messages=[{"role": "user", "content": "x" * 8000}],
            prompt_cache_options={"mode": "explicit"},
        )

    assert [line["usage"]["cache_write_short"] for line in loopback_provider.log()] == [0, 0]


def test_virtual_clock_through_the_anthropic_sdk(claude: anthropic.Anthropic, loopback_provider: Loopback) -> None:
    system: Any = [{"type": "text", "text": "x" * 8000, "cache_control": {"type": "ephemeral"}}]
    seen = []
    for second in (0, 200, 600):
        loopback_provider.set_clock(1_790_000_000_000_000 + second * SECOND)
        message = claude.messages.create(
            model=SONNET, max_tokens=50, system=system, messages=[{"role": "user", "content": "hi"}]
        )
        seen.append((message.usage.cache_creation_input_tokens, message.usage.cache_read_input_tokens))

    # "<system>" and 8,000 bytes: 2,002 tokens
    assert seen == [(2002, 0), (0, 2002), (2002, 0)]
    assert [line["time_us"] % 1000 for line in loopback_provider.log()] == [0, 0, 0]


def test_written_tokens_reach_the_openai_sdk(gpt: openai.OpenAI) -> None:
    seen = []
    for question in ("one", "two"):
        response = gpt.responses.create(model=BILLED, instructions="y" * 6000, input=question)
        assert response.usage is not None
        details = response.usage.input_tokens_details
        seen.append((details.cached_tokens, details.cache_write_tokens))

    # 6,008 bytes of instructions hold eleven whole steps (1,408 tokens)
    assert seen == [(0, 1408), (1408, 0)]


@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(1, 900), st.sampled_from("abc"), st.booleans()), max_size=6),
            st.integers(0, 900),
        ),
        max_size=8,
    )
)
def test_anthropic_parts_always_add_up(requests: list[tuple[list[tuple[int, str, bool]], int]]) -> None:
    cache, now, written = PromptCache(), 0, 0
    for parts, gap in requests:
        now += gap * SECOND
        blocks = [block(tokens, name, "5m" if marked else None) for tokens, name, marked in parts]
        found = cache.anthropic(SONNET, blocks, now)
        assert found.total == sum(tokens for tokens, _, _ in parts)
        assert min(found) >= 0
        assert found.read == 0 or written > 0
        assert found.read + found.write_short == 0 or found.read + found.write_short >= 1024
        written += found.write_short


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2000), st.sampled_from("ab"), st.integers(0, 2000))))
def test_openai_parts_always_add_up(requests: list[tuple[int, int, str, int]]) -> None:
    for model in (BILLED, FREE):
        cache, now = PromptCache(), 0
        for shared, own, name, gap in requests:
            now += gap * SECOND
            found = cache.openai(model, [block(shared, "s"), block(own, name)], now)
            assert found.total == shared + own
            assert min(found) >= 0
            assert found.read % 128 == 0
            assert found.write_short % 128 == 0
            assert found.write_short == 0 or model == BILLED
