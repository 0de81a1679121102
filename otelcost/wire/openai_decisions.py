"""OpenAI decisions: questions about an input, answered by classes, yes or no, and scores."""

from __future__ import annotations

from typing import Final

from otelcost.wire import openai_parts, openai_responses, usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part, Request
from otelcost.wire.reply import Reply, error_name


def request(fields: Fields) -> Request:
    """The input as a response has it, then the questions in order."""
    read = openai_responses.request(fields)
    for question in fields.objects("questions"):
        read.parts.append(Part("user", "schema", openai_parts.whole_of(question), name=question.text("name")))
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read the answers, which are the output as they stand."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("usage")
    answers = body.slice("answers")
    reply.texts = [answers.decode("utf-8", "replace")] if answers else []
    reply.recognised = answers is not None or reply.usage_raw is not None
    reply.complete = True


CODEC: Final = Codec(
    "openai.decisions", "decision", "openai", usage.OPENAI, request, whole, never_streamed, shared_path=True
)
"""POST /decisions."""
