"""Forms (uploads of audio and images) as httpx keeps them: fields and files, put together only while they are sent.

What is in memory is taken from there. A file that the program opened is the program's: nothing is read from it, and
the record says that the request was cut.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from otelcost.capture.sketch import LIMIT_BYTES


def held_bytes(request: Any) -> int:
    """What the files of a request's form keep in memory."""
    return sum(_size(getattr(field, "file", None)) for field in _fields(request))


def body_of(request: Any, *, files: bool = True) -> tuple[bytes, bool]:
    """The body of a request that is a form, as it was sent, and whether some of it is missing.

    Args:
        request: one whose body is a stream; empty and cut where that is no form.
        files: with their contents, as far as these are in memory and not too big.
    """
    fields = _fields(request)
    if not fields:
        return b"", True
    edge, pieces, cut = b"--" + request.stream.boundary, list[bytes](), False
    for field in fields:
        if not hasattr(field, "file"):
            data: bytes | None = field.render_data()
        else:
            data = _contents(field.file) if files else None
        cut |= data is None
        pieces += [edge, b"\r\n", field.render_headers(), data or b"", b"\r\n"]
    return b"".join((*pieces, edge, b"--\r\n")), cut


def _fields(request: Any) -> list[Any]:
    stream = getattr(request, "stream", None)
    fields = getattr(stream, "fields", None)
    return fields if isinstance(fields, list) and isinstance(getattr(stream, "boundary", None), bytes) else []


def _size(file: Any) -> int:
    if isinstance(file, BytesIO):
        contents = _value(file)
        return 0 if contents is None else len(contents)
    return len(file) if isinstance(file, bytes | str) else 0


def _value(file: BytesIO) -> bytes | None:
    """What is in it, by one step and without a copy: a view of it would keep its program from writing meanwhile."""
    try:
        return file.getvalue()
    except ValueError:  # closed
        return None


def _contents(file: Any) -> bytes | None:
    """What a file holds, None where that is not in memory, or too big to be read in the host's process."""
    if _size(file) > LIMIT_BYTES:
        return None
    if isinstance(file, BytesIO):
        return _value(file)
    if isinstance(file, str):
        return file.encode("utf-8", "replace")
    return file if isinstance(file, bytes) else None
