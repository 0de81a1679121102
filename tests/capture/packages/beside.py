"""Other instrumentations active beside capture: does the store count each call once, and a backend its tokens once?

    python tests/capture/packages/beside.py

Runs with an interpreter that has otelcost and any of these; what is missing is listed as not installed:

    pip install . httpx opentelemetry-instrumentation-genai-openai opentelemetry-instrumentation-genai-anthropic
    pip install opentelemetry-instrumentation-openai opentelemetry-instrumentation-anthropic
    pip install openinference-instrumentation-openai openinference-instrumentation-anthropic

`opentelemetry-instrumentation-openai-v2` needs an older opentelemetry-util-genai: give it an environment of its own.
Each runs in processes of its own: without capture, before it, after it, and after it with every trace sampled out.
`made` is what the server answered, `stored` the rows that the store counts, `spans` what the others traced; `seen` and
`metered` are the output tokens that a backend adds up from spans and from metrics, as shares of those billed. Exit
status 1: the store counts other than what was made, or a backend sees more than it did without capture and more than
was billed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases  # type: ignore[import-not-found]  # a neighbour: this file is a script

from otelcost.demo.loopback import running


class Other(NamedTuple):
    """Another instrumentation: its distribution, its instrumentor (none: the SDK traces itself), and what to run."""

    distribution: str
    instrumentor: str
    case: str


_OTEL: Final = "opentelemetry.instrumentation"
OTHERS: Final = (
    Other("opentelemetry-instrumentation-openai-v2", f"{_OTEL}.openai_v2:OpenAIInstrumentor", "openai"),
    Other("opentelemetry-instrumentation-genai-openai", f"{_OTEL}.genai.openai:OpenAIInstrumentor", "openai"),
    Other("opentelemetry-instrumentation-openai", f"{_OTEL}.openai:OpenAIInstrumentor", "openai"),
    Other("openinference-instrumentation-openai", "openinference.instrumentation.openai:OpenAIInstrumentor", "openai"),
    Other("opentelemetry-instrumentation-anthropic", f"{_OTEL}.anthropic:AnthropicInstrumentor", "anthropic"),
    Other(
        "opentelemetry-instrumentation-genai-anthropic", f"{_OTEL}.genai.anthropic:AnthropicInstrumentor", "anthropic"
    ),
    Other(
        "openinference-instrumentation-anthropic",
        "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        "anthropic",
    ),
    Other("anthropic", "", "anthropic"),
    Other("opentelemetry-instrumentation-httpx", f"{_OTEL}.httpx:HTTPX2ClientInstrumentor", "openai"),
)
_OUTPUT_KEYS: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")


_TOKEN_METRICS: Final = frozenset({"gen_ai.client.token.usage"})
ORDERS: Final = ("without", "first", "last", "unsampled")


def _child(other: Other, url: str, order: str) -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON

    import otelcost
    from otelcost_exporters.spool import OtelcostSpanExporter

    memory, exporter, reader = InMemorySpanExporter(), OtelcostSpanExporter(), InMemoryMetricReader()
    provider = TracerProvider(sampler=ALWAYS_OFF if order == "unsampled" else DEFAULT_ON)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    if order == "first":
        otelcost.instrument()
    _instrument(other)
    if order in {"last", "unsampled"}:
        otelcost.instrument()
    getattr(cases, other.case)(url)
    otelcost.flush()
    provider.shutdown()
    spans = memory.get_finished_spans()
    foreign = [span for span in spans if span.instrumentation_scope.name != "otelcost"]
    told = {"spans": len(foreign), "seen": sum(map(_output, spans)), "metered": _metered(reader.get_metrics_data())}
    print(json.dumps(told))


def _metered(data: Any) -> int:
    scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
    found = [metric for scope in scopes for metric in scope.metrics if metric.name in _TOKEN_METRICS]
    points = [point for metric in found for point in metric.data.data_points]
    return int(sum(point.sum for point in points if point.attributes.get("gen_ai.token.type") == "output"))


def _instrument(other: Other) -> None:
    if other.instrumentor:
        module, _, name = other.instrumentor.partition(":")
        getattr(import_module(module), name)().instrument(skip_dep_check=True)


def _output(span: Any) -> int:
    found = [span.attributes[key] for key in _OUTPUT_KEYS if key in span.attributes]
    return int(found[0]) if found else 0


def _stored(home: str) -> int:
    from otelcost.store.db import session
    from otelcost.store.drain import drain

    os.environ["OTELCOST_HOME"] = home
    drain()
    with session() as connection:
        (count,) = connection.execute("select count(*) from v_calls").fetchone() or (0,)
    return int(count)


class Seen(NamedTuple):
    """What became of one run."""

    made: int
    stored: int
    spans: int
    share: float
    metered: float
    error: str = ""

    def row(self) -> str:
        """As a line of the table."""
        return self.error or f"{self.made:5} {self.stored:7} {self.spans:6} {self.share:7.3f} {self.metered:8.3f}"


def _exercise(other: Other, order: str) -> Seen:
    with tempfile.TemporaryDirectory() as home, running() as demo:
        variables = {**os.environ, "OTELCOST_HOME": home, "OTELCOST_TRUSTED_HOSTS": "127.0.0.1"}
        command = [sys.executable, __file__, "--child", other.distribution, "--url", demo.url, "--order", order]
        finished = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=180, check=False)
        billed = [line["usage"]["output"] for line in demo.log()]
        if finished.returncode:
            return Seen(len(billed), 0, 0, 0, 0, (finished.stderr.strip().splitlines() or ["failed"])[-1][:90])
        told = json.loads(finished.stdout.splitlines()[-1])
        whole = sum(billed)
        return Seen(len(billed), _stored(home), told["spans"], told["seen"] / whole, told["metered"] / whole)


def _compare(other: Other, found: str) -> bool:
    """Run one instrumentation in every order and print a line for each."""
    runs = {order: _exercise(other, order) for order in ORDERS}
    for order, seen in runs.items():
        print(f"{other.distribution:44} {found:9} {order:10} {seen.row()}", flush=True)
    before = runs.pop("without")
    return all(_sound(before, seen) for seen in runs.values())


def _sound(before: Seen, seen: Seen) -> bool:
    counted_once = seen.share <= max(1, before.share) and seen.metered <= max(1, before.metered)
    return not seen.error and seen.stored == seen.made and counted_once


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="distributions to run beside; default: all of them")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--order", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        (other,) = [one for one in OTHERS if one.distribution == asked.child]
        _child(other, asked.url, asked.order)
        return 0
    print(f"{'instrumentation':44} {'version':9} {'capture':8}   made  stored  spans    seen  metered")
    every = True
    for other in [one for one in OTHERS if not asked.names or one.distribution in asked.names]:
        try:
            found = version(other.distribution)
        except PackageNotFoundError:
            print(f"{other.distribution:44} not installed")
            continue
        every = _compare(other, found) and every
    return 0 if every else 1


if __name__ == "__main__":
    sys.exit(main())
