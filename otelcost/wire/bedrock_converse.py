"""Amazon Bedrock's Converse and ConverseStream; Nova's own bodies have the same shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from otelcost.model import SegmentKind
from otelcost.wire import eventstream, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.parts import Part, Request, canonical, string, whole_of
from otelcost.wire.reply import Reply, error_name

ROWS: Final = """
    inputTokens                         input_uncached_tokens
    outputTokens                        output_tokens
    totalTokens                         provider_total_tokens
    cacheReadInputTokens                cache_read_tokens
    cacheReadInputTokenCount            cache_read_tokens
    cacheWriteInputTokens               cache_write
    cacheWriteInputTokenCount           cache_write
    cacheDetails.ttl:5m.inputTokens     cache_write_short_tokens
    cacheDetails.ttl:1h.inputTokens     cache_write_long_tokens
"""
USAGE: Final = usage.UsageMap(usage.rows(ROWS), inclusive=False)
"""The reported input excludes both cache reads and cache writes."""

_MEDIA: Final[dict[str, SegmentKind]] = {
    "image": "image",
    "video": "image",
    "audio": "audio",
    "document": "document",
    "searchResult": "document",
}
_STOPPED: Final = frozenset(
    {
        "content_filtered",
        "guardrail_intervened",
        "length",
        "max_tokens",
        "malformed_model_output",
        "malformed_tool_use",
        "model_context_window_exceeded",
    }
)
"""Stop reasons of an answer that is not whole."""

_KNOWN: Final = frozenset({"messageStart", "contentBlockStop"})


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, system, then the messages in order."""
    config = fields.object("inferenceConfig") or Fields({})
    tier = fields.object("serviceTier")
    read = Request(
        max_output_tokens=config.count(config.either("maxTokens", "max_new_tokens")),
        temperature=config.number("temperature"),
        tier=tier.text("type") if tier else None,
        effort=_effort(fields.object("additionalModelRequestFields")),
        schema=_schema(fields),
        hidden_context=fields.slice("promptVariables") is not None,
        canonical=canonical(fields),
    )
    tools = fields.object("toolConfig")
    read.parts = _marked(_tool(tool) for tool in (tools.objects("tools") if tools else ()))
    if read.schema is not None:
        read.parts.append(Part("system", "schema", read.schema))
    read.parts += _marked(_block(block, "system") for block in fields.objects("system"))
    for message in fields.objects("messages"):
        role = message.text("role") or "user"
        read.parts += _marked(_block(block, role) for block in message.objects("content"))
    return read


def _effort(extra: Fields | None) -> str | None:
    for name in ("thinking", "reasoning_config", "reasoningConfig"):
        chosen = extra.object(name) if extra else None
        if chosen is not None:
            budget = chosen.count("budget_tokens")
            level = chosen.text("maxReasoningEffort") or chosen.text("type")
            return level if budget is None else f"budget-{budget}"
    return None


def _schema(fields: Fields) -> bytes | None:
    node: Fields | None = fields
    for name in ("outputConfig", "textFormat", "structure", "jsonSchema"):
        node = node.object(name) if node else None
    return node.slice("schema") if node else None


def _marked(parts: Iterator[Part | str]) -> list[Part]:
    """The parts, each cache point (a bare time to live) moved onto the part before it."""
    found: list[Part] = []
    for part in parts:
        if isinstance(part, Part):
            found.append(part)
        elif found:
            last = found[-1]
            found[-1] = Part(last.role, last.kind, last.raw, name=last.name, cache=part)
    return found


def _cache_point(block: Fields) -> str | None:
    point = block.object("cachePoint")
    if point is None:
        return None
    return "1h" if point.text("ttl") == "1h" else "5m"


def _tool(tool: Fields) -> Part | str:
    marker = _cache_point(tool)
    if marker is not None:
        return marker
    named = tool.object("toolSpec") or tool.object("systemTool")
    return Part("tool", "tool", whole_of(tool), name=named.text("name") if named else None)


def _block(block: Fields, role: str) -> Part | str:
    marker = _cache_point(block)
    if marker is not None:
        return marker
    text = string(block.slice("text") or b"")
    if text is not None:
        return Part(role, "text", text)
    use = block.object("toolUse")
    if use is not None:
        return Part(role, "tool_call", whole_of(block), name=use.text("name"))
    if block.slice("toolResult") is not None:
        return Part("tool", "tool_result", whole_of(block))
    kind: SegmentKind = next((kind for name, kind in _MEDIA.items() if name in block.raw), "text")
    return Part(role, kind, whole_of(block))


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole answer."""
    output = body.object("output")
    message = output.object("message") if output else None
    for index, block in enumerate(message.objects("content") if message else ()):
        _answer(index, block, reply)
    _served(body, reply)
    stopped(body.text("stopReason"), reply)
    reply.recognised = message is not None or reply.usage_raw is not None
    reply.complete = True


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream. Its last event is the metadata, with the usage."""
    for body in sse.objects(events, reply):
        for name in body.raw:
            _event(name, body, reply)


def _event(name: str, body: Fields, reply: Reply) -> None:
    if name == "error":
        reply.error = error_name(body)
        return
    event = body.object(name) or Fields({})
    reply.recognised = True
    if name == "contentBlockDelta":
        delta = event.object("delta")
        if delta is not None:
            _answer(event.count("contentBlockIndex") or 0, delta, reply)
    elif name == "contentBlockStart":
        start = event.object("start")
        if start is not None:
            _answer(event.count("contentBlockIndex") or 0, start, reply)
    elif name == "messageStop":
        stopped(event.text("stopReason"), reply)
    elif name == "metadata":
        _served(event, reply)
        reply.complete = True
    elif name not in _KNOWN and not name.startswith("amazon-bedrock-"):
        reply.flags.add("unknown_event")


def _answer(index: int, block: Fields, reply: Reply) -> None:
    """A block of a whole answer, the start of one, or what a delta adds to it."""
    text, use = block.value("text"), block.object("toolUse")
    reasoning = block.object("reasoningContent")
    if isinstance(text, str):
        reply.texts.append(text)
    elif reasoning is not None:
        holder = reasoning.object("reasoningText") or reasoning
        thought = holder.value("text")
        reply.thoughts += [thought] if isinstance(thought, str) else []
    elif use is not None:
        tool = reply.tool(index)
        tool.name = use.text("name") or tool.name
        given = use.value("input")
        if given is not None:
            whole_input = (use.slice("input") or b"").decode("utf-8", "replace")
            tool.arguments.append(given if isinstance(given, str) else whole_input)


def _served(body: Fields, reply: Reply) -> None:
    reply.usage_raw = body.slice("usage") or reply.usage_raw
    tier, performance = body.object("serviceTier"), body.object("performanceConfig")
    reply.tier = (tier.text("type") if tier else None) or reply.tier
    if performance is not None and performance.text("latency") == "optimized":
        reply.tier = "optimized"


def stopped(reason: str | None, reply: Reply) -> None:
    """Take a stop reason."""
    if reason:
        reply.finish.append(reason)
        reply.incomplete = reply.incomplete or reason.lower() in _STOPPED


def finish(request: Request, headers: Mapping[str, str], reply: Reply) -> None:
    """Leave the model to the path, and take the served tier from where else it may stand.

    What is billed is the model or inference profile of the path. The body may repeat the model under its
    maker's name, which says less; only where the path has an opaque id it says more.
    """
    opaque = request.model is None or "." not in request.model
    reply.model = reply.model if opaque and not (reply.model or "").startswith("/") else None
    reply.tier = reply.tier or as_text(headers.get("x-amzn-bedrock-service-tier"))
    if headers.get("x-amzn-bedrock-performanceconfig-latency") == "optimized":
        reply.tier = "optimized"


CODEC: Final = Codec(
    "bedrock.converse",
    "chat",
    "aws.bedrock",
    USAGE,
    request,
    whole,
    stream,
    events=eventstream.events_of,
    finish=finish,
)
"""POST /model/{model}/converse and /converse-stream."""
