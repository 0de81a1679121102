"""Cohere's chat, both versions: whole, as lines of JSON, as server-sent events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otelcost.wire import jsonstream, openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part, Request, common, texts, whole_of
from otelcost.wire.reply import Reply, error_name

ROWS: Final = """
    billed_units.input_tokens      input_uncached_tokens
    billed_units.output_tokens     output_tokens
    tokens.input_tokens            input_uncached_tokens
    tokens.output_tokens           output_tokens
"""

USAGE: Final = usage.UsageMap(usage.rows(ROWS), inclusive=False)
"""Billed units are what is charged: the tokens beside them also count Cohere's own preamble and markers,
and its cached tokens are some of those, at no price of their own."""

_ROLES: Final = {"CHATBOT": "assistant", "SYSTEM": "system", "TOOL": "tool"}
_STOPPED: Final = frozenset({"MAX_TOKENS", "ERROR", "ERROR_LIMIT", "ERROR_TOXIC", "TIMEOUT", "USER_CANCEL"})
_QUIET: Final = frozenset(
    {
        "message-start",
        "content-end",
        "tool-call-end",
        "citation-start",
        "citation-end",
        "stream-start",
        "search-queries-generation",
        "search-results",
        "citation-generation",
        "tool-calls-chunk",
        "tool-plan-delta",
        "debug",
    }
)
"""Events that hold neither text of the answer, nor tool calls that no other event repeats, nor usage."""


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, preamble, documents, then the turns in order."""
    read = common(fields)
    read.max_output_tokens = fields.count("max_tokens")
    thinking = fields.object("thinking")
    budget = thinking.count("token_budget") if thinking else None
    read.effort = (thinking.text("type") if thinking else None) if budget is None else f"budget-{budget}"
    chosen = fields.object("response_format")
    read.schema = chosen.slice(chosen.either("json_schema", "schema")) if chosen else None
    read.hidden_context = fields.slice("conversation_id") is not None
    read.parts = openai_parts.tools(fields) + openai_parts.schema_part(read.schema)
    read.parts += texts(fields.slice("preamble"), "system")
    read.parts += [Part("user", "document", whole_of(document)) for document in fields.objects("documents")]
    read.parts += turns(fields)
    for message in fields.objects("messages"):
        read.parts += _message(message)
    read.parts += texts(fields.slice("message"), "user")
    read.parts += [Part("tool", "tool_result", whole_of(result)) for result in fields.objects("tool_results")]
    return read


def turns(fields: Fields) -> list[Part]:
    """The turns so far, as version 1 sends them."""
    found: list[Part] = []
    for turn in fields.objects("chat_history"):
        found += texts(turn.slice("message"), _ROLES.get((turn.text("role") or "").upper(), "user"))
    return found


def _message(message: Fields) -> Iterator[Part]:
    role = openai_parts.role_of(message)
    yield from texts(message.slice("tool_plan"), role)
    yield from openai_parts.content(message.slice("content"), role, "", "tool_result" if role == "tool" else "text")
    for call in message.objects("tool_calls"):
        function = call.object("function")
        yield Part(role, "tool_call", whole_of(call), name=function.text("name") if function else None)


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole answer of either version."""
    reply.error = error_name(body)
    reply.id = body.text("id") or body.text("response_id")
    message = body.object("message")
    _text(body.value("text"), reply)
    for block in message.objects("content") if message else ():
        _text(block.value("text"), reply)
    _calls(message or body, reply)
    _close(body, reply)
    reply.recognised = message is not None or "text" in body.raw or reply.usage_raw is not None
    reply.complete = "event_type" not in body.raw  # it may be the first line of a cut stream


def _text(value: object, reply: Reply) -> None:
    if isinstance(value, str):
        reply.texts.append(value)


def _calls(holder: Fields, reply: Reply) -> None:
    for call in holder.objects("tool_calls"):
        tool = reply.tool(len(reply.tools))
        function = call.object("function") or call
        tool.name = function.text("name") or ""
        _arguments(function.either("arguments", "parameters"), function, len(reply.tools) - 1, reply)


def _arguments(member: str, function: Fields, index: int, reply: Reply) -> None:
    value = function.value(member)
    if isinstance(value, str):
        reply.tool(index).arguments.append(value)
    elif isinstance(value, dict):
        reply.tool(index).arguments.append((function.slice(member) or b"").decode("utf-8", "replace"))


def _close(body: Fields, reply: Reply) -> None:
    """Finish reason and usage, which version 1 keeps under `meta`."""
    reason = body.text("finish_reason")
    if reason:
        reply.finish = [reason]
        reply.incomplete = reason in _STOPPED
    reply.usage_raw = body.slice("usage") or body.slice("meta") or reply.usage_raw


def stream(events: sse.Events, reply: Reply) -> None:
    """Read a stream. Version 2 names its events `type`, version 1 `event_type`."""
    kept = [payload for payload in events.payloads if payload != b"[DONE]"]
    for body in sse.objects(sse.Events(kept, events.tail_open), reply):
        reply.error = error_name(body) or reply.error
        reply.id = body.text("id") or body.text("generation_id") or reply.id
        kind = body.text(body.either("type", "event_type"))
        reply.recognised = reply.recognised or kind is not None
        _event(kind, body, reply)


def _event(kind: str | None, body: Fields, reply: Reply) -> None:
    delta = body.object("delta") or Fields({})
    message = delta.object("message") or Fields({})
    index = body.count("index") or 0
    if kind in {"content-start", "content-delta"}:
        content = message.object("content")
        _text(content.value("text") if content else None, reply)
    elif kind == "text-generation":
        _text(body.value("text"), reply)
    elif kind in {"tool-call-start", "tool-call-delta"}:
        call = message.object("tool_calls")
        function = call.object("function") if call else None
        if function is not None:
            tool = reply.tool(index)
            tool.name = function.text("name") or tool.name
            _arguments("arguments", function, index, reply)
    elif kind == "tool-calls-generation":
        _calls(body, reply)
    elif kind in {"message-end", "stream-end"}:
        _close(body.object("response") or delta, reply)
        reply.complete = True
    elif kind not in _QUIET and reply.error is None:
        reply.flags.add("unknown_event")


CODEC: Final = Codec(
    "cohere.chat",
    "chat",
    "cohere",
    USAGE,
    request,
    whole,
    stream,
    events=jsonstream.lines_or_sse,
    shared_path=True,
)
"""POST /v1/chat and /v2/chat."""
