"""What other instrumentations call the same facts: rows of our field and the attribute keys it may be under.

The first key present wins, so current names come first. Aggregates (an agent's or an outer helper's sum over
calls that have spans of their own) are recognised so that nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otelcost.model import Usage

OWN_SCOPE: Final = "otelcost"
"""The instrumentation scope of our own interop spans."""

Attributes = Mapping[str, object]

TEXT_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "ai.model.provider",
    ),
    "operation": ("gen_ai.operation.name", "llm.request.type"),
    "request_model": (
        "gen_ai.request.model",
        "llm.request.model_name",
        "llm.model_name",
        "embedding.model_name",
        "ai.model.id",
    ),
    "response_model": ("gen_ai.response.model", "llm.response.model_name", "ai.response.model"),
    "response_id": ("gen_ai.response.id", "ai.response.id"),
    "service_tier": (
        "openai.response.service_tier",
        "anthropic.response.service_tier",
        "gen_ai.openai.response.service_tier",
    ),
    "error_type": ("error.type",),
}
"""`SpanRecord` field -> attribute keys."""

_INPUT: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
)
_OUTPUT: Final = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
_TOTAL: Final = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")
_CACHE_READ: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.prompt_tokens_details.cached_tokens",
    "llm.token_count.prompt_details.cache_read",
    "llm.token_count.prompt_details.cache_input",
    "ai.usage.cachedInputTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
)
_CACHE_WRITE: Final = (
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
)
_CACHE_WRITE_LONG: Final = ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",)
_REASONING: Final = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.reasoningTokens",
)
_LLM_OPERATIONS: Final = frozenset({"chat", "text_completion", "completion", "embeddings", "generate_content"})
_LLM_KINDS: Final = frozenset({"LLM", "EMBEDDING"})
_SDK_SCOPES: Final = ("com.anthropic.sdk.python",)
"""Scopes of SDKs that trace themselves: one of their spans that names a model is an LLM call."""
_DETACHED: Final = frozenset({("openinference.instrumentation.anthropic", "messages.stream")})
"""Scope and name of spans that their instrumentation neither makes current nor gives the response's id."""
_AGGREGATE_OPERATIONS: Final = frozenset({"invoke_agent", "create_agent", "invoke_workflow", "execute_tool"})
_AGGREGATE_NAMES: Final = frozenset({"ai.generateText", "ai.streamText", "ai.generateObject", "ai.streamObject"})


def _first(attributes: Attributes, keys: tuple[str, ...]) -> object | None:
    for key in keys:
        value = attributes.get(key)
        if value is not None:
            return value
    return None


def _count(attributes: Attributes, keys: tuple[str, ...]) -> int | None:
    value = _first(attributes, keys)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**62:
        return None
    return int(value)  # a NaN failed the comparison


def text_fields(attributes: Attributes) -> dict[str, str]:
    """The text fields of a `SpanRecord` that the attributes hold, bounded in length."""
    found: dict[str, str] = {}
    for field, keys in TEXT_FIELDS.items():
        value = _first(attributes, keys)
        if isinstance(value, str) and value:
            found[field] = value[:256]
    return found


def is_detached(scope: str, name: str) -> bool:
    """Whether a span of an LLM call is no ancestor of that call and names no response: nothing ties the two."""
    return (scope, name) in _DETACHED


def is_aggregate(name: str, attributes: Attributes) -> bool:
    """Whether a span sums up calls that have spans of their own."""
    if attributes.get("gen_ai.operation.name") in _AGGREGATE_OPERATIONS or name in _AGGREGATE_NAMES:
        return True
    if attributes.get("ai.operationId") in _AGGREGATE_NAMES:
        return True
    return attributes.get("openinference.span.kind") in {"AGENT", "CHAIN", "TOOL"}


def is_llm(scope: str, name: str, attributes: Attributes) -> bool:
    """Whether a span is one LLM call of another instrumentation. Our own scope never is."""
    if scope == OWN_SCOPE or is_aggregate(name, attributes):
        return False
    if attributes.get("gen_ai.operation.name") in _LLM_OPERATIONS:
        return True
    if attributes.get("openinference.span.kind") in _LLM_KINDS or attributes.get("llm.request.type") is not None:
        return True
    model = _first(attributes, TEXT_FIELDS["request_model"])
    if model is None or attributes.get("gen_ai.operation.name") is not None:
        return False
    return scope in _SDK_SCOPES or _first(attributes, _INPUT + _OUTPUT) is not None or _names_provider(attributes)


def _names_provider(attributes: Attributes) -> bool:
    return _first(attributes, TEXT_FIELDS["provider"]) is not None


def usage_of(attributes: Attributes) -> Usage:
    """Disjoint buckets of what the span reports; unknown stays None."""
    total_input, output = _count(attributes, _INPUT), _count(attributes, _OUTPUT)
    total = _count(attributes, _TOTAL)
    read, write = _count(attributes, _CACHE_READ), _count(attributes, _CACHE_WRITE)
    long = _count(attributes, _CACHE_WRITE_LONG)
    if total_input is None and total is not None and output is not None:
        total_input = max(total - output, 0)
    uncached, cached = total_input, (read or 0) + (write or 0)
    if uncached is not None and uncached >= cached:  # else it never included them, whatever the conventions say
        uncached -= cached
    short = write if write is None or long is None else max(write - long, 0)
    from otelcost.model import Usage  # noqa: PLC0415  (spans are recognised where none is read)

    return Usage(
        input_uncached_tokens=uncached,
        cache_read_tokens=read,
        cache_write_short_tokens=short,
        cache_write_long_tokens=long,
        output_tokens=output,
        reasoning_tokens=_count(attributes, _REASONING),
        provider_total_tokens=total,
        provider_cost_picousd=_provider_cost(attributes),
    )


def _provider_cost(attributes: Attributes) -> int | None:
    """A price that the provider sent. What another instrumentation worked out itself is no such price."""
    amount = attributes.get("gen_ai.usage.cost.amount")
    said = (attributes.get("gen_ai.usage.cost.source"), attributes.get("gen_ai.usage.cost.currency"))
    if said != ("provider", "USD") or isinstance(amount, bool) or not isinstance(amount, int | float):
        return None
    from otelcost.model import PICOUSD  # noqa: PLC0415

    return round(amount * PICOUSD) if 0 <= amount < 2**20 else None
