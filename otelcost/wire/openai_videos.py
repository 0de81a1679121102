"""OpenAI videos: made in the background, billed by the second and the size."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request, common, texts
from otelcost.wire.reply import Reply, error_name

_MEASURES: Final = ("seconds", "size")


def request(fields: Fields) -> Request:
    """Parameters and the prompt; a picture to begin with comes as the file of a form."""
    read = common(fields)
    read.shaped = fields.slice("prompt") is not None
    read.parts = texts(fields.slice("prompt"), "user")
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read what will be made. Its measures stand for a usage: they are what is billed."""
    reply.error = error_name(body)
    reply.identify(body)
    state = body.text("status")
    reply.finish = [state] if state else []
    measures = {name: body.raw[name] for name in _MEASURES if name in body.raw}
    reply.usage_raw = msgspec.json.encode(measures) if measures else None
    reply.recognised = body.text("object") == "video"
    reply.complete = True


CODEC: Final = Codec(
    "openai.videos",
    "video_generation",
    "openai",
    usage.OPENAI,
    request,
    whole,
    never_streamed,
    other_units=True,
    shared_path=True,
)
"""POST /videos, /videos/edits, /videos/extensions and /videos/{id}/remix."""
