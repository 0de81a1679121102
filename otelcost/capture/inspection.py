"""What one interpreter says about capture in it: packages, instrumentations, tracing, spool. Printed as one line."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
from opentelemetry import metrics, trace

from otelcost import __version__, settings
from otelcost.capture import seams, switch
from otelcost.capture.interop import is_read
from otelcost.spool.diagnostics import Report, read_reports

TESTED: Final = {
    "httpx": ("0.28", "1", "httpx"),
    "httpx2": ("2.16", "3", "httpx"),
    "urllib3": ("1.26", "3", "urllib3"),
    "requests": ("2.34", "3", "urllib3"),
    "botocore": ("1.43", "2", "urllib3"),
    "aiohttp": ("3.14", "4", "aiohttp"),
    "aiobotocore": ("3.10", "4", "aiohttp"),
    "openai": ("2.54", "4", "httpx"),
    "anthropic": ("2.12", "3", "httpx"),
    "google-genai": ("3.4", "4", "httpx"),
    "mistralai": ("3.7", "4", "httpx"),
    "groq": ("1.7", "2", "httpx"),
    "cohere": ("7.3", "8", "httpx"),
    "ollama": ("0.6", "0.7", "httpx"),
    "litellm": ("1.106", "2", "httpx"),
    "langchain-openai": ("1.7", "2", "httpx"),
    "langchain-anthropic": ("1.7", "2", "httpx"),
}
"""Distribution -> lowest version tested, first one not, and the seam its calls are seen at."""
OUT_OF_REACH: Final = {
    "google-cloud-aiplatform": "calls over gRPC are not seen; its REST transport and google-genai are",
    "niquests": "its own copy of urllib3 is not seen",
    "pycurl": "libcurl is not seen",
}
"""Distribution -> what of it no seam sees."""
_VARIABLES: Final = (
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OTEL_PYTHON_CONFIGURATOR",
    "OTEL_PYTHON_DISTRO",
    "OTELCOST_HOME",
    "OTELCOST_TRUSTED_HOSTS",
    "OTELCOST_ESTIMATE",
    "OTELCOST_PENDING_MAX_MB",
    "OTELCOST_SPOOL_MAX_MB",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
)
"""Environment variables worth showing. None of them holds a secret."""


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """An installed package whose calls capture knows."""

    name: str
    version: str
    tested: str
    """The range that was tested, such as `>=2.8,<3`."""
    within: bool
    seam: str


class Instrumentation(msgspec.Struct, frozen=True, kw_only=True):
    """Another instrumentation that is installed."""

    name: str
    distribution: str
    version: str
    active: bool


class SpoolHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Where records go, and how that has been going."""

    directory: str
    writable: bool
    segments: int
    bytes: int
    free_bytes: int | None
    reports: list[Report] = []


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one interpreter says."""

    MARK: ClassVar[str] = "otelcost-inspection "

    python: str
    executable: str
    otelcost: str
    recording: bool
    patched: list[str]
    packages: list[Package]
    out_of_reach: dict[str, str]
    instrumentations: list[Instrumentation]
    provider: str
    sampler: str | None
    exporters: list[str]
    variables: dict[str, str]
    spool: SpoolHealth
    meter_provider: str = ""
    """Empty where nobody reads it."""
    stderr: str = ""
    closed_by: str = ""
    """The interpreter's option that keeps launchers out, such as `-I`; empty where there is none."""
    left_out: list[str] = []
    """What `otelcost run` would leave out of its environment: a line each."""


def tell() -> None:
    """Print what this interpreter is like, on a line that starts with `Inspection.MARK`."""
    line = msgspec.json.encode(inspect_here()).decode()
    sys.stdout.write(f"{Inspection.MARK}{line}\n")


def inspect_here() -> Inspection:
    """What capture is like in this process."""
    provider: Any = trace.get_tracer_provider()
    sampler = getattr(provider, "sampler", None)
    return Inspection(
        python=platform.python_version(),
        executable=sys.executable,
        otelcost=__version__,
        recording=seams.installed() and not switch.disabled(),
        patched=seams.patched(),
        packages=list(_packages()),
        out_of_reach={name: why for name, why in OUT_OF_REACH.items() if _version(name)},
        instrumentations=[_instrumentation(found) for found in entry_points(group="opentelemetry_instrumentor")],
        provider=_kind(provider),
        sampler=None if sampler is None else str(sampler.get_description()),
        exporters=_exporters(provider),
        variables={name: os.environ[name] for name in _VARIABLES if name in os.environ},
        spool=spool_health(settings.spool_dir()),
        meter_provider=_meters(),
    )


def _meters() -> str:
    provider = metrics.get_meter_provider()
    return _kind(provider) if is_read(provider) else ""


def _kind(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _packages() -> Iterator[Package]:
    for name, (low, high, seam) in TESTED.items():
        found = _version(name)
        if found is not None:
            within = _key(low) <= _key(found) < _key(high)
            yield Package(name=name, version=found, tested=f">={low},<{high}", within=within, seam=seam)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _key(text: str) -> tuple[int, ...]:
    """A version's leading numbers, for comparison."""
    numbers: list[int] = []
    for part in text.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _instrumentation(entry: EntryPoint) -> Instrumentation:
    module, _, name = entry.value.partition(":")
    made = getattr(getattr(sys.modules.get(module), name, None), "_instance", None)
    return Instrumentation(
        name=entry.name,
        distribution=entry.dist.name if entry.dist else "?",
        version=entry.dist.version if entry.dist else "?",
        active=bool(getattr(made, "is_instrumented_by_opentelemetry", False)),
    )


def _exporters(provider: Any) -> list[str]:
    processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    found = (getattr(processor, "span_exporter", None) for processor in processors)
    return [_kind(one) for one in found if one is not None]


def spool_health(directory: Path) -> SpoolHealth:
    """The state of a spool directory, which need not exist yet."""
    there = directory
    while not there.exists() and there != there.parent:
        there = there.parent
    sizes = [_size(path) for kind in ("*.open", "*.ndjson") for path in directory.glob(kind)]
    return SpoolHealth(
        directory=str(directory),
        writable=there.is_dir() and os.access(there, os.W_OK | os.X_OK),
        segments=len(sizes),
        bytes=sum(sizes),
        free_bytes=_free(there),
        reports=read_reports(directory),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # drained meanwhile
        return 0


def _free(directory: Path) -> int | None:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None
