"""Anthropic messages, stable and beta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from otelcost.model import Flag, SegmentKind, Usage
from otelcost.wire import sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import BAD_JSON, Fields, as_count, as_number, as_text, decode_any, given
from otelcost.wire.parts import IN_PARTS, Part, Request, common, string, text_of, unmarked
from otelcost.wire.registry import MAX_NAME
from otelcost.wire.reply import Reply, error_name

_NOTHING: Final = msgspec.Raw()
_MEDIA_TYPES: Final[dict[str, SegmentKind]] = {
    "image": "image",
    "document": "document",
    "search_result": "document",
    "container_upload": "document",
}
_STRUCTURED: Final = ("tools", "output_config", "output_format", "thinking", "cache_control")
_SERVER_USES: Final = frozenset({"server_tool_use", "mcp_tool_use"})
_KNOWN: Final = frozenset({"content_block_stop", "ping"})


class _Delta(msgspec.Struct, gc=False, frozen=True):
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    stop_reason: str | None = None


class _Event(msgspec.Struct, gc=False, frozen=True):
    type: str = ""
    index: int = 0
    message: msgspec.Raw = _NOTHING
    content_block: msgspec.Raw = _NOTHING
    delta: _Delta | None = None
    usage: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


_EVENTS: Final = msgspec.json.Decoder(list[_Event])


class _Message(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    role: str
    content: msgspec.Raw = _NOTHING


class _Control(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    type: str | None = None
    ttl: str | None = None


class _Text(msgspec.Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    type: Literal["text"]
    text: msgspec.Raw
    cache_control: _Control | None = None


class _Plain(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A request of the members that most have, each of its usual type."""

    messages: list[_Message]
    model: str | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    temperature: float | None = None
    service_tier: str | None = None
    system: msgspec.Raw = _NOTHING
    tools: msgspec.Raw = _NOTHING
    tool_choice: msgspec.Raw = _NOTHING
    thinking: msgspec.Raw = _NOTHING
    output_config: msgspec.Raw = _NOTHING
    output_format: msgspec.Raw = _NOTHING
    cache_control: msgspec.Raw = _NOTHING
    stop_sequences: msgspec.Raw = _NOTHING
    top_k: msgspec.Raw = _NOTHING
    top_p: msgspec.Raw = _NOTHING
    metadata: msgspec.Raw = _NOTHING


class _Made(msgspec.Struct, gc=False, frozen=True):
    type: str = ""
    text: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NOTHING


class _Answer(msgspec.Struct, gc=False, frozen=True):
    """An answer whose members are of their usual types, whatever else it holds."""

    id: str | None = None
    model: str | None = None
    content: list[_Made] | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = _NOTHING
    error: None = None


_TEXTS: Final = msgspec.json.Decoder(list[_Text])
_PLAIN: Final = msgspec.json.Decoder(_Plain)
_ANSWERS: Final = msgspec.json.Decoder(_Answer)


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, system, then the messages in order."""
    read = common(fields)
    read.max_output_tokens = fields.count("max_tokens")
    read.effort = _effort(fields)
    read.schema = _schema(fields)
    read.hidden_context = fields.slice("thread") is not None
    read.parts = _preamble(fields, read.schema)
    for message in fields.objects("messages"):
        read.parts += _content(message, "content", message.text("role") or "user")
    _mark_last(fields, read.parts)
    return read


def plain(body: bytes) -> Request | None:
    """What `request` reads, in one pass over a body that has nothing unusual; None of any other."""
    try:
        asked = _PLAIN.decode(body)
    except BAD_JSON:
        return None
    fields = Fields({name: raw for name in _STRUCTURED if (raw := getattr(asked, name))})
    read = Request(
        model=as_text(asked.model),
        stream=asked.stream is True,
        tier=as_text(asked.service_tier),
        temperature=as_number(asked.temperature),
        top_p=as_number(decode_any(asked.top_p)) if asked.top_p else None,
        max_output_tokens=as_count(asked.max_tokens),
        effort=_effort(fields),
        schema=_schema(fields),
        apart=True,
    )
    read.parts = _preamble(fields, read.schema)
    asked.system = _plain_content(asked.system, "system", read.parts)
    for message in asked.messages:
        message.content = _plain_content(message.content, as_text(message.role) or "user", read.parts)
    _mark_last(fields, read.parts)
    asked.stream, asked.metadata = None, _NOTHING
    read.canonical = [msgspec.json.encode(asked)]
    return read


def _plain_content(raw: msgspec.Raw, role: str, parts: list[Part]) -> msgspec.Raw:
    """Append the parts of a content; what of it is in no part is left."""
    if not raw:
        return raw
    text = text_of(raw)
    if text is not None:
        parts.append(Part(role, "text", text))
        return IN_PARTS
    try:
        blocks = _TEXTS.decode(raw)
    except BAD_JSON:
        blocks = []
    found = [(block, text) for block in blocks if (text := text_of(block.text)) is not None]
    if not blocks or len(found) < len(blocks):
        parts += _content(Fields({"content": raw}), "content", role)
        return raw
    for block, text in found:
        parts.append(Part(role, "text", text, cache=_time_to_live(block.cache_control)))
        block.text = IN_PARTS
    return msgspec.Raw(msgspec.json.encode(blocks))


def _time_to_live(control: _Control | None) -> str | None:
    if control is None:
        return None
    return "1h" if control.ttl == "1h" else "5m"


def _preamble(fields: Fields, schema: bytes | None) -> list[Part]:
    """The parts before the messages, as far as the members are there."""
    parts = [_tool(tool) for tool in fields.objects("tools")]
    if schema is not None:
        parts.append(Part("system", "schema", schema))
    parts += _content(fields, "system", "system")
    return parts


def _mark_last(fields: Fields, parts: list[Part]) -> None:
    """A request's own cache breakpoint stands behind its last part."""
    marker = _marker(fields)
    if marker is not None and parts and parts[-1].cache is None:
        parts[-1] = msgspec.structs.replace(parts[-1], cache=marker)


def _effort(fields: Fields) -> str | None:
    config, thinking = fields.object("output_config"), fields.object("thinking")
    effort = config.text("effort") if config else None
    if effort is not None or thinking is None:
        return effort
    budget = thinking.count("budget_tokens")
    return thinking.text("type") if budget is None else f"budget-{budget}"


def _schema(fields: Fields) -> bytes | None:
    config = fields.object("output_config")
    chosen = (config.object("format") if config else None) or fields.object("output_format")
    return chosen.slice("schema") if chosen else None


def _marker(fields: Fields) -> str | None:
    """The cache breakpoint of a block: "5m" unless it asks for an hour."""
    control = fields.object("cache_control")
    if control is None:
        return None
    return "1h" if control.text("ttl") == "1h" else "5m"


def _tool(tool: Fields) -> Part:
    return Part("tool", "tool", _members(tool), name=tool.text("name") or tool.text("type"), cache=_marker(tool))


def _members(block: Fields) -> bytes:
    """A block's members in their order, without cache markers at any depth."""
    members = (
        b'"%b":%b' % (name.encode("utf-8", "replace"), bytes(raw))
        for name, raw in block.raw.items()
        if name != "cache_control"
    )
    return unmarked(b"{" + b",".join(members) + b"}")


def _content(fields: Fields, member: str, role: str) -> Iterator[Part]:
    raw = fields.view(member)
    if raw is None:
        return
    text = string(raw)
    if text is not None:
        yield Part(role, "text", text)
        return
    for block in fields.objects(member):
        yield _block(block, role)


def _block(block: Fields, role: str) -> Part:
    block_type, cache = block.text("type") or "", _marker(block)
    if block_type == "text":
        text = string(block.view("text") or b'""')
        if text is not None:
            return Part(role, "text", text, cache=cache)
    if block_type.endswith("tool_use"):
        return Part(role, "tool_call", _members(block), name=block.text("name"), cache=cache)
    kind: SegmentKind = _MEDIA_TYPES.get(block_type, "text")
    if block_type.endswith("tool_result"):
        kind = "tool_result"
    return Part(role, kind, _members(block), cache=cache)


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole message."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("usage")
    blocks = body.array("content")
    reply.recognised = blocks is not None or reply.usage_raw is not None
    reply.complete = True
    reason = body.text("stop_reason")
    if reason:
        reply.finish = [reason]
    reply.refused = reason == "refusal" and not blocks
    for index, block in enumerate(body.objects("content")):
        _answer(index, block, reply)


def plain_whole(body: bytes, reply: Reply) -> bool:
    """What `whole` reads, in one pass over a message that has nothing unusual; False of any other."""
    try:
        answer = _ANSWERS.decode(body)
    except BAD_JSON:
        return False
    reply.model, reply.id = as_text(answer.model), as_text(answer.id)
    reply.usage_raw = given(answer.usage)
    reply.recognised = answer.content is not None or reply.usage_raw is not None
    reply.complete = True
    if answer.stop_reason:
        reply.finish = [answer.stop_reason[:MAX_NAME]]
    reply.refused = answer.stop_reason == "refusal" and not answer.content
    for index, block in enumerate(answer.content or ()):
        if block.type == "text":
            reply.texts.append(block.text or "")
        elif block.type.endswith("tool_use"):
            _tool_use(index, block.type, as_text(block.name), given(block.input), reply)
    return True


def _answer(index: int, block: Fields, reply: Reply) -> None:
    block_type = block.text("type") or ""
    if block_type == "text":
        value = block.value("text")
        if isinstance(value, str):
            reply.texts.append(value)
    elif block_type.endswith("tool_use"):
        _tool_use(index, block_type, block.text("name"), block.slice("input"), reply)
    elif block_type == "fallback":  # from here on another model answers; a stream began with the first one's name
        reply.model = (block.object("to") or Fields({})).text("model") or reply.model


def _tool_use(index: int, block_type: str, name: str | None, arguments: bytes | None, reply: Reply) -> None:
    tool = reply.tool(index)
    tool.name = name or ""
    tool.server = block_type in _SERVER_USES
    if arguments is not None and arguments != b"{}":  # streams open a block with an empty input
        tool.arguments.append(arguments.decode("utf-8", "replace"))


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream. Usage in `message_delta` is cumulative: its latest values replace earlier ones."""
    counts: dict[str, msgspec.Raw] = {}
    reply.usage_final = False
    decoded = sse.decode_all(_EVENTS, events.payloads, events, reply)
    for event in decoded:
        _event(event, counts, reply)
    reply.recognised = bool(decoded)
    reply.refused = reply.finish == ["refusal"] and all(event.type != "content_block_start" for event in decoded)
    if counts:
        reply.usage_raw = msgspec.json.encode(counts)


def _event(event: _Event, counts: dict[str, msgspec.Raw], reply: Reply) -> None:
    if event.type == "content_block_delta":
        _delta(event, reply)
    elif event.type == "content_block_start":
        block = Fields.parse(event.content_block)
        if block is not None:
            _answer(event.index, block, reply)
    elif event.type == "message_start":
        message = Fields.parse(event.message)
        if message is not None:
            reply.identify(message)
            _merge(counts, message.raw.get("usage"))
    elif event.type == "message_delta":
        reply.usage_final = _merge(counts, event.usage) or reply.usage_final
        if event.delta is not None and event.delta.stop_reason:
            reply.finish = [event.delta.stop_reason]
    elif event.type == "message_stop":
        reply.complete = True
    elif event.type == "error" or event.error:
        reply.error = error_name(Fields({"error": event.error})) or "error"
    elif event.type not in _KNOWN:
        reply.flags.add("unknown_event")


def _delta(event: _Event, reply: Reply) -> None:
    if event.delta is None:
        return
    if event.delta.text:
        reply.texts.append(event.delta.text)
    elif event.delta.partial_json:
        reply.tool(event.index).arguments.append(event.delta.partial_json)
    elif event.delta.thinking:
        reply.thoughts.append(event.delta.thinking)


def _merge(counts: dict[str, msgspec.Raw], raw: msgspec.Raw | None) -> bool:
    """Let the members of a usage object that are not null replace earlier ones; whether it counts output."""
    latest = Fields.parse(raw) if raw is not None else None
    if latest is None:
        return False
    counts.update({name: value for name, value in latest.raw.items() if bytes(value) != b"null"})
    return latest.count("output_tokens") is not None


def hidden_usage(counts: object) -> usage.Reading:
    """Tokens of provider-side iterations that the top-level counts leave out.

    A compaction runs on the same model and is billed: its tokens are returned. An advisor runs on
    another model, whose price these buckets cannot carry: what is told is a lower bound. So it is where
    a model wrote something before another one took over; the counts are those of the last.
    """
    told = counts.get("iterations") if isinstance(counts, dict) else None
    iterations = [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
    answered = [as_text(item.get("model")) for item in iterations if item.get("type") != "advisor_message"]
    served = next(filter(None, reversed(answered)), None)
    total, flags = Usage(), set[Flag]()
    for iteration in iterations:
        kind = as_text(iteration.get("type"))
        if kind not in {None, "message"}:
            flags.add("hidden_iterations")
        other = as_text(iteration.get("model")) not in {None, served}
        if kind == "advisor_message" or (other and as_count(iteration.get("output_tokens"))):
            flags.add("lower_bound")
        if kind == "compaction":
            total = usage.add(total, usage.read(iteration, usage.ANTHROPIC, writes_long=False).usage)
    return usage.Reading(total, frozenset(flags))


CODEC: Final = Codec(
    "anthropic.messages", "chat", "anthropic", usage.ANTHROPIC, request, whole, stream,
    hidden_usage, plain=plain, plain_whole=plain_whole,
)  # fmt: skip
"""POST /v1/messages."""
