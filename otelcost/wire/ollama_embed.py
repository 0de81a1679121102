"""Ollama's own embeddings, of one text or of many."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import ollama_chat
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request, common, texts
from otelcost.wire.reply import Reply, error_name


def request(fields: Fields) -> Request:
    """The inputs, each a text of the user."""
    read = common(fields)
    read.parts = texts(fields.slice("input"), "user") + texts(fields.slice("prompt"), "user")
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read an answer. Only the newer of the two calls counts its tokens."""
    reply.error = error_name(body)
    reply.identify(body)
    count = body.raw.get("prompt_eval_count")
    reply.usage_raw = None if count is None else msgspec.json.encode({"prompt_eval_count": count})
    reply.recognised = "embedding" in body.raw or "embeddings" in body.raw
    reply.vector = reply.recognised
    reply.complete = True


CODEC: Final = Codec(
    "ollama.embed", "embeddings", "ollama", ollama_chat.USAGE, request, whole, never_streamed, shared_path=True
)
"""POST /api/embed and /api/embeddings."""
