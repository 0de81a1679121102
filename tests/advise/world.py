"""Declared calls by the name that tests know them by; they live in the package, for `otelcost rules test`."""

from otelcost.advise.cases import *  # noqa: F403
