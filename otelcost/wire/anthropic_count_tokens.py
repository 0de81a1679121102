"""Anthropic's counting of what a message would read, also at Vertex AI."""

from __future__ import annotations

from typing import Final

from otelcost.wire import anthropic_messages, counting

CODEC: Final = counting.counter("anthropic.count_tokens", anthropic_messages.CODEC)
"""POST /v1/messages/count_tokens."""
