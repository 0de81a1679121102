"""`python -m otelcost.cli`: the same as the `otelcost` script."""

from __future__ import annotations

from otelcost.cli.main import main

main()
