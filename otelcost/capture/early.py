"""Capture on before any instrumentor is loaded (entry point `opentelemetry_pre_instrument`).

An instrumentor of another package that raises stops those that come after it. What is on by then stays on.
"""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("otelcost")


def pre_instrument() -> None:
    """Switch capture on, unless the environment says no. Never raises: it would stop every instrumentor."""
    try:
        from otelcost.capture import switch  # noqa: PLC0415  (what is missing must not stop the others)
    except ImportError as error:
        _LOGGER.warning("otelcost: capture cannot start (%s is missing); the application is not affected", error.name)
        return
    switch.switch_on()
