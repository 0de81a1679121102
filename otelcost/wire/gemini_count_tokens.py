"""Google's countTokens, of the Gemini API and of Vertex AI."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import counting, gemini_generate
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request


def request(fields: Fields) -> Request:
    """The contents themselves, or the whole request that would be sent."""
    return gemini_generate.request(fields.object("generateContentRequest") or fields)


CODEC: Final = msgspec.structs.replace(counting.counter("gemini.count_tokens", gemini_generate.CODEC), request=request)
"""POST .../models/{model}:countTokens."""
