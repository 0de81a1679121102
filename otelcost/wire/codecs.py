"""Finds the decoder of an API when the first of its calls comes: an application uses one or two of them.

The module of the API `openai.chat` is `openai_chat`, and its decoder is called `CODEC`.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Final

from otelcost import native
from otelcost.wire.codec import Codec
from otelcost.wire.registry import ROUTES

APIS: Final = frozenset(route.api for route in ROUTES)
"""Every API there is a decoder for, by name."""


@lru_cache(maxsize=64)
def codec_of(api: str) -> Codec:
    """The decoder of one of `APIS`."""
    with native.importing():
        module = importlib.import_module("otelcost.wire." + api.replace(".", "_"))
    codec: Codec = module.CODEC
    return codec
