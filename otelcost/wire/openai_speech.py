"""OpenAI speech: text becomes sound, whole or as events that carry it."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import openai_audio
from otelcost.wire.reply import Reply


def sound(body: bytes, reply: Reply) -> None:
    """Leave sound where it is: its size is known, and no tokens come with it."""
    del body, reply


CODEC: Final = msgspec.structs.replace(openai_audio.CODEC, api="openai.speech", operation="speech", opaque=sound)
"""POST /audio/speech."""
