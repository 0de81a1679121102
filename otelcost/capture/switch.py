"""Capture on and off, and the one line in a program that does it.

Nothing of `opentelemetry.instrumentation` is loaded for it: that is the launcher's, and most of what it takes.
"""

from __future__ import annotations

import logging
import os
import sys

from opentelemetry import trace

from otelcost import native, settings
from otelcost.capture import seams
from otelcost.capture.guard import Guard
from otelcost.capture.span import pipeline_of
from otelcost.capture.worker import worker
from otelcost.errors import UsageError

_LOGGER = logging.getLogger("otelcost")


def switch_on(client: object | None = None) -> bool:
    """Record from here on, unless the environment says no. Idempotent; never raises an error of ours.

    Args:
        client: what this one sends alone.

    Returns:
        False where `client` is none, and holds none, whose requests could be told from others.
    """
    if disabled():
        return True
    with Guard("instrument"):
        if not native.threads_may_stay():
            _LOGGER.warning("otelcost: nothing is recorded in a sub-interpreter; the application is not affected")
            return True
        settings.home()  # what it imports is imported now, not on the background thread
        worker.prepare()
        found = seams.install(client)
        if found:
            _watch_spans()
        return found
    return True


def switch_off(client: object | None = None) -> None:
    """Stop recording, or recording `client`, and leave everything as it was found. Never raises an error of ours."""
    with Guard("uninstrument"):
        seams.uninstall(client)
        original = getattr(trace.set_tracer_provider, "otelcost_original", None)
        if original is not None and not seams.installed():
            trace.set_tracer_provider = original


def disabled() -> bool:
    """Whether the environment switches telemetry, or ours, off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return True
    names = os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    return not {name.strip() for name in names}.isdisjoint({"otelcost", "*"})


def instrument(client: object | None = None) -> None:
    """Record from here on. Calling it again changes nothing.

    Args:
        client: an SDK's or an HTTP library's client, whose calls alone are to be recorded. Without it: all calls.

    Raises:
        UsageError: nothing at or inside `client` is known to send requests.
    """
    if client is not None:
        if not switch_on(client):
            raise UsageError(
                f"instrument({type(client).__name__}): no HTTP client that is known was found inside",
                "give its httpx, requests, urllib3, aiohttp or boto3 client, or call instrument() for all",
            )
        return
    switch_on()


def uninstrument(client: object | None = None) -> None:
    """Stop recording. Calls under way are still recorded.

    Args:
        client: no longer record this one by itself. Without it: nothing more is recorded.
    """
    launched = sys.modules.get("otelcost.capture.instrumentor")
    instrumentor = None if client is not None or launched is None else launched.OtelcostInstrumentor()
    if instrumentor is not None and instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()  # it would not switch on again otherwise
    else:
        switch_off(client)


def _watch_spans() -> None:
    """See spans from their start: in the provider there is, and in the one that is set later."""
    pipeline_of(trace.get_tracer_provider())
    original = trace.set_tracer_provider
    if hasattr(original, "otelcost_original"):
        return

    def set_tracer_provider(tracer_provider: trace.TracerProvider) -> None:
        original(tracer_provider)
        with Guard("provider"):
            if seams.installed():
                pipeline_of(trace.get_tracer_provider())

    set_tracer_provider.__doc__ = original.__doc__
    set_tracer_provider.otelcost_original = original  # type: ignore[attr-defined]
    trace.set_tracer_provider = set_tracer_provider
