"""Pure decoders: the bytes of one HTTP attempt in, one `Call` out. No I/O, no clock, no HTTP library.

Each name is loaded when it is first used: to recognise a request takes none of the code that reads it.
"""

from __future__ import annotations

import os
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otelcost.wire.batches import Results as Results
    from otelcost.wire.batches import decode_many as decode_many
    from otelcost.wire.exchange import decode as decode
    from otelcost.wire.registry import HEADERS as HEADERS
    from otelcost.wire.registry import provider_of as provider_of
    from otelcost.wire.registry import recognise as recognise
    from otelcost.wire.texts import Texts as Texts
    from otelcost.wire.texts import texts_of as texts_of

__all__ = [
    "HEADERS",
    "Results",
    "Texts",
    "decode",
    "decode_many",
    "provider_of",
    "recognise",
    "texts_of",
]

_MODULES: Final = {
    "HEADERS": "registry",
    "Results": "batches",
    "Texts": "texts",
    "decode": "exchange",
    "decode_many": "batches",
    "provider_of": "registry",
    "recognise": "registry",
    "texts_of": "texts",
}


importing: Final = threading.RLock()
"""Held while a decoder is imported, as any thread may need one at any time. A fork in the middle would leave its child
half a module: it waits for the few milliseconds."""

os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=importing.release)


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with importing:
        value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value
