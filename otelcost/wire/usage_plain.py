"""Usage objects as nearly all answers have them, read by type: no row has to be looked for.

An object with any other member, with a number that is none, or whose numbers do not fit together is left to the rows.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from otelcost.model import Usage
from otelcost.wire.jsonview import BAD_JSON, MAX_COUNT, as_text

_Count = Annotated[int, msgspec.Meta(ge=0, lt=MAX_COUNT)]


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a usage object tells: the buckets, and how the call was served."""

    usage: Usage
    tier: str | None = None
    speed: str | None = None
    geo: str | None = None
    hidden: Usage | None = None  # of what was billed besides


class _Input(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    cached_tokens: _Count | None = None
    audio_tokens: Literal[0] | None = None  # more of them would have to be told from cached ones
    image_tokens: Literal[0] | None = None
    text_tokens: int | None = None


class _Output(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    reasoning_tokens: _Count | None = None
    audio_tokens: _Count | None = None
    image_tokens: _Count | None = None
    text_tokens: int | None = None
    accepted_prediction_tokens: _Count | None = None
    rejected_prediction_tokens: _Count | None = None


class _Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prompt_tokens: _Count
    completion_tokens: _Count | None = None
    total_tokens: _Count | None = None
    prompt_tokens_details: _Input | None = None
    completion_tokens_details: _Output | None = None


class _Response(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input_tokens: _Count
    output_tokens: _Count | None = None
    total_tokens: _Count | None = None
    input_tokens_details: _Input | None = None
    output_tokens_details: _Output | None = None


class _Writes(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    ephemeral_5m_input_tokens: _Count | None = None
    ephemeral_1h_input_tokens: _Count | None = None


class _Thought(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    thinking_tokens: _Count | None = None


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_creation: _Writes | None = None
    output_tokens_details: _Thought | None = None
    server_tool_use: None = None
    iterations: None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None


_CHAT: Final = msgspec.json.Decoder(_Chat)
_RESPONSE: Final = msgspec.json.Decoder(_Response)
_MESSAGE: Final = msgspec.json.Decoder(_Message)
_NO_INPUT: Final = _Input()
_NO_OUTPUT: Final = _Output()
_NO_WRITES: Final = _Writes()


def openai(raw: bytes, *, writes_long: bool) -> Told | None:
    """The usage of OpenAI's chat completions, embeddings or responses; None of what is not plain."""
    del writes_long
    try:
        if raw.find(b'"prompt_tokens"') < 0:
            of_response = _RESPONSE.decode(raw)
            return _openai(
                of_response.input_tokens,
                of_response.output_tokens,
                of_response.total_tokens,
                of_response.input_tokens_details or _NO_INPUT,
                of_response.output_tokens_details or _NO_OUTPUT,
            )
        of_chat = _CHAT.decode(raw)
    except BAD_JSON:
        return None
    return _openai(
        of_chat.prompt_tokens,
        of_chat.completion_tokens,
        of_chat.total_tokens,
        of_chat.prompt_tokens_details or _NO_INPUT,
        of_chat.completion_tokens_details or _NO_OUTPUT,
    )


def _openai(asked: int, answered: int | None, total: int | None, parts: _Input, made: _Output) -> Told | None:
    uncached = asked - (parts.cached_tokens or 0)
    if uncached < 0 or (total is not None and total != asked + (answered or 0)):
        return None
    return Told(
        Usage(
            input_uncached_tokens=uncached,
            cache_read_tokens=parts.cached_tokens,
            output_tokens=answered,
            reasoning_tokens=made.reasoning_tokens,
            input_audio_tokens=parts.audio_tokens,
            input_image_tokens=parts.image_tokens,
            output_audio_tokens=made.audio_tokens,
            output_image_tokens=made.image_tokens,
            accepted_prediction_tokens=made.accepted_prediction_tokens,
            rejected_prediction_tokens=made.rejected_prediction_tokens,
            provider_total_tokens=total,
        )
    )


def anthropic(raw: bytes, *, writes_long: bool) -> Told | None:
    """The usage of Anthropic's messages; None of what is not plain."""
    try:
        told = _MESSAGE.decode(raw)
    except BAD_JSON:
        return None
    split, thought = told.cache_creation or _NO_WRITES, told.output_tokens_details
    short, long = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
    if told.cache_creation_input_tokens is not None:
        short, long = split_writes(told.cache_creation_input_tokens, short, long, writes_long=writes_long)
    usage = Usage(
        input_uncached_tokens=told.input_tokens,
        cache_read_tokens=told.cache_read_input_tokens,
        cache_write_short_tokens=short,
        cache_write_long_tokens=long,
        output_tokens=told.output_tokens,
        reasoning_tokens=None if thought is None else thought.thinking_tokens,
    )
    return Told(usage, as_text(told.service_tier), as_text(told.speed), as_text(told.inference_geo))


def split_writes(total: int, short: int | None, long: int | None, *, writes_long: bool) -> tuple[int, int]:
    """Make the split of cache writes add up to their total, which later stream events may have revised."""
    if short is None and long is None:
        return (0, total) if writes_long else (total, 0)
    if writes_long:
        short = min(short or 0, total)
        return short, total - short
    long = min(long or 0, total)
    return total - long, long
