"""Runs the demo: provider and workload as processes of their own, in a home of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from otelcost import settings
from otelcost.demo.loopback import HOST, running
from otelcost.errors import OtelcostError

MARKER: Final = settings.DEMO_MARKER
PROVIDER_LOG: Final = "provider.ndjson"
_APP: Final = Path(__file__).parent / "app"
_LAUNCH: Final = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
_LONGEST_S: Final = 300.0
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
_FOREIGN: Final = ("OTEL_", "OPENAI_", "ANTHROPIC_", "OTELCOST_")


@dataclass(frozen=True)
class DemoResult:
    """What a demo run left behind."""

    home: Path
    calls: int
    provider_log: Path
    seconds: float


def run(
    home: Path, *, seed: int = 7, until: datetime | None = None, progress: Callable[[str], None] | None = None
) -> DemoResult:
    """Live through the fortnight and load it into the store of `home`, a folder of the demo's own.

    Args:
        home: is wiped first if an earlier demo made it; any other non-empty folder is refused.
        seed: fixes workload and answers.
        until: when the fortnight ends, naive UTC; by default now. With the seed it fixes everything.
        progress: is told in a few words what happens, as it happens.

    Raises:
        OtelcostError: the folder is somebody else's, or provider or workload failed.
    """
    say = progress or (lambda _: None)
    began = time.perf_counter()
    until_us = time.time_ns() // 1000 if until is None else int(until.replace(tzinfo=UTC).timestamp() * 1_000_000)
    _prepare(home, seed, until_us)
    with running(seed) as provider:
        say(f"loopback provider on {HOST}:{provider.port}")
        complaint = _live(home, _environment(home, seed, until_us, provider.port), say)
        log = home / PROVIDER_LOG
        billed = provider.log_text()
        log.write_text(billed, encoding="utf-8")
    say("loading the store")
    calls, requests = _load(home), len(billed.splitlines())
    if calls != requests:
        raise OtelcostError(f"the demo recorded {calls} of {requests} requests", complaint or "run otelcost doctor")
    return DemoResult(home, calls, log, time.perf_counter() - began)


def _prepare(home: Path, seed: int, until_us: int) -> None:
    """Make an empty folder with the marker that lets the next run wipe it and says what this run was."""
    try:
        if home.exists():
            if any(home.iterdir()) and not (home / MARKER).is_file():
                raise OtelcostError(f"{home} is not empty and was not made by the demo", "choose another folder")
            shutil.rmtree(home)
        home.mkdir(parents=True, mode=0o700)
        facts = {"made_by": "otelcost demo, which may delete this folder", "seed": seed, "until_unix_us": until_us}
        (home / MARKER).write_text(json.dumps(facts) + "\n", encoding="utf-8")
        shutil.copytree(_APP, home / "app", ignore=shutil.ignore_patterns("__pycache__"))
    except OSError as error:
        raise OtelcostError(f"cannot prepare the demo's folder {home}", str(error)) from error


def _live(home: Path, environment: Mapping[str, str], say: Callable[[str], None]) -> str:
    """Run the workload to its end and return the last line it, or its instrumentation, complained with."""
    command = [sys.executable, "-c", _LAUNCH, "--traces_exporter", "otelcost", sys.executable, "-m", "app.main"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:
        app = subprocess.Popen(  # noqa: S603  (our own workload, no shell)
            command, cwd=home, env=environment, text=True, stdout=subprocess.PIPE, stderr=complaints
        )
        status = _follow(app, say)
        complaints.seek(0)
        last = (complaints.read().strip().splitlines() or [""])[-1]
    if status:
        raise OtelcostError(f"the demo's workload failed with status {status}", last or "it gave no message")
    return last


def _follow(app: subprocess.Popen[str], say: Callable[[str], None]) -> int:
    """Pass the workload's progress on until it ends; it never outlives this call, nor its time."""
    too_long = threading.Timer(_LONGEST_S, app.kill)
    too_long.start()
    with app:
        try:
            for line in app.stdout or ():
                say(f"requests to the helpdesk {line.strip()}")
            return app.wait()
        finally:
            too_long.cancel()
            app.kill()


def _environment(home: Path, seed: int, until_us: int, port: int) -> dict[str, str]:
    """The caller's environment without its proxies, keys and telemetry settings, and with the demo's."""
    return _without_foreign(os.environ) | {
        settings.HOME_VARIABLE: str(home),
        "OTELCOST_TRUSTED_HOSTS": f"{HOST}:{port}",
        "OPENAI_API_KEY": "loopback",
        "OPENAI_BASE_URL": f"http://{HOST}:{port}/v1",
        "ANTHROPIC_API_KEY": "loopback",
        "ANTHROPIC_BASE_URL": f"http://{HOST}:{port}",
        "NO_PROXY": "*",
        "OTEL_SERVICE_NAME": "helpdesk",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DEMO_SEED": str(seed),
        "DEMO_UNTIL_US": str(until_us),
    }


def _without_foreign(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_FOREIGN) and name.lower() not in _PROXIES
    }


def _load(home: Path) -> int:
    from otelcost.store.drain import drain  # noqa: PLC0415  (DuckDB loads only where it is needed)

    with _at_home(home):
        return drain().calls


@contextmanager
def _at_home(home: Path) -> Iterator[None]:
    """Let this process use `home` for a while, so that prices of the user's own do not colour the demo."""
    before = os.environ.get(settings.HOME_VARIABLE)
    os.environ[settings.HOME_VARIABLE] = str(home)
    try:
        yield
    finally:
        if before is None:
            del os.environ[settings.HOME_VARIABLE]
        else:
            os.environ[settings.HOME_VARIABLE] = before
