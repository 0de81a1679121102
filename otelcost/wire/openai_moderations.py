"""Moderation: free at OpenAI; where the answer counts tokens, as Mistral's does, they are billed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otelcost.wire import openai_parts, usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part, Request, common, string
from otelcost.wire.reply import Reply, error_name


def request(fields: Fields) -> Request:
    """The texts and images to look at, or the turns of a conversation."""
    read = common(fields)
    read.shaped = fields.slice("input") is not None
    text = string(fields.slice("input") or b"")
    read.parts = [Part("user", "text", text)] if text is not None else list(_inputs(fields))
    return read


def _inputs(fields: Fields) -> Iterator[Part]:
    for raw in fields.array("input") or ():
        text = string(bytes(raw))
        if text is not None:
            yield Part("user", "text", text)
    for item in fields.objects("input"):
        if "content" in item.raw:
            yield from openai_parts.content(item.slice("content"), openai_parts.role_of(item), "")
        else:
            yield openai_parts.content_part(item, "user")


def whole(body: Fields, reply: Reply) -> None:
    """Read a verdict. Its categories are left where they are."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("usage")
    reply.billed = reply.usage_raw is not None
    reply.recognised = "results" in body.raw
    reply.complete = True


CODEC: Final = Codec(
    "openai.moderations",
    "moderation",
    "openai",
    usage.OPENAI,
    request,
    whole,
    never_streamed,
    free=True,
    shared_path=True,
)
"""POST /moderations, and Mistral's /chat/moderations."""
