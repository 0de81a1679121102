"""Pure decoders: the bytes of one HTTP attempt in, one `Call` out. No I/O, no clock, no HTTP library."""

from otelcost.wire.decode import decode
from otelcost.wire.registry import HEADERS, provider_of, recognise

__all__ = ["HEADERS", "decode", "provider_of", "recognise"]
