"""What a model's name says besides the model: who hosts it, where, tuned by whom, routed how.

Pure text. A name that stands for something no price list can know is given back with the reason.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_DATED: Final = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8})$")
_PATH: Final = re.compile(r"(?:.*/)?publishers/[^/]+/models/|projects/[^/]+/locations/[^/]+/models/|models/|google/")
_ARN: Final = re.compile(r"arn:(?P<partition>[\w-]+):bedrock:[^:]*:[^:]*:(?P<kind>[\w-]+)/(?P<rest>.+)")
_OPAQUE: Final = re.compile(r"[a-z0-9]{8,}(?::\d+)?")
_LISTED_ARNS: Final = frozenset({"inference-profile", "foundation-model"})
_DASHED: Final = re.compile(r"(?<=[a-z])-(\d)-(\d)(?=$|[:-])")

_ROUTED: Final = {
    "nitro": "the fastest provider",
    "floor": "the cheapest provider",
    "exacto": "chosen providers",
    "online": "a web search",
}
"""Suffixes of OpenRouter that decide who answers, or add to it; the price is whoever's that was."""

_ALIAS: Final = "say with base_model in prices.toml which model it runs"
GOVCLOUD: Final = "it runs in AWS GovCloud, whose prices the book does not have"


class Name(NamedTuple):
    """A model to look up, or why no price can be known whatever the book holds."""

    model: str
    reason: str | None = None
    hint: str = ""  # what to add to "the book has no such model"
    other: str | None = None  # another spelling, where the first is unknown


def plain(provider: str, model: str) -> Name:
    """A model's own name, without what hosts and tools put around it.

    Args:
        provider: OpenTelemetry provider name.
        model: as sent or as answered.
    """
    reader = _READERS.get(provider)
    return reader(model.strip()) if reader is not None else Name(model.strip())


def undated(model: str) -> str:
    """A name without the date of its version."""
    return _DATED.sub("", model)


def _openai(model: str) -> Name:
    if not model.lower().startswith("ft:"):
        return Name(model)
    base = model.split(":")[1]
    return Name(f"ft:{base}", hint=f"; what models tuned from {base} cost is not known")


def _azure(model: str) -> Name:
    return Name(model, hint=f": if that is a deployment's name, {_ALIAS}")


def _bedrock(model: str) -> Name:
    arn = _ARN.fullmatch(model)
    if arn is not None:
        if arn["partition"] != "aws":
            return Name(model, GOVCLOUD if "gov" in arn["partition"] else f"it runs in {arn['partition']}")
        if arn["kind"] not in _LISTED_ARNS:
            return Name(model, f"{arn['kind']} hides the model: {_ALIAS}")
        model = arn["rest"]
    if model.lower().startswith("us-gov."):
        return Name(model, GOVCLOUD)
    if _OPAQUE.fullmatch(model):  # the last part of a resource name, of which records keep no more
        return Name(model, hint=f": if that is an inference profile or a model of your own, {_ALIAS}")
    return Name(model)


def _google(model: str) -> Name:
    kind, _, rest = model.partition("/")
    if kind == "tunedModels" or "/endpoints/" in model or (kind == "endpoints" and rest):
        return Name(model, f"it is tuned or deployed by its user: {_ALIAS}")
    return Name(_PATH.sub("", model, count=1))


def _openrouter(model: str) -> Name:
    name, _, suffix = model.lower().rpartition(":")
    if name and suffix == "free":
        return Name(":free")
    if name and suffix in _ROUTED:
        return Name(model, f":{suffix} means {_ROUTED[suffix]}, and the price is theirs; the answer tells the cost")
    return Name(model, other=_DASHED.sub(r"-\1.\2", model))


_READERS: Final = {
    "openai": _openai,
    "azure.ai.openai": _azure,
    "azure.ai.inference": _azure,
    "aws.bedrock": _bedrock,
    "gcp.gemini": _google,
    "gcp.gen_ai": _google,
    "gcp.vertex_ai": _google,
    "openrouter": _openrouter,
}
