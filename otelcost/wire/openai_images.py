"""OpenAI images: generations, edits, variations. Newer models count tokens, older ones are billed by the piece."""

from __future__ import annotations

from typing import Final

from otelcost.wire import sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request, common, texts
from otelcost.wire.reply import Reply, error_name

_KNOWN: Final = ("image_generation.", "image_edit.")


def request(fields: Fields) -> Request:
    """Parameters and the prompt; pictures to edit come as the files of a form."""
    read = common(fields)
    read.parts = texts(fields.slice("prompt"), "user")
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read an answer. The pictures are left where they are."""
    reply.error = error_name(body)
    reply.usage_raw = body.slice("usage")
    reply.recognised = "data" in body.raw or reply.usage_raw is not None
    reply.complete = True


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream: pictures in the making, then the one that counts."""
    for body in sse.objects(events, reply):
        kind = body.text("type") or ""
        reply.error = error_name(body) or reply.error
        reply.recognised = reply.recognised or kind.startswith(_KNOWN)
        if kind.endswith(".completed"):
            reply.usage_raw = body.slice("usage") or reply.usage_raw
            reply.complete = True
        elif not kind.startswith(_KNOWN) and reply.error is None:
            reply.flags.add("unknown_event")


CODEC: Final = Codec(
    "openai.images", "image_generation", "openai", usage.IMAGES, request, whole, stream, other_units=True
)
"""POST /images/generations, /images/edits and /images/variations."""
