"""Beside other instrumentors: one that raises stops those after it, and not capture."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx2
import pytest

from otelcost import native
from otelcost.capture import early, seams, switch
from otelcost.capture.instrumentor import OtelcostInstrumentor

from .conftest import read_calls

SCRIPTS = Path(sys.executable).parent
APP = """
    import httpx2
    def answer(request):
        return httpx2.Response(200, json={"id": "1", "choices": []})
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    client.post("http://127.0.0.1/v1/chat/completions", json={"model": "m", "messages": []})
    print("done")
"""
BROKEN = """
    class Instrumentor:
        def __init__(self):
            raise RuntimeError("broken instrumentor")
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed distribution whose instrumentor raises and comes before every other."""
    folder = tmp_path / "site"
    info = folder / "aaa_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\naaa = aaa_broken:Instrumentor\n")
    (folder / "aaa_broken.py").write_text(textwrap.dedent(BROKEN))
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    return folder


def _path(site: Path) -> str:
    return os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])


def _start(site: Path, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    variables |= {"OTELCOST_HOME": str(home), "PYTHONPATH": _path(site), **more}
    command = [str(SCRIPTS / "opentelemetry-instrument"), "--traces_exporter", "otelcost", sys.executable, "app.py"]
    return subprocess.run(
        command, env=variables, cwd=site.parent, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_instrumentor_that_raises_before_ours(site: Path, home: Path) -> None:
    finished = _start(site, home)
    assert finished.stdout == "done\n", finished.stderr
    assert "broken instrumentor" in finished.stderr, "it really came first and raised"
    (call,) = read_calls(home)
    assert call.http_status == 200


def test_the_way_it_is_switched_off_still_holds(site: Path, home: Path) -> None:
    finished = _start(site, home, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="otelcost")
    assert finished.stdout == "done\n"
    assert read_calls(home) == []


def test_what_is_missing_is_said_and_stops_nobody(monkeypatch: pytest.MonkeyPatch, caplog: object) -> None:
    import otelcost.capture as package

    monkeypatch.setitem(sys.modules, "otelcost.capture.switch", None)
    monkeypatch.delattr(package, "switch", raising=False)
    early.pre_instrument()
    assert isinstance(caplog, pytest.LogCaptureFixture)
    assert "capture cannot start" in caplog.text


@pytest.mark.parametrize("asked", ["is_main", "get_main"])
def test_a_sub_interpreter_is_left_alone(monkeypatch: pytest.MonkeyPatch, caplog: object, asked: str) -> None:
    """As Python 3.12 and later have them: either names its main interpreter in a way of its own."""
    monkeypatch.setattr(native, "_ENDS_WITH_A_THREAD", True)
    if asked == "is_main":
        monkeypatch.setattr("_thread._is_main_interpreter", lambda: False, raising=False)
    else:
        monkeypatch.setattr("_xxsubinterpreters.get_main", lambda: "another")
    switch.instrument()
    assert not seams.installed()
    assert isinstance(caplog, pytest.LogCaptureFixture)
    assert "sub-interpreter" in caplog.text


def test_switching_on_twice_patches_once() -> None:
    try:
        early.pre_instrument()
        before = seams.patched()
        OtelcostInstrumentor().instrument()
        switch.instrument()
        assert seams.patched() == before
        assert getattr(httpx2.Client.send, "otelcost_own", False)
    finally:
        switch.uninstrument()
    assert not seams.installed()
    assert not OtelcostInstrumentor().is_instrumented_by_opentelemetry
