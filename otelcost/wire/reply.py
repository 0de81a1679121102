"""What a response said, gathered from a whole body or from events, and the fingerprint of its output."""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from otelcost.model import Flag
from otelcost.wire.hashing import Hasher
from otelcost.wire.jsonview import BAD_JSON, Fields, as_text

MAX_TOOLS_CALLED: Final = 64
"""Names kept of the tools one answer called."""

STOPPED_EARLY: Final = frozenset(
    {"length", "content_filter", "max_tokens", "model_context_window_exceeded", "refusal", "max_output_tokens"}
)
"""Finish reasons by which a provider says itself that the answer is not whole."""

_ERROR_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

OutputKind = Literal["text", "json", "tool", "vector", "none"]


class ToolUse(msgspec.Struct):
    """A tool call of an answer: the name, and its arguments as the model wrote them."""

    name: str = ""
    arguments: list[str] = []
    server: bool = False  # the provider runs it itself

    def text(self) -> bytes:
        """The arguments as bytes."""
        return "".join(self.arguments).encode("utf-8", "surrogatepass")


class Choice(msgspec.Struct):
    """One of the answers that a request asked several of."""

    index: int
    texts: int  # how many of `Reply.texts` are its, in their order
    finish: str | None = None


class Reply(msgspec.Struct, kw_only=True):
    """A response under construction. Everything starts unknown."""

    model: str | None = None
    id: str | None = None
    usage_raw: bytes | None = None
    usage_final: bool = True  # False: the output count is a placeholder of an unfinished stream
    tool_counts: dict[str, int] = {}
    tier: str | None = None
    conversation: str | None = None
    finish: list[str] = []
    choices: list[Choice] = []  # where an API gives several answers; the key of a tool call starts with the index
    error: str | None = None
    complete: bool = False
    incomplete: bool = False
    recognised: bool = False  # something of the API's own shape was found
    vector: bool = False
    billed: bool = False  # an API that is free elsewhere told a usage to pay for
    refused: bool = False  # before there was any output
    texts: list[str] = []
    thoughts: list[str] = []  # billed, but no part of the answer
    tools: dict[object, ToolUse] = {}
    flags: set[Flag] = set()

    def tool(self, key: object) -> ToolUse:
        """The tool call at a place in the answer."""
        found = self.tools.get(key)
        if found is None:
            found = self.tools[key] = ToolUse()
        return found

    def gather(self, texts: dict[int, list[str]], reasons: dict[int, str]) -> None:
        """Take the choices that a stream told in turns: their texts and finish reasons, by their indexes."""
        called = {key[0] for key in self.tools if isinstance(key, tuple)}
        for index in sorted(texts.keys() | reasons.keys() | called):
            told, reason = texts.get(index, []), as_text(reasons.get(index))
            self.texts += told
            self.choices.append(Choice(index, len(told), reason))
            if reason:
                self.finish.append(reason)

    def names(self) -> tuple[str, ...]:
        """Names of the tools called, in order."""
        return tuple(tool.name for tool in self.tools.values() if tool.name)[:MAX_TOOLS_CALLED]

    def identify(self, fields: Fields, model: str = "model") -> None:
        """Take model and id of an object that names them."""
        self.model = fields.text(model) or self.model
        self.id = fields.text("id") or self.id


class Output(msgspec.Struct, frozen=True):
    """Fingerprint of what the model produced."""

    hash: int | None = None
    bytes: int | None = None
    kind: OutputKind | None = None


def output_of(reply: Reply, hasher: Hasher) -> Output:
    """Hash, size and kind of an answer; the same for a stream and for a whole body of the same answer."""
    if reply.vector:
        return Output(kind="vector")
    text = "".join(reply.texts).encode("utf-8", "surrogatepass")
    calls = [tool for tool in reply.tools.values() if not tool.server]
    arguments = [tool.text() for tool in calls]
    if not text and not calls:
        return Output(kind="none" if reply.recognised else None, bytes=0 if reply.recognised else None)
    pieces = [text]
    for tool, argument in zip(calls, arguments, strict=True):
        pieces += (tool.name.encode(), _canonical(argument))
    kind: OutputKind = "tool" if calls else "json" if _is_json(text) else "text"
    return Output(hasher.of_all(pieces), len(text) + sum(map(len, arguments)), kind)


def _canonical(arguments: bytes) -> bytes:
    """JSON with its members sorted and no spaces: streams spell the same arguments differently."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted")
    except BAD_JSON:
        return arguments


def _is_json(text: bytes) -> bool:
    stripped = text.strip()
    if stripped[:1] not in {b"{", b"["}:
        return False
    try:
        msgspec.json.decode(stripped)
    except BAD_JSON:
        return False
    return True


def error_name(fields: Fields) -> str | None:
    """The most telling short name of an `error` member: its code, else its type. Never a sentence.

    What is not spelt as a name may quote the prompt or a key: it is `error`, of which the caller knows more.
    """
    if fields.slice("error") is None:
        return None
    error = fields.object("error")
    if error is None:
        return as_name(fields.text("error")) or "error"
    named = (as_name(error.text(member)) for member in ("code", "type", "status"))
    return next(filter(None, named), None) or as_name(str(error.value("code") or "")) or "error"


def as_name(text: str | None) -> str | None:
    """A text where it is spelt as the name of an error, else None."""
    return text if text and _ERROR_NAME.fullmatch(text) else None
