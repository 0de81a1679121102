"""Programs that gevent turned into greenlets, before or after capture was switched on."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from .conftest import read_calls

PATCH = "import gevent.monkey; gevent.monkey.patch_all()"
ON = "import otelcost; otelcost.instrument()"
LATE = "import otelcost.capture.api"
APP = """
    import gevent, httpx2, json
    BODY = {"model": "m", "messages": []}
    def answer(request):
        gevent.sleep(0.001)
        return httpx2.Response(200, json={"id": "1", "choices": []})
    def ask():
        with httpx2.Client(transport=httpx2.MockTransport(answer)) as client:
            client.post("http://127.0.0.1/v1/chat/completions", json=BODY)
    jobs = [gevent.spawn(ask) for _ in range(5)]
    gevent.joinall(jobs)
    assert all(job.successful() for job in jobs)
    assert otelcost.flush()
    ask()
"""


def _python(home: Path, lines: list[str], *launcher: str) -> None:
    pytest.importorskip("gevent", reason="gevent is not installed")
    source = "\n".join([*lines, textwrap.dedent(APP)])
    environment = {**os.environ, "OTELCOST_HOME": str(home)}
    done = subprocess.run(
        [*(launcher or (sys.executable,)), "-c", source],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    # The SDK's own thread, begun before gevent came, is mourned by the standard library when it ends.
    assert not done.stderr or "OtelBatchSpanRecordProcessor" in done.stderr


@pytest.mark.parametrize("lines", [[ON, PATCH], [PATCH, ON], [LATE, PATCH, ON]])
def test_greenlets(home: Path, lines: list[str]) -> None:
    _python(home, lines)
    assert len(read_calls(home)) == 6


def test_patched_while_the_background_imports(home: Path, tmp_path: Path) -> None:
    """A package in the middle of whose import its own name is imported again, as msgspec does."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").write_text("from slow import part")
    (tmp_path / "slow" / "part.py").write_text("import time; time.sleep(0.4); import slow")
    first = textwrap.dedent(
        f"""
        import sys; sys.path.append({str(tmp_path)!r})
        import httpx2, time
        from otelcost.capture import worker
        worker._NEEDED = ("slow", *worker._NEEDED)
        with httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, json={{}}))) as client:
            client.post("http://127.0.0.1/v1/chat/completions", json={{"model": "m"}})
        time.sleep(0.1)
        """
    )
    _python(home, [ON, first, PATCH])
    assert len(read_calls(home)) == 7


def test_greenlets_after_a_call_on_the_systems_threads(home: Path) -> None:
    first = textwrap.dedent(
        """
        import httpx2
        with httpx2.Client(transport=httpx2.MockTransport(lambda request: httpx2.Response(200, json={}))) as client:
            client.post("http://127.0.0.1/v1/chat/completions", json={"model": "m"})
        """
    )
    _python(home, [ON, first, PATCH])
    assert len(read_calls(home)) == 7


def test_greenlets_under_the_launcher(home: Path) -> None:
    command = Path(sys.executable).with_name("otelcost")
    _python(home, [PATCH, "import otelcost"], str(command), "run", "--", sys.executable)
    assert len(read_calls(home)) == 6


def test_greenlets_that_fork(home: Path) -> None:
    script = textwrap.dedent(
        """
        import os, httpx2
        def one():
            transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json={}))
            with httpx2.Client(transport=transport) as client:
                client.post("http://127.0.0.1/v1/chat/completions", json={"model": "m"})
        one()
        child = os.fork()
        if not child:
            one()
            otelcost.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """
    )
    _python(home, [PATCH, ON, script])
    assert len(read_calls(home)) == 8
