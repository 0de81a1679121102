"""What `doctor --app` asks an application's interpreter, and what it makes of the answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from otelcost.capture import inspect, inspection
from otelcost.capture.inspection import Inspection, SpoolHealth
from otelcost.capture.interpreter import interpreter_of
from otelcost.errors import OtelcostError, UsageError


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An application that must never run."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "app.py"
    path.write_text("raise SystemExit('the application ran')\n")
    return path


@pytest.fixture
def seen(script: Path) -> Inspection:
    return inspect.inspect_app([sys.executable, str(script)])


def test_an_interpreter_under_the_environment_of_run(seen: Inspection, home: Path) -> None:
    assert seen.recording
    assert seen.executable == sys.executable
    found = {package.name: package for package in seen.packages}
    assert {"openai", "anthropic", "httpx2"} <= set(found)
    assert found["httpx2"].seam == "httpx"
    assert (seen.sampler or "").startswith("ParentBased{root:AlwaysOnSampler")
    assert "otelcost_exporters.spool.OtelcostSpanExporter" in seen.exporters
    assert seen.provider == "opentelemetry.sdk.trace.TracerProvider"
    ours = {one.distribution: one for one in seen.instrumentations}
    assert ours["otelcost"].active
    assert "opentelemetry-instrumentation-httpx" in ours
    assert seen.variables["OTELCOST_HOME"] == str(home)
    assert seen.spool == SpoolHealth(
        directory=str(home / "spool"), writable=True, segments=0, bytes=0, free_bytes=seen.spool.free_bytes
    )
    assert not home.exists(), "looking changes nothing"


def test_switched_off_and_sampled(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "otelcost")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
    seen = inspect.inspect_app([sys.executable, str(script)])
    assert not seen.recording
    assert seen.sampler == "AlwaysOffSampler"
    assert b"secret" not in msgspec.json.encode(seen)


def test_variables_in_front_of_a_command(script: Path, tmp_path: Path) -> None:
    seen = inspect.inspect_app([f"OTELCOST_HOME={tmp_path}/other", sys.executable, str(script)])
    assert seen.spool.directory == f"{tmp_path}/other/spool"
    with pytest.raises(UsageError, match="no program"):
        inspect.inspect_app(["A=1"])


def test_an_instrumentor_that_stops_the_others_is_told(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = script.parent / "aaa_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\naaa = aaa_broken:Instrumentor\n")
    (script.parent / "aaa_broken.py").write_text("class Instrumentor:\n    def __init__(self): raise RuntimeError\n")
    seen = inspect.inspect_app([sys.executable, str(script)])
    assert seen.recording, "capture came before it"
    assert "aaa-broken" in {one.distribution for one in seen.instrumentations}
    assert "Failed to auto initialize" in seen.stderr


def test_the_interpreter_of_a_command(script: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, first in {"served": f"#!{sys.executable} -I", "odd": "#!/bin/sh", "gone": "#!/nowhere/python3"}.items():
        (programs / name).write_text(f"{first}\n")
        (programs / name).chmod(0o755)
    (programs / "by-env").write_text(f"#!/usr/bin/env -S {sys.executable}\n")
    (programs / "by-env").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert interpreter_of([sys.executable, "-m", "app"]).command == [sys.executable]
    assert interpreter_of(["env", "A=1", "python3", "app.py"]).words[1:] == ("A=1", "python3")
    assert interpreter_of(["app.py"]).command == [sys.executable]
    assert interpreter_of(["served", "--port", "1"]).command == [sys.executable, "-I"]
    assert interpreter_of(["by-env"]).command == [sys.executable]
    assert interpreter_of(["served", "-A", "python_project", "python"]).words == (sys.executable,), "never started"
    for wrong, why in {"odd": "does not say", "gone": "is not there", "nothing-like-it": "no such program"}.items():
        with pytest.raises(UsageError, match=why):
            interpreter_of([wrong])
    with pytest.raises(UsageError, match="does not say"):
        interpreter_of(["env", "served"])
    with pytest.raises(UsageError, match="no program"):
        interpreter_of([])
    with pytest.raises(UsageError, match="no such program"):
        interpreter_of(["nothing-like-it", "python"])


@pytest.mark.parametrize(
    ("words", "options", "closed_by"),
    [
        ("-u -Im app -E", ["-I"], "-I"),
        ("-sE app.py", ["-sE"], "-E"),
        ("-Es -c pass", ["-Es"], "-E"),
        ("-W error -Xutf8 -S app.py", ["-Werror", "-Xutf8", "-S"], "-S"),
        ("-W", ["-W"], ""),
        ("-mI -I", [], ""),
        ("-P -X importtime app.py -I", ["-P", "-Ximporttime"], ""),
        ("app.py -I", [], ""),
        ("", [], ""),
    ],
)
def test_the_interpreters_own_options(words: str, options: list[str], closed_by: str) -> None:
    found = interpreter_of([sys.executable, *words.split()])
    assert found.command == [sys.executable, *options]
    assert found.closed_by == closed_by


@pytest.mark.parametrize("option", ["-E", "-I"])
def test_an_interpreter_that_lets_no_launcher_in(script: Path, option: str) -> None:
    seen = inspect.inspect_app([sys.executable, option, str(script)])
    assert (seen.recording, seen.closed_by) == (False, option)


def test_an_interpreter_that_cannot_tell(script: Path, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho no otelcost here >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(OtelcostError, match="no otelcost here"):
        inspect.inspect_app([str(python), "app.py"])
    with pytest.raises(OtelcostError, match="-I cannot run otelcost") as caught:
        inspect.inspect_app([str(python), "-I", "app.py"])
    assert caught.value.fix == "leave out -I"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(OtelcostError, match="did not answer"):
        inspect.inspect_app([str(python), "app.py"], timeout_seconds=0.2)
    python.write_text(f"#!/bin/sh\necho '{Inspection.MARK}{{}}'\n")
    with pytest.raises(OtelcostError, match="speaks otherwise"):
        inspect.inspect_app([str(python), "app.py"])
    python.write_text("#!/nowhere\n")
    with pytest.raises(OtelcostError, match="cannot start"):
        inspect.inspect_app([str(python), "app.py"])


@pytest.mark.parametrize(
    ("low", "found", "high", "within"),
    [
        ("2.8", "2.10.1", "3", True),
        ("2.8", "2.7.9", "3", False),
        ("2.8", "3.0", "3", False),
        ("0.28", "0.28.1", "1", True),
    ],
)
def test_versions_are_compared_as_numbers(low: str, found: str, high: str, within: bool) -> None:
    assert (inspection._key(low) <= inspection._key(found) < inspection._key(high)) is within


def test_what_it_prints_is_one_line(home: Path) -> None:
    code = "from otelcost.capture.inspection import tell; print('noise'); tell()"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    noise, line = finished.stdout.splitlines()
    assert noise == "noise"
    found = msgspec.json.decode(line.removeprefix(Inspection.MARK), type=Inspection)
    assert not found.recording
