"""otelcost: why an LLM bill grew, call by call, and what to change.

    import otelcost

    otelcost.instrument()  # not needed under `otelcost run` or `opentelemetry-instrument`

    with otelcost.task("triage"), otelcost.label(customer="acme"):
        ...

Importing this module loads nothing else; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otelcost.capture.api import flush as flush
    from otelcost.capture.api import instrument as instrument
    from otelcost.capture.api import label as label
    from otelcost.capture.api import task as task
    from otelcost.capture.api import uninstrument as uninstrument

__version__ = "0.1.0"

__all__ = ["__version__", "flush", "instrument", "label", "task", "uninstrument"]

_LAZY = frozenset({"flush", "instrument", "label", "task", "uninstrument"})


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module("otelcost.capture.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
