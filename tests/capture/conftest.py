"""Capture switched on for one test, our own errors strict, and the records it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from otelcost.capture import guard, switch
from otelcost.capture.api import uninstrument
from otelcost.capture.attempt import open_attempts
from otelcost.capture.worker import worker
from otelcost.demo.loopback import Loopback
from otelcost.model import Call
from otelcost.spool.diagnostics import diagnostics


class Captured:
    """What capture wrote so far."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def calls(self) -> list[Call]:
        """Every record, in the order they were written."""
        assert worker.flush(20)
        return read_calls(self.home)

    def one(self) -> Call:
        """The only record."""
        (call,) = self.calls()
        return call


def read_calls(home: Path) -> list[Call]:
    """Every call record under a home."""
    files = sorted(path for path in (home / "spool").glob("calls-*") if path.suffix in {".open", ".ndjson"})
    lines = [line for path in files for line in path.read_bytes().splitlines()]
    return [_call(line) for line in lines]


def _call(line: bytes) -> Call:
    fields = msgspec.json.decode(line)
    fields.pop("usage_raw", None)  # an optional Raw can be written but not read back
    return msgspec.convert(fields, Call)


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "strict", True)


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own errors end where they do in an application."""
    monkeypatch.setattr(guard, "strict", False)


@pytest.fixture
def captured(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captured]:
    """Capture is on; the host is the wire format's own provider."""
    worker.move()
    diagnostics.after_fork()
    switch.instrument()
    yield Captured(home)
    uninstrument()
    worker.move()
    open_attempts.clear()  # of tests in which finishing fails


@pytest.fixture
def trusting(loopback_provider: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """The loopback provider, named as one that forwards to the real ones."""
    monkeypatch.setenv("OTELCOST_TRUSTED_HOSTS", "127.0.0.1")
    return loopback_provider
