"""Google's generateContent and streamGenerateContent, of the Gemini API and of Vertex AI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire import jsonstream, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.parts import Part, Request, canonical, string, whole_of
from otelcost.wire.reply import Reply, error_name
from otelcost.wire.sse import Events

USAGE: Final = usage.UsageMap(
    usage.rows(
        """
        promptTokenCount                                     input
        toolUsePromptTokenCount                              +input
        cachedContentTokenCount                              cache_read_tokens
        candidatesTokenCount                                 output_tokens
        responseTokenCount                                   output_tokens
        thoughtsTokenCount                                   +output_tokens
        thoughtsTokenCount                                   reasoning_tokens
        totalTokenCount                                      provider_total_tokens
        promptTokensDetails.modality:AUDIO.tokenCount        input_audio_tokens
        promptTokensDetails.modality:IMAGE.tokenCount        input_image_tokens
        cacheTokensDetails.modality:AUDIO.tokenCount         cache_read_audio_tokens
        cacheTokensDetails.modality:IMAGE.tokenCount         cache_read_image_tokens
        candidatesTokensDetails.modality:AUDIO.tokenCount    output_audio_tokens
        candidatesTokensDetails.modality:IMAGE.tokenCount    output_image_tokens
        """
    ),
    inclusive=True,
    omits_zeros=True,
)
"""The prompt includes cached content; thoughts and what tools put into the prompt are counted beside it."""

_ROLES: Final = {"model": "assistant", "function": "tool"}
_TIERS: Final = {
    "on_demand": "standard",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
    "provisioned_throughput": "provisioned",
    "standard": "standard",
    "flex": "flex",
    "priority": "priority",
}
"""Service tiers, by Vertex's traffic types and by the Gemini API's own names."""

_BLOCKED: Final = frozenset(
    {
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "MALFORMED_FUNCTION_CALL",
    }
)
"""Finish reasons of an answer that is not whole."""

_BY_PROMPT: Final = ("gemini-1.", "gemini-2.")
"""Models of whom a prompt with searches is billed once; later ones are billed by the query."""


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, system instruction, then the contents in order."""
    config = fields.object(fields.either("generationConfig", "generation_config")) or Fields({})
    read = Request(
        model=as_text((fields.text("model") or "").rpartition("/")[2]),
        tier=tier_of(fields.text(fields.either("serviceTier", "service_tier"))),
        max_output_tokens=config.count(config.either("maxOutputTokens", "max_output_tokens")),
        temperature=config.number("temperature"),
        choices=config.count(config.either("candidateCount", "candidate_count")),
        effort=_effort(config),
        schema=_schema(config),
        hidden_context=fields.slice(fields.either("cachedContent", "cached_content")) is not None,
        canonical=canonical(fields),
    )
    read.parts = list(_tools(fields))
    if read.schema is not None:
        read.parts.append(Part("system", "schema", read.schema))
    instruction = fields.object(fields.either("systemInstruction", "system_instruction"))
    if instruction is not None:
        read.parts += _content(instruction, "system")
    read.parts += contents(fields, "contents", _resolution(config.text("mediaResolution")))
    return read


def contents(fields: Fields, member: str, detail: str | None = None) -> list[Part]:
    """The parts of a member that is one content or an array of them; `detail` is that of media without their own."""
    found: list[Part] = []
    for content in fields.objects(member) or filter(None, [fields.object(member)]):
        role = content.text("role") or "user"
        found += _content(content, _ROLES.get(role, role), detail)
    return found


def _resolution(name: str | None) -> str | None:
    return name.lower().removeprefix("media_resolution_") if name else None


def tier_of(name: str | None) -> str | None:
    """A service tier by any of Google's names for it, None for an unknown one."""
    return _TIERS.get((name or "").lower().removeprefix("service_tier_"))


def _effort(config: Fields) -> str | None:
    thinking = config.object(config.either("thinkingConfig", "thinking_config"))
    if thinking is None:
        return None
    budget = thinking.value(thinking.either("thinkingBudget", "thinking_budget"))
    level = thinking.text(thinking.either("thinkingLevel", "thinking_level"))
    return level or (f"budget-{budget}" if isinstance(budget, int) else None)


def _schema(config: Fields) -> bytes | None:
    names = ("responseJsonSchema", "responseSchema", "response_json_schema", "response_schema")
    return config.slice(config.either(*names))


def _tools(fields: Fields) -> Iterator[Part]:
    for tool in fields.objects("tools"):
        declared = tool.objects(tool.either("functionDeclarations", "function_declarations"))
        for function in declared:
            yield Part("tool", "tool", whole_of(function), name=function.text("name"))
        if not declared:
            yield Part("tool", "tool", whole_of(tool), name=as_text(next(iter(tool.raw), None)))


def _content(content: Fields, role: str, detail: str | None = None) -> Iterator[Part]:
    for part in content.objects("parts") or filter(None, [content.object("parts")]):
        yield _part(part, role, detail)


def _part(part: Fields, role: str, detail: str | None) -> Part:
    text = string(part.slice("text") or b"")
    if text is not None:
        return Part(role, "text", text)
    call = part.object(part.either("functionCall", "function_call"))
    if call is not None:
        return Part(role, "tool_call", whole_of(part), name=call.text("name"))
    if part.slice(part.either("functionResponse", "function_response")) is not None:
        return Part("tool", "tool_result", whole_of(part))
    media = part.object(part.either("inlineData", "inline_data", "fileData", "file_data"))
    if media is None:
        return Part(role, "text", whole_of(part))
    own = part.object(part.either("mediaResolution", "media_resolution"))
    return Part(
        role, _media_kind(media), whole_of(part), detail=_resolution(own.text("level") if own else None) or detail
    )


def _media_kind(media: Fields) -> SegmentKind:
    family = (media.text(media.either("mimeType", "mime_type")) or "").partition("/")[0]
    if family == "audio":
        return "audio"
    return "image" if family in {"image", "video"} else "document"


class _Draft:
    """What several answers of one stream say together."""

    def __init__(self) -> None:
        self.counts: dict[str, msgspec.Raw] = {}
        self.texts: dict[int, list[str]] = {}
        self.queries: set[str] = set()  # of web searches; each may be told in several answers

    def close(self, reply: Reply) -> None:
        reply.texts = [piece for index in sorted(self.texts) for piece in self.texts[index]]
        if self.counts:
            reply.usage_raw = msgspec.json.encode(self.counts)
        if self.queries:
            reply.tool_counts["web_search_requests"] = len(self.queries)


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole answer."""
    draft = _Draft()
    _take(body, draft, reply)
    draft.close(reply)
    reply.complete = True


def stream(events: Events, reply: Reply) -> None:
    """Read a stream. Each of its answers counts all tokens so far; the last one has the finish reason."""
    draft = _Draft()
    for body in sse.objects(events, reply):
        _take(body, draft, reply)
    draft.close(reply)
    reply.complete = bool(reply.finish)


def _take(body: Fields, draft: _Draft, reply: Reply) -> None:
    reply.error = error_name(body) or reply.error
    reply.model = body.text("modelVersion") or reply.model
    reply.id = body.text("responseId") or reply.id
    latest = Fields.members(body.raw.get("usageMetadata"))
    if latest is not None:
        draft.counts.update(latest)
        counts = Fields(latest)
        reply.tier = tier_of(counts.text(counts.either("trafficType", "serviceTier"))) or reply.tier
    for position, candidate in enumerate(body.objects("candidates")):
        _candidate(candidate, candidate.count("index") or position, draft.texts, reply)
        grounding = candidate.object("groundingMetadata")
        if grounding is not None:
            _queries(grounding.value("webSearchQueries"), draft.queries)
    feedback = body.object("promptFeedback")
    if feedback is not None:
        _finish(feedback.text("blockReason"), reply)
        reply.incomplete = reply.incomplete or bool(feedback.text("blockReason"))
    reply.recognised = reply.recognised or latest is not None or "candidates" in body.raw or feedback is not None


def _candidate(candidate: Fields, index: int, texts: dict[int, list[str]], reply: Reply) -> None:
    _finish(candidate.text("finishReason"), reply)
    content = candidate.object("content")
    for part in content.objects("parts") if content else ():
        text = part.value("text")
        call = part.object("functionCall")
        if isinstance(text, str):
            (reply.thoughts if part.value("thought") is True else texts.setdefault(index, [])).append(text)
        elif call is not None:
            tool = reply.tool((index, len(reply.tools)))
            tool.name = call.text("name") or ""
            tool.arguments.append((call.slice("args") or b"{}").decode("utf-8", "replace"))


def _finish(reason: str | None, reply: Reply) -> None:
    if reason:
        reply.finish.append(reason)
        reply.incomplete = reply.incomplete or reason in _BLOCKED


def _queries(asked: object, queries: set[str]) -> None:
    if isinstance(asked, list):
        queries.update(query for query in asked if isinstance(query, str) and query)


def finish(request: Request, headers: Mapping[str, str], reply: Reply) -> None:
    """The Gemini API tells the tier it served in a header; what its searches are billed by depends on the model."""
    reply.tier = tier_of(headers.get("x-gemini-service-tier")) or reply.tier
    bill_searches(reply.tool_counts.get("web_search_requests"), request, reply)


def bill_searches(queries: int | None, request: Request, reply: Reply) -> None:
    """Count the searches that are billed: every query, or one for the whole prompt."""
    if queries and (reply.model or request.model or "").startswith(_BY_PROMPT):
        reply.tool_counts["web_search_requests"] = 1


CODEC: Final = Codec(
    "gemini.generate",
    "generate_content",
    "gcp.gemini",
    USAGE,
    request,
    whole,
    stream,
    events=jsonstream.array_or_sse,
    finish=finish,
)
"""POST .../models/{model}:generateContent and :streamGenerateContent."""
