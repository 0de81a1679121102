"""OpenAI embeddings."""

from __future__ import annotations

from typing import Final

from otelcost.wire import usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request, common, texts
from otelcost.wire.reply import Reply, error_name


def request(fields: Fields) -> Request:
    """Parameters and the inputs, each a text of the user."""
    read = common(fields)
    read.parts = texts(fields.slice("input"), "user")
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read an answer. There is no output to bill, so the vectors are left where they are."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("usage")
    reply.recognised = reply.usage_raw is not None or body.slice("data") is not None
    reply.vector = reply.recognised
    reply.complete = True


CODEC: Final = Codec("openai.embeddings", "embeddings", "openai", usage.EMBEDDINGS, request, whole, never_streamed)
"""POST /embeddings."""
