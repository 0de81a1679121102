"""Requests of every wire format as one list of prompt blocks, in the order the provider's cache sees them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

Ttl = Literal["5m", "1h"]
Body = dict[str, Any]

_IMAGE_BYTES: Final = 340
"""An image counts as 85 tokens whatever its size."""


class Block(NamedTuple):
    """One part of a prompt: its bytes as the tokenizer sees them, and an explicit cache breakpoint."""

    data: bytes
    cache: Ttl | None = None


class BadRequestError(Exception):
    """A request the provider refuses with HTTP 400."""


def anthropic_blocks(body: Body) -> list[Block]:
    """Tools, then system, then messages: the order of Anthropic's cache hierarchy."""
    blocks = [_anthropic_block("tool", tool) for tool in body.get("tools") or ()]
    blocks += _anthropic_content("system", body.get("system"))
    for message in body.get("messages") or ():
        blocks += _anthropic_content(str(message.get("role")), message.get("content"))
    whole_request = _ttl(body.get("cache_control"))
    if whole_request and blocks:
        blocks[-1] = Block(blocks[-1].data, whole_request)
    _check_breakpoints(blocks)
    return blocks


def openai_blocks(body: Body) -> list[Block]:
    """Tools, schema, then instructions and messages of a chat, completions, responses or embeddings request."""
    return [Block(data) for data in _openai_parts(body)]


def last_user_text(body: Body) -> str:
    """The newest text a user wrote, whatever the wire format; empty where there is none."""
    for message in reversed(_messages(body)):
        if isinstance(message, str):
            return message
        if isinstance(message, dict) and message.get("role") == "user":
            return "".join(_texts(message.get("content")))
    return ""


def _messages(body: Body) -> list[Any]:
    for key in ("messages", "input", "prompt"):
        value = body.get(key)
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return value
    return []


def _openai_parts(body: Body) -> Iterator[bytes]:
    for tool in body.get("tools") or ():
        yield b"<tool>" + _canonical(tool)
    schema = output_schema(body)
    if schema is not None:
        yield b"<schema>" + _canonical(schema)
    if body.get("instructions"):
        yield b"<system>" + str(body["instructions"]).encode()
    for message in _messages(body):
        if not isinstance(message, dict):
            yield b"<user>" + (message.encode() if isinstance(message, str) else _canonical(message))
            continue
        yield f"<{message.get('role') or message.get('type')}>".encode()
        yield from _pieces(message.get("content", message.get("output", message.get("arguments"))))
        if message.get("tool_calls"):
            yield _canonical(message["tool_calls"])


def output_schema(body: Body) -> Body | None:
    """The JSON schema a request asks the answer to follow, from any of the four places it can stand in."""
    candidates = (
        (body.get("response_format") or {}).get("json_schema"),
        (body.get("text") or {}).get("format"),
        (body.get("output_config") or {}).get("format"),
        body.get("output_format"),
    )
    for candidate in candidates:
        schema = candidate.get("schema") if isinstance(candidate, dict) else None
        if isinstance(schema, dict):
            return schema
    return None


def _anthropic_content(role: str, content: object) -> list[Block]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Block(f"<{role}>{content}".encode())]
    if not isinstance(content, list):
        raise BadRequestError(f"{role}: Input should be a string or a list of content blocks")
    return [_anthropic_block(role, part) for part in content]


def _anthropic_block(role: str, part: Body) -> Block:
    bare = {key: value for key, value in part.items() if key != "cache_control"}
    data = b"".join(_pieces([bare])) if role != "tool" else _canonical(bare)
    return Block(f"<{role}>".encode() + data, _ttl(part.get("cache_control")))


def _ttl(control: object) -> Ttl | None:
    if not isinstance(control, dict):
        return None
    ttl = control.get("ttl", "5m")
    if ttl not in ("5m", "1h"):
        raise BadRequestError("cache_control.ttl: Input should be '5m' or '1h'")
    return "1h" if ttl == "1h" else "5m"


def _check_breakpoints(blocks: list[Block]) -> None:
    ttls = [block.cache for block in blocks if block.cache]
    if len(ttls) > 4:
        raise BadRequestError(f"A maximum of 4 blocks with cache_control may be provided. Found {len(ttls)}.")
    if ttls != sorted(ttls):  # "1h" sorts before "5m"
        raise BadRequestError("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block")


def _pieces(content: object) -> Iterator[bytes]:
    if isinstance(content, str):
        yield content.encode()
    elif isinstance(content, list):
        for part in content:
            yield _piece(part)
    elif content is not None:
        yield _canonical(content)


def _piece(part: object) -> bytes:
    if not isinstance(part, dict):
        return _canonical(part)
    if isinstance(part.get("text"), str):
        return str(part["text"]).encode()
    if "image" in str(part.get("type")):
        return hashlib.sha256(_canonical(part)).hexdigest().encode().ljust(_IMAGE_BYTES, b".")
    return _canonical(part)


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
