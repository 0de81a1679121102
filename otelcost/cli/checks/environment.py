"""Versions, entry points and the OpenTelemetry variables that decide whether anything is captured."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING

from otelcost import __version__
from otelcost.cli.checks import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANY = "*"
_PACKAGES = ("duckdb", "textual", "genai-prices", "opentelemetry-sdk", "opentelemetry-distro", "openai", "anthropic")
_ENTRY_POINTS = (
    ("opentelemetry_instrumentor", "instrumentor", "no call is captured"),
    ("opentelemetry_traces_exporter", "span exporter", "spans of other instrumentations are not kept"),
    ("opentelemetry_environment_variables", "launcher defaults", "opentelemetry-instrument may fail to start"),
)
_EXPORTERS = (
    ("OTEL_TRACES_EXPORTER", "opentelemetry_traces_exporter", "otelcost"),
    ("OTEL_METRICS_EXPORTER", "opentelemetry_metrics_exporter", "none"),
    ("OTEL_LOGS_EXPORTER", "opentelemetry_logs_exporter", "none"),
)
_REINSTALL = "install otelcost again in the application's own environment: python -m pip install otelcost"


def check_environment(environment: Mapping[str, str]) -> list[Check]:
    """Everything about this interpreter and these environment variables. Reads no file of ours."""
    return [
        _python(),
        _packages(),
        *(_entry_point(*row) for row in _ENTRY_POINTS),
        _sdk(environment),
        _instrumentations(environment),
        *(_exporter(environment, *row) for row in _EXPORTERS),
        *_named(environment, "OTEL_PYTHON_DISTRO", "opentelemetry_distro"),
        *_named(environment, "OTEL_PYTHON_CONFIGURATOR", "opentelemetry_configurator"),
    ]


def _python() -> Check:
    detail = f"{platform.python_implementation()} {platform.python_version()} on {sys.platform}, otelcost {__version__}"
    return Check("python", "ok", detail)


def _packages() -> Check:
    found = {name: _version(name) for name in _PACKAGES}
    missing = [name for name, number in found.items() if number is None]
    detail = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    if missing:
        return Check("packages", "warning", detail, f"python -m pip install {' '.join(missing)}")
    return Check("packages", "ok", detail)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _entry_point(group: str, what: str, otherwise: str) -> Check:
    found = entry_points(group=group, name="otelcost")
    if not found:
        return Check(what, "broken", f"not registered: {otherwise}", _REINSTALL)
    entry: EntryPoint = next(iter(found))
    try:
        entry.load()
    except (ImportError, AttributeError) as error:
        return Check(what, "broken", f"{entry.value} does not load ({error}): {otherwise}", _REINSTALL)
    return Check(what, "ok", f"otelcost = {entry.value}")


def _sdk(environment: Mapping[str, str]) -> Check:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Check(
            "OpenTelemetry SDK", "broken", "OTEL_SDK_DISABLED=true: nothing is captured", "unset OTEL_SDK_DISABLED"
        )
    return Check("OpenTelemetry SDK", "ok", "enabled")


def _instrumentations(environment: Mapping[str, str]) -> Check:
    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    disabled = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
    if _ANY in disabled or "otelcost" in disabled:
        return Check("instrumentations", "broken", f"{name}={','.join(disabled)}: nothing is captured", f"unset {name}")
    detail = f"switched off: {', '.join(disabled)}" if disabled else "none switched off"
    return Check("instrumentations", "ok", detail)


def _exporter(environment: Mapping[str, str], variable: str, group: str, advice: str) -> Check:
    """A named exporter that is not installed makes auto-instrumentation stop before it captures anything."""
    wanted = [part.strip() for part in environment.get(variable, "").split(",") if part.strip()]
    missing = [name for name in wanted if name != "none" and not _exporter_installed(group, name)]
    if missing:
        detail = f"{variable} asks for {', '.join(missing)}, which is not installed: opentelemetry-instrument fails"
        return Check(variable, "broken", detail, f"set {variable}={advice} or install the exporter's package")
    if wanted:
        return Check(variable, "ok", ",".join(wanted))
    if _exporter_installed(group, "otlp"):
        return Check(variable, "ok", "unset: OpenTelemetry's default otlp is installed and used")
    detail = f"unset: OpenTelemetry's default otlp is not installed, so the launcher takes {advice}"
    return Check(variable, "ok", detail)


def _exporter_installed(group: str, name: str) -> bool:
    """`otlp` is a choice the SDK turns into `otlp_proto_grpc` or `otlp_proto_http`."""
    if name == "otlp":
        return any(entry.name.startswith("otlp") for entry in entry_points(group=group))
    return bool(entry_points(group=group, name=name))


def _named(environment: Mapping[str, str], variable: str, group: str) -> list[Check]:
    wanted = environment.get(variable)
    if not wanted:
        return []
    if entry_points(group=group, name=wanted):
        return [Check(variable, "ok", wanted)]
    detail = f"{wanted!r} is not installed: OpenTelemetry is not set up"
    return [Check(variable, "warning", detail, f"unset {variable} or install the package")]
