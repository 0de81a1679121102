"""Pure decoders: the bytes of one HTTP attempt in, one `Call` out. No I/O, no clock, no HTTP library."""

from otelcost.wire.batches import Results, decode_many
from otelcost.wire.decode import decode
from otelcost.wire.registry import HEADERS, provider_of, recognise
from otelcost.wire.texts import Texts, texts_of

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
