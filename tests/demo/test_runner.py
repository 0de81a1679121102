"""The demo keeps to a folder of its own, cleans up, and says in one line what went wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otelcost import demo
from otelcost.demo import runner
from otelcost.demo.loopback import running
from otelcost.errors import OtelcostError


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("twelve years of work")

    with pytest.raises(OtelcostError, match="was not made by the demo"):
        demo.run(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_earlier_demo_is_wiped(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    runner._prepare(home, 7, 1)
    (home / "store.duckdb").write_text("old")
    runner._prepare(home, 7, 1)

    assert sorted(path.name for path in home.iterdir()) == ["app", runner.MARKER]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    runner._prepare(real, 7, 1)
    link.symlink_to(real)

    with pytest.raises(OtelcostError, match="cannot prepare"):
        demo.run(link)

    assert (real / runner.MARKER).is_file()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OtelcostError) as caught:
        demo.run(tmp_path / "file" / "demo")

    assert "\n" not in str(caught.value)


def test_a_failing_workload_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_APP", tmp_path / "app")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("raise SystemExit('the kettle is empty')")

    with pytest.raises(OtelcostError, match="workload failed with status 1: the kettle is empty"):
        demo.run(tmp_path / "demo")


def test_requests_that_nobody_recorded_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_APP", tmp_path / "app")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text(
        "import http.client, os\n"
        "from urllib.parse import urlsplit\n"
        "connection = http.client.HTTPConnection(urlsplit(os.environ['OPENAI_BASE_URL']).netloc)\n"
        "connection.request('POST', '/v1/responses', '{\"model\": \"gpt-5.4\"}', {'authorization': 'Bearer x'})\n"
        "connection.getresponse().read()\n"
    )

    with pytest.raises(OtelcostError, match="recorded 0 of 1 requests"):
        demo.run(tmp_path / "demo")


def test_a_workload_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_APP", tmp_path / "app")
    monkeypatch.setattr(runner, "_LONGEST_S", 0.5)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("import time\ntime.sleep(120)")

    with pytest.raises(OtelcostError, match="workload failed"):
        demo.run(tmp_path / "demo")


def test_a_listener_that_fails_ends_the_workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(said: str) -> None:
        if said.startswith("requests to the helpdesk"):
            raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_APP", tmp_path / "app")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("import time\nprint('1/9', flush=True)\ntime.sleep(120)")

    with pytest.raises(KeyboardInterrupt):
        demo.run(tmp_path / "demo", progress=fail)


def test_workload_sees_no_proxy_no_key_and_no_telemetry_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "HTTPS_PROXY",
        "all_proxy",
        "OPENAI_ORG_ID",
        "ANTHROPIC_AUTH_TOKEN",
        "OTEL_TRACES_SAMPLER",
        "OTELCOST_CONTENT",
    ):
        monkeypatch.setenv(name, "the user's own")

    environment = runner._environment(tmp_path, 7, 1, 1234)

    assert "the user's own" not in environment.values()
    assert environment["OTELCOST_HOME"] == str(tmp_path)
    assert environment["OTELCOST_TRUSTED_HOSTS"] == "127.0.0.1:1234"


on_linux = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="reads /proc, which only Linux has")


@on_linux
def test_provider_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "from otelcost.demo.loopback import running\n"
        "with running() as provider:\n"
        "    print(provider.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(500):
        if not _alive(pid):
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the provider outlived its parent")


def test_provider_that_cannot_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(OtelcostError, match="did not start"), running():
        pass


@on_linux
def test_provider_listens_on_the_loopback_interface_only() -> None:
    with running() as provider:
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        bound = [row[1] for row in listening if row[1].endswith(f":{provider.port:04X}") and row[3] == "0A"]

    assert bound == [f"0100007F:{provider.port:04X}"]


def _alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
