"""Loaded by `opentelemetry-instrument` before it starts the program: makes its defaults safe.

The stock distribution exports to `otlp` unless told otherwise. Where no such exporter is installed that default
makes auto-instrumentation fail as a whole, and nothing at all would be captured. So exactly there, and where
the user set nothing, traces go to otelcost and metrics and logs nowhere. What a user set is never touched here;
`otelcost run` also leaves out what the user named and is not there, and says so.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from importlib.metadata import entry_points
from typing import Final, NamedTuple

TRACES: Final = "OTEL_TRACES_EXPORTER"
METRICS: Final = "OTEL_METRICS_EXPORTER"
LOGS: Final = "OTEL_LOGS_EXPORTER"
EXPORTER: Final = "otelcost"

Installed = Mapping[str, Collection[str]]
"""Entry point group -> the exporters that are installed."""


class _Signal(NamedTuple):
    group: str
    fallback: str
    protocol: str


SIGNALS: Final = {
    TRACES: _Signal("opentelemetry_traces_exporter", EXPORTER, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"),
    METRICS: _Signal("opentelemetry_metrics_exporter", "none", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"),
    LOGS: _Signal("opentelemetry_logs_exporter", "none", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"),
}
_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_BY_PROTOCOL: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}


def installed_here() -> Installed:
    """The exporters of this interpreter."""
    return {signal.group: entry_points(group=signal.group).names for signal in SIGNALS.values()}


def apply_defaults(environment: MutableMapping[str, str], installed: Installed | None = None) -> None:
    """Set what would otherwise default to an exporter that is not installed (None: in this interpreter)."""
    there = installed_here() if installed is None else installed
    for variable, signal in SIGNALS.items():
        if not environment.get(variable) and _component("otlp", signal, environment) not in there[signal.group]:
            environment[variable] = signal.fallback


def leave_out_missing(environment: MutableMapping[str, str], installed: Installed) -> Iterator[str]:
    """Take exporters out of the environment that were named and are not installed: one would stop every other.

    Yields:
        For each, a line that says what, where, and what to do.
    """
    for variable, signal in SIGNALS.items():
        names = [name.strip() for name in environment.get(variable, "").split(",") if name.strip()]
        if [name.lower() for name in names] == ["none"]:
            environment[variable] = "none"
            continue
        components = {name: _component(name, signal, environment) for name in names}
        kept = [name for name in names if components[name] in installed[signal.group]]
        for name in names:
            if name not in kept:
                yield (
                    f"{variable}={name}: no exporter {components[name]} is installed, so it is left out; "
                    f"install its package or take it out of {variable}"
                )
        if environment.get(variable):
            environment[variable] = ",".join(kept) or signal.fallback


def _component(name: str, signal: _Signal, environment: Mapping[str, str]) -> str:
    """The entry point that a name stands for: `otlp` is one for each protocol."""
    if name != "otlp":
        return name
    protocol = (environment.get(signal.protocol) or environment.get(_PROTOCOL) or "grpc").strip()
    return _BY_PROTOCOL.get(protocol, f"otlp over {protocol}")


apply_defaults(os.environ)
