"""Google's embeddings: embedContent and batchEmbedContents of the Gemini API, predict of Vertex AI."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import gemini_generate
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.parts import Part, Request, canonical, string, whole_of
from otelcost.wire.reply import Reply, error_name

_VECTORS: Final = ("embedding", "embeddings", "predictions")


def request(fields: Fields) -> Request:
    """The contents to embed, each a text of the user."""
    read = Request(model=as_text((fields.text("model") or "").rpartition("/")[2]), canonical=canonical(fields))
    read.parts = gemini_generate.contents(fields, "content")
    for inner in fields.objects("requests"):
        read.parts += gemini_generate.contents(inner, "content")
    for instance in fields.objects("instances"):
        raw = instance.slice("content")
        text = string(raw) if raw is not None else None
        read.parts.append(Part("user", "text", whole_of(instance) if text is None else text))
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read an answer. Vertex counts each text beside its vector, a batch one text; the Gemini API all at once."""
    reply.error = error_name(body)
    reply.usage_raw = body.slice("usageMetadata") or _predicted(body)
    count = body.count("tokenCount")
    if reply.usage_raw is None and count is not None:
        reply.usage_raw = msgspec.json.encode({"promptTokenCount": count})
    reply.recognised = reply.usage_raw is not None or any(name in body.raw for name in _VECTORS)
    reply.vector = reply.recognised
    reply.complete = True


def _predicted(body: Fields) -> bytes | None:
    counts: list[int] = []
    for prediction in body.objects("predictions"):
        embeddings = prediction.object("embeddings")
        statistics = embeddings.object("statistics") if embeddings else None
        count = statistics.count(statistics.either("token_count", "tokenCount")) if statistics else None
        if count is None:
            return None
        counts.append(count)
    return msgspec.json.encode({"promptTokenCount": sum(counts)}) if counts else None


CODEC: Final = Codec("gemini.embed", "embeddings", "gcp.gemini", gemini_generate.USAGE, request, whole, never_streamed)
"""POST .../models/{model}:embedContent, :batchEmbedContents and :predict."""
