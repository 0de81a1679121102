"""The exports of other tools, as rows of what we call a fact and where it may stand. `rows.py` interprets them.

A record is flat: members of objects are joined with a dot, also of objects that a CSV cell holds as JSON. The first
shape whose marks are all there is the record's; of several places the first that holds something counts.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Cached = Literal["part", "apart", "total"]
"""Whether the input count has the cached tokens in it, has not, or the record's own total tells."""

Places = tuple[str, ...]


class Shape(NamedTuple):
    """One kind of record.

    `only` names a field and the values with which a record is an LLM call; others are skipped. `refused` says why
    records of this shape are not calls at all. `unknown` is what nobody can know from this source.
    """

    source: str
    title: str
    marks: frozenset[str]
    facts: dict[str, Places]
    cached: Cached = "total"
    only: tuple[str, frozenset[str]] | None = None
    billed: bool = False  # whether `cost` is what the provider itself asks for
    unknown: tuple[str, ...] = ()
    refused: str = ""


NO_PROMPT: Final = "the prompts' parts, hashes and call sites: rules that need them cannot check these calls"
NO_TASK: Final = "tasks: calls are grouped by provider and operation"
NO_FIRST: Final = "the time to the first token"
OWN_COST: Final = "what the provider charged: the cost in the file is the tool's own estimate and was not taken"
NO_ID: Final = "the provider's response ids: a call that was recorded here too counts once only if trace and span agree"
GUESSED: Final = "the provider, which was told from the model's name"
_USUAL: Final = (NO_PROMPT, NO_TASK, NO_FIRST)

_AGGREGATED: Final = "its rows are sums over many calls, not calls"
RECONCILE: Final = f"{_AGGREGATED}; compare it with what was recorded: otelcost reconcile FILE"

_LANGFUSE: Final[dict[str, Places]] = {
    "trace": ("trace_id", "traceId"),
    "span": ("id",),
    "parent": ("parent_observation_id", "parentObservationId"),
    "name": ("name",),
    "start": ("start_time", "startTime"),
    "end": ("end_time", "endTime"),
    "request_model": ("provided_model_name", "model", "providedModelName"),
    "error": ("level",),
    "input": ("usage_details.input", "usageDetails.input", "usage.input", "promptTokens", "input_tokens"),
    "cache_read": tuple(
        f"{place}.{key}"
        for place in ("usage_details", "usageDetails")
        for key in ("cache_read_input_tokens", "input_cached_tokens", "input_cache_read")
    ),
    "cache_write": tuple(
        f"{place}.{key}"
        for place in ("usage_details", "usageDetails")
        for key in ("cache_creation_input_tokens", "input_cache_creation", "input_cache_write")
    ),
    "output": ("usage_details.output", "usageDetails.output", "usage.output", "completionTokens", "output_tokens"),
    "reasoning": ("usage_details.output_reasoning_tokens", "usageDetails.output_reasoning_tokens"),
    "total": ("usage_details.total", "usageDetails.total", "usage.total", "totalTokens"),
}
_ONLY_CALLS: Final = ("type", frozenset({"GENERATION", "EMBEDDING"}))

SHAPES: Final = (
    Shape("openai-usage", "OpenAI usage", frozenset({"num_model_requests", "input_tokens"}), {}, refused=RECONCILE),
    Shape("openai-usage", "OpenAI costs", frozenset({"amount.value"}), {}, refused=RECONCILE),
    Shape("anthropic-usage", "Anthropic usage", frozenset({"uncached_input_tokens"}), {}, refused=RECONCILE),
    Shape("litellm", "LiteLLM daily spend", frozenset({"api_requests", "spend"}), {}, refused=_AGGREGATED),
    Shape(
        "openrouter", "OpenRouter activity by day", frozenset({"date", "requests", "model"}), {}, refused=_AGGREGATED
    ),
    Shape(
        "openrouter",
        "OpenRouter activity",
        frozenset({"generation_id", "model_permaslug"}),
        {
            "span": ("generation_id",),
            "response_id": ("generation_id",),
            "name": ("app_name",),
            "start": ("created_at",),
            "duration_ms": ("generation_time_ms",),
            "request_model": ("model_permaslug",),
            "input": ("tokens_prompt",),
            "cache_read": ("tokens_cached",),
            "output": ("tokens_completion",),
            "reasoning": ("tokens_reasoning",),
            "cost": ("cost_total",),
            "provider": (),
        },
        cached="part",
        billed=True,
        unknown=(NO_PROMPT, NO_TASK, "which upstream provider's rates were behind each cost"),
    ),
    Shape(
        "litellm",
        "LiteLLM spend logs",
        frozenset({"request_id", "call_type", "spend"}),
        {
            "span": ("request_id",),
            "trace": ("session_id",),
            "response_id": ("request_id",),
            "name": ("call_type",),
            "start": ("startTime",),
            "end": ("endTime",),
            "provider": ("custom_llm_provider",),
            "request_model": ("model",),
            "error": ("metadata.error_information.error_class", "status"),
            "input": ("prompt_tokens",),
            "cache_read": (
                "metadata.usage_object.prompt_tokens_details.cached_tokens",
                "metadata.usage_object.cache_read_input_tokens",
                "metadata.additional_usage_values.cache_read_input_tokens",
            ),
            "cache_write": (
                "metadata.usage_object.cache_creation_input_tokens",
                "metadata.additional_usage_values.cache_creation_input_tokens",
            ),
            "output": ("completion_tokens",),
            "reasoning": ("metadata.usage_object.completion_tokens_details.reasoning_tokens",),
            "total": ("total_tokens",),
            "hit": ("cache_hit",),
        },
        cached="part",
        unknown=(*_USUAL, OWN_COST),
    ),
    Shape(
        "helicone",
        "Helicone requests",
        frozenset({"request_id", "request_created_at"}),
        {
            "span": ("request_id",),
            "response_id": ("response_body.id",),
            "name": ("request_path",),
            "start": ("request_created_at",),
            "end": ("response_created_at",),
            "duration_ms": ("delay_ms",),
            "provider": ("provider",),
            "request_model": ("request_model", "model"),
            "response_model": ("response_model", "model_override"),
            "error": ("response_status",),
            "input": ("prompt_tokens",),
            "cache_read": ("prompt_cache_read_tokens",),
            "cache_write": ("prompt_cache_write_tokens",),
            "output": ("completion_tokens",),
            "reasoning": ("reasoning_tokens",),
            "total": ("total_tokens",),
        },
        unknown=(*_USUAL, OWN_COST, NO_ID),
    ),
    Shape(
        "langfuse",
        "Langfuse observations",
        frozenset({"id", "type", "trace_id", "start_time"}),
        _LANGFUSE,
        only=_ONLY_CALLS,
        unknown=(*_USUAL, OWN_COST, NO_ID, GUESSED),
    ),
    Shape(
        "langfuse",
        "Langfuse observations",
        frozenset({"id", "type", "traceId", "startTime"}),
        _LANGFUSE,
        only=_ONLY_CALLS,
        unknown=(*_USUAL, OWN_COST, NO_ID, GUESSED),
    ),
)
"""Every shape, the most particular first. OTLP is a tree and has a reader of its own."""

_OWN_TASK: Final = "tasks, but for calls that otelcost exported: the others are grouped by provider and operation"
_REFUSED: Final = "whether a call that failed was billed: without token counts it has no price"
OTLP: Final = Shape("otlp", "OTLP spans", frozenset(), {}, unknown=(NO_PROMPT, _OWN_TASK, NO_FIRST, _REFUSED))

SOURCES: Final = ("otlp", "langfuse", "helicone", "litellm", "openrouter", "openai-usage", "anthropic-usage")

PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "aws": "aws.bedrock",
    "vertex_ai": "gcp.vertex_ai",
    "google": "gcp.gemini",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""What these tools call providers -> `gen_ai.provider.name`. Other names are taken as they are, in lower case."""

MODELS: Final = (
    (("gpt-", "o1", "o3", "o4", "chatgpt", "text-embedding"), "openai"),
    (("claude",), "anthropic"),
    (("gemini",), "gcp.gemini"),
    (("mistral", "ministral", "codestral"), "mistral_ai"),
    (("command", "embed-"), "cohere"),
    (("deepseek",), "deepseek"),
    (("grok",), "x_ai"),
)
"""How a model's name begins -> its own provider, where the source does not say who served it."""
