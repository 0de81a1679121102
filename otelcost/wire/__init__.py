"""Pure decoders: the bytes of one HTTP attempt in, one `Call` out. No I/O, no clock, no HTTP library.

Each name is loaded when it is first used: to recognise a request takes none of the code that reads it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from otelcost import native

if TYPE_CHECKING:
    from otelcost.wire.batches import Results as Results
    from otelcost.wire.batches import decode_many as decode_many
    from otelcost.wire.exchange import Bodies as Bodies
    from otelcost.wire.exchange import decode as decode
    from otelcost.wire.exchange import decode_with_bodies as decode_with_bodies
    from otelcost.wire.registry import HEADERS as HEADERS
    from otelcost.wire.registry import provider_of as provider_of
    from otelcost.wire.registry import recognise as recognise
    from otelcost.wire.texts import Texts as Texts
    from otelcost.wire.texts import texts_of as texts_of

__all__ = [
    "HEADERS",
    "Bodies",
    "Results",
    "Texts",
    "decode",
    "decode_many",
    "decode_with_bodies",
    "provider_of",
    "recognise",
    "texts_of",
]

_MODULES: Final = {
    "Bodies": "exchange",
    "HEADERS": "registry",
    "Results": "batches",
    "Texts": "texts",
    "decode": "exchange",
    "decode_many": "batches",
    "decode_with_bodies": "exchange",
    "provider_of": "registry",
    "recognise": "registry",
    "texts_of": "texts",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with native.importing():
        value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
    return value
