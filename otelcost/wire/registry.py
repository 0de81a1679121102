"""What counts as an LLM request, whose it is, and which headers are worth keeping. All of it is data."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

MAX_NAME: Final = 256
"""Characters kept of a name or id. They come from the wire, so their length is anybody's choice."""

HEADERS: Final = frozenset(
    {
        # of requests: which SDK, how the body is encoded
        "content-encoding",
        "content-type",
        "user-agent",
        "x-stainless-package-version",
        # of responses
        "apim-request-id",
        "request-id",
        "x-amzn-bedrock-cache-read-input-token-count",
        "x-amzn-bedrock-cache-write-input-token-count",
        "x-amzn-bedrock-input-token-count",
        "x-amzn-bedrock-output-token-count",
        "x-amzn-bedrock-performanceconfig-latency",
        "x-amzn-bedrock-service-tier",
        "x-amzn-errortype",
        "x-amzn-requestid",
        "x-gemini-service-tier",
        "x-request-id",
    }
)
"""Lower-case names of the headers capture may keep. None of them can hold a secret."""

REQUEST_ID_HEADERS: Final = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")
"""Where providers put the id of a request, most specific to the API first."""


class Route(NamedTuple):
    """One path ending that asks a model, or the account of one, for something."""

    ending: str
    api: str
    within: str = ""  # must stand in the path too
    provider: str = ""  # not claimed at the host of any other provider: the path is a common one


ROUTES: Final = (
    Route("/chat/completions", "openai.chat"),
    Route("/agents/completions", "openai.chat"),  # Mistral's agents
    Route("/completions", "openai.completions"),
    Route("/responses", "openai.responses"),
    Route("/responses/compact", "openai.responses"),  # a billed model call with the same usage object
    Route("/responses/input_tokens", "openai.input_tokens"),
    Route("/decisions", "openai.decisions", provider="openai"),
    Route("/videos", "openai.videos", provider="openai"),
    Route("/videos/edits", "openai.videos", provider="openai"),
    Route("/videos/extensions", "openai.videos", provider="openai"),
    Route("/remix", "openai.videos", within="/videos/", provider="openai"),
    Route("/v1/ocr", "mistral.ocr", provider="mistral_ai"),
    Route("/moderations", "openai.moderations"),
    Route("/chat/moderations", "openai.moderations"),  # Mistral's
    Route("/v1/chat", "cohere.chat", provider="cohere"),
    Route("/v2/chat", "cohere.chat", provider="cohere"),
    Route("/v1/embed", "cohere.embed", provider="cohere"),
    Route("/v2/embed", "cohere.embed", provider="cohere"),
    Route("/v1/rerank", "cohere.rerank", provider="cohere"),
    Route("/v2/rerank", "cohere.rerank", provider="cohere"),
    Route("/api/chat", "ollama.chat", provider="ollama"),
    Route("/api/generate", "ollama.chat", provider="ollama"),
    Route("/api/embed", "ollama.embed", provider="ollama"),
    Route("/api/embeddings", "ollama.embed", provider="ollama"),
    Route("/embeddings", "openai.embeddings"),
    Route("/images/generations", "openai.images"),
    Route("/images/edits", "openai.images"),
    Route("/images/variations", "openai.images"),
    Route("/audio/transcriptions", "openai.audio"),
    Route("/audio/translations", "openai.audio"),
    Route("/audio/speech", "openai.speech"),
    Route(":countTokens", "gemini.count_tokens"),
    Route(":generateContent", "gemini.generate"),
    Route(":streamGenerateContent", "gemini.generate"),
    Route("/interactions", "gemini.interactions"),
    Route(":embedContent", "gemini.embed"),
    Route(":batchEmbedContents", "gemini.embed"),
    Route(":predict", "gemini.embed", within="embedding"),  # Vertex serves much else that way
    Route("/count-tokens:rawPredict", "anthropic.count_tokens"),
    Route(":rawPredict", "anthropic.messages", within="/publishers/anthropic/models/claude"),
    Route(":streamRawPredict", "anthropic.messages", within="/publishers/anthropic/models/claude"),
    Route(":rawPredict", "openai.chat", within="/publishers/mistralai/"),
    Route(":streamRawPredict", "openai.chat", within="/publishers/mistralai/"),
    Route("/invoke", "bedrock.invoke", within="/model/"),
    Route("/invoke-with-response-stream", "bedrock.invoke", within="/model/"),
    Route("/converse", "bedrock.converse", within="/model/"),
    Route("/converse-stream", "bedrock.converse", within="/model/"),
    Route("/count-tokens", "bedrock.count_tokens", within="/model/"),
    Route("/v1/messages/count_tokens", "anthropic.count_tokens"),
    Route("/v1/messages/batches", "batch.create"),
    Route("/batches", "batch.create"),
    Route("/batch/jobs", "batch.create"),  # Mistral's
    Route(":batchGenerateContent", "batch.create"),
    Route(":asyncBatchEmbedContent", "batch.create"),
    Route("/v1/messages", "anthropic.messages"),  # not bare `/messages`: threads have those, unbilled
)
"""What is billed, and what is asked of the same services for nothing: their decoders say which. Of endings that
contain each other the longer comes first."""

_READ_AGAIN: Final = re.compile(r"/(?:(responses)/resp_|(interactions)/)[\w.-]+(?:/cancel)?$")
RESULTS: Final = "batch.results"
"""What `recognise` calls the results of a batch, or a file that may hold them: `wire.Results` reads them."""

_BATCH_RESULTS: Final = re.compile(
    r"/messages/batches/[^/]+/results$"
    r"|^(?!.*/(?:containers|vector_stores)/).*/files/[^/]+(?:/content|:download)$"
    r"|(?P<inlined>/v1(?:alpha|beta)\w*/batches/[\w-]+$)"
)
"""Anthropic's, anybody's files, and Gemini's batches that hold their answers themselves."""

_ANSWERS: Final = {"responses": "openai.responses", "interactions": "gemini.interactions"}
"""Answers that providers keep, and that may still have been in the making when their creation returned."""


def _by_last_word() -> dict[str, tuple[Route, ...]]:
    table: dict[str, tuple[Route, ...]] = {}
    for route in ROUTES:
        word = route.ending[_last_word_at(route.ending) :]
        table[word] = (*table.get(word, ()), route)
    return table


def _last_word_at(path: str) -> int:
    return max(path.rfind("/"), path.rfind(":")) + 1


_ROUTES: Final = _by_last_word()

_MODEL_IN_PATH: Final = re.compile(
    r"/(?:models|tunedModels|endpoints)/(?P<google>[^/:]+):\w+/*$"
    r"|/model/(?P<bedrock>.+)/[\w-]+/*$"
    r"|/deployments/(?P<azure>[^/]+)/"
)

_PLACE_IN_PATH: Final = re.compile(r"/locations/([a-z0-9-]+)/")

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
    ("api.moonshot.cn", "moonshot_ai"),
    ("codestral.mistral.ai", "mistral_ai"),
    ("api.voyageai.com", "voyageai"),
    ("api.novita.ai", "novita"),
    ("api.z.ai", "zai"),
    ("open.bigmodel.cn", "zhipuai"),
    ("api.minimax.io", "minimax"),
    ("api.minimaxi.com", "minimax"),
    ("api.githubcopilot.com", "github-copilot"),
    ("inference.baseten.co", "baseten"),
    ("cloud.databricks.com", "databricks"),
    ("azuredatabricks.net", "databricks"),
    ("gcp.databricks.com", "databricks"),
    ("router.huggingface.co", "huggingface"),
    ("api.sambanova.ai", "sambanova"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("api.jina.ai", "jina"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("amazonaws.com", "aws.bedrock"),
    ("api.aws", "aws.bedrock"),
    ("ollama.com", "ollama"),
)
"""Host endings and OpenTelemetry provider names."""


@lru_cache(maxsize=1024)
def recognise(method: str, host: str, path: str) -> str | None:
    """Name of the API a request is for, or None. Runs on the caller's thread: string endings
    only, and remembered, for a program has few endpoints.

    Any prefix may stand before the API's own path, as gateways and Azure deployments have it. Any host
    may speak these formats; its name only matters for paths that many services have.
    """
    trimmed = path.rstrip("/")
    if method.upper() != "POST":
        return _read(trimmed) if method.upper() == "GET" else None
    for route in _ROUTES.get(trimmed[_last_word_at(trimmed) :], ()):
        if trimmed.endswith(route.ending) and route.within in trimmed:
            return route.api if not route.provider or _may_be(host, route.provider) else None
    return _answer_read(trimmed) if trimmed.endswith("/cancel") else None


def reads_again(method: str, path: str) -> bool:
    """Whether a request that `recognise` knows reads an answer kept by the provider, or stops its making."""
    return method.upper() == "GET" or path.rstrip("/").endswith("/cancel")


def _read(path: str) -> str | None:
    if ("/files/" in path or "/batches/" in path) and _BATCH_RESULTS.search(path):
        return RESULTS
    return _answer_read(path)


def holds_answers(path: str) -> bool:
    """Whether the results of a batch are one object and not lines."""
    found = _BATCH_RESULTS.search(path.rstrip("/"))
    return found is not None and found["inlined"] is not None


def _answer_read(path: str) -> str | None:
    if "/responses/resp_" not in path and "/interactions/" not in path:  # most paths: pay for no more
        return None
    found = _READ_AGAIN.search(path)
    return _ANSWERS[found[1] or found[2]] if found else None


def _may_be(host: str, provider: str) -> bool:
    """Whether a host is not known to be somebody else's. Azure serves models of many makers under their paths."""
    return _listed(host) in {None, provider, "azure.ai.inference"}


@lru_cache(maxsize=1024)
def model_in(path: str) -> str | None:
    """The model a path names: a Google model, a Bedrock model, an Azure deployment.

    Of an Amazon resource name only its last part is kept: before it stands the number of an account.
    """
    found = _MODEL_IN_PATH.search(path)
    if found is None:
        return None
    name = unquote(found["google"] or found["bedrock"] or found["azure"])
    return (name.rpartition("/")[2] if name.startswith("arn:") else name)[:MAX_NAME] or None


@lru_cache(maxsize=1024)
def asks_for_stream(path: str) -> bool:
    """Whether the path itself asks for a stream, as Google's and Amazon's do."""
    return "stream" in path[_last_word_at(path) :].lower()


def assumed_provider(path: str, provider: str) -> str:
    """Who is billed at a host nobody listed: `provider`, whose format it is, unless the path is Vertex's."""
    return "gcp.vertex_ai" if "/publishers/" in path else provider


@lru_cache(maxsize=1024)
def provider_of(host: str, path: str) -> str | None:
    """Who answers at `host`, by its name alone; None for a host nobody listed."""
    provider = _listed(host)
    if provider == "azure.ai.inference" and "/openai/" in path:
        return "azure.ai.openai"
    return provider


@lru_cache(maxsize=1024)
def place_of(host: str, path: str) -> str | None:
    """Where a request asks to be served, where its address says so: a Google location, a region of OpenAI's."""
    found = _PLACE_IN_PATH.search(path)
    if found is not None:
        return found[1]
    region, _, rest = host.lower().partition(".")
    return region if rest == "api.openai.com" else None


@lru_cache(maxsize=256)
def _listed(host: str) -> str | None:
    name = host.lower()
    for ending, provider in _HOSTS:
        if name == ending or name.endswith(("." + ending, "-" + ending)):
            return provider
    return None
