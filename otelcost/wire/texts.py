"""The texts of an exchange, for whoever must count its tokens because the provider did not."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.model import Exchange
from otelcost.wire.exchange import read_exchange
from otelcost.wire.jsonview import BAD_JSON
from otelcost.wire.parts import Part

_MEDIA: Final = frozenset({"image", "audio", "document"})


class Texts(msgspec.Struct, frozen=True):
    """What was sent and what came back, as far as it is text. None: it could not be read."""

    prompt: list[str] | None
    answer: list[str] | None


def texts_of(exchange: Exchange) -> Texts | None:
    """The texts of an exchange; None where its tokens cannot be told from texts.

    The answer of a stream that was cut is what had come by then; of an answer that never came, None.
    """
    found = read_exchange(exchange)
    if found is None or found.codec.free or found.codec.other_units:
        return None
    request, reply = found.request, found.reply
    prompt = [_text(part) for part in request.parts if part.kind not in _MEDIA] if request.canonical else None
    if not reply.recognised:
        return Texts(prompt, None)
    answer = [*reply.thoughts, *reply.texts]
    for tool in reply.tools.values():
        answer += (tool.name, *tool.arguments)
    return Texts(prompt, answer)


def _text(part: Part) -> str:
    """A part's text; the inside of a JSON string has its escapes undone."""
    try:
        return msgspec.json.decode(b'"' + part.raw + b'"', type=str)
    except BAD_JSON:
        return part.raw.decode("utf-8", "replace")
