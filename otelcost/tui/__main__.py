"""`python -m otelcost.tui [window]`: the terminal interface on the store of `OTELCOST_HOME`."""

from __future__ import annotations

import sys

from otelcost.tui.start import run

if __name__ == "__main__":
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.exit("error: the screens need a terminal to read from and to draw on: otelcost --plain prints them instead")
    run(window=sys.argv[1] if len(sys.argv) > 1 else "7d")
