"""Real OpenTelemetry SDK providers of all three signals for one test, and the global ones forgotten after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import opentelemetry._logs._internal as logs_api
import opentelemetry.metrics._internal as metrics_api
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from otelcost.capture import metrics as our_metrics
from otelcost.capture import span as spans


class Telemetry:
    """A real SDK tracer provider whose finished spans can be looked at."""

    def __init__(self, **options: Any) -> None:
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, resource=Resource({"service.name": "shop"}), **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.tracer = self.provider.get_tracer("test")

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.memory.get_finished_spans()}


class Measured:
    """A real SDK meter provider, set as the global one."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False))

    def points(self) -> dict[str, list[Any]]:
        """Data points of our scope by metric."""
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        ours = [metric for scope in scopes if scope.scope.name == "otelcost" for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in ours}

    def tokens(self) -> dict[str, int]:
        """Sums of `gen_ai.client.token.usage` by type."""
        sums: Counter[str] = Counter()
        for point in self.points().get("gen_ai.client.token.usage", []):
            sums[str(point.attributes["gen_ai.token.type"])] += point.sum
        return dict(sums)


class Logged:
    """A real SDK logger provider, set as the global one."""

    def __init__(self) -> None:
        self.memory = InMemoryLogRecordExporter()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(self.memory))
        _logs.set_logger_provider(provider)

    def records(self) -> list[Any]:
        return [one.log_record for one in self.memory.get_finished_logs()]


def forget() -> None:
    """Let the next test set its own global providers."""
    trace._TRACER_PROVIDER = None
    trace._TRACER_PROVIDER_SET_ONCE = Once()
    metrics_api._METER_PROVIDER = None
    metrics_api._METER_PROVIDER_SET_ONCE = Once()
    logs_api._LOGGER_PROVIDER = None
    logs_api._LOGGER_PROVIDER_SET_ONCE = Once()
    spans._pipeline = None
    our_metrics._instruments = None


@contextmanager
def fresh() -> Iterator[None]:
    """Without global providers, before and after."""
    forget()
    yield
    forget()
