"""A request and its headers in neutral terms, for HTTP libraries that keep them in many places.

They have the names that httpx's own objects have, so that an `Attempt` takes either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Address:
    """Where a request goes, as `httpx.URL` has it: scheme, host, port (None: the scheme's own), decoded path, query."""

    __slots__ = ("host", "path", "port", "query", "scheme")

    def __init__(self, scheme: str, host: str, port: int | None, path: str, query: bytes) -> None:
        self.scheme, self.host, self.port, self.path, self.query = scheme, host, port, path, query

    @property
    def netloc(self) -> bytes:
        """Host and port as a URL shows them."""
        return (self.host if self.port is None else f"{self.host}:{self.port}").encode("ascii", "replace")


class Fields:
    """Header fields as pairs, taken at once: the host may go on changing its own map."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        self._pairs = list(pairs)

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """Names and values as they are sent."""
        return [(_bytes(name), _bytes(value)) for name, value in self._pairs]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a header as text, by its name in any case."""
        for name, value in self._pairs:
            if len(name) == len(key) and _text(name).lower() == key:
                return _text(value)
        return default


class Sent:
    """A request as it was sent.

    Args:
        method: upper case or not, as the library was given it.
        url: where it goes.
        headers: its headers.
        content: its body; None where only the transport reads it.
    """

    __slots__ = ("content", "headers", "method", "url")

    def __init__(self, method: str, url: Address, headers: Fields, content: bytes | None) -> None:
        self.method, self.url, self.headers, self.content = method, url, headers, content


def address(scheme: str, host: str, port: int | None, target: str) -> Address:
    """The address of a request target (`/path?query`, or a whole URL as HTTP proxies want it) at a server."""
    if target.startswith(("http://", "https://")):
        split = urlsplit(target)
        scheme, host, port = split.scheme, split.hostname or host, split.port
        target = f"{split.path}?{split.query}"
    path, _, query = target.partition("?")
    if "%" in path:
        path = unquote(path)
    port = None if port == DEFAULT_PORTS.get(scheme) else port
    return Address(scheme, host, port, path, query.encode("latin-1", "replace"))


def body_bytes(body: object) -> bytes | None:
    """A request's body where it is in memory; None where it is a stream or a file."""
    if isinstance(body, bytes):
        return body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return bytes(body) if isinstance(body, bytearray | memoryview) else None


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
