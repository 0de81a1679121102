"""One contender in a process of its own, in its own virtual environment: does what the harness asks, line by line.

    python child.py CONTENDER URL SINK        SINK: memory | file:PATH | otlp:URL | none

Reads one JSON request a line and answers with one JSON line; the first line it writes is what its set-up cost.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import anthropic
import openai
import probes
from contenders import BY_NAME, Contender
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_QUEUE: Final = 20_000


class FileExporter(SpanExporter):
    """Encodes spans as any OTLP exporter does and appends them to a file."""

    def __init__(self, path: str) -> None:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        self._encode = encode_spans
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def export(self, spans: Any) -> SpanExportResult:
        """Write them."""
        os.write(self._descriptor, self._encode(spans).SerializeToString())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Host:
    """The application: SDKs, a tracer provider where the contender has use for one, and the contender itself."""

    def __init__(self, contender: Contender, url: str, sink: str) -> None:
        self.contender, self.url = contender, url
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider() if contender.spans else None
        if self.provider is not None:
            self.provider.add_span_processor(self._processor(sink))
            if contender.name != "Logfire":  # it sets its own
                trace.set_tracer_provider(self.provider)

    def _processor(self, sink: str) -> Any:
        kind, _, where = sink.partition(":")
        if self.contender.name == "otelcost, own exporter":
            from otelcost_exporters.spool import OtelcostSpanExporter

            return BatchSpanProcessor(OtelcostSpanExporter())
        if kind == "memory":
            return SimpleSpanProcessor(self.memory)
        if kind == "file":
            return BatchSpanProcessor(FileExporter(where))
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        # Large enough to hold what is queued, and slow enough that the exit finds it there.
        return BatchSpanProcessor(OTLPSpanExporter(where), max_queue_size=_QUEUE, schedule_delay_millis=600_000)

    def start(self) -> dict[str, Any]:
        """Switch the contender on and say what that cost."""
        gc.collect()
        modules, memory, cpu = len(sys.modules), probes.resident_kb(), time.process_time_ns()
        self.contender.start(self.provider)
        spent = time.process_time_ns() - cpu
        return {"cpu_us": spent / 1000, "modules": len(sys.modules) - modules, "kb": probes.resident_kb() - memory}

    def flush(self) -> None:
        """Wait until everything is written."""
        if self.contender.name.startswith("otelcost"):
            import otelcost

            otelcost.flush()
        if self.provider is not None:
            self.provider.force_flush()


def main() -> None:
    """Serve requests until there are none."""
    name, url, sink = sys.argv[1:4]
    host = Host(BY_NAME[name], url, sink)
    answers: dict[str, Callable[..., Any]] = probes.answers(host)
    _say(host.start())
    for line in sys.stdin:
        asked = json.loads(line)
        _say(answers[asked.pop("do")](**asked))


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    assert openai.__version__
    assert anthropic.__version__
    main()
