"""Who is measured: what each needs installed, and how it is switched on as its own documentation shows."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[3]
PIPELINE: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
SDKS: Final = ("openai", "anthropic")
_OTEL: Final = "opentelemetry.instrumentation"


class Contender(NamedTuple):
    """One way to record LLM calls.

    Attributes:
        name: as the tables show it.
        environment: the virtual environment it runs in; several may share one.
        requires: what is installed there, beside the SDKs and an OTLP exporter.
        shows: distributions whose versions are printed.
        start: switches it on, given a tracer provider whose spans are exported.
        scope: spans whose instrumentation scope begins so are its own.
        spans: whether it has a span pipeline; otherwise it records without.
        sdk: which SDKs it instruments at all.
    """

    name: str
    environment: str
    requires: tuple[str, ...]
    shows: tuple[str, ...]
    start: Callable[[Any], None]
    scope: str = ""
    spans: bool = True
    sdk: tuple[str, ...] = SDKS
    variables: tuple[tuple[str, str], ...] = ()


def _nothing(provider: Any) -> None:
    """The SDK by itself."""


def _ours(provider: Any) -> None:
    import otelcost

    otelcost.instrument()


def _instrumentors(*names: str) -> Callable[[Any], None]:
    def start(provider: Any) -> None:
        for name in names:
            module, _, kind = name.partition(":")
            getattr(import_module(module), kind)().instrument(tracer_provider=provider, skip_dep_check=True)

    return start


def _openlit(provider: Any) -> None:
    import openlit

    # Its own prices come over the network unless a file is named.
    prices = Path.home() / "prices.json"
    prices.write_text("{}")
    openlit.init(disable_metrics=True, disable_events=True, pricing_json=str(prices))


def _logfire(provider: Any) -> None:
    import logfire

    # Its own provider wraps the one it makes; the pipeline is handed over as its documentation says.
    processors = list(provider._active_span_processor._span_processors)
    quiet: Any = {"send_to_logfire": False, "console": False, "metrics": False, "inspect_arguments": False}
    logfire.configure(additional_span_processors=processors, **quiet)
    logfire.instrument_openai()
    logfire.instrument_anthropic()


_OWN: Final = "otelcost"
BARE: Final = Contender("bare SDK", _OWN, (), ("openai", "anthropic"), _nothing, spans=False)
OTELCOST: Final = Contender("otelcost", _OWN, (), ("otelcost",), _ours, _OWN, spans=False)
CONTENDERS: Final = (
    BARE,
    OTELCOST,
    Contender("otelcost, own exporter", _OWN, (), ("otelcost", "opentelemetry-sdk"), _ours, _OWN),
    Contender("otelcost, user's spans", _OWN, (), ("otelcost", "opentelemetry-sdk"), _ours, _OWN),
    Contender(
        "Anthropic's own spans", _OWN, (), ("anthropic",), _nothing, "com.anthropic.sdk.python",
        sdk=("anthropic",), variables=(("ANTHROPIC_OPEN_TELEMETRY", "true"),),
    ),
    Contender(
        "official genai", "official",
        ("opentelemetry-instrumentation-genai-openai", "opentelemetry-instrumentation-genai-anthropic"),
        ("opentelemetry-instrumentation-genai-openai", "opentelemetry-instrumentation-genai-anthropic"),
        _instrumentors(f"{_OTEL}.genai.openai:OpenAIInstrumentor", f"{_OTEL}.genai.anthropic:AnthropicInstrumentor"),
        "opentelemetry.",
    ),
    Contender(
        "official openai-v2", "official-v2", ("opentelemetry-instrumentation-openai-v2", "httpx"),
        ("opentelemetry-instrumentation-openai-v2",), _instrumentors(f"{_OTEL}.openai_v2:OpenAIInstrumentor"),
        "opentelemetry.", sdk=("openai",),
    ),
    Contender(
        "OpenInference", "openinference",
        ("openinference-instrumentation-openai", "openinference-instrumentation-anthropic"),
        ("openinference-instrumentation-openai", "openinference-instrumentation-anthropic"),
        _instrumentors(
            "openinference.instrumentation.openai:OpenAIInstrumentor",
            "openinference.instrumentation.anthropic:AnthropicInstrumentor",
        ),
        "openinference.",
    ),
    Contender(
        "OpenLLMetry", "openllmetry",
        ("opentelemetry-instrumentation-openai", "opentelemetry-instrumentation-anthropic"),
        ("opentelemetry-instrumentation-openai", "opentelemetry-instrumentation-anthropic"),
        _instrumentors(f"{_OTEL}.openai:OpenAIInstrumentor", f"{_OTEL}.anthropic:AnthropicInstrumentor"),
        "opentelemetry.",
    ),
    # The newest that installs brings the SDKs down to openai 2 and anthropic 0.
    Contender("OpenLIT", "openlit", ("openlit>=1.45",), ("openlit",), _openlit, "openlit"),
    Contender("Logfire", "logfire", ("logfire",), ("logfire",), _logfire, "logfire"),
)  # fmt: skip
BY_NAME: Final = {one.name: one for one in CONTENDERS}
