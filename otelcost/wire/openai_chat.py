"""OpenAI chat completions, and everybody who speaks that format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeGuard

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire import openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import BAD_JSON, Fields, as_count, as_number, as_text, decode_any, given
from otelcost.wire.parts import IN_PARTS, Part, Request, answering, common, text_of
from otelcost.wire.reply import Choice, Reply, ToolUse, error_name

_DONE: Final = b"[DONE]"
_NOTHING: Final = msgspec.Raw()
_SEARCHES: Final = re.compile(r"gpt-.*-search-(?:preview|api)\b")
"""OpenAI's models that search the web at every call, for a fee that no usage object tells."""


class _Function(msgspec.Struct, gc=False, frozen=True):
    name: str | None = None
    arguments: str | dict[str, object] | None = None  # some servers send the object itself


class _ToolCall(msgspec.Struct, gc=False, frozen=True):
    index: int | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False, frozen=True):
    content: str | list[msgspec.Raw] | None = None  # Mistral's thinking models send typed parts
    refusal: str | None = None
    reasoning_content: msgspec.Raw = _NOTHING  # DeepSeek, vLLM
    reasoning: msgspec.Raw = _NOTHING  # OpenRouter, Groq
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
    error: msgspec.Raw = _NOTHING
    x_groq: dict[str, msgspec.Raw] | None = None


_CHUNKS: Final = msgspec.json.Decoder(list[_Chunk])


class _Message(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    role: str
    content: msgspec.Raw = _NOTHING
    name: msgspec.Raw = _NOTHING
    refusal: msgspec.Raw = _NOTHING
    annotations: msgspec.Raw = _NOTHING
    reasoning_content: msgspec.Raw = _NOTHING
    tool_call_id: msgspec.Raw = _NOTHING
    tool_calls: msgspec.Raw = _NOTHING
    function_call: msgspec.Raw = _NOTHING


class _Plain(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A request of the members that most have, each of its usual type."""

    messages: list[_Message]
    model: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    service_tier: str | None = None
    reasoning_effort: str | None = None
    reasoning: msgspec.Raw = _NOTHING
    response_format: msgspec.Raw = _NOTHING
    tools: msgspec.Raw = _NOTHING
    tool_choice: msgspec.Raw = _NOTHING
    parallel_tool_calls: msgspec.Raw = _NOTHING
    top_p: msgspec.Raw = _NOTHING
    stop: msgspec.Raw = _NOTHING
    seed: msgspec.Raw = _NOTHING
    frequency_penalty: msgspec.Raw = _NOTHING
    presence_penalty: msgspec.Raw = _NOTHING
    logit_bias: msgspec.Raw = _NOTHING
    logprobs: msgspec.Raw = _NOTHING
    top_logprobs: msgspec.Raw = _NOTHING
    verbosity: msgspec.Raw = _NOTHING
    store: msgspec.Raw = _NOTHING
    prompt_cache_key: msgspec.Raw = _NOTHING
    stream_options: msgspec.Raw = _NOTHING
    user: msgspec.Raw = _NOTHING
    metadata: msgspec.Raw = _NOTHING
    safety_identifier: msgspec.Raw = _NOTHING


class _Named(msgspec.Struct, gc=False, frozen=True):
    name: str | None = None
    arguments: str | None = None
    input: str | None = None


class _Asked(msgspec.Struct, gc=False, frozen=True):
    function: _Named | None = None
    custom: _Named | None = None


class _Said(msgspec.Struct, gc=False, frozen=True):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Asked] | None = None
    function_call: _Named | None = None


class _Chosen(msgspec.Struct, gc=False, frozen=True):
    finish_reason: str | None = None
    message: _Said | None = None


class _Completion(msgspec.Struct, gc=False, frozen=True):
    """An answer whose members are of their usual types, whatever else it holds."""

    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    choices: list[_Chosen] | None = None
    usage: msgspec.Raw = _NOTHING
    error: None = None


_PLAIN: Final = msgspec.json.Decoder(_Plain)
_COMPLETIONS: Final = msgspec.json.Decoder(_Completion)


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
        role = openai_parts.role_of(message)
        told = openai_parts.content(message.view("content"), role, ttl, _kind(role))
        read.parts += answering(message.text("tool_call_id"), told)
        read.parts += _calls(message, role)
    return read


def plain(body: bytes) -> Request | None:
    """What `request` reads, in one pass over a body that has nothing unusual; None of any other."""
    try:
        asked = _PLAIN.decode(body)
    except BAD_JSON:
        return None
    read = Request(
        model=as_text(asked.model),
        stream=asked.stream is True,
        tier=as_text(asked.service_tier),
        temperature=as_number(asked.temperature),
        top_p=as_number(decode_any(asked.top_p)) if asked.top_p else None,
        seed=as_count(decode_any(asked.seed)) if asked.seed else None,
        choices=as_count(asked.n),
        max_output_tokens=as_count(
            asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens
        ),
        effort=as_text(asked.reasoning_effort),
        apart=True,
    )
    if asked.reasoning and read.effort is None:
        reasoning = Fields.parse(asked.reasoning)
        read.effort = reasoning.text("effort") if reasoning else None
    if asked.response_format:
        read.schema = openai_parts.schema(Fields.parse(asked.response_format), "json_schema")
    tools = openai_parts.tools(Fields({"tools": asked.tools})) if asked.tools else []
    read.parts = tools + openai_parts.schema_part(read.schema)
    for message in asked.messages:
        _plain_message(message, read.parts)
    asked.stream, asked.stream_options = None, _NOTHING
    asked.user = asked.metadata = asked.safety_identifier = _NOTHING
    read.canonical = [msgspec.json.encode(asked)]
    return read


def _plain_message(message: _Message, parts: list[Part]) -> None:
    role = openai_parts.in_segments(message.role)
    call_id = as_text(decode_any(message.tool_call_id)) if message.tool_call_id else None
    text = text_of(message.content)
    if text is not None:
        parts.append(Part(role, _kind(role), text, call_id=call_id))
        message.content = IN_PARTS
    elif message.content:
        content = Fields({"content": message.content}).view("content")
        parts += answering(call_id, openai_parts.content(content, role, openai_parts.DEFAULT_TTL, _kind(role)))
    if message.tool_calls or message.function_call:
        calls = {"tool_calls": message.tool_calls, "function_call": message.function_call}
        parts += _calls(Fields({name: raw for name, raw in calls.items() if raw}), role)


def _kind(role: str) -> SegmentKind:
    return "tool_result" if role == "tool" else "text"


def _calls(message: Fields, role: str) -> Iterator[Part]:
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
        message, before = choice.object("message"), len(reply.texts)
        if message is not None:
            _answer(index, message, reply)
        reply.choices.append(Choice(index, len(reply.texts) - before, reason))


def plain_whole(body: bytes, reply: Reply) -> bool:
    """What `whole` reads, in one pass over a completion that has nothing unusual; False of any other."""
    try:
        completion = _COMPLETIONS.decode(body)
    except BAD_JSON:
        return False
    reply.model, reply.id = as_text(completion.model), as_text(completion.id)
    reply.tier = as_text(completion.service_tier)
    reply.usage_raw = given(completion.usage)
    reply.recognised = bool(completion.choices) or reply.usage_raw is not None
    reply.complete = True
    for index, choice in enumerate(completion.choices or ()):
        reason, before = as_text(choice.finish_reason), len(reply.texts)
        if reason:
            reply.finish.append(reason)
        if choice.message is not None:
            _said(index, choice.message, reply)
        reply.choices.append(Choice(index, len(reply.texts) - before, reason))
    return True


def _said(index: int, message: _Said, reply: Reply) -> None:
    reply.texts += [text for text in (message.content, message.refusal) if text]
    calls: list[tuple[object, _Named | None]] = []
    if message.tool_calls:
        calls = [((index, at), call.function or call.custom) for at, call in enumerate(message.tool_calls)]
    for key, named in (*calls, ((index, "function_call"), message.function_call)):
        if named is not None:
            tool = reply.tool(key)
            tool.name = as_text(named.name) or ""
            _arguments(tool, named.arguments or named.input)


def _answer(index: int, message: Fields, reply: Reply) -> None:
    for name in ("content", "refusal"):
        value = message.value(name)
        if isinstance(value, str):
            reply.texts += [value] if value else []
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
    reasons: dict[int, str] = {}
    for chunk in chunks:
        if chunk.usage is not None or chunk.x_groq is not None or chunk.error:
            _extras(chunk, reply)
        for choice in chunk.choices or ():
            if choice.finish_reason:
                reasons[choice.index or 0] = choice.finish_reason
            if choice.delta is not None:
                _delta(choice.index or 0, choice.delta, texts, reply)
    reply.recognised = bool(chunks)
    reply.model = _first(chunk.model for chunk in chunks)
    reply.id = _first(chunk.id for chunk in chunks)
    reply.tier = _first(chunk.service_tier for chunk in reversed(chunks))
    reply.gather(texts, reasons)


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


def finish(request: Request, headers: Mapping[str, str], reply: Reply) -> None:
    """Count the search of a model that cannot answer without one."""
    del request, headers
    if reply.model is not None and _SEARCHES.search(reply.model):
        reply.tool_counts["web_search_requests"] = 1


CODEC: Final = Codec(
    "openai.chat",
    "chat",
    "openai",
    usage.OPENAI,
    request,
    whole,
    stream,
    finish=finish,
    dialects=dict.fromkeys(("gcp.gemini", "gcp.vertex_ai"), usage.OPENAI_BY_GOOGLE),
    plain=plain,
    plain_whole=plain_whole,
)
"""POST /chat/completions."""
