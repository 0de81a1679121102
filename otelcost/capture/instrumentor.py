"""The entry point for `opentelemetry-instrument` and for one line in a program."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otelcost import settings
from otelcost.capture import seams
from otelcost.capture.guard import Guard
from otelcost.capture.span import pipeline_of
from otelcost.capture.worker import worker


class OtelcostInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Records every LLM call that goes through httpx, httpx2, urllib3 (requests, boto3) or aiohttp.

    `OTEL_SDK_DISABLED=true` switches it off with all other telemetry; so does naming `otelcost` in
    `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`. Instrumenting never raises: it must not stop the instrumentors
    that come after.
    """

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: each package is patched if and when the program imports it."""
        return ()

    def _instrument(self, **_kwargs: Any) -> None:
        switch_on()

    def _uninstrument(self, **_kwargs: Any) -> None:
        with Guard("uninstrument"):
            seams.uninstall()


def switch_on() -> None:
    """Record from here on, unless the environment says no. Idempotent; never raises an error of ours."""
    if disabled():
        return
    with Guard("instrument"):
        settings.home()  # what it imports is imported now, not on the background thread
        worker.prepare()
        seams.reinstall()
        _watch_spans()


def disabled() -> bool:
    """Whether the environment switches telemetry, or ours, off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return True
    names = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return not {name.strip() for name in names}.isdisjoint({"otelcost", "*"})


def instrument() -> None:
    """Record from here on. Calling it again changes nothing."""
    instrumentor = OtelcostInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument()


def _watch_spans() -> None:
    """See spans from their start: in the provider there is, and in the one that is set later."""
    pipeline_of(trace.get_tracer_provider())
    original = trace.set_tracer_provider
    if getattr(original, "otelcost_own", False):
        return

    def set_tracer_provider(tracer_provider: trace.TracerProvider) -> None:
        original(tracer_provider)
        with Guard("provider"):
            if seams.installed():
                pipeline_of(trace.get_tracer_provider())

    set_tracer_provider.__doc__ = original.__doc__
    set_tracer_provider.otelcost_own = True  # type: ignore[attr-defined]
    trace.set_tracer_provider = set_tracer_provider
