"""What was said, in the conventions' message form: for spans and events of a user who asked for it, never at rest.

Used only where `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` asks for it. Messages of one role that follow
each other are one message here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from otelcost.model import Exchange
from otelcost.wire.exchange import Bodies
from otelcost.wire.jsonview import BAD_JSON
from otelcost.wire.parts import Part
from otelcost.wire.reply import Reply, ToolUse

MAX_BYTES: Final = 1024 * 1024
"""Of one attribute: longer ones are left out whole, for no pipeline takes them."""

_SYSTEM_IS_A_MESSAGE: Final = frozenset({"openai.chat", "ollama.chat", "cohere.chat"})
_TALKS: Final = frozenset({"chat", "text_completion", "generate_content"})
_MEDIA: Final = frozenset({"image", "audio", "document"})
_THOUGHTS: Final = ("thinking", "reasoning")
_URLS: Final = ("url", "uri", "file_uri", "fileUri", "image_url", "audio_url", "document_url", "file_url")
_DATA: Final = ("data", "bytes", "file_data")
_TYPES: Final = ("media_type", "mime_type", "mimeType", "format")

Message = dict[str, Any]


def content_of(exchange: Exchange, found: Bodies) -> dict[str, Any]:
    """Attributes with the messages of an exchange, as structures. Empty where its bodies are no conversation; one that
    was not kept whole is left out."""
    if found.codec.operation not in _TALKS:
        return {}
    inline = found.codec.api in _SYSTEM_IS_A_MESSAGE
    whole = [] if exchange.request_truncated else found.request.parts
    parts = [part for part in whole if part.kind not in {"tool", "schema"}]
    apart = [part for part in parts if part.role == "system" and not inline]
    values = {
        "gen_ai.system_instructions": [_part(part) for part in apart],
        "gen_ai.input.messages": list(_messages(part for part in parts if part.role != "system" or inline)),
        "gen_ai.output.messages": [] if exchange.response_truncated else _answer(found.reply),
        "gen_ai.tool.definitions": [_tool(part) for part in whole if part.kind == "tool"],
    }
    return {key: value for key, value in values.items() if value}


def as_text(values: dict[str, Any]) -> dict[str, str]:
    """The structures as JSON, as span attributes hold them; what is too long is left out."""
    texts = {key: msgspec.json.encode(value).decode() for key, value in values.items()}
    return {key: text for key, text in texts.items() if len(text) <= MAX_BYTES}


def _messages(parts: Iterable[Part]) -> Iterator[Message]:
    message: Message | None = None
    for part in parts:
        role = "tool" if part.kind == "tool_result" else part.role
        if message is not None and message["role"] == role and role != "tool":
            message["parts"].append(_part(part))
            continue
        if message is not None:
            yield message
        message = {"role": role, "parts": [_part(part)]}
    if message is not None:
        yield message


def _part(part: Part) -> Message:
    block = _object(part.raw)
    if part.kind == "tool_call":
        return _tool_call(part, block)
    if part.kind == "tool_result":
        return _tool_result(part, block)
    if part.kind in _MEDIA:
        return _media(part.kind, block, part.raw)
    for name in _THOUGHTS:
        if block.get("type") == name or isinstance(block.get(name), str):
            return {"type": "reasoning", "content": _joined(block.get(name) or block.get("summary"))}
    return {"type": "text", "content": _text(part.raw)}


def _joined(value: Any) -> str:
    """A text, or the texts of a list of blocks."""
    if not isinstance(value, list):
        return str(value or "")
    return "".join(str(block.get("text") or "") for block in value if isinstance(block, dict))


def _tool_call(part: Part, block: Message) -> Message:
    function = _inner(block, "function", "functionCall", "toolUse")
    return {
        "type": "tool_call",
        "id": _first(block, "call_id", "id", "toolUseId") or _first(function, "id", "toolUseId"),
        "name": part.name or _first(function, "name") or "",
        "arguments": _parsed(_first(function, "arguments", "input", "args", "parameters")),
    }


def _tool_result(part: Part, block: Message) -> Message:
    result = _inner(block, "functionResponse", "toolResult")
    response = _first(result, "content", "output", "response")
    return {
        "type": "tool_call_response",
        "id": part.call_id or _first(result, "tool_use_id", "tool_call_id", "call_id", "toolUseId", "id"),
        "response": _text(part.raw) if response is None else response,
    }


def _media(modality: str, block: Message, raw: bytes) -> Message:
    """A reference where there is one, else the data as it was sent."""
    leaves = dict(_leaves(block))
    url = str(_first(leaves, *_URLS) or "")
    if url.startswith("data:"):
        mime, _, data = url.removeprefix("data:").partition(",")
        return {"type": "blob", "modality": modality, "mime_type": mime.partition(";")[0], "content": data}
    if url:
        return {"type": "uri", "modality": modality, "mime_type": _first(leaves, *_TYPES), "uri": url}
    if "file_id" in leaves:
        return {"type": "file", "modality": modality, "mime_type": None, "file_id": leaves["file_id"]}
    data = _first(leaves, *_DATA) if block else _text(raw)  # Ollama sends the bare data
    return {"type": "blob", "modality": modality, "mime_type": _first(leaves, *_TYPES), "content": data or ""}


def _leaves(block: Message) -> Iterator[tuple[str, str]]:
    for key, value in block.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str):
            yield key, value


def _tool(part: Part) -> Message:
    block = _object(part.raw)
    function = _inner(block, "function", "toolSpec")
    parameters = _first(function, "parameters", "input_schema", "inputSchema", "parametersJsonSchema")
    name = part.name or _first(function, "name") or ""
    if parameters is None and block.get("type") not in {None, "function"}:
        return {"type": block["type"], "name": name}
    found = {"type": "function", "name": name, "description": function.get("description"), "parameters": parameters}
    return {key: value for key, value in found.items() if value is not None}


def _answer(reply: Reply) -> list[Message]:
    """A message for each choice. Thoughts are not told apart by choice: they are the first one's."""
    if len(reply.choices) < 2:
        return _message(reply.thoughts, reply.texts, reply.tools.values(), reply.finish[0] if reply.finish else "")
    messages: list[Message] = []
    thoughts, position = reply.thoughts, 0
    for choice in reply.choices:
        texts = reply.texts[position : position + choice.texts]
        tools = [tool for key, tool in reply.tools.items() if isinstance(key, tuple) and key[0] == choice.index]
        messages += _message(thoughts, texts, tools, choice.finish or "")
        thoughts, position = [], position + choice.texts
    return messages


def _message(thoughts: list[str], texts: list[str], tools: Iterable[ToolUse], finish: str) -> list[Message]:
    """What a model said, as one message; none where it said nothing."""
    parts: list[Message] = []
    if thoughts:
        parts.append({"type": "reasoning", "content": "".join(thoughts)})
    if texts:
        parts.append({"type": "text", "content": "".join(texts)})
    for tool in tools:
        arguments = _parsed("".join(tool.arguments))
        parts.append({"type": "tool_call", "id": None, "name": tool.name, "arguments": arguments})
    return [{"role": "assistant", "parts": parts, "finish_reason": finish}] if parts else []


def _text(raw: bytes) -> str:
    """A part's text; the inside of a JSON string has its escapes undone."""
    try:
        return msgspec.json.decode(b'"' + raw + b'"', type=str)
    except BAD_JSON:
        return raw.decode("utf-8", "replace")


def _object(raw: bytes) -> Message:
    if raw[:1] != b"{":
        return {}
    try:
        found = msgspec.json.decode(raw)
    except BAD_JSON:
        return {}
    return found if isinstance(found, dict) else {}


def _parsed(value: Any) -> Any:
    """Arguments as a structure, where they are a JSON text."""
    if not isinstance(value, str) or not value:
        return value
    try:
        return msgspec.json.decode(value)
    except BAD_JSON:
        return value


def _inner(block: Message, *names: str) -> Message:
    found = _first(block, *names)
    return found if isinstance(found, dict) else block


def _first(block: Message, *names: str) -> Any:
    return next((block[name] for name in names if block.get(name) is not None), None)
