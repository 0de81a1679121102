"""Amazon Bedrock's CountTokens, for Converse and for InvokeModel."""

from __future__ import annotations

import binascii
from typing import Final

import msgspec

from otelcost.wire import bedrock_converse, bedrock_invoke, counting
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request


def request(fields: Fields) -> Request:
    """A request of Converse as it is, or of InvokeModel in base64."""
    given = fields.object("input") or Fields({})
    body = _unwrapped(given.object("invokeModel"))
    if body is not None:
        return bedrock_invoke.request(body)
    return bedrock_converse.request(given.object("converse") or Fields({}))


def _unwrapped(holder: Fields | None) -> Fields | None:
    encoded = holder.value("body") if holder else None
    if not isinstance(encoded, str):
        return None
    try:
        return Fields.parse(binascii.a2b_base64(encoded))
    except ValueError:
        return None


CODEC: Final = msgspec.structs.replace(
    counting.counter("bedrock.count_tokens", bedrock_converse.CODEC), request=request, finish=bedrock_converse.finish
)
"""POST /model/{model}/count-tokens."""
