"""Recording one client alone: its calls pass the seams marked, and the seams record what is marked.

A mark is a context variable, set while a method of the client runs through which all its requests go. That may be a
method of any layer above the seam, so that a client which makes its HTTP session later, or a pool per host, is known.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakValueDictionary

ENTRANCES: Final[dict[str, tuple[str, ...]]] = {
    "httpx.Client": ("send",),
    "httpx.AsyncClient": ("send",),
    "httpx2.Client": ("send",),
    "httpx2.AsyncClient": ("send",),
    "requests.sessions.Session": ("send",),
    "urllib3.poolmanager.PoolManager": ("urlopen",),
    "urllib3.connectionpool.HTTPConnectionPool": ("urlopen",),
    "aiohttp.client.ClientSession": ("_request",),
    "botocore.endpoint.Endpoint": ("_send",),
    "google.genai._api_client.BaseApiClient": ("_request_once", "_async_request_once"),
}
"""A class (a client is one of it or of a class below it) -> its methods through which every request goes."""

_INSIDE: Final = (
    "_client", "client", "_async_client", "async_client", "root_client", "root_async_client", "_endpoint",
    "_api_client", "sdk_configuration", "_client_wrapper", "httpx_client",
)  # fmt: skip
"""Attributes under which SDKs and frameworks keep the client below them."""
_DEPTH: Final = 4

_mark: ContextVar[list[bool] | None] = ContextVar("otelcost_marked_client", default=None)
"""Holds something while a method of a marked client runs. Tasks begun meanwhile inherit the list, emptied later."""
_marked: WeakValueDictionary[int, Any] = WeakValueDictionary()
_before: Final = "otelcost_before"


def marked() -> bool:
    """Whether what runs now was called by a marked client."""
    return bool(_mark.get())


def any_marked() -> bool:
    """Whether there is any marked client."""
    return bool(_marked)


def mark(client: object) -> bool:
    """Mark a client, or those inside it. Again changes nothing. False: there is none inside."""
    found = list(_entrances(client))
    for owner, names in found:
        if id(owner) not in _marked:
            _marked[id(owner)] = owner
            for name in names:
                _shadow(owner, name)
    return bool(found)


def unmark(client: object | None = None) -> None:
    """Take the marks from a client, or from all, and put their methods back."""
    owners = list(_marked.values()) if client is None else [owner for owner, _ in _entrances(client)]
    for owner in owners:
        if _marked.pop(id(owner), None) is not None:
            for name, value in list(vars(owner).items()):
                if hasattr(value, _before):
                    _restore(owner, name, getattr(value, _before))


def _entrances(client: object) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The objects at or inside a client whose methods are entrances, each once."""
    level, seen = [client], set[int]()
    for _ in range(_DEPTH + 1):
        below: list[object] = []
        for one in level:
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            names = _methods(type(one))
            if names:
                yield one, names
            else:
                below += [getattr(one, name, None) for name in _INSIDE]
        level = below


def _methods(kind: type) -> tuple[str, ...]:
    for base in kind.__mro__:
        names = ENTRANCES.get(f"{base.__module__}.{base.__qualname__}")
        if names:
            return names
    return ()


def _shadow(owner: Any, name: str) -> None:
    """Put a method of this one object before that of its class."""
    before = vars(owner).get(name)

    def below() -> Callable[..., Any]:
        """Looked up at every call: the class's own may be patched, or put back, meanwhile."""
        own: Callable[..., Any] = before or getattr(type(owner), name).__get__(owner)
        return own

    if inspect.iscoroutinefunction(below()):

        @functools.wraps(below())
        async def later(*args: Any, **kwargs: Any) -> Any:
            with _marking():
                return await below()(*args, **kwargs)

        shadow: Any = later
    else:

        @functools.wraps(below())
        def at_once(*args: Any, **kwargs: Any) -> Any:
            with _marking():
                return below()(*args, **kwargs)

        shadow = at_once
    setattr(shadow, _before, before)
    object.__setattr__(owner, name, shadow)


def _restore(owner: Any, name: str, before: Any) -> None:
    if before is None:
        object.__delattr__(owner, name)
    else:
        object.__setattr__(owner, name, before)


@contextmanager
def _marking() -> Iterator[None]:
    holder = [True]
    token = _mark.set(holder)
    try:
        yield
    finally:
        holder.clear()
        with suppress(ValueError):  # ended in another context than begun: nothing to put back there
            _mark.reset(token)
