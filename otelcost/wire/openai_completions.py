"""OpenAI legacy completions."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.parts import Request, common, texts
from otelcost.wire.reply import Choice, Reply, error_name

_DONE: Final = b"[DONE]"


class _Delta(msgspec.Struct, gc=False, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, gc=False, frozen=True):
    index: int | None = None
    text: str | None = None
    delta: _Delta | None = None  # fill-in-the-middle endpoints stream like a chat
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False, frozen=True):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_CHUNKS: Final = msgspec.json.Decoder(list[_Chunk])


def request(fields: Fields) -> Request:
    """Parameters and the prompts, each a text of the user."""
    read = common(fields)
    read.max_output_tokens = fields.count("max_tokens")
    read.parts = texts(fields.slice("prompt"), "user")
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole completion."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("usage")
    choices = body.objects("choices")
    reply.recognised = bool(choices) or reply.usage_raw is not None
    reply.complete = True
    for index, choice in enumerate(choices):
        reason = choice.text("finish_reason")
        reply.finish += [reason] if reason else []
        message = choice.object("message")  # fill-in-the-middle endpoints answer like a chat
        value = message.value("content") if message else choice.value("text")
        reply.texts += [value] if isinstance(value, str) else []
        reply.choices.append(Choice(index, int(isinstance(value, str)), reason))


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream of chunks."""
    payloads = events.payloads
    if _DONE in payloads:
        payloads = [payload for payload in payloads if payload != _DONE]
        reply.complete = True
    chunks = sse.decode_all(_CHUNKS, payloads, events, reply)
    found: dict[int, list[str]] = {}
    reasons: dict[int, str] = {}
    for chunk in chunks:
        reply.id = reply.id or as_text(chunk.id)
        reply.model = reply.model or as_text(chunk.model)
        members = Fields({"usage": chunk.usage, "error": chunk.error})
        reply.usage_raw = members.slice("usage") or reply.usage_raw
        reply.error = error_name(members) or reply.error
        for choice in chunk.choices or ():
            if choice.finish_reason:
                reasons[choice.index or 0] = choice.finish_reason
            text = choice.text or (choice.delta.content if choice.delta else None)
            if text:
                found.setdefault(choice.index or 0, []).append(text)
    reply.recognised = bool(chunks)
    reply.gather(found, reasons)


CODEC: Final = Codec("openai.completions", "text_completion", "openai", usage.OPENAI, request, whole, stream)
"""POST /completions."""
