"""Starts the loopback provider as a process of its own and talks to its control endpoints."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from otelcost.errors import OtelcostError

HOST: Final = "127.0.0.1"
_STOP_WITHIN_S: Final = 5.0


class Loopback:
    """A running provider: its address and its control endpoints."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    @property
    def url(self) -> str:
        """The Anthropic SDK's base URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def openai_url(self) -> str:
        """The OpenAI SDK's base URL."""
        return f"{self.url}/v1"

    def set_clock(self, unix_us: int | None) -> None:
        """Set the virtual clock; None goes back to the real one."""
        self._control("POST", "clock", {"unix_us": unix_us})

    def arm(self, scenario: str, times: int = 1) -> None:
        """Let the next `times` requests meet a scenario."""
        self._control("POST", "scenario", {"scenario": scenario, "times": times})

    def reset(self) -> None:
        """Forget caches, log, clock and waiting scenarios."""
        self._control("POST", "reset", {})

    def log_text(self) -> str:
        """The billing log as JSON lines."""
        return self._control("GET", "log").decode()

    def log(self) -> list[dict[str, Any]]:
        """What the provider billed, request by request."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def close(self) -> None:
        """Close the control connection."""
        self._connection.close()

    def _control(self, method: str, name: str, payload: dict[str, Any] | None = None) -> bytes:
        body = None if payload is None else json.dumps(payload)
        self._connection.request(method, f"/loopback/{name}", body)
        response = self._connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise OtelcostError(f"loopback provider refused {name}", data.decode(errors="replace"))
        return data


@contextmanager
def running(seed: int = 7) -> Iterator[Loopback]:
    """A provider process for as long as the block lasts. It dies with this process, however that ends."""
    command = [sys.executable, "-m", "otelcost.demo.provider", "--with-stdin", "--seed", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            provider = Loopback(_port(process), process.pid)
            try:
                yield provider
            finally:
                provider.close()
        finally:
            _stop(process)


def _port(process: subprocess.Popen[bytes]) -> int:
    line = process.stdout.readline() if process.stdout else b""
    try:
        return int(json.loads(line)["port"])
    except (ValueError, KeyError, TypeError) as error:
        raise OtelcostError("the loopback provider did not start", "run python -m otelcost.demo.provider") from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
