"""Loaded by `opentelemetry-instrument` before it starts the program: makes its defaults safe.

The stock distribution exports to `otlp` unless told otherwise. Where no such exporter is installed that default
makes auto-instrumentation fail as a whole, and nothing at all would be captured. So exactly there, and where
the user set nothing, traces go to otelcost and metrics and logs nowhere. What a user set is never touched.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from importlib.metadata import entry_points
from typing import Final

TRACES: Final = "OTEL_TRACES_EXPORTER"
METRICS: Final = "OTEL_METRICS_EXPORTER"
LOGS: Final = "OTEL_LOGS_EXPORTER"
EXPORTER: Final = "otelcost"

_GROUPS: Final = {
    TRACES: ("opentelemetry_traces_exporter", EXPORTER),
    METRICS: ("opentelemetry_metrics_exporter", "none"),
    LOGS: ("opentelemetry_logs_exporter", "none"),
}


def apply_defaults(environment: MutableMapping[str, str]) -> None:
    """Set what would otherwise default to an exporter that is not installed."""
    for variable, (group, fallback) in _GROUPS.items():
        if not environment.get(variable) and not _otlp_installed(group, environment):
            environment[variable] = fallback


def _otlp_installed(group: str, environment: MutableMapping[str, str]) -> bool:
    protocol = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    wanted = "otlp_proto_http" if protocol == "http/protobuf" else "otlp_proto_grpc"
    return bool(entry_points(group=group, name=wanted))


apply_defaults(os.environ)
