"""OpenAI audio: transcriptions and translations; the events of speech are read here too."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request, common, texts
from otelcost.wire.reply import Reply, error_name

_DELTAS: Final = ("transcript.", "speech.audio.")


def request(fields: Fields) -> Request:
    """Parameters and the text; the sound comes as the file of a form."""
    read = common(fields)
    for name in ("instructions", "prompt", "input"):
        read.parts += texts(fields.slice(name), "user")
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read a transcript. Models that are billed by the second tell seconds, which stay in the raw usage."""
    reply.error = error_name(body)
    text = body.value("text")
    reply.usage_raw = body.slice("usage")
    if isinstance(text, str):
        reply.texts.append(text)
        if reply.usage_raw is None and body.number("duration") is not None:
            reply.usage_raw = msgspec.json.encode({"duration": body.raw["duration"]})
    reply.recognised = isinstance(text, str) or reply.usage_raw is not None
    reply.complete = True


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream of text or of sound; the event that ends it has the usage."""
    for body in sse.objects(events, reply):
        kind = body.text("type") or ""
        delta = body.value("delta")
        reply.error = error_name(body) or reply.error
        reply.recognised = reply.recognised or kind.startswith(_DELTAS)
        if kind == "transcript.text.delta" and isinstance(delta, str):
            reply.texts.append(delta)
        elif kind.endswith(".done"):
            reply.usage_raw = body.slice("usage") or reply.usage_raw
            reply.complete = True
        elif not kind.startswith(_DELTAS) and reply.error is None:
            reply.flags.add("unknown_event")


def transcript(body: bytes, reply: Reply) -> None:
    """Take a transcript that was asked for as plain text or subtitles."""
    reply.texts.append(body.decode("utf-8", "replace"))


CODEC: Final = Codec(
    "openai.audio", "transcription", "openai", usage.OPENAI, request, whole, stream, opaque=transcript, other_units=True
)
"""POST /audio/transcriptions and /audio/translations."""
