"""Creating a batch, at any provider: free itself. What it costs is told by its results, see `batches`."""

from __future__ import annotations

from typing import Final

from otelcost.wire import usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Request
from otelcost.wire.reply import Reply, error_name

_MEMBERS: Final = frozenset({"input_file_id", "input_files", "requests", "batch"})


def request(fields: Fields) -> Request:
    """The model where all requests have one. The requests themselves may be a hundred thousand: left alone."""
    return Request(model=fields.text("model"), shaped=not _MEMBERS.isdisjoint(fields.raw))


def whole(body: Fields, reply: Reply) -> None:
    """Read what was created: its id, and how far it is."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.id = reply.id or body.text("name")
    state = body.text("status") or body.text("processing_status")
    reply.finish = [state] if state else []
    batch = body.text("object") == "batch" or body.text("type") == "message_batch"
    reply.recognised = batch or (body.text("name") or "").startswith("batches/")
    reply.complete = True


CODEC: Final = Codec(
    "batch.create",
    "create_batch",
    "openai",
    usage.OPENAI,
    request,
    whole,
    never_streamed,
    free=True,
    shared_path=True,
)
"""POST /batches, /v1/messages/batches, /batch/jobs, .../models/{model}:batchGenerateContent."""
