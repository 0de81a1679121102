"""What an application pays for capture being there: modules, which do not depend on the machine as times do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SWITCHED_ON = 34
"""Modules at most that switching on adds to the OpenTelemetry SDK and httpx."""

_PROGRAM = """
import sys
import httpx, opentelemetry.sdk.trace
before = set(sys.modules)
import otelcost
otelcost.instrument()
print(*(set(sys.modules) - before))
"""


def test_switching_on_loads_what_recognises_a_call_and_nothing_that_reads_one(tmp_path: Path) -> None:
    environment = {"OTELCOST_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    assert len(loaded) <= SWITCHED_ON, sorted(loaded)
    assert not loaded & {"msgspec", "blake3", "otelcost.model", "otelcost.wire.exchange", "otelcost.capture.record"}
    assert not {name.partition(".")[0] for name in loaded} & {"wrapt", "packaging"}
    assert "opentelemetry.instrumentation" not in loaded, "the launcher's, and most of what it takes"


_COMPILING = """
import builtins, collections
import httpx, opentelemetry.instrumentation.httpx, opentelemetry.sdk.trace
import otelcost
otelcost.instrument()
from otelcost.capture.worker import worker
compiled = []
for name in ("eval", "exec"):
    def told(source, *args, original=getattr(builtins, name), **kwargs):
        compiled.append(source) if isinstance(source, str) else None
        return original(source, *args, **kwargs)
    setattr(builtins, name, told)
collections.namedtuple("Probe", "field")
assert compiled
compiled.clear()
worker._load()
from otelcost.wire.codecs import codec_of
for api in ("openai.chat", "openai.responses", "anthropic.messages"):
    codec_of(api)
print(compiled)
"""


def test_nothing_compiles_a_string_while_calls_are_recorded(tmp_path: Path) -> None:
    """Python would forget that it ends by Ctrl-C."""
    environment = {"OTELCOST_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", _COMPILING], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
