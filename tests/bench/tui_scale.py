"""How the screens feel on a large store: real processes on a pseudo-terminal, beside a blank Textual application.

    python tests/bench/tui_scale.py --rows 10000000 [--store FOLDER] [--runs 5]

Prints medians with the machine: seconds to the first text and to the data; milliseconds from a key to the cursor's
being drawn elsewhere, with nothing else going on and while an application records and another process drains; and the
largest resident memory of the screens, of the process that reads for them, and of the one that works out
recommendations and then ends. The processor time to the first text is there because other work on the machine
lengthens all of the others. `--store` keeps the synthetic store, and what was recorded into it, for another run.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import platform
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from store_scale import fill

from otelcost.store.drain import drain

WINDOW: Final = "30d"
KEYS: Final = ("j", "j", "k", "\x04", "\x15", "j")
CURSOR: Final = "▸".encode()
PRESSES: Final = 100
DATA_SECONDS: Final = 120.0
QUIET_SECONDS: Final = 0.15
SAMPLE_SECONDS: Final = 0.05
SETTLED_SECONDS: Final = 120.0
BLANK: Final = """
from textual.app import App
from textual.widgets import Static
class Blank(App):
    def compose(self):
        yield Static("1 Overview")
Blank().run()
"""
RECORDING: Final = """
import sys, time, uuid
import msgspec
from otelcost import settings
from otelcost.model import Call, Context, Usage
from otelcost.spool.writer import Spool
spool = Spool(settings.spool_dir())
while True:
    for _ in range(20):
        number = uuid.uuid4().hex
        context = Context(trace_id=number, span_id=number[:16], operation_id=number[:16],
            start_unix_us=time.time_ns() // 1000, duration_us=900_000, call_site_file="app/task1.py",
            call_site_line=12, call_site_function="run")
        spool.append(msgspec.json.encode(Call(context=context, provider="openai", api="openai.chat", operation="chat",
            request_model="gpt-4o", response_model="gpt-4o-2024-08-06", http_status=200,
            usage=Usage(input_uncached_tokens=900, cache_read_tokens=100, output_tokens=50))))
    time.sleep(0.1)
"""
"""An application that makes 200 calls a second."""
DRAINING: Final = "import time\nfrom otelcost.store.drain import drain\nwhile True:\n    drain(); time.sleep(1)"


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

    def until(self, pattern: bytes, seconds: float = DATA_SECONDS) -> float:
        """Seconds since the start until a text that matches was drawn."""
        end = time.monotonic() + seconds
        while re.search(pattern, self.seen) is None:
            self.read(end - time.monotonic())
            if time.monotonic() > end:
                raise SystemExit(f"no {pattern!r} within {seconds:g} s")
        return time.monotonic() - self.began

    def write(self, keys: str) -> None:
        """Press keys, and forget what was drawn."""
        self.seen = b""
        self.began = time.monotonic()
        os.write(self._file, keys.encode())

    def press(self, key: str) -> float:
        """Milliseconds from a key to the cursor in another row."""
        quiet = time.monotonic() + 1.0
        while self.read(QUIET_SECONDS) and time.monotonic() < quiet:
            pass
        self.write(key)
        return self.until(CURSOR, 5.0) * 1000

    def settle(self) -> None:
        """Read what is drawn until the recommendations are there."""
        end = time.monotonic() + SETTLED_SECONDS
        while time.monotonic() < end and len(tree(self.process.pid)) > 2:
            self.read(0.2)

    def close(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._file)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def megabytes(pid: int) -> float:
    """What is resident of a process; nothing where it is gone."""
    with suppress(OSError, StopIteration):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(next(row for row in status.splitlines() if row.startswith("VmRSS")).split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Processor time of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Memory:
    """The largest resident memory of the screens, of their reader, and of each process that comes and goes."""

    def __init__(self, pid: int) -> None:
        self._largest = [0.0, 0.0, 0.0]
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            sizes = [megabytes(pid) for pid in tree(self._pid)]
            for place, size in enumerate(sizes):
                self._largest[min(place, 2)] = max(self._largest[min(place, 2)], size)

    def largest(self) -> dict[str, float]:
        """In megabytes."""
        return dict(zip(("screens MB", "reader MB", "advice process MB"), self._largest, strict=True))

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._thread.join()


@contextmanager
def ingesting(home: Path) -> Iterator[None]:
    """An application that records, and a process that drains, for the length of a block."""
    environ = {**os.environ, "OTELCOST_HOME": str(home)}
    running = [subprocess.Popen([sys.executable, "-c", program], env=environ) for program in (RECORDING, DRAINING)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def presses(screen: Screen, name: str) -> dict[str, float]:
    """How long keys take."""
    took = sorted(screen.press(KEYS[index % len(KEYS)]) for index in range(PRESSES))
    return {f"{name} p50 ms": took[PRESSES // 2], f"{name} p95 ms": took[PRESSES * 95 // 100]}


def once(home: Path) -> dict[str, float]:
    """One run of both."""
    with closing(Screen([sys.executable, "-c", BLANK], home)) as blank:
        found = {
            "blank first text s": blank.until(b"Overview"),
            "blank first text cpu s": cpu_seconds(blank.process.pid),
        }
    with closing(Screen([sys.executable, "-m", "otelcost.tui", WINDOW], home)) as screen:
        with closing(Memory(screen.process.pid)) as memory:
            found |= used(screen, home)
        return found | memory.largest()


def used(screen: Screen, home: Path) -> dict[str, float]:
    """From the start to keys that are pressed while calls are recorded and loaded."""
    found = {"first text s": screen.until(b"Overview"), "first text cpu s": cpu_seconds(screen.process.pid)}
    found["data s"] = screen.until(rb"\d calls")
    screen.write("4")
    found["page of calls s"] = screen.until(b"(?s)Outcome.*" + CURSOR)
    screen.settle()
    found |= presses(screen, "key")
    with ingesting(home):
        return found | presses(screen, "key while ingesting")


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
        drain(store, home / "spool")  # as whoever recorded so many calls did all the time
        runs = [once(home) for _ in range(arguments.runs)]
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},", end=" "
    )
    print(f"Python {platform.python_version()}, {store.name} of {arguments.rows:,} calls, median of {len(runs)}")
    for name in runs[0]:
        print(f"{name:28} {statistics.median(run[name] for run in runs):10.2f}")


if __name__ == "__main__":
    main()
