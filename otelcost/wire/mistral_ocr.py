"""Mistral's OCR: a document in, its text page by page out; billed by the page."""

from __future__ import annotations

from typing import Final

from otelcost.model import SegmentKind
from otelcost.wire import openai_parts, usage
from otelcost.wire.codec import Codec, never_streamed
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part, Request, common, texts
from otelcost.wire.reply import Reply, error_name


def request(fields: Fields) -> Request:
    """The document or image, and what is to be found in it."""
    read = common(fields)
    chosen = fields.object("document_annotation_format")
    read.schema = openai_parts.schema(chosen, "json_schema")
    read.parts = openai_parts.schema_part(read.schema) + texts(fields.slice("document_annotation_prompt"), "user")
    document = fields.object("document")
    if document is not None:
        kind: SegmentKind = "image" if document.text("type") == "image_url" else "document"
        read.parts.append(Part("user", kind, openai_parts.whole_of(document)))
    return read


def whole(body: Fields, reply: Reply) -> None:
    """Read the pages. How many there were stays in the raw usage."""
    reply.error = error_name(body)
    reply.identify(body)
    reply.usage_raw = body.slice("usage_info")
    values = [page.value("markdown") for page in body.objects("pages")] + [body.value("document_annotation")]
    reply.texts = [value for value in values if isinstance(value, str)]
    reply.recognised = "pages" in body.raw
    reply.complete = True


CODEC: Final = Codec(
    "mistral.ocr",
    "ocr",
    "mistral_ai",
    usage.OPENAI,
    request,
    whole,
    never_streamed,
    other_units=True,
    shared_path=True,
)
"""POST /v1/ocr."""
