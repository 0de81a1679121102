"""The entry point for `opentelemetry-instrument`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otelcost.capture.switch import switch_off, switch_on


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
        switch_off()
