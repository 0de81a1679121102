"""What counts as an LLM request, whose it is, and which headers are worth keeping. All of it is data."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

HEADERS: Final = frozenset(
    {
        # of requests: which SDK, which attempt, how the body is encoded
        "anthropic-beta",
        "anthropic-version",
        "content-encoding",
        "content-type",
        "openai-beta",
        "user-agent",
        "x-stainless-async",
        "x-stainless-lang",
        "x-stainless-package-version",
        "x-stainless-retry-count",
        "x-stainless-runtime",
        "x-stainless-runtime-version",
        # of responses
        "apim-request-id",
        "openai-processing-ms",
        "openai-version",
        "request-id",
        "retry-after",
        "x-ms-region",
        "x-request-id",
        "x-should-retry",
    }
)
"""Lower-case names of the headers capture may keep. None of them can hold a secret."""

REQUEST_ID_HEADERS: Final = ("x-request-id", "request-id", "apim-request-id")
"""Where providers put the id of a request, most specific to the API first."""

_PATHS: Final = (
    ("/chat/completions", "openai.chat"),
    ("/completions", "openai.completions"),
    ("/responses", "openai.responses"),
    ("/responses/compact", "openai.responses"),  # a billed model call with the same usage object
    ("/embeddings", "openai.embeddings"),
    ("/v1/messages", "anthropic.messages"),  # not bare `/messages`: threads have those, unbilled
)
"""Path endings that create something billed. Reading an old response repeats its usage: never listed."""

_FOREIGN_PATHS: Final = frozenset({"/api/embeddings"})
"""Exact paths of other wire formats that end like one of ours (Ollama's own embeddings)."""

_HOSTS: Final = (
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.x.ai", "x_ai"),
    ("api.together.ai", "together"),
    ("api.together.xyz", "together"),
    ("openrouter.ai", "openrouter"),
    ("api.perplexity.ai", "perplexity"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("amazonaws.com", "aws.bedrock"),
)
"""Host endings and OpenTelemetry provider names."""


def recognise(method: str, host: str, path: str) -> str | None:
    """Name of the API a request is for, or None. Runs on the caller's thread: string endings only.

    Any prefix may stand before the API's own path, as gateways and Azure deployments have it.
    """
    del host  # any host may speak these formats; who it is only matters in `provider_of`
    if method.upper() != "POST":
        return None
    trimmed = path.rstrip("/")
    for ending, api in _PATHS:
        if trimmed.endswith(ending):
            return None if trimmed in _FOREIGN_PATHS else api
    return None


def provider_of(host: str, path: str) -> str | None:
    """Who answers at `host`, by its name alone; None for a host nobody listed."""
    provider = _listed(host)
    if provider == "azure.ai.inference" and "/openai/" in path:
        return "azure.ai.openai"
    return provider


@lru_cache(maxsize=256)
def _listed(host: str) -> str | None:
    name = host.lower()
    for ending, provider in _HOSTS:
        if name == ending or name.endswith(("." + ending, "-" + ending)):
            return provider
    return None
