"""Lives through the helpdesk's fortnight in seconds: `python -m app.main`.

The clock is virtual: the recorder and the loopback provider are set to it, request by request.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from opentelemetry import trace

from otelcost.capture import clock
from otelcost.demo.loopback import Loopback

from . import office
from .fortnight import Happening, plan

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERED_NS = 500_000_000
_MICROSECOND = timedelta(microseconds=1)


class Time:
    """The one clock of helpdesk, recorder and provider."""

    def __init__(self, provider: Loopback) -> None:
        self._provider = provider
        self._now = _EPOCH

    def now(self) -> datetime:
        return self._now

    def unix_us(self) -> int:
        return (self._now - _EPOCH) // _MICROSECOND

    def set(self, at: datetime) -> None:
        self._now = max(at, self._now)  # an earlier request may have taken longer than planned
        self._provider.set_clock(self.unix_us())

    def sleep(self, seconds: float) -> None:
        self.set(self._now + timedelta(seconds=seconds))


def live(happening: Happening, time: Time, provider: Loopback) -> None:
    """One request from its root span down."""
    time.set(happening.at)
    for scenario in happening.trouble:
        provider.arm(scenario)
    kind = trace.SpanKind.SERVER if happening.serves else trace.SpanKind.INTERNAL
    span = trace.get_tracer("helpdesk").start_span(happening.root, kind=kind, start_time=time.unix_us() * 1000)
    with trace.use_span(span):
        happening.act()
    span.end(end_time=time.unix_us() * 1000 + _ANSWERED_NS)


def main() -> None:
    provider = Loopback(urlsplit(os.environ["ANTHROPIC_BASE_URL"]).port or 0, pid=0)
    time = Time(provider)
    clock.set_source(time.unix_us)
    office.live_by(time.now, time.sleep)
    until = _EPOCH + int(os.environ["DEMO_UNTIL_US"]) * _MICROSECOND
    happenings = plan(until, int(os.environ["DEMO_SEED"]))
    for number, happening in enumerate(happenings, start=1):
        live(happening, time, provider)
        if number % 100 == 0 or number == len(happenings):
            sys.stdout.write(f"{number}/{len(happenings)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
