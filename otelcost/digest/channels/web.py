"""A POST of the digest as JSON. The other side recognises a second copy by its idempotency key."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from otelcost.digest.channels.base import Outcome, failed, unknown

if TYPE_CHECKING:
    from otelcost.digest.message import Message

SIGNATURE: Final = "X-Otelcost-Signature"
"""`sha256=` and the HMAC of the body under the channel's secret, in hexadecimal."""

_AGAIN: Final = frozenset({408, 425, 429})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body, and look as if it had been taken."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        """Follow nowhere."""


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """Posts to one address. `url` and `secret` are the secrets themselves."""

    url: str
    secret: str | None
    timeout_s: float

    def send(self, message: Message, leaving: Callable[[], None]) -> Outcome:
        """One request. Where it is cut off before an answer, nobody knows."""
        if urlsplit(self.url).scheme not in {"http", "https"}:
            return failed("the address of a webhook starts with https:// or http://")
        request = self._request(message)
        leaving()
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=self.timeout_s) as answer:
                return Outcome("sent", f"HTTP {answer.status}")
        except urllib.error.HTTPError as error:
            with error:
                return failed(f"HTTP {error.code}", again=error.code in _AGAIN or error.code >= 500)
        except urllib.error.URLError as error:
            return _unsent(error.reason)
        except (OSError, http.client.HTTPException) as error:
            return unknown(f"cut off before an answer came ({error or type(error).__name__})")

    def _request(self, message: Message) -> urllib.request.Request:
        body = json.dumps(message.as_json(), allow_nan=False).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "otelcost",
            "Idempotency-Key": message.message_id.strip("<>"),
        }
        if self.secret is not None:
            headers[SIGNATURE] = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return urllib.request.Request(self.url, data=body, headers=headers, method="POST")  # noqa: S310  (checked)


def _unsent(reason: object) -> Outcome:
    """The connection could not be made, or broke while the request was being written."""
    if isinstance(reason, ConnectionRefusedError | OSError) and not isinstance(
        reason, BrokenPipeError | ConnectionResetError | TimeoutError
    ):
        return failed(reason, again=True)
    return unknown(f"cut off while it was being sent ({reason})")
