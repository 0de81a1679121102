"""What every channel promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from otelcost.digest.message import Message


class Outcome(msgspec.Struct, frozen=True):
    """What became of an attempt.

    `sent`: the other side has it. `failed`: it has not; `again` where trying again may help. `unknown`: it was cut off
    after the whole digest had left, and only a person may decide to send it again.
    """

    state: Literal["sent", "failed", "unknown"]
    detail: str = ""
    again: bool = False


class Sender(Protocol):
    """One way out, with its secrets already fetched."""

    def send(self, message: Message, leaving: Callable[[], None]) -> Outcome:
        """Try once.

        Args:
            message: the digest.
            leaving: to be called right before the other side could have got it; until then a process that dies
                has sent nothing.
        """
        ...


def failed(detail: object, *, again: bool = False) -> Outcome:
    """The other side has nothing, for a reason in one line."""
    return Outcome("failed", " ".join(str(detail).split())[:500], again)


def unknown(detail: object) -> Outcome:
    """Nobody can know, for a reason in one line."""
    return Outcome("unknown", " ".join(str(detail).split())[:500])
