"""Cohere's embed and rerank: nothing is generated, only the input is billed."""

from __future__ import annotations

from typing import Final

from otelcost.wire import cohere_chat, openai_parts, usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part, Request, common, string, texts
from otelcost.wire.reply import Reply, error_name

USAGE: Final = usage.UsageMap(
    usage.rows(
        cohere_chat.ROWS
        + """
        billed_units.image_tokens      +input_uncached_tokens
        billed_units.image_tokens      input_image_tokens
        """
    ),
    inclusive=False,
)
"""Images are counted beside the texts, and have a price of their own."""


def request(fields: Fields) -> Request:
    """The texts, images, mixed inputs, or the query and its documents."""
    read = common(fields)
    read.parts = texts(fields.slice("texts"), "user") + texts(fields.slice("query"), "user")
    read.parts += [
        Part("user", "image", string(bytes(image)) or bytes(image)) for image in fields.array("images") or ()
    ]
    for item in fields.objects("inputs"):
        read.parts += openai_parts.content(item.slice("content"), "user", "")
    for document in fields.array("documents") or ():
        read.parts.append(Part("user", "document", string(bytes(document)) or bytes(document)))
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read an answer. Searches are billed by the piece: they stay in the raw usage."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("meta") or body.slice("usage")
    reply.recognised = "embeddings" in body.raw or "results" in body.raw
    reply.vector = "embeddings" in body.raw
    reply.complete = True


CODEC: Final = Codec(
    "cohere.embed",
    "embeddings",
    "cohere",
    USAGE,
    request,
    whole,
    never_streamed,
    other_units=True,
    shared_path=True,
)
"""POST /v1/embed and /v2/embed."""
