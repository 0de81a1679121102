"""Counting the tokens of a prompt: free everywhere, and answered with little more than a number."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.reply import Reply, error_name

_NAMES: Final = ("input_tokens", "inputTokens", "totalTokens")

USAGE: Final = usage.UsageMap(
    usage.rows("".join(f"{name} input_uncached_tokens\n" for name in _NAMES)), inclusive=False
)
"""What OpenAI and Anthropic, Bedrock, and Google call the number."""


def whole(body: Fields, reply: Reply) -> None:
    """Read the number."""
    reply.error = error_name(body)
    counts = {name: body.raw[name] for name in _NAMES if body.count(name) is not None}
    reply.usage_raw = msgspec.json.encode(counts) if counts else None
    reply.recognised = bool(counts)
    reply.complete = True


def counter(api: str, like: Codec) -> Codec:
    """The decoder of an API that counts what another one would be asked, in that one's words."""
    return Codec(api, "count_tokens", like.provider, USAGE, like.request, whole, never_streamed, free=True)
