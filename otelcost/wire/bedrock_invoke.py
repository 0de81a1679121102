"""Amazon Bedrock's InvokeModel: every maker's own bodies, told apart by their members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from otelcost.wire import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    eventstream,
    openai_chat,
    openai_completions,
    sse,
    usage,
)
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, as_count
from otelcost.wire.parts import Part, Request, common, texts
from otelcost.wire.reply import Reply, error_name

_METRICS: Final = "amazon-bedrock-invocationMetrics"
_GUARDRAIL: Final = "amazon-bedrock-guardrailAction"

USAGE: Final = usage.UsageMap(
    usage.rows(
        bedrock_converse.ROWS
        + """
        input_tokens                                input_uncached_tokens
        output_tokens                               output_tokens
        cache_read_input_tokens                     cache_read_tokens
        cache_creation_input_tokens                 cache_write
        cache_creation.ephemeral_5m_input_tokens    cache_write_short_tokens
        cache_creation.ephemeral_1h_input_tokens    cache_write_long_tokens
        output_tokens_details.thinking_tokens       reasoning_tokens
        prompt_tokens                               input
        prompt_tokens_details.cached_tokens         cache_read_tokens
        completion_tokens                           output_tokens
        total_tokens                                provider_total_tokens
        inputTokenCount                             input_uncached_tokens
        outputTokenCount                            output_tokens
        prompt_token_count                          input_uncached_tokens
        generation_token_count                      output_tokens
        inputTextTokenCount                         input_uncached_tokens
        totalOutputTextTokenCount                   output_tokens
        """
    ),
    inclusive=False,
)
"""The makers' own names side by side; none of them is used for two things."""

HEADERS: Final = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
}
"""Response headers that count tokens, and the members they stand for."""

_COUNTS: Final = (
    "prompt_token_count",
    "generation_token_count",
    "inputTextTokenCount",
    "totalOutputTextTokenCount",
)
_PROMPTS: Final = ("inputText", "prompt", "message", "texts", "inputs", "input")
_LIMITS: Final = ("max_tokens", "max_gen_len", "max_tokens_to_sample", "maxTokens")
_TEXTS: Final = ("outputText", "generation", "text", "completion")
_LISTS: Final = ("results", "generations", "outputs", "completions")
_REASONS: Final = ("completionReason", "stop_reason", "finish_reason", "finishReason")
_VECTORS: Final = ("embedding", "embeddings", "embeddingsByType")


def request(fields: Fields) -> Request:
    """Parameters and prompt parts, by whose body it is."""
    if "messages" in fields.raw:
        return _conversation(fields)
    read = common(fields)
    config = fields.object("textGenerationConfig") or fields
    limits = (config.count(name) for name in ("maxTokenCount", *_LIMITS))
    read.max_output_tokens = next((limit for limit in limits if limit is not None), None)
    read.temperature = config.number("temperature")
    read.operation = "text_completion"
    read.parts += cohere_chat.turns(fields)
    for name in _PROMPTS:
        read.parts += texts(fields.slice(name), "user")
    image = fields.slice("inputImage")
    read.parts += [] if image is None else [Part("user", "image", image)]
    return read


def _conversation(fields: Fields) -> Request:
    if "anthropic_version" in fields.raw:
        return anthropic_messages.request(fields)
    if "inferenceConfig" in fields.raw or _is_nova(fields):
        return bedrock_converse.request(fields)
    return openai_chat.request(fields)


def _is_nova(fields: Fields) -> bool:
    """Whether the contents have no types: Nova's are `{"text": ...}`, without one."""
    blocks = [block for message in fields.objects("messages") for block in message.objects("content")]
    return bool(blocks) and all("type" not in block.raw for block in blocks)


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole answer, by whose body it is."""
    if body.text("type") == "message" or "content" in body.raw:
        anthropic_messages.whole(body, reply)
    elif "output" in body.raw:
        bedrock_converse.whole(body, reply)
    elif "choices" in body.raw:
        plain = body.text("object") == "text_completion"
        (openai_completions if plain else openai_chat).whole(body, reply)
    else:
        reply.identify(body)
        _take(body, reply)
        reply.complete = True
    _intervened(body, reply)


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream, by whose its first event is; any of its events may be an error."""
    bodies = list(sse.objects(events, reply))
    first = bodies[0].raw if bodies else {}
    if "type" in first:
        anthropic_messages.stream(events, reply)
    elif "choices" in first:
        openai_chat.stream(events, reply)
        reply.complete = bool(reply.finish)
    elif "messageStart" in first:
        bedrock_converse.stream(events, reply)
    else:
        for body in bodies:
            reply.error = error_name(body) or reply.error
            _take(body, reply)
    for body in bodies:
        _intervened(body, reply)
        metrics = body.slice(_METRICS)
        if metrics is not None:
            reply.usage_raw = (reply.usage_raw if reply.usage_final else None) or metrics
            reply.usage_final = reply.complete = True


def _take(body: Fields, reply: Reply) -> None:
    """An answer or a chunk of one, of a maker who sends plain text."""
    reply.id = body.text("response_id") or body.text("generation_id") or reply.id
    for piece in (body, *_pieces(body)):
        for name in _TEXTS:
            value = piece.value(name)
            if isinstance(value, str):
                reply.texts.append(value)
                reply.recognised = True
        _reason(piece, reply)
    if any(name in body.raw for name in _VECTORS):
        reply.recognised = reply.vector = True
    _count(body, reply)


def _pieces(body: Fields) -> Iterator[Fields]:
    for name in _LISTS:
        for piece in body.objects(name):
            yield piece
            data = piece.object("data")
            if data is not None:
                yield data


def _reason(piece: Fields, reply: Reply) -> None:
    for name in _REASONS:
        nested = piece.object(name)
        reason = nested.text("reason") if nested else piece.text(name)
        if reason:
            bedrock_converse.stopped(reason, reply)
            reply.complete = True


def _count(body: Fields, reply: Reply) -> None:
    usage_raw = body.slice("usage")
    if usage_raw is not None:
        reply.usage_raw = usage_raw
        return
    counts = Fields.members(reply.usage_raw) or {}
    counts |= {name: body.raw[name] for name in _COUNTS if body.slice(name) is not None}
    results = [result.count("tokenCount") for result in body.objects("results")]
    known = [count for count in results if count is not None]
    if known:
        counts["totalOutputTextTokenCount"] = msgspec.Raw(msgspec.json.encode(sum(known)))
    if body.count("totalOutputTextTokenCount") is not None:
        reply.complete = True
    reply.usage_raw = msgspec.json.encode(counts) if counts else None


def _intervened(body: Fields, reply: Reply) -> None:
    if body.text(_GUARDRAIL) == "INTERVENED":
        reply.incomplete = True
        reply.finish = reply.finish or ["guardrail_intervened"]


def finish(request: Request, headers: Mapping[str, str], reply: Reply) -> None:
    """Count by the headers where the body does not; see `bedrock_converse.finish` for the model."""
    bedrock_converse.finish(request, headers, reply)
    if reply.vector:
        request.operation = "embeddings"
    if reply.usage_raw is None:
        counts = {name: _header_count(headers.get(header)) for header, name in HEADERS.items()}
        known = {name: count for name, count in counts.items() if count is not None}
        reply.usage_raw = msgspec.json.encode(known) if known else None


def _header_count(value: str | None) -> int | None:
    if value is None or not (value.isascii() and value.isdecimal() and len(value) < 16):
        return None
    return as_count(int(value))


CODEC: Final = Codec(
    "bedrock.invoke",
    "chat",
    "aws.bedrock",
    USAGE,
    request,
    whole,
    stream,
    anthropic_messages.hidden_usage,
    events=eventstream.events_of,
    finish=finish,
)
"""POST /model/{model}/invoke and /invoke-with-response-stream."""
