"""Finds the decoder of an API when the first of its calls comes: an application uses one or two of them.

The module of the API `openai.chat` is `openai_chat`, and its decoder is called `CODEC`.
"""

from __future__ import annotations

import importlib
import os
import threading
from functools import lru_cache
from typing import Final

from otelcost.wire.codec import Codec
from otelcost.wire.registry import ROUTES

APIS: Final = frozenset(route.api for route in ROUTES)
"""Every API there is a decoder for, by name."""

_importing: Final = threading.RLock()
# A fork in the middle of an import would leave its child half a module: it waits for the few milliseconds.
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


@lru_cache(maxsize=64)
def codec_of(api: str) -> Codec:
    """The decoder of one of `APIS`."""
    with _importing:
        module = importlib.import_module("otelcost.wire." + api.replace(".", "_"))
    codec: Codec = module.CODEC
    return codec
