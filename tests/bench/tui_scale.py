"""How the screens feel on a large store: real processes on a pseudo-terminal, beside a blank Textual application.

    python tests/bench/tui_scale.py --rows 10000000 [--store FOLDER] [--runs 5]

Prints medians with the machine: seconds to the first text and to the data, milliseconds from a key to the output it
causes (the 95th of a hundred), and the largest resident memory. `--store` keeps the synthetic store for another run.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Final

from store_scale import fill

WINDOW: Final = "30d"
KEYS: Final = ("j", "j", "k", "\x04", "\x15", "j")
PRESSES: Final = 100
DATA_SECONDS: Final = 120.0
QUIET_SECONDS: Final = 0.15
BLANK: Final = """
from textual.app import App
from textual.widgets import Static
class Blank(App):
    def compose(self):
        yield Static("1 Overview")
Blank().run()
"""


class Screen:
    """A program on a terminal of 120 by 40."""

    def __init__(self, command: list[str], home: Path) -> None:
        self.began = time.monotonic()
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        environ = {**os.environ, "OTELCOST_HOME": str(home), "TERM": "xterm-256color"}
        self.process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environ, close_fds=True)
        os.close(child)
        self._file = parent
        self.seen = b""

    def read(self, seconds: float) -> bytes:
        """What comes within a time; nothing where nothing does."""
        ready, _, _ = select.select([self._file], [], [], max(0.0, seconds))
        got = os.read(self._file, 1 << 16) if ready else b""
        self.seen += got
        return got

    def until(self, text: bytes, seconds: float = DATA_SECONDS) -> float:
        """Seconds since the start until a text was drawn."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            self.read(end - time.monotonic())
            if time.monotonic() > end:
                raise SystemExit(f"no {text!r} within {seconds:g} s")
        return time.monotonic() - self.began

    def press(self, key: str) -> float:
        """Milliseconds from a key to the first output after it."""
        while self.read(QUIET_SECONDS):
            pass
        began = time.monotonic()
        os.write(self._file, key.encode())
        while not self.read(5.0):
            pass
        return (time.monotonic() - began) * 1000

    def megabytes(self) -> float:
        """The largest resident size so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(row for row in status.splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._file)


def once(home: Path) -> dict[str, float]:
    """One run of both."""
    blank = Screen([sys.executable, "-c", BLANK], home)
    found = {"blank first text s": blank.until(b"Overview")}
    blank.close()
    screen = Screen([sys.executable, "-m", "otelcost.tui", WINDOW], home)
    found["first text s"] = screen.until(b"Overview")
    found["data s"] = screen.until(b"calls")
    screen.seen = b""
    os.write(screen._file, b"4")
    began = time.monotonic()
    screen.began = began
    found["page of calls s"] = screen.until(b"Outcome")
    presses = sorted(screen.press(KEYS[index % len(KEYS)]) for index in range(PRESSES))
    found["key to output p50 ms"] = presses[PRESSES // 2]
    found["key to output p95 ms"] = presses[PRESSES * 95 // 100]
    found["resident MB"] = screen.megabytes()
    screen.close()
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--store", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.store or Path(folder)
        store = home / "store.duckdb"
        if not store.exists():
            fill(store, arguments.rows)
        runs = [once(home) for _ in range(arguments.runs)]
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},", end=" "
    )
    print(f"Python {platform.python_version()}, {store.name} of {arguments.rows:,} calls, median of {len(runs)}")
    for name in runs[0]:
        print(f"{name:24} {statistics.median(run[name] for run in runs):10.2f}")


if __name__ == "__main__":
    main()
