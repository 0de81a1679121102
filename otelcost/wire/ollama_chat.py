"""Ollama's own chat and generate: one JSON object, or one a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from otelcost.wire import jsonstream, openai_parts, sse, usage
from otelcost.wire.codec import Codec
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part, Request, common, string
from otelcost.wire.reply import Reply, error_name
from otelcost.wire.sse import Events

USAGE: Final = usage.UsageMap(
    usage.rows(
        """
        prompt_eval_count     input_uncached_tokens
        eval_count            output_tokens
        """
    ),
    inclusive=False,
)
"""A prompt the server still had in its cache is counted like any other, or not at all: then it is unknown."""

_USAGE_MEMBERS: Final = (
    "prompt_eval_count",
    "eval_count",
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
)


def request(fields: Fields) -> Request:
    """Parameters and prompt parts: tools, output schema, system, then the messages or the prompt."""
    read = common(fields)
    options = fields.object("options") or Fields({})
    read.stream = fields.value("stream") is not False
    read.max_output_tokens = options.count("num_predict")
    read.temperature = options.number("temperature")
    think = fields.value("think")
    read.effort = think if isinstance(think, str) else None
    read.schema = fields.slice("format") if fields.object("format") else None
    read.hidden_context = fields.slice("context") is not None
    read.operation = "chat" if fields.slice("prompt") is None else "text_completion"
    read.parts = openai_parts.tools(fields) + openai_parts.schema_part(read.schema)
    read.parts += openai_parts.content(fields.slice("system"), "system", "")
    for message in fields.objects("messages"):
        read.parts += _message(message)
    read.parts += openai_parts.content(fields.slice("prompt"), "user", "")
    read.parts += _images(fields, "user")
    return read


def _message(message: Fields) -> Iterator[Part]:
    role = openai_parts.role_of(message)
    yield from openai_parts.content(message.slice("content"), role, "", "tool_result" if role == "tool" else "text")
    yield from _images(message, role)
    for call in message.objects("tool_calls"):
        function = call.object("function")
        yield Part(role, "tool_call", openai_parts.whole_of(call), name=function.text("name") if function else None)


def _images(fields: Fields, role: str) -> Iterator[Part]:
    for image in fields.array("images") or ():
        yield Part(role, "image", string(bytes(image)) or bytes(image))


def whole(body: Fields, reply: Reply) -> None:
    """Read a whole answer."""
    _take(body, reply)
    reply.complete = reply.complete or "done" not in body.raw  # it may be the first line of a cut stream


def stream(events: Events, reply: Reply) -> None:
    """Read a stream: the line that says `done` has the counts."""
    for body in sse.objects(events, reply):
        _take(body, reply)


def _take(body: Fields, reply: Reply) -> None:
    reply.error = error_name(body) or reply.error
    reply.identify(body)
    message = body.object("message")
    text = message.value("content") if message else body.value("response")
    thought = (message or body).value("thinking")
    reply.thoughts += [thought] if isinstance(thought, str) else []
    reply.recognised = reply.recognised or message is not None or isinstance(text, str)
    if isinstance(text, str):
        reply.texts.append(text)
    for call in message.objects("tool_calls") if message else ():
        function = call.object("function")
        if function is not None:
            tool = reply.tool(len(reply.tools))
            tool.name = function.text("name") or ""
            tool.arguments.append((function.slice("arguments") or b"{}").decode("utf-8", "replace"))
    if body.value("done") is True:
        _done(body, reply)


def _done(body: Fields, reply: Reply) -> None:
    reply.complete = True
    reply.finish = [body.text("done_reason") or "stop"]
    counts = {name: body.raw[name] for name in _USAGE_MEMBERS if name in body.raw}
    reply.usage_raw = msgspec.json.encode(counts) if counts else None


CODEC: Final = Codec(
    "ollama.chat",
    "chat",
    "ollama",
    USAGE,
    request,
    whole,
    stream,
    events=jsonstream.lines_or_sse,
    shared_path=True,
)
"""POST /api/chat and /api/generate."""
