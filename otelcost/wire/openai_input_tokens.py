"""OpenAI's counting of what a response would read."""

from __future__ import annotations

from typing import Final

from otelcost.wire import counting, openai_responses

CODEC: Final = counting.counter("openai.input_tokens", openai_responses.CODEC)
"""POST /responses/input_tokens."""
