"""The call site: the first frame that is the user's own code. Cheap on the caller's thread, named later.

A frame is plumbing (the standard library, otelcost, a known SDK), a package (anything else installed), or the
user's. Where no user frame is on the stack, an application that is itself an installed package is the best answer.
"""

from __future__ import annotations

import functools
import sys
import sysconfig
from enum import IntEnum
from pathlib import Path
from types import CodeType, FrameType
from typing import Final, NamedTuple

_PACKAGE_ROOT = Path(__file__).resolve().parents[1]
_OURS: Final = (
    f"{_PACKAGE_ROOT}/",
    f"{_PACKAGE_ROOT.parent}/exporters/otelcost_exporters/",
    f"{_PACKAGE_ROOT.parent}/otelcost_exporters/",
)
_WORKLOAD: Final = f"{_PACKAGE_ROOT}/demo/app/"
_STDLIB: Final = tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib")})
_INSTALLED: Final = ("/site-packages/", "/dist-packages/")
_PLUMBING: Final = frozenset(
    {"aiobotocore", "aiohttp", "anthropic", "anyio", "asgiref", "backoff", "boto3", "botocore", "celery", "cohere"}
    | {"dspy", "fastapi", "google", "groq", "guidance", "gunicorn", "haystack", "httpcore", "httpcore2", "httpx"}
    | {"httpx2", "httpx_aiohttp", "instructor", "langchain", "langchain_anthropic", "langchain_aws"}
    | {"langchain_community", "langchain_core", "langchain_google_genai", "langchain_openai", "langgraph", "litellm"}
    | {"llama_index", "llama_index_core", "mistralai", "ollama", "openai", "opentelemetry", "pydantic", "pydantic_ai"}
    | {"pydantic_graph", "requests", "requests_toolbelt", "s3transfer", "starlette", "stamina", "tenacity", "trio"}
    | {"urllib3", "uvicorn", "uvloop", "wrapt"}
)
_MAX_FRAMES: Final = 200
_CACHE_LIMIT: Final = 20_000


class _Owner(IntEnum):
    PLUMBING = 0
    PACKAGE = 1
    USER = 2


class Site(NamedTuple):
    """A place in code, still as objects."""

    code: CodeType
    line: int | None


_owners: dict[str, _Owner] = {}
"""By file name: code objects of two files can be equal, and hashing one is slow."""


class _Way(NamedTuple):
    """How the user's code was found last time from a place in an HTTP library's caller.

    Attributes:
        near: the code where the search began.
        last: the last code on the way that was not the user's.
        depth: how many frames above the first the user's was.
    """

    near: CodeType
    last: CodeType
    depth: int


_ways: dict[int, _Way] = {}
"""By the identity of `near`. The same way is tried first: three frames are looked at then instead of a dozen."""


def find_site(above: int) -> Site | None:
    """The call site at or above the frame that is `above` frames above the caller's, None: only plumbing is there."""
    try:
        frame = sys._getframe(above + 1)
    except ValueError:  # the stack is not that deep
        return None
    way = _ways.get(id(frame.f_code))
    if way is not None and way.near is frame.f_code:
        try:
            last = sys._getframe(above + way.depth)
        except ValueError:
            return _search(frame)
        user = last.f_back
        if last.f_code is way.last and user is not None and _owners.get(user.f_code.co_filename) == 2:
            return Site(user.f_code, user.f_lineno)
    return _search(frame)


def _search(near: FrameType) -> Site | None:
    fallback: FrameType | None = None
    last, frame = near, near
    for depth in range(_MAX_FRAMES):
        owner = _owners.get(frame.f_code.co_filename)
        if owner is None:
            owner = _classify(frame.f_code.co_filename)
        if owner == 2:
            if depth:
                _learn(_Way(near.f_code, last.f_code, depth))
            return Site(frame.f_code, frame.f_lineno)
        if owner == 1 and fallback is None:
            fallback = frame
        if frame.f_back is None:
            break
        last, frame = frame, frame.f_back
    return None if fallback is None else Site(fallback.f_code, fallback.f_lineno)


def _learn(way: _Way) -> None:
    if len(_ways) > _CACHE_LIMIT:
        _ways.clear()
    _ways[id(way.near)] = way


def _classify(filename: str) -> _Owner:
    if len(_owners) > _CACHE_LIMIT:  # names made on the fly, as notebooks and template engines do
        _owners.clear()
    owner = _owners[filename] = _owner_of(filename)
    return owner


def _owner_of(filename: str) -> _Owner:
    if filename.startswith(_WORKLOAD):
        return _Owner.USER
    if filename.startswith(("<frozen", *_OURS)):
        return _Owner.PLUMBING
    for marker in _INSTALLED:
        _, found, inside = filename.rpartition(marker)
        if found:
            top = inside.partition("/")[0].removesuffix(".py")
            return _Owner.PLUMBING if top in _PLUMBING else _Owner.PACKAGE
    return _Owner.PLUMBING if filename.startswith(_STDLIB) else _Owner.USER


def describe(site: Site) -> tuple[str, int | None, str]:
    """File (relative to the working directory where it is below it), line and qualified function name."""
    return _relative(site.code.co_filename), site.line, site.code.co_qualname


@functools.cache
def _working_directory() -> Path:
    """Where the program was when its first call was recorded: it may go elsewhere, or the folder may be removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path(sys.prefix) / "no working directory"  # nothing is below it


@functools.lru_cache(maxsize=1024)
def _relative(filename: str) -> str:
    path = Path(filename)
    for base in (_working_directory(), *(Path(entry) for entry in sys.path if entry.endswith(_INSTALLED_ENDS))):
        if path.is_absolute() and path.is_relative_to(base):
            return str(path.relative_to(base))
    return filename


_INSTALLED_ENDS: Final = tuple(marker.rstrip("/") for marker in _INSTALLED)
