"""The terminal interface: screens over frozen snapshots. Start it with `otelcost.tui.start.run`."""
