"""OpenAI chat completions, and everybody who speaks that format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeGuard

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire import openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, as_text, decode_any
from otelcost.wire.parts import Part, Request, common
from otelcost.wire.reply import Reply, ToolUse, error_name

_DONE: Final = b"[DONE]"


class _Function(msgspec.Struct, gc=False, frozen=True):
    name: str | None = None
    arguments: str | dict[str, object] | None = None  # some servers send the object itself


class _ToolCall(msgspec.Struct, gc=False, frozen=True):
    index: int | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False, frozen=True):
    content: str | list[msgspec.Raw] | None = None  # Mistral's thinking models send typed parts
    refusal: str | None = None
    reasoning_content: msgspec.Raw = msgspec.Raw()  # DeepSeek, vLLM
    reasoning: msgspec.Raw = msgspec.Raw()  # OpenRouter, Groq
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct, gc=False, frozen=True):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False, frozen=True):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: dict[str, msgspec.Raw] | None = None
    service_tier: str | None = None
    error: msgspec.Raw = msgspec.Raw()
    x_groq: dict[str, msgspec.Raw] | None = None


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
    yield from openai_parts.content(message.view("content"), role, ttl, kind)
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
        elif isinstance(value, list):
            reply.texts += [part["text"] for part in value if _has_text(part)]
    for position, call in enumerate(message.objects("tool_calls")):
        _call(call.object("function") or call.object("custom"), (index, position), reply)
    _call(message.object("function_call"), (index, "function_call"), reply)


def _has_text(part: object) -> TypeGuard[dict[str, str]]:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _call(function: Fields | None, key: object, reply: Reply) -> None:
    if function is None:
        return
    tool = reply.tool(key)
    tool.name = function.text("name") or ""
    _arguments(tool, function.value("arguments") or function.value("input"))


def _arguments(tool: ToolUse, value: object) -> None:
    if isinstance(value, str):
        tool.arguments.append(value)
    elif isinstance(value, dict):
        tool.arguments.append(msgspec.json.encode(value).decode())


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream of chunks. `"usage": null` stands in nearly all of them: the last real one counts."""
    payloads = events.payloads
    if _DONE in payloads:
        payloads = [payload for payload in payloads if payload != _DONE]
        reply.complete = True
    chunks = sse.decode_all(_CHUNKS, payloads, events, reply)
    texts: dict[int, list[str]] = {}
    for chunk in chunks:
        if chunk.usage is not None or chunk.x_groq is not None or chunk.error:
            _extras(chunk, reply)
        for choice in chunk.choices or ():
            if choice.finish_reason:
                reply.finish.append(choice.finish_reason)
            if choice.delta is not None:
                _delta(choice.index or 0, choice.delta, texts, reply)
    reply.recognised = bool(chunks)
    reply.model = _first(chunk.model for chunk in chunks)
    reply.id = _first(chunk.id for chunk in chunks)
    reply.tier = _first(chunk.service_tier for chunk in reversed(chunks))
    for index in sorted(texts):
        reply.texts += texts[index]


def _first(values: Iterable[str | None]) -> str | None:
    return as_text(next((value for value in values if value), None))


def _extras(chunk: _Chunk, reply: Reply) -> None:
    counts = chunk.usage
    if counts is None and chunk.x_groq is not None:
        counts = Fields.members(chunk.x_groq.get("usage"))
    if counts:
        reply.usage_raw = msgspec.json.encode(counts)
    reply.error = error_name(Fields({"error": chunk.error})) or reply.error


def _delta(index: int, delta: _Delta, texts: dict[int, list[str]], reply: Reply) -> None:
    if delta.content:
        _text(delta.content, texts.setdefault(index, []))
    if delta.refusal:
        texts.setdefault(index, []).append(delta.refusal)
    thought = delta.reasoning_content or delta.reasoning
    if thought:
        value = decode_any(thought)
        reply.thoughts += [value] if isinstance(value, str) else []
    if delta.tool_calls:
        for position, call in enumerate(delta.tool_calls):
            if call.function is not None:
                _piece((index, position if call.index is None else call.index), call.function, reply)
    if delta.function_call is not None:
        _piece((index, "function_call"), delta.function_call, reply)


def _text(content: str | list[msgspec.Raw], into: list[str]) -> None:
    if isinstance(content, str):
        into.append(content)
        return
    into += [part["text"] for part in map(decode_any, content) if _has_text(part)]


def _piece(key: object, function: _Function, reply: Reply) -> None:
    tool = reply.tool(key)
    tool.name = as_text(function.name) or tool.name
    _arguments(tool, function.arguments)


CODEC: Final = Codec("openai.chat", "chat", "openai", usage.OPENAI, request, whole, stream)
"""POST /chat/completions."""
