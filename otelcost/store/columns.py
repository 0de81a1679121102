"""Names and DuckDB types shared by the tables and by the loader, derived from the vocabulary where possible."""

from __future__ import annotations

from typing import Final

from otelcost.model import Usage

SEGMENT_TYPE: Final = (
    'STRUCT("role" VARCHAR, kind VARCHAR, "name" VARCHAR, hash BIGINT, template_hash BIGINT, '
    "prefix_hash BIGINT, bytes BIGINT, tokens BIGINT, cache VARCHAR, volatile VARCHAR[], "
    "volatile_offset_bytes BIGINT, volatile_bytes BIGINT, image_detail VARCHAR)[]"
)
"""One entry per `otelcost.model.Segment`, in wire order."""

USAGE_COLUMNS: Final[tuple[str, ...]] = Usage.__struct_fields__
"""Every field of `otelcost.model.Usage` is a BIGINT column of the same name."""
