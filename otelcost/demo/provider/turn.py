"""One answered request, ready to be written in a wire format, and the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from otelcost.demo.provider.answers import Answer
from otelcost.demo.provider.caching import Input
from otelcost.demo.provider.prompt import Body

_DELTA_CHARACTERS: Final = 48


class Turn(NamedTuple):
    """A request with its answers (several only where a chat asked for `n`) and its bill."""

    body: Body
    digest: str
    model: str
    answers: tuple[Answer, ...]
    tokens: Input
    response_id: str
    item_id: str
    created: int
    tier: str

    @property
    def answer(self) -> Answer:
        """The first answer."""
        return self.answers[0]

    @property
    def output_tokens(self) -> int:
        """Output tokens of all answers, reasoning included."""
        return sum(one.output_tokens for one in self.answers)

    @property
    def reasoning_tokens(self) -> int:
        """Reasoning tokens of all answers."""
        return sum(one.reasoning_tokens for one in self.answers)


class Event(NamedTuple):
    """One event of a stream and how many bytes of answer it carries."""

    data: bytes
    answer_bytes: int = 0


def pieces(text: str) -> Iterator[str]:
    """A text cut as a stream would send it."""
    for start in range(0, len(text), _DELTA_CHARACTERS):
        yield text[start : start + _DELTA_CHARACTERS]


def data_event(payload: dict[str, Any] | str, answer: str = "") -> Event:
    """An SSE event without a name."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return Event(f"data: {text}\n\n".encode(), len(answer.encode()))


def named_event(payload: dict[str, Any], answer: str = "") -> Event:
    """An SSE event named by its payload's `type`."""
    return Event(f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n".encode(), len(answer.encode()))
