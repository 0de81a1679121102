"""`otelcost doctor --app`: two real environments, one without otelcost and one with, and what can be wrong in each."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import msgspec
import pytest

from otelcost import __version__, settings
from otelcost.capture import inspect
from otelcost.capture.inspection import Inspection, Package, SpoolHealth
from otelcost.cli.checks import Check
from otelcost.cli.checks.application import check_application
from otelcost.cli.render import FORMATS

from .world import on_terminal, run

APP = "import pathlib\npathlib.Path('it-ran').touch()\n"


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bare` has nothing; `full` has what this interpreter has."""
    folder = tmp_path_factory.mktemp("environments")
    for name in ("bare", "full"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / name)], check=True)
    (site,) = (folder / "full" / "lib").glob("python*/site-packages")
    (site / "here.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return folder


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "app.py").write_text(APP)
    return folder


def examine(home: Path, command: str, code: int = 0, **environment: str) -> dict[str, dict[str, Any]]:
    answer = run(home, "doctor", "--app", command, "--format", "json", **environment)
    assert (answer.returncode, answer.stderr) == (code, ""), answer.stdout
    assert not Path("it-ran").exists(), "the application never runs"
    return {check["name"]: check for check in json.loads(answer.stdout)["checks"]}


def test_an_environment_without_otelcost(environments: Path, app: Path, home: Path) -> None:
    python = environments / "bare" / "bin" / "python"
    check = examine(home, f"{python} app.py", 1)["application"]
    assert check["state"] == "broken"
    assert "No module named 'otelcost'" in check["detail"]
    assert check["fix"] == f"{python} -m pip install otelcost"


def test_an_environment_with_otelcost(environments: Path, app: Path, home: Path) -> None:
    checks = examine(home, f"{environments}/full/bin/python app.py --port 1")
    assert {checks[name]["state"] for name in ("application", "recording", "sampler", "exporter", "its records")} == {
        "ok"
    }
    assert str(environments / "full") in checks["application"]["detail"]
    assert f"otelcost {__version__}" in checks["application"]["detail"]
    assert "openai 3." in checks["recorded packages"]["detail"]
    assert "anthropic 2." in checks["other LLM tracing"]["detail"]
    assert checks["sampler"]["detail"] == "ParentBased root:AlwaysOnSampler: every trace"
    assert "OtelcostSpanExporter" in checks["exporter"]["detail"]
    assert "instrumentor" not in checks, "this command's own interpreter is not the one in question"


@pytest.mark.parametrize(
    ("variable", "value", "name", "state"),
    [
        ("OTEL_SDK_DISABLED", "true", "recording", "broken"),
        ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "flask,otelcost", "recording", "broken"),
        ("OTEL_TRACES_SAMPLER", "always_off", "sampler", "note"),
        ("OTEL_TRACES_EXPORTER", "none", "exporter", "note"),
        ("OTEL_TRACES_EXPORTER", "otlq", "left out", "warning"),
        ("OTEL_PYTHON_ID_GENERATOR", "odd", "recording", "broken"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY", "content", "note"),
    ],
)
def test_what_the_environment_changes(
    environments: Path, app: Path, home: Path, variable: str, value: str, name: str, state: str
) -> None:
    command = f"{variable}={value} {environments}/full/bin/python app.py"
    check = examine(home, command, int(state == "broken"))[name]
    assert check["state"] == state
    if state == "broken" and variable != "OTEL_PYTHON_ID_GENERATOR":
        assert variable in check["fix"]


def test_records_that_go_elsewhere(environments: Path, app: Path, home: Path, tmp_path: Path) -> None:
    check = examine(home, f"OTELCOST_HOME={tmp_path}/other {environments}/full/bin/python app.py", 1)["its records"]
    assert check["state"] == "broken"
    assert f"{tmp_path}/other/spool" in check["detail"]
    assert "OTELCOST_HOME" in check["fix"]


@pytest.mark.parametrize("command", ["", "surely-not-a-program", '"unclosed', "true"])
def test_a_command_that_names_no_python(app: Path, home: Path, command: str) -> None:
    answer = run(home, "doctor", "--app", command)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("error: ")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format(environments: Path, app: Path, home: Path, format_: str) -> None:
    answer = run(home, "doctor", "--app", f"{environments}/full/bin/python app.py", "--format", format_)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "recorded packages" in answer.stdout


def test_eighty_columns(environments: Path, app: Path, home: Path) -> None:
    text = on_terminal(home, 80, "doctor", "--app", f"{environments}/full/bin/python app.py")
    table, _, _ = text.partition("\nWhat to do")
    assert all(len(line) <= 80 for line in table.splitlines())


def seen(**changes: Any) -> Inspection:
    """A sound application, but for the changes."""
    sound = Inspection(
        python="3.12.1",
        executable="/app/bin/python",
        otelcost=__version__,
        recording=True,
        patched=[],
        packages=[Package(name="openai", version="3.54.0", tested=">=2.54,<4", within=True, seam="httpx")],
        out_of_reach={},
        instrumentations=[],
        provider="opentelemetry.sdk.trace.TracerProvider",
        sampler="AlwaysOnSampler",
        exporters=["a.Exporter"],
        variables={},
        spool=SpoolHealth(
            directory=str(settings.spool_dir()), writable=True, segments=0, bytes=0, free_bytes=1, reports=[]
        ),
    )
    return msgspec.structs.replace(sound, **changes)


def checks_of(monkeypatch: pytest.MonkeyPatch, inspection: Inspection) -> dict[str, Check]:
    monkeypatch.setattr(inspect, "inspect_app", lambda argv: inspection)
    return {check.name: check for check in check_application("python app.py")}


def test_nothing_is_wrong_with_a_sound_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {check.state for check in checks_of(monkeypatch, seen()).values()} == {"ok"}


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"otelcost": "0.0.9"}, "application", "warning", "0.0.9"),
        ({"recording": False}, "recording", "broken", "not switched on"),
        ({"recording": False, "closed_by": "-I"}, "recording", "broken", "python -I reads no PYTHONPATH"),
        ({"packages": []}, "recorded packages", "warning", "none whose calls"),
        (
            {"packages": [Package(name="urllib3", version="1.25", tested=">=1.26,<3", within=False, seam="urllib3")]},
            "urllib3", "warning", "1.25 is outside the tested range >=1.26,<3",
        ),
        ({"out_of_reach": {"pycurl": "libcurl is not seen"}}, "pycurl", "note", "libcurl is not seen"),
        ({"stderr": "Failed to auto initialize it\nValueError: x"}, "OpenTelemetry", "warning", "ValueError"),
        ({"sampler": None, "provider": "api.Proxy"}, "sampler", "ok", "api.Proxy makes no spans"),
        ({"meter_provider": "opentelemetry.sdk.metrics.MeterProvider"}, "metrics", "ok", "gen_ai.client"),
    ],
)  # fmt: skip
def test_what_can_be_wrong(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], name: str, state: str, words: str
) -> None:
    check = checks_of(monkeypatch, seen(**changes))[name]
    assert check.state == state
    assert words in check.detail
    assert check.fix or state == "ok"


FAILED = """odd
Failed to auto initialize OpenTelemetry
Traceback (most recent call last):
  File "a.py", line 1, in a
StopIteration

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in b
    raise
RuntimeError: Requested component 'odd' not found
"""


def test_the_cause_is_quoted_however_much_was_said_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = seen(recording=False, stderr=FAILED + "noise\n" * 2000, exporters=[], sampler="AlwaysOffSampler")
    checks = checks_of(monkeypatch, failed)
    assert checks["recording"].state == "broken"
    assert "RuntimeError: Requested component 'odd' not found" in checks["recording"].detail
    assert "otelcost run," not in checks["recording"].fix, "it was started so"
    assert "OpenTelemetry" not in checks
    assert not [check for check in checks.values() if "recorded" in check.detail], "nothing is"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (" span_only", "SPAN_ONLY: prompts and answers leave"),
        ("EVENT_ONLY", "EVENT_ONLY: prompts and answers leave"),
        ("true", "true: otelcost sends no prompt and no answer; older instrumentations may"),
        ("NO_CONTENT", None),
        ("False", None),
        ("0", None),
        ("", None),
    ],
)
def test_whether_prompts_leave(monkeypatch: pytest.MonkeyPatch, value: str, words: str | None) -> None:
    variables = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": value}
    check = checks_of(monkeypatch, seen(variables=variables)).get("content")
    assert (check is None) is (words is None)
    assert check is None or (check.state == "note" and check.detail.startswith(words or "?"))


def test_records_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    spool = SpoolHealth(directory="/gone/spool", writable=False, segments=0, bytes=0, free_bytes=None)
    assert checks_of(monkeypatch, seen(spool=spool))["its records"].state == "broken"
