"""Cohere's rerank: a query and its documents in, an order out; billed by the search."""

from __future__ import annotations

from typing import Final

import msgspec

from otelcost.wire import cohere_embed

CODEC: Final = msgspec.structs.replace(cohere_embed.CODEC, api="cohere.rerank", operation="rerank")
"""POST /v1/rerank and /v2/rerank."""
