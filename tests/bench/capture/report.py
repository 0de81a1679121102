"""The tables, one function a figure, as lines of Markdown; the bar of each stands in its first row."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import endurance
import figures
import matrix
from contenders import BARE, BY_NAME, OTELCOST, SDKS, Contender
from figures import Bench
from process import MissingError, interpreter
from stats import Estimate

Lines = list[str]
Section = Callable[[Bench, Sequence[Contender]], Lines]
_VERSIONS: Final = (
    "from importlib.metadata import version as v; import sys; print(*(f'{n} {v(n)}' for n in sys.argv[1:]), sep=', ')"
)
_FINE: Final = "call by call"


def machine(rivals: Path) -> Lines:
    """Where this was measured, and the versions of everybody."""
    cpu = next((line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")), "")
    where = f"{cpu or platform.processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    load = os.getloadavg()[0]
    lines = [f"Measured on {where}, Python {platform.python_version()}; load average at the start {load:.1f}.", ""]
    lines += ["| contender | versions |", "|---|---|"]
    return lines + [f"| {one.name} | {_versions(one, rivals)} |" for one in BY_NAME.values()]


def _cpu_lines() -> Lines:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _versions(contender: Contender, rivals: Path) -> str:
    try:
        python = interpreter(contender, rivals)
    except MissingError as reason:
        return str(reason)
    names = dict.fromkeys((*contender.shows, *SDKS))
    command = [str(python), "-c", _VERSIONS, *names]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "not installed"


def _table(title: str, bars: Sequence[str], heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Lines:
    lines = [f"### {title}", "", f"| | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    lines.append(f"| *bar* | {' | '.join(bars)} |")
    return lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]


def _rows(
    chosen: Sequence[Contender], width: int, cells: Callable[[Contender], Sequence[str]]
) -> list[tuple[str, Sequence[str]]]:
    rows: list[tuple[str, Sequence[str]]] = []
    for contender in chosen:
        try:
            rows.append((contender.name, cells(contender)))
        except MissingError as reason:
            rows.append((contender.name, [str(reason), *[""] * (width - 1)]))
    return rows


def _added(found: tuple[Estimate, float]) -> str:
    return f"{found[0].shown()} x{found[1]:.2f}"


Blocks = dict[str, list[figures.Pair]]


def cpu(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """Caller's thread, all threads, chunks, latency: all from the same blocks."""
    measured: dict[str, Blocks] = {}
    problems: dict[str, str] = {}
    for contender in chosen:
        try:
            measured[contender.name] = figures.blocks(bench, contender)
            if contender.environment == BARE.environment and contender.scope in {"", OTELCOST.scope}:
                measured[f"{contender.name} ({_FINE})"] = figures.mixed(bench, contender)
        except MissingError as reason:
            problems[contender.name] = str(reason)
    loads = [f"{sdk}-{size}" for sdk in SDKS for size in (1, 20, 400)]
    heads = [load.replace("-", ", ") + " KB" for load in loads]

    def table(title: str, bars: Sequence[str], names: Sequence[str], cell: Callable[[Blocks, str], str]) -> Lines:
        rows = [
            (who, [cell(found, one) if _has(found, one) else "" for one in names]) for who, found in measured.items()
        ]
        rows += [(who, [reason, *[""] * (len(names) - 1)]) for who, reason in problems.items()]
        return [*_table(title, bars, heads if names is loads else names, rows), ""]

    def added(found: Blocks, load: str) -> str:
        return _added(figures.caller(found[load]))

    def everywhere(found: Blocks, load: str) -> str:
        return _added(figures.threads(found[load]))

    def chunk(found: Blocks, sdk: str) -> str:
        return figures.chunk(found[f"{sdk}-stream-100"], found[f"{sdk}-stream-500"]).shown(2)

    def latency(found: Blocks, load: str) -> str:
        return " / ".join(figures.latency(found[load], share).shown(0) for share in (0.5, 0.99))

    return [
        *table("CPU added to the caller's thread, us a call", ["15; with spans 60"] * 6, loads, added),
        *table("CPU added in all threads until written, us a call", ["40", "70", "400"] * 2, loads, everywhere),
        *table("CPU added to the caller's thread, us a stream chunk", ["0.2", "0.2"], SDKS, chunk),
        *table("Latency added, us a call: p50 / p99", ["p99 100"] * 6, loads, latency),
    ]


def _has(pairs: dict[str, list[figures.Pair]], name: str) -> bool:
    return name in pairs or f"{name}-stream-500" in pairs


def stall(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """How long a host's thread stands still."""

    def cells(contender: Contender) -> Lines:
        return [f"{value:,.0f}" for value in figures.stalls(bench, contender)]

    title = "How long a spinning host stood still for another thread of its process, us"
    return _table(title, ["", "", "600"], ["p99", "p99.9", "longest"], _rows(chosen, 3, cells))


def setup(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """What being there costs."""

    def cells(contender: Contender) -> Lines:
        found = figures.setup(bench, contender)
        return [found.cpu_ms.shown(), f"{found.modules:.0f}", found.mb.shown()]

    title = "Set-up, beyond the OpenTelemetry SDK"
    return _table(
        title, ["25", "40", "2"], ["CPU, ms", "modules", "memory after 50 calls, MB"], _rows(chosen, 3, cells)
    )


def concurrent(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """Fifty calls at once."""

    def cells(contender: Contender) -> Lines:
        return [one.shown(3) for one in figures.together(bench, contender)]

    title = "50 concurrent async calls, ratio to the bare SDK"
    return _table(title, ["1.02", ""], ["wall", "CPU"], _rows(chosen, 2, cells))


def exits(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """Leaving with everything still queued and no collector."""

    def shown(contender: Contender, collector: str, *, held: bool = False) -> str:
        left = endurance.exits(bench, contender, collector, held=held)
        lost = f", {left.lost:,} lost" if contender is OTELCOST else ""
        return f"{left.added * 1000:,.0f} ms{lost}"

    def cells(contender: Contender) -> Lines:
        with endurance.refusing() as down, endurance.silent() as hole:
            held = shown(contender, down, held=True) if contender in {BARE, OTELCOST} else ""
            return [shown(contender, down), shown(contender, hole), held]

    several = [one for one in chosen if one.name != "Anthropic's own spans"]
    title = f"What an exit after {bench.effort.backlog:,} calls takes longer than without, the collector down"
    heads = ["refused", "black hole", "all of them still unread in memory"]
    return _table(title, ["50 ms, 0 lost"] * 2 + [""], heads, _rows(several, 3, cells))


def memory(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """Memory over many calls."""
    calls = bench.effort.memory

    def cells(contender: Contender) -> Lines:
        found = endurance.memory(bench, contender)
        steps = ", ".join(f"{value:.1f}" for value in found.mb)
        return [steps, f"{found.growth(calls):.1f}", f"{found.records:,}" if contender is OTELCOST else ""]

    own = [one for one in chosen if one in (BARE, OTELCOST)]
    heads = ["MB after each tenth", "bytes a call, second half", "records written"]
    return _table(f"Memory over {calls:,} calls", ["flat", "0", f"{calls:,}"], heads, _rows(own, 3, cells))


def correctness(bench: Bench, chosen: Sequence[Contender]) -> Lines:
    """The matrix."""
    return ["### Tokens, case by case", "", *matrix.table(bench.rivals, chosen)]


SECTIONS: Final[dict[str, Section]] = {
    "cpu": cpu, "stall": stall, "setup": setup, "concurrent": concurrent, "exit": exits, "memory": memory,
    "matrix": correctness,
}  # fmt: skip
"""Every section by its name."""
