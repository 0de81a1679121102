"""One call passes several layers, each a seam: whether a request is the one that a layer above is sending already."""

from __future__ import annotations

import re
import sys
from types import FrameType
from typing import Any, Final

from otelcost.capture.sketch import sketch

_DIGITS: Final = 16
_MODEL: Final = re.compile(rb'"model":("[^"]*")')
_TRANSPORT: Final = frozenset({"handle_request", "handle_async_request"})
_HOOKED: Final = "_send_handling_redirects"


def is_inner(sender: int, sent: Any, client: object, request: Any) -> bool:
    """Whether a request is the one that a layer above is sending already.

    The same body is: at another server that is a redirect, or a transport that sends on to a gateway. At the same
    server another body is too, for transports rewrite bodies, unless another model is asked, or a hook asks. A client
    sends nothing through itself.

    Args:
        sender: identity of the client that the layer above sends through.
        sent: what that layer is sending.
        client: what sends the request.
        request: the one in question.
    """
    if sender == id(client):
        return False
    above, below = request_body(sent), request_body(request)
    if above is not None and above == below:
        return True
    if sent.url.host != request.url.host or _in_hook():
        return False
    models = {_MODEL.search(sketch(body or b"")) for body in (above, below)}
    return None in models or len({model[1] for model in models if model}) == 1


def _in_hook() -> bool:
    """Whether an httpx client runs code of the program's and not, further below, its transport."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_name
        if name in _TRANSPORT:
            return False
        if name == _HOOKED:
            return True
        frame = frame.f_back
    return False


def request_body(request: Any) -> bytes | None:
    """The request's body, None where it is a stream that only the transport reads."""
    try:
        content: bytes | None = request.content
    except RuntimeError:  # both libraries' RequestNotRead
        return None
    return content


def announced_bytes(request: Any) -> int:
    """How long a request says that its body is; 0 where it does not."""
    for name, value in request.headers.raw:
        if name.lower() == b"content-length":
            return int(value) if value.isdigit() and len(value) < _DIGITS else 0
    return 0
