"""The protocol of a decoder: one provider API as a handful of functions and a usage table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request
from otelcost.wire.reply import Reply
from otelcost.wire.sse import Events, events_of
from otelcost.wire.usage import Reading, UsageMap


def never_streamed(events: Events, reply: Reply) -> None:
    """Read nothing: this API has no streams, and what claims to be one is not understood."""
    del events, reply


class Codec(msgspec.Struct, frozen=True):
    """How to read one API. All functions are pure but for the `Reply` they fill."""

    api: str
    operation: str  # OpenTelemetry `gen_ai.operation.name`
    provider: str  # whose format it is
    usage: UsageMap
    request: Callable[[Fields], Request]
    whole: Callable[[Fields, Reply], None]  # a body that is one JSON object
    stream: Callable[[Events, Reply], None]  # a body of events
    hidden_usage: Callable[[object], Reading] | None = None  # billed outside of the top-level counts
    events: Callable[[bytes, str], Events | None] = events_of  # body and content type; None: no stream
    finish: Callable[[Request, Mapping[str, str], Reply], None] | None = None  # what response headers add
    opaque: Callable[[bytes, Reply], None] | None = None  # a body that is neither: sound, plain text
    other_units: bool = False  # billed in pictures, seconds, characters, pages or searches too: no text tells it
    free: bool = False  # charged for only where the answer itself tells a usage that is billed
    shared_path: bool = False  # other services have such paths too: the bodies must confirm what it is
    dialects: Mapping[str, UsageMap] = {}  # by provider: `usage` of those who count in another way
    plain: Callable[[bytes], Request | None] | None = None  # `request` in one pass, None of a body it does not know
    plain_whole: Callable[[bytes, Reply], bool] | None = None  # the same of `whole`; False: nothing was read
