"""otelcost: why an LLM bill grew, call by call, and what to change."""

from __future__ import annotations

__version__ = "0.1.0"
