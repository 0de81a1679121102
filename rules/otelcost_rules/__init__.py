"""The recommendation rules of otelcost: one folder a rule."""
