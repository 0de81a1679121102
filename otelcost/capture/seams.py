"""Where capture touches other packages: which modules are patched, on and off, and the originals put back.

A seam's own module is imported when, and only if, the program imports the package that it patches.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from otelcost.capture import clients
from otelcost.capture.attempt import Attempt, begin
from otelcost.capture.guard import Guard, absorbed
from otelcost.capture.imports import forget_imports, when_imported
from otelcost.capture.worker import worker

SEAMS: Final = {
    "httpx": "httpx",
    "httpx2": "httpx",
    "urllib3.connectionpool": "urllib3",
    "aiohttp.client": "aiohttp",
}
"""Module of another package -> our module whose `patch` is called with it once it is imported."""

_GEVENT: Final = "gevent.monkey"

Make = Callable[[Callable[..., Any]], Callable[..., Any]]

_originals: dict[tuple[type, str], Callable[..., Any]] = {}
_enabled = False


def install(client: object | None = None) -> bool:
    """Record from now on, through every seam, whether its package is imported already or will be.

    Args:
        client: only what this one sends, unless everything is recorded anyway.

    Returns:
        False where no client that sends anything was found at or inside `client`.
    """
    global _enabled  # noqa: PLW0603  (a process is instrumented or it is not)
    if client is None:
        _enabled = True
    elif not clients.mark(client):
        return False
    _patch_all()
    return True


def _patch_all() -> None:
    for name in SEAMS:
        when_imported(name, _patch_imported)
    when_imported(_GEVENT, _settle)


def _settle(_: ModuleType) -> None:
    """Have everything loaded and read that is about to be.

    gevent replaces that by which an import knows its own thread. One under way then would wait for itself for ever, and
    whoever imports the same with it.
    """
    worker.flush()


def installed() -> bool:
    """Whether calls are recorded now, if only those of some clients."""
    return _enabled or clients.any_marked()


def uninstall(client: object | None = None) -> None:
    """Stop recording; put the original methods back where nobody wrapped ours meanwhile.

    Args:
        client: only this one is no longer recorded by itself.
    """
    global _enabled  # noqa: PLW0603
    clients.unmark(client)
    if client is None:
        _enabled = False
    if installed():
        return
    forget_imports()
    for (owner, name), original in list(_originals.items()):
        current = owner.__dict__.get(name)
        if getattr(getattr(current, "__func__", current), "otelcost_own", False):
            setattr(owner, name, original)
            del _originals[owner, name]


def patched() -> list[str]:
    """The methods that are ours now, as `module.Class.method`."""
    return sorted(f"{owner.__module__}.{owner.__qualname__}.{name}" for owner, name in _originals)


def _patch_imported(module: ModuleType) -> None:
    with Guard("patch"):
        import_module(f"otelcost.capture.{SEAMS[module.__name__]}").patch(module)


def wrap(owner: type, name: str, make: Make) -> None:
    """Replace a method by what `make` makes of it, once, and only while capture is on."""
    if (owner, name) in _originals or not installed():
        return
    original: Callable[..., Any] = getattr(owner, name)
    wrapper: Any = make(original)
    wrapper.otelcost_own = True
    _originals[owner, name] = owner.__dict__.get(name, original)
    bound = isinstance(owner.__dict__.get(name), classmethod)
    setattr(owner, name, staticmethod(wrapper) if bound else wrapper)


def begin_attempt(client: object, request: Any, number: int | None = None) -> Attempt | None:
    """Begin an attempt where it is one to record. Never raises an error of ours.

    Args:
        client: what sends it: attempts of one operation go through the same one.
        request: an HTTP library's request, or a `message.Sent`.
        number: which attempt of its operation it is, where the library knows; 1 is the first.
    """
    if _enabled or clients.marked():
        try:
            if not worker.ready:
                worker.ensure()
            return begin(client, request, worker.submit, number)
        except Exception as error:  # the guard's own rule: a `with` would be a tenth of what a call begins with
            if not absorbed("begin", error):
                raise
    return None


def give_up(attempt: Attempt | None) -> None:
    """Our own code failed in the middle of an attempt: it is still one record."""
    with Guard("give_up"):
        if attempt is not None:
            attempt.finish("closed")
