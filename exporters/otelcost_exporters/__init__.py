"""Span exporters and drain sinks of otelcost."""
