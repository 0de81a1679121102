"""A loopback provider and a small team's workload: what `otelcost demo` runs and the tests talk to."""

from __future__ import annotations
