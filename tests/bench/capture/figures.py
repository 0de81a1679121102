"""The cost figures: a contender's process and one of the bare SDK, in the same environment, taking turns.

Both run the same SDK on the same machine at the same time, so that what disturbs one disturbs the other. A figure is
the median of the differences of neighbouring blocks, with a bootstrap interval over those pairs of blocks.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from contenders import BARE, Contender
from process import Child, running
from stats import Estimate, estimate, median, percentile

CALLS: Final = {"1": 40, "20": 30, "400": 12, "100": 8, "500": 6}
"""Calls of a block, by the last part of the load's name."""

ENDS: Final = ("1", "20", "400", "stream-100", "stream-500")
"""Prompts of so many KB, streams of so many chunks."""

Block = dict[str, Any]
Pair = tuple[Block, Block]


class Effort(NamedTuple):
    """How much is measured.

    Attributes:
        rounds: fresh pairs of processes.
        blocks: pairs of blocks of each load in a round.
        processes: fresh pairs of processes for set-up.
        together: pairs of 50 concurrent calls.
        spins: calls with a spinning host.
        backlog: records queued at exit.
        exits: fresh pairs of processes that end so.
        memory: calls over which memory is watched.
    """

    rounds: int = 5
    blocks: int = 6
    processes: int = 5
    together: int = 40
    spins: int = 60
    backlog: int = 10_000
    exits: int = 3
    memory: int = 20_000


FAST: Final = Effort(rounds=1, blocks=4, processes=3, together=10, spins=15, backlog=2_000, exits=1, memory=2_000)


class Bench(NamedTuple):
    """Where rivals are installed, where the provider is, and how much is measured."""

    rivals: Path
    url: str
    effort: Effort

    @contextmanager
    def pair(self, contender: Contender) -> Iterator[tuple[Child, Child]]:
        """The bare SDK and the contender, in the contender's environment."""
        bare = BARE._replace(environment=contender.environment)
        with running(bare, self.rivals, self.url) as one, running(contender, self.rivals, self.url) as other:
            yield one, other


def blocks(bench: Bench, contender: Contender) -> dict[str, list[Pair]]:
    """Every load in blocks, the bare SDK and the contender in turns, which of them first in turns too."""
    loads = [f"{sdk}-{end}" for sdk in contender.sdk for end in ENDS]
    made: dict[str, list[Pair]] = {load: [] for load in loads}
    for _ in range(bench.effort.rounds):
        with bench.pair(contender) as pair:
            for load in loads:
                calls = CALLS[load.rpartition("-")[2]]
                for child in pair:
                    child.ask("block", load=load, calls=calls)  # warm
                for number in range(bench.effort.blocks):
                    turn = pair if number % 2 == 0 else pair[::-1]
                    done = [child.ask("block", load=load, calls=calls) for child in turn]
                    bare, own = done if number % 2 == 0 else done[::-1]
                    made[load].append((bare, own))
    return made


def mixed(bench: Bench, contender: Contender) -> dict[str, list[Pair]]:
    """As `blocks`, but in one process, call by call: finer, for a contender that a client can pass by."""
    loads = [f"{sdk}-{end}" for sdk in contender.sdk for end in ENDS]
    made: dict[str, list[Pair]] = {load: [] for load in loads}
    for _ in range(bench.effort.rounds):
        with running(contender, bench.rivals, bench.url) as child:
            for load in loads:
                calls = CALLS[load.rpartition("-")[2]] // 2
                child.ask("mixed", load=load, calls=calls)  # warm
                for _ in range(bench.effort.blocks * 2):
                    bare, own = child.ask("mixed", load=load, calls=calls)
                    made[load].append((bare, own))
    return made


def caller(pairs: Sequence[Pair]) -> tuple[Estimate, float]:
    """Added CPU of the caller's thread per call, µs, and the ratio of the medians."""
    middles = [(statistics.median(bare["thread"]), statistics.median(own["thread"])) for bare, own in pairs]
    return median([(own - bare) / 1000 for bare, own in middles]), _ratio(middles)


def threads(pairs: Sequence[Pair]) -> tuple[Estimate, float]:
    """Added CPU of all threads per call until it is written, µs, and the ratio."""
    each = [(bare["process"] / len(bare["wall"]), own["process"] / len(own["wall"])) for bare, own in pairs]
    return median([(own - bare) / 1000 for bare, own in each]), _ratio(each)


def _ratio(middles: Sequence[tuple[float, float]]) -> float:
    return statistics.median(own / bare for bare, own in middles)


def chunk(short: Sequence[Pair], long: Sequence[Pair]) -> Estimate:
    """Added CPU of the caller's thread per chunk, µs: the slope between streams of 100 and of 500 chunks."""

    def slope(less: Block, more: Block) -> float:
        return (statistics.median(more["thread"]) - statistics.median(less["thread"])) / 400_000

    return median([slope(a[1], b[1]) - slope(a[0], b[0]) for a, b in zip(short, long, strict=True)])


def latency(pairs: Sequence[Pair], share: float) -> Estimate:
    """Added wall time of a call at a percentile, µs."""

    def added(chosen: Sequence[Pair]) -> float:
        sides = [[wall for pair in chosen for wall in pair[side]["wall"]] for side in (0, 1)]
        return (percentile(sides[1], share) - percentile(sides[0], share)) / 1000

    return estimate(pairs, added)


def stalls(bench: Bench, contender: Contender) -> tuple[float, float, float]:
    """How long a spinning host stands still for the background, µs: p99, p99.9 and the longest."""
    gaps: list[int] = []
    with running(contender, bench.rivals, bench.url) as child:
        for sdk in contender.sdk:
            for size in (1, 20, 400):
                gaps += child.ask("stall", load=f"{sdk}-{size}", calls=bench.effort.spins)
    if not gaps:
        return 0.0, 0.0, 0.0
    return percentile(gaps, 0.99) / 1000, percentile(gaps, 0.999) / 1000, max(gaps) / 1000


class Setup(NamedTuple):
    """Beyond the SDKs and the OpenTelemetry SDK: CPU of switching on, ms; modules and memory after 50 calls."""

    cpu_ms: Estimate
    modules: float
    mb: Estimate


def setup(bench: Bench, contender: Contender) -> Setup:
    """What it costs to be there at all, in fresh processes."""
    cpu, modules, memory = [], [], []
    for _ in range(bench.effort.processes):
        with bench.pair(contender) as (bare, own):
            one, other = (child.ask("memory", calls=50) for child in (bare, own))
            cpu.append((own.setup["cpu_us"] - bare.setup["cpu_us"]) / 1000)
            modules.append(other["modules"] - one["modules"])
            memory.append((other["kb"] - one["kb"]) / 1024)
    return Setup(median(cpu), statistics.median(modules), median(memory))


def together(bench: Bench, contender: Contender) -> tuple[Estimate, Estimate]:
    """50 concurrent calls: ratio of wall time and ratio of CPU to the bare SDK's."""
    made: list[Pair] = []
    with bench.pair(contender) as pair:
        for child in pair:
            child.ask("concurrent", calls=50, kilobytes=1)
        for number in range(bench.effort.together):
            turn = pair if number % 2 == 0 else pair[::-1]
            done = [child.ask("concurrent", calls=50, kilobytes=1) for child in turn]
            made.append((done[0], done[1]) if number % 2 == 0 else (done[1], done[0]))

    def ratio(kind: str) -> Estimate:
        return median([own[kind] / bare[kind] for bare, own in made])

    return ratio("wall"), ratio("process")
