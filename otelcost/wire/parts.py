"""The parts of a request body that matter, as slices: what each decoder finds and the anatomy hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire.jsonview import Fields, decode_array

CacheMarker = str
"""A time to live: "5m", "1h" (Anthropic), "30m", "12h" (OpenAI)."""

_CACHE_CONTROL: Final = re.compile(
    rb',\s*"(?:cache_control|prompt_cache_breakpoint)"\s*:\s*(?:null|\{[^{}]*\})'
    rb'|"(?:cache_control|prompt_cache_breakpoint)"\s*:\s*(?:null|\{[^{}]*\})\s*,?'
)
_QUOTE: Final = ord('"')
_MARKERS: Final = (b'"cache_control"', b'"prompt_cache_breakpoint"')


class Part(msgspec.Struct, frozen=True, gc=False):
    """One prompt part before hashing: `raw` is its exact bytes (a text without its JSON quotes)."""

    role: str
    kind: SegmentKind
    raw: bytes
    name: str | None = None
    cache: str | None = None
    detail: str | None = None
    call_id: str | None = None  # of a result: the call that it answers, where its bytes do not say so


def answering(call_id: str | None, parts: Iterable[Part]) -> Iterable[Part]:
    """The parts of a tool's result, with the call that it answers."""
    return parts if call_id is None else [msgspec.structs.replace(part, call_id=call_id) for part in parts]


class Request(msgspec.Struct, kw_only=True):
    """What a decoder read of a request body, text still in place."""

    parts: list[Part] = []
    model: str | None = None
    operation: str | None = None  # where one API serves several
    stream: bool = False
    tier: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    conversation: str | None = None  # the provider's own id of the turns that it stores
    previous: str | None = None  # the answer that this request goes on from
    choices: int | None = None
    effort: str | None = None
    schema: bytes | None = None
    hidden_context: bool = False  # the provider adds stored turns: the input is more than these parts
    shaped: bool = False  # the body has this API's own members, though it names no model
    canonical: list[bytes | memoryview] = []  # top-level members by name, without what does not change the job
    apart: bool = False  # `canonical` leaves out texts that are parts: it is whole with the parts' hashes


NOT_THE_JOB: Final = frozenset({"stream", "stream_options", "user", "metadata", "safety_identifier"})
"""Members that say how to deliver an answer or on whose behalf, not what to do."""


def canonical(fields: Fields) -> list[bytes | memoryview]:
    """Top-level members by name, without what does not change the job."""
    members: list[bytes | memoryview] = []
    for name in sorted(fields.raw.keys() - NOT_THE_JOB):
        members += (name.encode(), memoryview(fields.raw[name]))
    return members


def common(fields: Fields) -> Request:
    """The parameters that every API spells alike."""
    return Request(
        model=fields.text("model"),
        stream=fields.value("stream") is True,
        tier=fields.text("service_tier"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        seed=fields.count("seed"),
        choices=fields.count("n"),
        canonical=canonical(fields),
    )


def whole_of(fields: Fields) -> bytes:
    """An object's members in their order, without the spaces between."""
    members = (b'"%b":%b' % (name.encode("utf-8", "replace"), bytes(raw)) for name, raw in fields.raw.items())
    return b"{" + b",".join(members) + b"}"


def unmarked(raw: bytes) -> bytes:
    """The bytes without cache markers: moving a breakpoint does not change a prompt."""
    if any(marker in raw for marker in _MARKERS):
        return _CACHE_CONTROL.sub(b"", raw)
    return raw


def string(raw: bytes | memoryview) -> bytes | None:
    """The inside of a JSON string, escapes as they stand; None for any other value."""
    return bytes(raw[1:-1]) if raw[:1] == b'"' and len(raw) >= 2 else None


IN_PARTS: Final = msgspec.Raw(b"_")
"""Stands in a canonical form where a text was that is a part of its own. No JSON value is spelt so."""


def text_of(raw: msgspec.Raw) -> bytes | None:
    """What `string` tells of a slice: the one copy that is made of a prompt."""
    view = memoryview(raw)
    return bytes(view[1:-1]) if len(view) >= 2 and view[0] == _QUOTE else None


def texts(raw: bytes | None, role: str) -> list[Part]:
    """A string, or an array of strings or token ids, as text parts (`prompt` and `input` members)."""
    if raw is None:
        return []
    text = string(raw)
    if text is not None:
        return [Part(role, "text", text)]
    items = decode_array(raw)
    if not items:
        return [Part(role, "text", raw)]
    found = [bytes(item) for item in items]
    if found[0][:1] not in {b'"', b"["}:  # one list of token ids is one input
        return [Part(role, "text", raw)]
    return [Part(role, "text", string(item) or item) for item in found]
