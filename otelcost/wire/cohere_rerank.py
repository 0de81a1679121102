"""Cohere's rerank: a query and its documents in, an order out; billed by the search."""

from __future__ import annotations

from typing import Final

from otelcost.wire import cohere_embed

CODEC: Final = cohere_embed.CODEC._replace(api="cohere.rerank", operation="rerank")
"""POST /v1/rerank and /v2/rerank."""
