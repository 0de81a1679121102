"""The correctness cases: what an application does, and which tokens it was billed for.

The provider's answers to a case are those of `wire.ANSWERS` under its name, or the name it gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import doings as do


class Truth(NamedTuple):
    """What the provider billed.

    Attributes:
        kind: `exact`: the wire said so. `bound`: it broke off, only the input is sure. `unsaid`: the wire said
            nothing, an estimate must be called one. `nothing`: nothing was billed, nothing may be counted.
        input: all tokens that went in, those in the cache included.
        read: of the input, read from the cache. None: not asked.
        written: of the input, written to the cache.
        long: of those written, for an hour.
        reasoning: of the output.
        records: how many attempts there were.
    """

    kind: Literal["exact", "bound", "unsaid", "nothing"]
    input: int = 0
    output: int = 0
    read: int | None = None
    written: int | None = None
    long: int | None = None
    reasoning: int | None = None
    records: int = 1


class Case(NamedTuple):
    """One case. `scopes`: every span of the process counts, not only the contender's own."""

    name: str
    sdk: Literal["openai", "anthropic", "none"]
    run: Callable[[str], Any]
    truth: Truth
    wire: str = ""
    scopes: bool = False

    @property
    def answers(self) -> str:
        """Where its answers are."""
        return self.wire or self.name


def exact(given: int, made: int, **more: Any) -> Truth:
    """Usage that was on the wire."""
    return Truth("exact", given, made, **more)


FREE: Final = Truth("nothing")

CASES: Final = (
    Case("chat", "openai", do.chat(), exact(210, 60)),
    Case("chat, async", "openai", do.later(lambda c: c.chat.completions.create(**do.CHAT)), exact(210, 60), "chat"),
    Case("chat, raw response", "openai", do.raw, exact(210, 60), "chat"),
    Case("chat, response streamed and read", "openai", do.raw_lines, exact(33, 21), "chat-stream"),
    Case("chat-stream", "openai", do.chat_stream(**do.USAGE), exact(33, 21)),
    Case(
        "chat stream, async",
        "openai",
        do.later(lambda c: do.drain(c.chat.completions.create(**do.CHAT, **do.USAGE))),
        exact(33, 21),
        "chat-stream",
    ),
    Case("chat stream, helper", "openai", do.helper, exact(33, 21), "chat-stream"),
    Case("chat-cached", "openai", do.chat(), exact(2048, 20, read=1920)),
    Case("chat-reasoning", "openai", do.chat(), exact(40, 900, reasoning=832)),
    Case("chat-tools", "openai", do.chat(tools=do.TOOLS), exact(88, 44)),
    Case("chat-json", "openai", do.chat(response_format={"type": "json_object"}), exact(31, 9)),
    Case("completion", "openai", do.legacy, exact(12, 5)),
    Case("completion-stream", "openai", do.legacy_stream, exact(12, 6)),
    Case("response", "openai", do.respond, exact(70, 30, read=64)),
    Case(
        "response, async",
        "openai",
        do.later(lambda c: c.responses.create(model=do.GPT, input="hello")),
        exact(70, 30),
        "response",
    ),
    Case("response-stream", "openai", do.respond_stream, exact(70, 31, reasoning=10)),
    Case("response, retrieved twice", "openai", do.again, exact(71, 32), "response-again"),
    Case("embeddings", "openai", do.embed, exact(17, 0)),
    Case("images", "openai", do.draw, exact(14, 272)),
    Case("transcription", "openai", do.transcribe, exact(45, 7)),
    Case("batch file, read twice", "openai", do.batch, exact(201, 20, records=2), "batch"),
    Case("plain HTTP call", "none", do.plain, exact(210, 60), "chat"),
    Case("retry: 429, 429, 200", "openai", do.chat(), exact(51, 8, records=3), "retry"),
    Case("retry: 500, 200", "openai", do.chat(), exact(52, 8, records=2), "retry-500"),
    Case("message", "anthropic", do.say(), exact(210, 60)),
    Case(
        "message, async",
        "anthropic",
        do.later(lambda c: c.messages.create(**do.SAY), anthropics=True),
        exact(210, 60),
        "message",
    ),
    Case("message, beta", "anthropic", do.beta, exact(210, 60), "message"),
    Case("message, raw response", "anthropic", do.claude_raw, exact(210, 60), "message"),
    Case("message, response streamed and read", "anthropic", do.claude_lines, exact(210, 60), "message"),
    Case("message-stream", "anthropic", do.say_stream, exact(40, 25)),
    Case("message stream, helper", "anthropic", do.claude_helper, exact(40, 25), "message-stream"),
    Case(
        "message stream, async helper",
        "anthropic",
        do.later(do.async_claude_helper, anthropics=True),
        exact(40, 25),
        "message-stream",
    ),
    Case("message stream, revised usage", "anthropic", do.say_stream, exact(55, 37), "message-revised"),
    Case("message-cached", "anthropic", do.say(), exact(4105, 30, read=4096)),
    Case(
        "cache written for 5m and 1h",
        "anthropic",
        do.say(),
        exact(1809, 30, read=1000, written=800, long=500),
        "message-written",
    ),
    Case(
        "cache written, stream",
        "anthropic",
        do.say_stream,
        exact(1809, 33, read=1000, written=800),
        "message-written-stream",
    ),
    Case("message-tools", "anthropic", do.say(tools=do.CLAUDE_TOOLS), exact(99, 50)),
    Case("message batch's results", "anthropic", do.message_batch, exact(201, 20, records=2), "message-batch"),
    Case("message beside the SDK's own spans", "anthropic", do.own_spans, exact(210, 60), "message", scopes=True),
    Case("tokens counted, free", "anthropic", do.count, FREE, "count"),
    Case("bad request, 400", "openai", do.failing(do.chat()), FREE, "refused"),
    Case("server error, 500", "openai", do.failing(do.once), FREE, "broken"),
    Case("stream without usage", "openai", do.chat_stream(stream=True), Truth("unsaid"), "chat-stream-unsaid"),
    Case("chat timed out", "openai", do.failing(do.soon), Truth("bound"), "silence"),
    Case("chat stream closed early", "openai", do.leave_chat, Truth("bound"), "chat-broken"),
    Case("chat stream dropped", "openai", do.drop, Truth("bound"), "chat-broken"),
    Case(
        "chat stream ended by an error", "openai", do.failing(do.chat_stream(**do.USAGE)), Truth("bound"), "chat-failed"
    ),
    Case("message stream closed early", "anthropic", do.leave_message, Truth("bound", 40), "message-broken"),
    Case(
        "message stream cancelled",
        "anthropic",
        do.later(do.cancel, anthropics=True),
        Truth("bound", 40),
        "message-broken",
    ),
    Case(
        "message stream ended by an error", "anthropic", do.failing(do.say_stream), Truth("bound", 40), "message-failed"
    ),
)
"""Every case, in the order of the table."""
