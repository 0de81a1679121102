"""Form bodies: small fields become JSON members, files become prompt parts by kind and size."""

from __future__ import annotations

import re
from typing import Final
from zlib import crc32

import msgspec

from otelcost.model import SegmentKind
from otelcost.wire.jsonview import Fields
from otelcost.wire.parts import Part

_BOUNDARY: Final = re.compile(r'boundary="?([^";,]{1,200})')
_NAME: Final = re.compile(rb'[; ]name="([^"\r\n]{1,64})"')
_TYPE: Final = re.compile(rb"content-type: *([\w.+/-]{1,64})", re.IGNORECASE)
_LITERAL: Final = re.compile(rb"true|false|-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_MAX_PARTS: Final = 256


class Form(msgspec.Struct, frozen=True):
    """The fields of a form, and its files in order."""

    fields: Fields
    files: list[Part]


def parse(body: bytes, content_type: str) -> Form | None:
    """The form in a body, None where the type says that there is none."""
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    found = _BOUNDARY.search(content_type)
    raw: dict[str, msgspec.Raw] = {}
    files: list[Part] = []
    pieces = body.split(b"--" + found[1].encode(), _MAX_PARTS) if found else []
    for piece in pieces[1:]:
        head, _, data = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is not None:
            value = data.removesuffix(b"\r\n")
            raw[name[1].decode("utf-8", "replace")] = _member(head, value, files)
    return Form(Fields(raw), files)


def _member(head: bytes, value: bytes, files: list[Part]) -> msgspec.Raw:
    if b"filename=" in head:
        kind = _TYPE.search(head)
        files.append(Part("user", _kind(kind[1] if kind else b""), value))
        return msgspec.Raw(msgspec.json.encode({"bytes": len(value), "crc32": crc32(value)}))
    if _LITERAL.fullmatch(value):
        return msgspec.Raw(value)
    return msgspec.Raw(msgspec.json.encode(value.decode("utf-8", "replace")))


def _kind(content_type: bytes) -> SegmentKind:
    family = content_type.partition(b"/")[0].lower()
    if family == b"image":
        return "image"
    return "audio" if family in {b"audio", b"video"} else "document"
