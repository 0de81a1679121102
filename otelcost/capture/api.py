"""What a program may use: `instrument`, `uninstrument`, `task`, `label`, `flush`."""

from __future__ import annotations

from otelcost.capture.labels import label, task
from otelcost.capture.switch import instrument, uninstrument
from otelcost.capture.worker import worker

__all__ = ["flush", "instrument", "label", "task", "uninstrument"]


def flush(timeout_seconds: float = 2.0) -> bool:
    """Wait until every finished call is in the spool. False: not within the time."""
    return worker.flush(timeout_seconds)
