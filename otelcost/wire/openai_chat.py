"""OpenAI chat completions, and everybody who speaks that format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire import openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.parts import Part, Request, common
from otelcost.wire.reply import Reply, error_name

_DONE: Final = b"[DONE]"


class _Function(msgspec.Struct, gc=False, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False, frozen=True):
    index: int = 0
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False, frozen=True):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct, gc=False, frozen=True):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False, frozen=True):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    error: msgspec.Raw = msgspec.Raw()
    x_groq: msgspec.Raw = msgspec.Raw()


_CHUNKS: Final = msgspec.json.Decoder(list[_Chunk])


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, then the messages in order."""
    read = common(fields)
    asked = fields.count("max_completion_tokens")
    read.max_output_tokens = fields.count("max_tokens") if asked is None else asked
    reasoning = fields.object("reasoning")
    read.effort = fields.text("reasoning_effort") or (reasoning.text("effort") if reasoning else None)
    read.schema = openai_parts.schema(fields.object("response_format"), "json_schema")
    read.parts = openai_parts.tools(fields) + openai_parts.schema_part(read.schema)
    ttl = openai_parts.default_ttl(fields)
    for message in fields.objects("messages"):
        read.parts += _message(message, ttl)
    return read


def _message(message: Fields, ttl: str) -> Iterator[Part]:
    role = openai_parts.role_of(message)
    kind: SegmentKind = "tool_result" if role == "tool" else "text"
    yield from openai_parts.content(message.slice("content"), role, ttl, kind)
    for call in message.objects("tool_calls"):
        function = call.object("function")
        yield Part(role, "tool_call", openai_parts.whole_of(call), name=function.text("name") if function else None)
    legacy = message.object("function_call")
    if legacy is not None:
        yield Part(role, "tool_call", openai_parts.whole_of(legacy), name=legacy.text("name"))


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole completion."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.tier = body.text("service_tier")
    reply.usage_raw = body.slice("usage")
    choices = body.objects("choices")
    reply.recognised = bool(choices) or reply.usage_raw is not None
    reply.complete = True
    for index, choice in enumerate(choices):
        reason = choice.text("finish_reason")
        if reason:
            reply.finish.append(reason)
        message = choice.object("message")
        if message is not None:
            _answer(index, message, reply)


def _answer(index: int, message: Fields, reply: Reply) -> None:
    for name in ("content", "refusal"):
        value = message.value(name)
        if isinstance(value, str):
            reply.texts.append(value)
        elif isinstance(value, list):  # Mistral sends typed parts
            reply.texts += [part["text"] for part in value if isinstance(part, dict) and _has_text(part)]
    for position, call in enumerate(message.objects("tool_calls")):
        _call(call.object("function") or call.object("custom"), (index, position), reply)
    _call(message.object("function_call"), (index, "function_call"), reply)


def _has_text(part: dict[str, object]) -> bool:
    return isinstance(part.get("text"), str)


def _call(function: Fields | None, key: object, reply: Reply) -> None:
    if function is None:
        return
    tool = reply.tool(key)
    tool.name = function.text("name") or ""
    arguments = function.value("arguments") or function.value("input")
    if isinstance(arguments, str):
        tool.arguments.append(arguments)


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream of chunks. `"usage": null` stands in nearly all of them: the last real one counts."""
    payloads = events.payloads
    if _DONE in payloads:
        payloads = [payload for payload in payloads if payload != _DONE]
        reply.complete = True
    chunks = sse.decode_all(_CHUNKS, payloads, events, reply)
    texts: dict[int, list[str]] = {}
    for chunk in chunks:
        _facts(chunk, reply)
        for choice in chunk.choices or ():
            if choice.finish_reason:
                reply.finish.append(choice.finish_reason)
            if choice.delta is not None:
                _delta(choice.index, choice.delta, texts, reply)
    reply.recognised = bool(chunks)
    for index in sorted(texts):
        reply.texts += texts[index]


def _facts(chunk: _Chunk, reply: Reply) -> None:
    reply.id = reply.id or as_text(chunk.id)
    reply.model = reply.model or as_text(chunk.model)
    reply.tier = as_text(chunk.service_tier) or reply.tier
    if chunk.usage:
        reply.usage_raw = _not_null(chunk.usage) or reply.usage_raw
    if chunk.x_groq:
        extra = Fields.parse(chunk.x_groq)
        reply.usage_raw = (extra.slice("usage") if extra else None) or reply.usage_raw
    if chunk.error:
        reply.error = error_name(Fields({"error": chunk.error})) or reply.error


def _not_null(raw: msgspec.Raw) -> bytes | None:
    data = bytes(raw)
    return None if data == b"null" else data


def _delta(index: int, delta: _Delta, texts: dict[int, list[str]], reply: Reply) -> None:
    for text in (delta.content, delta.refusal):
        if text:
            texts.setdefault(index, []).append(text)
    for call in delta.tool_calls or ():
        if call.function is not None:
            _piece((index, call.index), call.function, reply)
    if delta.function_call is not None:
        _piece((index, "function_call"), delta.function_call, reply)


def _piece(key: object, function: _Function, reply: Reply) -> None:
    tool = reply.tool(key)
    tool.name = as_text(function.name) or tool.name
    if function.arguments:
        tool.arguments.append(function.arguments)


CODEC: Final = Codec("openai.chat", "chat", "openai", usage.OPENAI, request, whole, stream)
"""POST /chat/completions."""
