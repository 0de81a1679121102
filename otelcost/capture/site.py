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


def find_site(frame: FrameType | None) -> Site | None:
    """The call site at or above `frame`, or None where only plumbing is on the stack."""
    fallback: FrameType | None = None
    for _ in range(_MAX_FRAMES):
        if frame is None:
            break
        filename = frame.f_code.co_filename
        owner = _owners.get(filename)
        if owner is None:
            owner = _classify(filename)
        if owner == 2:
            return Site(frame.f_code, frame.f_lineno)
        if owner == 1 and fallback is None:
            fallback = frame
        frame = frame.f_back
    return None if fallback is None else Site(fallback.f_code, fallback.f_lineno)


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


def _relative(filename: str) -> str:
    return _below(_working_directory(), filename)


@functools.lru_cache(maxsize=1024)
def _below(directory: Path, filename: str) -> str:
    path = Path(filename)
    for base in (directory, *(Path(entry) for entry in sys.path if entry.endswith(_INSTALLED_ENDS))):
        if path.is_absolute() and path.is_relative_to(base):
            return str(path.relative_to(base))
    return filename


_INSTALLED_ENDS: Final = tuple(marker.rstrip("/") for marker in _INSTALLED)
