"""OpenAI responses: one terminal event holds the whole answer, so deltas matter only where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from otelcost.wire import openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import BAD_JSON, Fields, as_count, as_number, as_text, decode_any, given
from otelcost.wire.parts import IN_PARTS, Part, Request, answering, common, string, text_of, unmarked
from otelcost.wire.reply import Reply, as_name, error_name

_TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_TEXT_DELTAS: Final = frozenset({"response.output_text.delta", "response.refusal.delta"})
_ARGUMENT_DELTAS: Final = frozenset(
    {
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.mcp_call_arguments.delta",
    }
)
_ARGUMENT_MEMBERS: Final = ("arguments", "input", "code")
_CLIENT_CALLS: Final = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
    }
)
_COUNTED: Final = {
    "web_search_call": "web_search_requests",
    "file_search_call": "file_search_requests",
    "code_interpreter_call": "code_execution_requests",
}
"""Output items that are billed by the piece, and the bucket that counts them."""

_STRUCTURED: Final = ("reasoning", "text", "tools", "previous_response_id", "conversation")
_NOTHING: Final = msgspec.Raw()
_DELAYED: Final = frozenset({"2h", "8h"})


class _Event(msgspec.Struct, gc=False, frozen=True):
    type: str = ""
    response: msgspec.Raw = _NOTHING
    item: msgspec.Raw = _NOTHING
    delta: msgspec.Raw = _NOTHING
    output_index: int = 0
    code: str | None = None
    error: msgspec.Raw = _NOTHING


class _Message(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    role: str
    content: msgspec.Raw
    type: Literal["message"] = "message"


class _Plain(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A request of the members that most have, each of its usual type."""

    input: msgspec.Raw
    model: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    service_tier: str | None = None
    instructions: msgspec.Raw = _NOTHING
    previous_response_id: msgspec.Raw = _NOTHING
    conversation: msgspec.Raw = _NOTHING
    reasoning: msgspec.Raw = _NOTHING
    text: msgspec.Raw = _NOTHING
    tools: msgspec.Raw = _NOTHING
    tool_choice: msgspec.Raw = _NOTHING
    parallel_tool_calls: msgspec.Raw = _NOTHING
    include: msgspec.Raw = _NOTHING
    store: msgspec.Raw = _NOTHING
    top_p: msgspec.Raw = _NOTHING
    truncation: msgspec.Raw = _NOTHING
    prompt_cache_key: msgspec.Raw = _NOTHING
    stream_options: msgspec.Raw = _NOTHING
    user: msgspec.Raw = _NOTHING
    metadata: msgspec.Raw = _NOTHING
    safety_identifier: msgspec.Raw = _NOTHING


class _Said(msgspec.Struct, gc=False, frozen=True):
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct, gc=False, frozen=True):
    type: Literal["message", "function_call", "reasoning"]
    content: list[_Said] | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    code: str | None = None


class _Conversation(msgspec.Struct, gc=False, frozen=True):
    id: str | None = None


class _Answer(msgspec.Struct, gc=False, frozen=True):
    """An answer that is whole and whose members are of their usual types, whatever else it holds."""

    status: Literal["completed"]
    output: list[_Item]
    id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    conversation: _Conversation | None = None
    usage: msgspec.Raw = _NOTHING
    error: None = None
    incomplete_details: None = None


_ANSWERS: Final = msgspec.json.Decoder(_Answer)
_EVENTS: Final = msgspec.json.Decoder(list[_Event])
_PLAIN: Final = msgspec.json.Decoder(_Plain)
_MESSAGES: Final = msgspec.json.Decoder(list[_Message])


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, instructions, then the input items in order."""
    read = common(fields)
    read.max_output_tokens = fields.count("max_output_tokens")
    _shape(fields, read)
    background = fields.object("background_options")
    window = background.text("completion_window") if background else None
    read.tier = f"background-{window}" if window in _DELAYED else read.tier
    ttl = openai_parts.default_ttl(fields)
    read.parts = openai_parts.tools(fields) + openai_parts.schema_part(read.schema)
    read.parts += openai_parts.content(fields.slice("instructions"), "system", ttl)
    read.parts += _input(fields, ttl)
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
        max_output_tokens=as_count(asked.max_output_tokens),
        apart=True,
    )
    fields = Fields({name: raw for name in _STRUCTURED if (raw := getattr(asked, name))})
    if fields.raw:
        _shape(fields, read)
    read.parts = openai_parts.tools(fields) + openai_parts.schema_part(read.schema)
    instructions = text_of(asked.instructions)
    if instructions is not None:
        read.parts.append(Part("system", "text", instructions))
        asked.instructions = IN_PARTS
    elif asked.instructions:
        read.parts += openai_parts.content(given(asked.instructions), "system", openai_parts.DEFAULT_TTL)
    asked.input = _plain_input(asked.input, read.parts)
    asked.stream, asked.stream_options = None, _NOTHING
    asked.user = asked.metadata = asked.safety_identifier = _NOTHING
    read.canonical = [msgspec.json.encode(asked)]
    return read


def _plain_input(raw: msgspec.Raw, parts: list[Part]) -> msgspec.Raw:
    """Append the parts of an input; what of it is in no part is left."""
    text = text_of(raw)
    if text is not None:
        parts.append(Part("user", "text", text))
        return IN_PARTS
    try:
        messages = _MESSAGES.decode(raw)
    except BAD_JSON:
        parts += _input(Fields({"input": raw}), openai_parts.DEFAULT_TTL)
        return raw
    for message in messages:
        role, text = openai_parts.in_segments(message.role), text_of(message.content)
        if text is None:
            parts += openai_parts.content(given(message.content), role, openai_parts.DEFAULT_TTL)
        else:
            parts.append(Part(role, "text", text))
            message.content = IN_PARTS
    return msgspec.Raw(msgspec.json.encode(messages))


def _shape(fields: Fields, read: Request) -> None:
    """What a request says of its answer, and of turns that are not in it."""
    reasoning, text = fields.object("reasoning"), fields.object("text")
    read.effort = reasoning.text("effort") if reasoning else None
    read.schema = openai_parts.schema(text.object("format") if text else None, "schema")
    read.previous = fields.text("previous_response_id")
    read.conversation = _conversation(fields)
    read.hidden_context = any(
        fields.slice(name) is not None for name in ("previous_response_id", "conversation", "prompt")
    )


def _conversation(fields: Fields) -> str | None:
    """Its id, which a request may give by itself."""
    named = fields.object("conversation")
    return fields.text("conversation") if named is None else named.text("id")


def _input(fields: Fields, ttl: str) -> Iterator[Part]:
    raw = fields.slice("input")
    text = string(raw) if raw is not None else None
    if text is not None:
        yield Part("user", "text", text)
        return
    for item in fields.objects("input"):
        yield from _input_item(item, ttl)


def _input_item(item: Fields, ttl: str) -> Iterator[Part]:
    kind = item.text("type") or "message"
    if kind == "message":
        yield from openai_parts.content(item.slice("content"), openai_parts.role_of(item), ttl)
    elif kind.endswith("_output"):
        output = item.slice("output") or openai_parts.whole_of(item)
        yield from answering(item.text("call_id"), openai_parts.content(output, "tool", ttl, "tool_result"))
    elif kind.endswith("_call"):
        yield Part("assistant", "tool_call", openai_parts.whole_of(item), name=item.text("name") or kind)
    else:
        yield Part("assistant", "text", unmarked(openai_parts.whole_of(item)))


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole response. One still queued or running has no usage yet, and is not an answer."""
    reply.identify(body)
    reply.conversation = _conversation(body)
    reply.tier = body.text("service_tier") or reply.tier
    reply.usage_raw = body.slice("usage") or reply.usage_raw
    state = body.text("status")
    output = body.array("output")
    reply.recognised = output is not None or reply.usage_raw is not None
    reply.complete = True
    reply.error = error_name(body)
    if state in {"failed", "cancelled"}:
        reply.error = reply.error or f"response_{state}"
    details = body.object("incomplete_details")
    reason = (details.text("reason") if details else None) or state
    if reason:
        reply.finish = [reason]
    reply.incomplete = state == "incomplete"
    reply.texts, reply.tools = [], {}
    if state in {"queued", "in_progress"}:  # runs on in the background; its usage is told elsewhere
        reply.flags.add("lower_bound")
    elif output is not None:
        reply.tool_counts = dict.fromkeys(_COUNTED.values(), 0)
        for index, item in enumerate(body.objects("output")):
            _output_item(index, item, reply)
        _tools_used(body.object("tool_usage"), reply)


def _tools_used(told: Fields | None, reply: Reply) -> None:
    """What the provider counts itself goes before counted items; pictures are drawn by a model of another price."""
    searches, pictures = (told.object(name) if told else None for name in ("web_search", "image_gen"))
    if searches is not None:
        count = searches.count("num_requests")
        reply.tool_counts |= {} if count is None else {"web_search_requests": count}
    tokens = pictures.count("total_tokens") if pictures else None
    drawn = any(tool.server and tool.name == "image_generation" for tool in reply.tools.values())
    if tokens or (tokens is None and drawn):
        reply.flags.add("lower_bound")


def plain_whole(body: bytes, reply: Reply) -> bool:
    """What `whole` reads, in one pass over a response that has nothing unusual; False of any other."""
    try:
        answer = _ANSWERS.decode(body)
    except BAD_JSON:
        return False
    reply.model, reply.id = as_text(answer.model), as_text(answer.id)
    reply.tier = as_text(answer.service_tier)
    reply.conversation = as_text(answer.conversation.id) if answer.conversation else None
    reply.usage_raw = given(answer.usage)
    reply.recognised = reply.complete = True
    reply.finish = [answer.status]
    reply.tool_counts = dict.fromkeys(_COUNTED.values(), 0)
    for index, item in enumerate(answer.output):
        if item.type == "message":
            reply.texts += [text for part in item.content or () if (text := part.text or part.refusal)]
        elif item.type == "function_call":
            tool = reply.tool(index)
            tool.name = as_text(item.name) or "function"
            tool.arguments = [value for value in (item.arguments, item.input, item.code) if value is not None]
    return True


def _output_item(index: int, item: Fields, reply: Reply) -> None:
    kind = item.text("type") or ""
    if kind == "message":
        for part in item.objects("content"):
            value = part.value("text") or part.value("refusal")
            if isinstance(value, str):
                reply.texts.append(value)
    elif kind.endswith("_call"):
        _count(kind, item, reply)
        tool = reply.tool(index)
        tool.name = item.text("name") or kind.removesuffix("_call")
        tool.server = kind not in _CLIENT_CALLS
        values = (item.value(name) for name in _ARGUMENT_MEMBERS)
        tool.arguments = [value for value in values if isinstance(value, str)]


def _count(kind: str, item: Fields, reply: Reply) -> None:
    bucket = _COUNTED.get(kind)
    if bucket is None:
        return
    action = item.object("action")
    if action is not None and action.text("type") not in {None, "search"}:
        return  # opening a page that a search found is not another search
    reply.tool_counts[bucket] = reply.tool_counts.get(bucket, 0) + 1


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream: the terminal event's response where it arrived, else what the deltas told so far."""
    decoded = sse.decode_all(_EVENTS, events.payloads, events, reply)
    terminal: msgspec.Raw | None = None
    for event in decoded:
        if event.type in _TERMINAL:
            terminal = event.response
        else:
            _event(event, reply)
    reply.recognised = bool(decoded)
    body = Fields.parse(terminal) if terminal is not None else None
    if body is not None:
        failed = reply.error
        whole(body, reply)
        reply.error = reply.error or failed


def _event(event: _Event, reply: Reply) -> None:
    if event.type in _TEXT_DELTAS:
        text = _text(event.delta)
        reply.texts.append(text)
    elif event.type in _ARGUMENT_DELTAS:
        reply.tool(event.output_index).arguments.append(_text(event.delta))
    elif event.type == "response.output_item.added":
        _announce(event, reply)
    elif event.type in {"response.created", "response.in_progress", "response.queued"}:
        body = Fields.parse(event.response)
        if body is not None:
            reply.identify(body)
            reply.tier = body.text("service_tier") or reply.tier
    elif event.type == "error" or event.error:
        members = Fields({"error": event.error} if event.error else {})
        reply.error = as_name(event.code) or error_name(members) or "error"
    elif not event.type.startswith("response."):
        reply.flags.add("unknown_event")


def _text(delta: msgspec.Raw) -> str:
    value = Fields({"delta": delta}).value("delta")
    return value if isinstance(value, str) else ""


def _announce(event: _Event, reply: Reply) -> None:
    item = Fields.parse(event.item)
    kind = (item.text("type") if item else None) or ""
    if item is not None and kind.endswith("_call"):
        _count(kind, item, reply)
        tool = reply.tool(event.output_index)
        tool.name = item.text("name") or kind.removesuffix("_call")
        tool.server = kind not in _CLIENT_CALLS


CODEC: Final = Codec(
    "openai.responses", "chat", "openai", usage.OPENAI, request, whole, stream, plain=plain, plain_whole=plain_whole
)
"""POST /responses. Only creating one bills: reading it again repeats the same usage."""
