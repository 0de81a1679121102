"""What an application loads because of otelcost, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "duckdb",
    "textual",
    "rich",
    "tiktoken",
    "pydantic",
    "openai",
    "anthropic",
    "genai_prices",
    "click",
    "numpy",
}


def loaded_after(statement: str) -> set[str]:
    """Top-level modules in `sys.modules` after the statement, in a fresh interpreter."""
    program = f"{statement}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import otelcost",
        "import otelcost.model, otelcost.errors, otelcost.settings",
        "import otelcost.wire",
        "import otelcost.spool.writer, otelcost.spool.reader",
        "import otelcost.capture.instrumentor as i; i.OtelcostInstrumentor().instrument()",
        "import otelcost; otelcost.instrument()",
        "import otelcost.capture.environment",
        "import otelcost_exporters.spool",
    ],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    assert not loaded_after(statement) & HEAVY


def test_decoders_know_no_http_client_and_no_telemetry() -> None:
    assert not loaded_after("import otelcost.wire") & {
        "httpx",
        "httpx2",
        "opentelemetry",
        "asyncio",
        "socket",
    }
