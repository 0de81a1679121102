"""Pieces that OpenAI's APIs share: tools, message contents, tool calls, cache breakpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire.jsonview import Fields, as_text
from otelcost.wire.parts import Part, string, unmarked

_ROLES: Final = {"developer": "system", "function": "tool"}

_TEXT_TYPES: Final = frozenset({"text", "input_text", "output_text", "refusal", "summary_text"})
_MEDIA_TYPES: Final[dict[str, SegmentKind]] = {
    "image_url": "image",
    "input_image": "image",
    "input_audio": "audio",
    "audio_url": "audio",
    "file": "document",
    "input_file": "document",
    "document_url": "document",
}
_TTLS: Final = frozenset({"30m", "12h"})
DEFAULT_TTL: Final = "30m"
"""Of cache breakpoints of which nothing says for how long."""


def role_of(fields: Fields) -> str:
    """Role of a message in the vocabulary of segments."""
    return in_segments(fields.text("role"))


def in_segments(role: str | None) -> str:
    """A role as it was sent in the vocabulary of segments."""
    known = as_text(role) or "user"
    return _ROLES.get(known, known)


def default_ttl(fields: Fields) -> str:
    """Time to live of the request's explicit breakpoints that do not name their own."""
    options = fields.object("prompt_cache_options")
    ttl = options.text("ttl") if options else None
    return ttl if ttl in _TTLS else DEFAULT_TTL


def tools(fields: Fields) -> list[Part]:
    """Tool and function definitions, in order."""
    offered = [_tool(tool, tool.object("function") or tool) for tool in fields.objects("tools")]
    return offered + [_tool(function, function) for function in fields.objects("functions")]


def _tool(whole: Fields, named: Fields) -> Part:
    return Part("tool", "tool", whole_of(whole), name=named.text("name") or whole.text("type"))


def whole_of(fields: Fields) -> bytes:
    """An object's members in their order, without cache breakpoints and without the spaces between."""
    members = (
        b'"%b":%b' % (name.encode("utf-8", "replace"), bytes(raw))
        for name, raw in fields.raw.items()
        if name not in {"prompt_cache_breakpoint", "cache_control"}
    )
    return b"{" + b",".join(members) + b"}"


def schema(fields: Fields | None, member: str) -> bytes | None:
    """The JSON schema of an output format, with its name."""
    if fields is None or fields.text("type") != "json_schema":
        return None
    return fields.slice(member)


def schema_part(raw: bytes | None) -> list[Part]:
    """The schema as a prompt part: providers write it into the prompt, and bill it."""
    return [] if raw is None else [Part("system", "schema", raw)]


def content(raw: bytes | memoryview | None, role: str, ttl: str, kind: SegmentKind = "text") -> Iterator[Part]:
    """A message's content, which is a string or an array of typed parts."""
    if raw is None:
        return
    text = string(raw)
    if text is not None:
        yield Part(role, kind, text)
        return
    wrapped = Fields({"content": msgspec.Raw(raw)})
    parts = wrapped.objects("content")
    if not parts:
        yield Part(role, kind, bytes(raw))
    for part in parts:
        yield content_part(part, role, ttl, kind)


def content_part(part: Fields, role: str, ttl: str = DEFAULT_TTL, kind: SegmentKind = "text") -> Part:
    """One typed part of a content."""
    cache = _breakpoint(part, ttl)
    part_type = part.text("type") or ""
    media = _MEDIA_TYPES.get(part_type)
    if media is not None:
        return Part(role, media, whole_of(part), cache=cache, detail=_detail(part))
    if part_type in _TEXT_TYPES:
        text = string(part.view("text") or part.view("refusal") or b'""')
        if text is not None:
            return Part(role, kind, text, cache=cache)
    return Part(role, kind, unmarked(whole_of(part)), cache=cache)


def _detail(part: Fields) -> str | None:
    image = part.object("image_url")
    return (image.text("detail") if image else None) or part.text("detail")


def _breakpoint(part: Fields, ttl: str) -> str | None:
    marker = part.object("prompt_cache_breakpoint")
    if marker is None:
        return None
    own = marker.text("ttl")
    return own if own in _TTLS else ttl
