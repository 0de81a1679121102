"""Unmodified programs under `opentelemetry-instrument` and under our own launcher, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
import pytest

from otelcost.capture import environment, launch
from otelcost.capture.interpreter import interpreter_of
from otelcost.demo.loopback import Loopback
from otelcost.errors import UsageError
from otelcost.model import SpanRecord

from .conftest import read_calls

SCRIPTS = Path(sys.executable).parent
APP = """
    import asyncio, sys, warnings
    import anthropic, openai
    from opentelemetry import trace

    url, ask = sys.argv[1], [{"role": "user", "content": "Where is Zanzibar, please?"}]
    warnings.simplefilter("ignore")

    def triage():
        client = openai.OpenAI(api_key="sk-very-secret", base_url=url + "/v1")
        print(client.chat.completions.create(model="gpt-4o-mini", messages=ask).choices[0].message.content)
        for chunk in client.chat.completions.create(model="gpt-4o-mini", messages=ask, stream=True):
            pass
        claude = anthropic.Anthropic(api_key="sk-ant-very-secret", base_url=url)
        claude.messages.create(model="claude-haiku-4-5", max_tokens=32, messages=ask, system="Speak like Ngalawa.")

    async def later():
        async with openai.AsyncOpenAI(api_key="sk-very-secret", base_url=url + "/v1") as client:
            await client.chat.completions.create(model="gpt-4o-mini", messages=ask)

    with trace.get_tracer("app").start_as_current_span("nightly job"):
        triage()
    asyncio.run(later())
"""
IMPORT = "import otelcost.capture.launch as l, sys; l.run(sys.argv[1:])"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "app.py"
    path.parent.mkdir()
    path.write_text(textwrap.dedent(APP))
    return path


def _start(command: list[str], home: Path, directory: Path, **more: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    variables |= {"OTELCOST_HOME": str(home), "OTELCOST_TRUSTED_HOSTS": "127.0.0.1", **more}
    return subprocess.run(
        command, env=variables, cwd=directory, capture_output=True, text=True, timeout=90, check=False
    )


def _by_us(app: Path, url: str) -> list[str]:
    return [sys.executable, "-c", IMPORT, sys.executable, app.name, url]


def _by_otel(app: Path, url: str) -> list[str]:
    program = [sys.executable, app.name, url]
    return [str(SCRIPTS / "opentelemetry-instrument"), "--traces_exporter", "otelcost", *program]


@pytest.mark.parametrize("launcher", [_by_us, _by_otel], ids=["otelcost run", "opentelemetry-instrument"])
def test_an_unmodified_script(launcher: object, app: Path, home: Path, loopback_provider: Loopback) -> None:
    assert callable(launcher)
    finished = _start(launcher(app, loopback_provider.url), home, app.parent)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    calls = read_calls(home)
    assert [call.api for call in calls] == ["openai.chat", "openai.chat", "anthropic.messages", "openai.chat"]
    assert [call.context.call_site_function for call in calls] == ["triage"] * 3 + ["later"]
    assert {call.context.call_site_file for call in calls} == {"app.py"}
    assert [call.context.root_span_name for call in calls[:3]] == ["nightly job"] * 3
    assert calls[2].context.enclosing_llm_span_id is not None, "the Anthropic SDK traces itself"
    assert all(call.status in {"ok", "incomplete"} for call in calls)
    _billed_as_recorded(calls, loopback_provider)
    _spans_of_others(home, calls[2].context.enclosing_llm_span_id)
    _nothing_at_rest(home, finished.stdout)


def _billed_as_recorded(calls: list, loopback: Loopback) -> None:  # type: ignore[type-arg]
    counted = [call.usage.output_tokens for call in calls if "estimated" not in call.flags]
    assert len(counted) == 3
    assert len(loopback.log()) == 4


def _spans_of_others(home: Path, claude: str) -> None:
    lines = b"".join(path.read_bytes() for path in (home / "spool").glob("spans-*.ndjson")).splitlines()
    records = {record.name: record for record in (msgspec.json.decode(line, type=SpanRecord) for line in lines)}
    assert records["nightly job"].is_root
    assert not records["nightly job"].is_llm
    assert records["anthropic.messages.create"].is_llm
    assert records["anthropic.messages.create"].span_id == claude
    assert records["anthropic.messages.create"].usage.output_tokens
    assert not [record for record in records.values() if record.scope == "otelcost"]


def _nothing_at_rest(home: Path, answer: str) -> None:
    """No word of prompts, answers or keys, in any file under the home."""
    words = set(re.findall(r"\w{7,}", answer)) | {"Zanzibar", "Ngalawa", "very-secret", "sk-"}
    for path in home.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not [word for word in words if word.encode() in data], path
            assert path.stat().st_mode & 0o077 == 0, path
        else:
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "otelcost"}, {"OTEL_SDK_DISABLED": "true"}],
    ids=["by name", "with all telemetry"],
)
def test_switched_off(app: Path, home: Path, loopback_provider: Loopback, variables: dict[str, str]) -> None:
    finished = _start(_by_us(app, loopback_provider.url), home, app.parent, **variables)
    assert finished.returncode == 0, finished.stderr
    assert not home.exists(), "spans of others are not kept either"


def test_one_line_in_a_program_and_an_aliased_module(home: Path, tmp_path: Path, loopback_provider: Loopback) -> None:
    script = f"""
        import otelcost
        otelcost.instrument()
        import httpx2
        httpx2.alias_httpx()
        import httpx
        assert httpx is httpx2
        headers = {{"authorization": "Bearer sk-x"}}
        with otelcost.task("greet"), httpx.Client(headers=headers) as client:
            body = {{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "hi"}}]}}
            client.post("{loopback_provider.openai_url}/chat/completions", json=body).raise_for_status()
    """
    finished = _start([sys.executable, "-c", textwrap.dedent(script)], home, tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    (call,) = read_calls(home)
    assert (call.context.task, call.context.sdk) == ("greet", "httpx2")


FOREIGN = ("duckdb", "textual", "rich", "tiktoken", "pydantic", "openai", "anthropic", "genai_prices", "platformdirs")


@pytest.mark.parametrize(
    ("script", "forbidden"),
    [
        ("import otelcost", (*FOREIGN, "otelcost.capture", "opentelemetry", "msgspec", "httpx", "httpx2")),
        ("import otelcost; otelcost.instrument()", (*FOREIGN, "httpx", "httpx2")),
        (
            (
                "import otelcost; otelcost.instrument(); import httpx2;"
                "c = httpx2.Client(transport=httpx2.MockTransport(lambda r: httpx2.Response(200, json={})));"
                "c.post('http://h/v1/chat/completions', json={'model': 'm', 'messages': []}); otelcost.flush()"
            ),
            tuple(name for name in FOREIGN if name != "rich"),  # httpx2's own command line uses rich
        ),
    ],
    ids=["import", "instrument", "record"],
)
def test_what_capture_imports(script: str, forbidden: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    show = f"{script}\nimport sys; print(*sorted(set({forbidden!r}) & set(sys.modules)))"
    finished = _start([sys.executable, "-c", show], home, tmp_path)
    assert (finished.stdout.strip(), finished.stderr) == ("", "")


def test_defaults_only_where_an_exporter_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    if entry_points(group="opentelemetry_traces_exporter", name="otlp_proto_grpc"):
        pytest.skip("an OTLP exporter is installed here, so there is nothing to replace")
    empty: dict[str, str] = {}
    environment.apply_defaults(empty)
    assert empty == {
        "OTEL_TRACES_EXPORTER": "otelcost", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"
    }  # fmt: skip
    chosen = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "otlp"}
    before = dict(chosen)
    environment.apply_defaults(chosen)
    assert chosen == before


def test_the_environment_of_a_program() -> None:
    made = launch.environment_of({"PYTHONPATH": f"/lib{os.pathsep}", "OTEL_TRACES_EXPORTER": "console"}, "/here")
    assert made["OTEL_TRACES_EXPORTER"] == "console,otelcost"
    hook, *rest = made["PYTHONPATH"].split(os.pathsep)
    assert (Path(hook) / "sitecustomize.py").is_file()
    assert rest == ["/here", "/lib"]
    assert launch.environment_of(made, "/here")["PYTHONPATH"] == made["PYTHONPATH"]
    assert launch.environment_of({"OTEL_TRACES_EXPORTER": "none"}, "/")["OTEL_TRACES_EXPORTER"] == "none"


@pytest.mark.parametrize(
    ("variables", "expected", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otelcost", ["OTEL_TRACES_EXPORTER=otlp: no exporter otlp_proto_grpc "]),
        ({"OTEL_TRACES_EXPORTER": "console, odd,"}, "console,otelcost", ["OTEL_TRACES_EXPORTER=odd: no exporter odd "]),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "otelcost", ["OTEL_TRACES_EXPORTER=otlp: no exporter otlp_proto_http "],
        ),
        (
            {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "console", "OTEL_EXPORTER_OTLP_PROTOCOL": "odd"},
            "otelcost", ["OTEL_METRICS_EXPORTER=otlp: no exporter otlp over odd "],
        ),
        ({"OTEL_TRACES_EXPORTER": "None"}, "none", []),
        ({"OTEL_TRACES_EXPORTER": ",", "OTEL_METRICS_EXPORTER": " "}, "otelcost", []),
    ],
)  # fmt: skip
def test_an_exporter_that_is_not_there_is_left_out(variables: dict[str, str], expected: str, told: list[str]) -> None:
    groups = ("opentelemetry_traces_exporter", "opentelemetry_metrics_exporter", "opentelemetry_logs_exporter")
    lines: list[str] = []
    installed = dict.fromkeys(groups, ("console", "otelcost"))
    made = launch.environment_of(variables, "/", installed, lines.append)
    assert made["OTEL_TRACES_EXPORTER"] == expected
    assert made["OTEL_METRICS_EXPORTER"] == "none"
    assert [line[: len(start)] for line, start in zip(lines, told, strict=True)] == told
    assert all("\n" not in line and "install its package" in line for line in lines)


def test_a_default_that_is_installed_is_left_to_the_distribution() -> None:
    groups = ("opentelemetry_traces_exporter", "opentelemetry_metrics_exporter", "opentelemetry_logs_exporter")
    made = launch.environment_of({}, "/", dict.fromkeys(groups, ("otlp_proto_grpc", "otelcost")))
    assert made["OTEL_TRACES_EXPORTER"] == "otelcost"
    assert "OTEL_METRICS_EXPORTER" not in made
    assert "OTEL_LOGS_EXPORTER" not in made


def test_a_named_exporter_that_is_missing_stops_no_recording(
    app: Path, home: Path, loopback_provider: Loopback
) -> None:
    command = [sys.executable, "-m", "otelcost.cli", "run", "--", sys.executable, app.name, loopback_provider.url]
    finished = _start(command, home, app.parent, OTEL_TRACES_EXPORTER="otlq")
    assert finished.returncode == 0, finished.stderr
    (line,) = finished.stderr.splitlines()
    assert line.startswith("warning: OTEL_TRACES_EXPORTER=otlq: ")
    assert len(read_calls(home)) == 4


def test_the_exporters_of_the_python_that_runs_the_program(tmp_path: Path) -> None:
    ours = interpreter_of([sys.executable, "app.py"])
    assert launch.exporters_of(None, os.environ) is None
    assert launch.exporters_of(ours, os.environ) is None
    linked = tmp_path / "python3"
    linked.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    linked.chmod(0o755)
    found = launch.exporters_of(interpreter_of([str(linked), "app.py"]), os.environ)
    assert found is not None
    assert {"console", "otelcost"} <= set(found["opentelemetry_traces_exporter"])
    for wrong in ("#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello\n", "#!/nowhere\n", "#!/bin/sh\nexec sleep 9\n"):
        linked.write_text(wrong)
        assert launch.exporters_of(interpreter_of([str(linked)]), os.environ, timeout_seconds=0.3) is None


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").touch()
    assert launch.command_of(["app.py", "-x"]) == [sys.executable, "app.py", "-x"]
    assert launch.command_of([sys.executable, "-V"]) == [sys.executable, "-V"]
    with pytest.raises(UsageError, match="no program"):
        launch.command_of([])
    with pytest.raises(UsageError, match="no such program"):
        launch.command_of(["surely-not-a-program"])


def test_a_python_that_lets_no_launcher_in_is_refused(app: Path, home: Path) -> None:
    served = app.parent / "served"
    served.write_text(f"#!{sys.executable} -E\n")
    served.chmod(0o755)
    for option, program in {"-I": [sys.executable, "-I", app.name], "-E": [str(served)]}.items():
        finished = _start([sys.executable, "-m", "otelcost.cli", "run", "--", *program], home, app.parent)
        assert (finished.returncode, finished.stdout) == (2, "")
        (line,) = finished.stderr.splitlines()
        assert f"python {option}" in line
        assert f"leave out {option}" in line


def test_a_python_that_has_no_otelcost(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(UsageError, match="has no otelcost"):
        launch.command_of([str(python), "app.py"])
