"""One price: integer pico-dollars per token or per request, for one key, time range and context range."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

BEGIN: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (times in the store are naive UTC)
END: Final = datetime(9999, 12, 31)  # noqa: DTZ001
ANY_CONTEXT: Final = 2**62
"""The upper end of a context range that has none."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit of each bucket costs. `None` means unknown: a call that uses it has no known cost."""

    input_picousd: int | None = None
    cache_read_picousd: int | None = None
    cache_write_short_picousd: int | None = None
    cache_write_long_picousd: int | None = None
    output_picousd: int | None = None
    reasoning_picousd: int | None = None
    input_audio_picousd: int | None = None
    input_image_picousd: int | None = None
    cache_read_audio_picousd: int | None = None
    cache_read_image_picousd: int | None = None
    output_audio_picousd: int | None = None
    output_image_picousd: int | None = None
    web_search_picousd: int | None = None
    web_fetch_picousd: int | None = None
    file_search_picousd: int | None = None
    code_execution_picousd: int | None = None
    request_picousd: int | None = 0


class PriceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the `price` table: `valid_from <= start < valid_to`, `context_lo <= input < context_hi`."""

    price_key: str  # provider/model/variant
    valid_from: datetime = BEGIN
    valid_to: datetime = END
    context_lo: int = 0
    context_hi: int = ANY_CONTEXT
    rates: Rates
    source: str


RATE_NAMES: Final[tuple[str, ...]] = Rates.__struct_fields__
"""Every rate, in the order of the columns of the `price` table."""


def with_defaults(known: dict[str, int]) -> Rates:
    """Rates with what follows from the others, by how providers bill a bucket they publish no rate for.

    Cached or written tokens without a rate of their own are ordinary input: no discount, no surcharge.
    Images without a rate are ordinary input; reasoning is ordinary output. Audio, image output and long
    cache writes always have their own price, so without one it stays unknown.
    """
    filled: dict[str, int | None] = {"request_picousd": 0, **known}
    for rate, stand_in in (
        ("cache_read_picousd", "input_picousd"),
        ("cache_write_short_picousd", "input_picousd"),
        ("cache_read_image_picousd", None if "input_image_picousd" in known else "cache_read_picousd"),
        ("input_image_picousd", "input_picousd"),
        ("reasoning_picousd", "output_picousd"),
    ):
        if rate not in filled and stand_in is not None:
            filled[rate] = filled.get(stand_in)
    return Rates(**filled)
