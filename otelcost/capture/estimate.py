"""Tokens that the provider did not count: streams without usage, streams cut off, requests that timed out.

Counted while the bytes are still in memory, on the background thread. What the provider said always wins; what
is counted here is flagged `estimated`. By length, unless `OTELCOST_ESTIMATE=tiktoken` asks for a vocabulary, whose
loading can be felt in the host. Images, audio and documents are not counted: their text is not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from otelcost import native, settings
from otelcost.model import Call, Exchange, Flag, Segment, Usage
from otelcost.wire import sse, texts_of
from otelcost.wire.anatomy import share
from otelcost.wire.body import decode_body
from otelcost.wire.jsonview import decode_any

if TYPE_CHECKING:
    from tiktoken import Encoding

BYTES_PER_TOKEN: Final = 4
"""Of text in Latin letters and in code. Letters of two bytes count as one, as today's vocabularies have them; those
of three and four count in full."""
PER_MESSAGE_TOKENS: Final = 3
MAX_COUNTED_BYTES: Final = 4 * 1024 * 1024
"""Beyond this much text the rest is taken in proportion: an estimate is not worth more of the host's time."""

_READ_HERE: Final = frozenset(
    {"openai.chat", "openai.completions", "openai.responses", "openai.embeddings", "anthropic.messages"}
)
"""APIs whose bodies are read here; of all others the decoder hands out the texts."""

_WIDE: Final = bytes(range(0xE0, 0xF8))
"""First bytes of letters of three and four bytes."""
_UNREAD_RESPONSE: Final = frozenset({"response_truncated", "response_undecodable"})
_UNREAD_REQUEST: Final = frozenset({"request_truncated", "request_undecodable"})
_UNFINISHED: Final = frozenset({"timeout", "cancelled", "aborted"})
RUNNING: Final = frozenset({"queued", "in_progress"})
"""A response that runs on in the background: what it will be billed is not known yet, and not nothing."""
_PROMPT_MEMBERS: Final = ("instructions", "system", "messages", "input", "prompt", "tools", "functions")
_NOT_TEXT: Final = frozenset(
    {"data", "detail", "file_data", "file_id", "format", "id", "image_url", "media_type", "role", "signature", "type"}
    | {"cache_control", "call_id", "encrypted_content", "source", "status", "tool_call_id", "tool_use_id", "url"}
)
_OUTPUT_TEXT: Final = frozenset(
    {"arguments", "content", "partial_json", "reasoning", "reasoning_content", "refusal", "text", "thinking", "input"}
)
_OUTPUT_PLACES: Final = frozenset(
    {"choices", "content", "delta", "function", "message", "output", "summary", "tool_calls", "content_block"}
)
_CL100K: Final = r"(ft:)?(gpt-4(-|$)|gpt-4-|gpt-3\.5|gpt-35|text-embedding-)"
_NEWER_CLAUDE: Final = r"claude-[a-z]+-(4-[7-9]|[5-9])"
CLAUDE_FACTOR_PERCENT: Final = 120
NEWER_CLAUDE_FACTOR_PERCENT: Final = 156
"""Claude's tokens in percent of o200k's: Anthropic publishes no vocabulary; from 4.7 on about 30% more."""


def fill(call: Call, exchange: Exchange, *, quick: bool = False) -> Call:
    """The call with its missing token counts estimated, or as it is where nothing is missing or countable.

    Args:
        call: as decoded.
        exchange: what it was decoded from.
        quick: do not load a vocabulary now; count bytes.
    """
    usage = call.usage
    needs_input = usage.input_uncached_tokens is None and usage.cache_read_tokens is None
    needs_output = usage.output_tokens is None
    if not (needs_input or needs_output) or not _was_billed(call) or call.finish_reason in RUNNING:
        return call
    counter = _Counter(call, quick=quick)
    if call.api not in _READ_HERE:
        changes = _by_the_decoder(call, exchange, counter)
        return _filled(call, {name: tokens for name, tokens in changes.items() if getattr(usage, name) is None})
    changes = {}
    if needs_input and exchange.request_body and _UNREAD_REQUEST.isdisjoint(call.flags):
        changes["input_uncached_tokens"] = counter.count(_request_texts(exchange)) + _framing(exchange)
    if needs_output and call.http_status is not None and _UNREAD_RESPONSE.isdisjoint(call.flags):
        counted = 0 if call.operation == "embeddings" else counter.count(_response_texts(exchange))
        if counted or call.status in {"ok", "incomplete"}:  # an answer that broke off before its text is unknown
            changes["output_tokens"] = counted
    return _filled(call, changes)


def _by_the_decoder(call: Call, exchange: Exchange, counter: _Counter) -> dict[str, int]:
    """Counts of the texts that the API's decoder found; none where its bill is in other units than words."""
    found = texts_of(exchange)
    changes: dict[str, int] = {}
    if found is None:
        return changes
    if found.prompt is not None:
        changes["input_uncached_tokens"] = counter.count(iter(found.prompt))
    if found.answer is not None:
        changes["output_tokens"] = 0 if call.operation == "embeddings" else counter.count(iter(found.answer))
    return changes


def _was_billed(call: Call) -> bool:
    """Whether tokens were probably billed: an answer began, or the client stopped waiting for one."""
    if call.http_status is None:
        return call.status in _UNFINISHED and "lower_bound" in call.flags
    return 200 <= call.http_status < 300


def _filled(call: Call, changes: dict[str, int]) -> Call:
    if not changes:
        return call
    usage: Usage = msgspec.structs.replace(call.usage, **changes)
    flags: tuple[Flag, ...] = (*call.flags, *(() if "estimated" in call.flags else ("estimated",)))
    segments = call.segments
    total = changes.get("input_uncached_tokens")
    if total is not None and segments:
        segments = _shared(segments, total)
    return msgspec.structs.replace(call, usage=usage, flags=flags, segments=segments)


def _shared(segments: tuple[Segment, ...], total: int) -> tuple[Segment, ...]:
    parts = share(total, [segment.bytes for segment in segments])
    return tuple(msgspec.structs.replace(one, tokens=part) for one, part in zip(segments, parts, strict=True))


class _Counter:
    """Counts tokens as the call's model would, as nearly as is known."""

    def __init__(self, call: Call, *, quick: bool) -> None:
        model = (call.response_model or call.request_model or "").rpartition("/")[2]
        self._percent = 100
        if call.api.startswith("anthropic"):
            newer = re.match(_NEWER_CLAUDE, model)
            self._percent = NEWER_CLAUDE_FACTOR_PERCENT if newer else CLAUDE_FACTOR_PERCENT
        self._name = "cl100k_base" if re.match(_CL100K, model) else "o200k_base"
        self._quick = quick or not settings.vocabulary_wanted()

    def count(self, texts: Iterator[str]) -> int:
        text = "\n".join(texts)
        if not text:
            return 0
        head = text[:MAX_COUNTED_BYTES]
        tokens = self._encode(head)
        return -(-tokens * len(text) * self._percent // (len(head) * 100))

    def _encode(self, text: str) -> int:
        vocabulary = None if self._quick else _vocabulary(self._name)
        if vocabulary is None:
            wide = 0
            if not text.isascii():
                data = text.encode("utf-8", "surrogatepass")
                wide = len(data) - len(data.translate(None, _WIDE))
            return -(-(len(text) + 2 * wide) // BYTES_PER_TOKEN)
        return len(vocabulary.encode_ordinary(text))


def _vocabulary(name: str) -> Encoding | None:
    with native.importing():
        from otelcost.capture.vocabulary import encoding  # noqa: PLC0415  (for those who asked for it)
    return encoding(name)


def _request(exchange: Exchange) -> dict[str, Any]:
    coding = exchange.request_headers.get("content-encoding", "")
    body = decode_body(exchange.request_body, coding).data if coding else exchange.request_body
    parsed = decode_any(body)
    return parsed if isinstance(parsed, dict) else {}


def _framing(exchange: Exchange) -> int:
    messages = _request(exchange).get("messages")
    return PER_MESSAGE_TOKENS * (len(messages) + 1) if isinstance(messages, list) else 0


def _request_texts(exchange: Exchange) -> Iterator[str]:
    request = _request(exchange)
    for member in _PROMPT_MEMBERS:
        if member in request:
            yield from _strings(request[member], member)


def _strings(value: object, key: str) -> Iterator[str]:
    if isinstance(value, str):
        if key not in _NOT_TEXT and not value.startswith("data:"):
            yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)


def _response_texts(exchange: Exchange) -> Iterator[str]:
    body = exchange.response_body
    coding = exchange.response_headers.get("content-encoding", "")
    if coding and not exchange.response_decoded:
        body = decode_body(body, coding).data
    if sse.looks_like_sse(body, exchange.response_headers.get("content-type", "")):
        pieces = (piece for payload in sse.parse(body).payloads for piece in _event_texts(decode_any(payload)))
        yield "".join(pieces)
    else:
        yield from _outputs(decode_any(body), "")


def _event_texts(event: object) -> Iterator[str]:
    if not isinstance(event, dict):
        return
    delta = event.get("delta")
    if isinstance(delta, str):  # Responses: the delta is the text itself
        yield delta
    elif isinstance(delta, dict):
        yield from _outputs(delta, "delta")
    elif "choices" in event:
        yield from _outputs(event["choices"], "choices")


def _outputs(value: object, key: str) -> Iterator[str]:
    if isinstance(value, str):
        if key in _OUTPUT_TEXT:
            yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _outputs(inner, key)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in _OUTPUT_PLACES or name in _OUTPUT_TEXT:
                yield from _outputs(inner, name)
