"""A loopback provider and a small team's workload: what `otelcost demo` runs and the tests talk to."""

from __future__ import annotations

from otelcost.demo.runner import DemoResult, run

__all__ = ["DemoResult", "run"]
