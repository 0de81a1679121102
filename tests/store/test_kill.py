"""Writers and drainers are killed at random; what was acknowledged is in the store once, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from otelcost.store.db import session
from otelcost.store.drain import drain

WRITERS = 8
DRAINERS = 2
SECONDS = 8.0

# A writer acknowledges a record after `append` returned, by appending its number to a file of its own. So an
# unacknowledged record may or may not have been written, but an acknowledged one was.
WRITER = """
import os, sys
from pathlib import Path
import msgspec
from otelcost.model import Call, Context, Usage
from otelcost.spool import writer
writer.ROLL_BYTES = 20_000  # rolls often, so that kills also hit the sealing
spool = writer.Spool(Path(sys.argv[1]))
acknowledged = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
number = int(sys.argv[3])
while True:
    number += 1
    context = Context(
        trace_id=f"{number:032x}", span_id=f"{number:016x}", operation_id=f"{number:016x}",
        start_unix_us=1_795_000_000_000_000 + number,
    )
    call = Call(context=context, provider="openai", api="openai.chat", operation="chat", request_model="gpt-4o",
        usage=Usage(input_uncached_tokens=number % 1000, output_tokens=1))
    if spool.append(msgspec.json.encode(call)):
        os.write(acknowledged, b"%d\\n" % number)
    if number % 50 == 0:
        os.sched_yield()
"""

DRAINER = """
import sys
from pathlib import Path
from otelcost.store.drain import drain
while True:
    drain(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@dataclass
class Crew:
    """Processes that are started, killed and started again."""

    home: Path
    seed: int = 5
    generation: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    alive: dict[subprocess.Popen[bytes], str] = field(default_factory=dict)

    def start(self, kind: str) -> None:
        self.generation += 1
        if kind == "writer":
            first = str(self.generation * 10_000_000)
            arguments = [WRITER, str(self.home / "spool"), str(self.home / f"ack-{self.generation}"), first]
        else:
            arguments = [DRAINER, str(self.home / "store.duckdb"), str(self.home / "spool")]
        errors = (self.home / f"{kind}-{self.generation}.err").open("wb")
        process = subprocess.Popen([sys.executable, "-c", *arguments], stderr=errors, env=os.environ)
        errors.close()
        self.alive[process] = kind

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        kind = self.alive.pop(process)
        assert process.poll() is None, (self.home / f"{kind}-{self.generation}.err").read_text()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills[kind] += 1

    def acknowledged(self) -> set[int]:
        return {int(line) for path in self.home.glob("ack-*") for line in path.read_bytes().split(b"\n")[:-1] if line}


def test_nothing_is_lost_and_nothing_is_twice_whoever_is_killed(home: Path) -> None:
    home.mkdir()
    drain()  # the book is compiled once, so that the drainers drain
    crew = Crew(home)
    chance = random.Random(crew.seed)
    for kind in ["writer"] * WRITERS + ["drainer"] * DRAINERS:
        crew.start(kind)
    deadline = time.monotonic() + SECONDS
    try:
        time.sleep(1.5)
        while time.monotonic() < deadline:
            time.sleep(chance.uniform(0.02, 0.25))
            victim = chance.choice(sorted(crew.alive, key=lambda process: process.pid))
            kind = crew.alive[victim]
            crew.kill(victim)
            crew.start(kind)
    finally:
        for process in list(crew.alive):
            crew.kill(process)
    drain()
    assert list((home / "spool").glob("*.open")) == []
    assert list((home / "spool").glob("*.ndjson")) == []
    with session() as connection:
        rows = [row[0] for row in connection.execute("SELECT span_id FROM calls").fetchall()]
        (in_ledger,) = connection.execute("SELECT sum(rows) FROM ledger").fetchone() or (0,)
    acknowledged = crew.acknowledged()
    assert crew.kills["writer"] >= WRITERS + 3
    assert crew.kills["drainer"] >= DRAINERS + 1
    assert len(acknowledged) > 1000
    assert acknowledged - set(rows) == set()
    assert len(rows) == len(set(rows)) == in_ledger
    # What is there beyond the acknowledged was being written when its writer died: one record each at most.
    assert len(rows) - len(acknowledged) <= crew.kills["writer"]
