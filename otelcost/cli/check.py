"""`otelcost check`: budgets and gates for CI and cron, as an exit code."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options, terminal, windows
from otelcost.cli.reader import reader
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.display import UNKNOWN, common_places, duration, money, percent, signed_money
from otelcost.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from otelcost.cli.gates import Gate
    from otelcost.cli.reader import Reader
    from otelcost.config import Check, Config
    from otelcost.store.queries import Baseline

FIELDS = ("gate", "name", "measured", "limit", "unit", "verdict", "detail", "drivers")

_MINUTE_US = 60_000_000
_AGE = re.compile(r"0*[1-9]\d{0,4}[hdw]")
_COLUMNS = (
    Column("gate", flex=14),
    Column("measured", right=True),
    Column("limit", right=True),
    Column("verdict"),
    Column("what", drop=1, flex=30),
)


def _number(context: click.Context, parameter: click.Parameter, value: str | None) -> Decimal | None:
    """A number of 0 or more, exactly as it was typed; `$` and `%` may stand with it."""
    if value is None:
        return None
    try:
        number = Decimal(value.strip().removeprefix("$").removesuffix("%"))
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is not a number", context, parameter) from None
    if not number.is_finite() or number < 0:
        raise click.BadParameter(f"{value!r} is not a number of 0 or more", context, parameter)
    return number


def _gate_option(name: str, metavar: str, help_: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, callback=_number, metavar=metavar, help=help_)


@click.command(
    "check",
    epilog=options.examples(
        "check --max-spend 500 --max-age 26h",
        "check --save-baseline baseline.json",
        "check --window 7d --max-growth 20 --baseline baseline.json",
    ),
)
@_gate_option("--max-spend", "USD", "The most the window may have cost.")
@_gate_option("--max-growth", "PERCENT", "The most that spend, tokens a call or price a call may grow, beyond chance.")
@_gate_option("--max-unpriced", "PERCENT", "The most calls without a price.")
@_gate_option("--max-anomaly", "USD", "The most that unusual hours or days may have cost above the usual.")
@_gate_option("--max-risk", "PERCENT", "How likely a budget may be to end above its amount.")
@click.option("--max-age", metavar="26h|2d", help="How old the newest call may be.")
@click.option("--baseline", metavar="A..B|FILE", help="What growth is measured against. Default: the window before.")
@click.option(
    "--save-baseline", type=click.Path(path_type=Path), metavar="FILE", help="Write the window as a baseline, and end."
)
@click.option("-q", "--quiet", is_flag=True, help="Say only what is not ok.")
@options.reading
def command(
    request: options.Reading, save_baseline: Path | None, baseline: str | None, quiet: bool, **given: Any
) -> int:
    """Compare spend, budgets, growth, anomalies and unpriced calls with their limits.

    Budgets, and limits that no option gives, are read from otelcost.toml.

    Exits 0 when every gate is ok, 3 when one is breached, 4 when none is but the data do not allow an ok: too many
    calls without a price, too old, or nothing to judge by. 2 when there is nothing to check.
    """
    from otelcost.cli import gates  # noqa: PLC0415
    from otelcost.config import load  # noqa: PLC0415

    config = load()
    limits = _limits(config.settings.check, baseline, given)
    request = _windowed(request, limits)
    if save_baseline is not None:
        return _save(request, save_baseline)
    if not (config.settings.budget or _any_gate(limits)):
        raise UsageError("nothing to check", "give a limit such as --max-spend 100, or budgets in otelcost.toml")
    with reader(request) as found:
        past, now = (None, None) if limits.max_growth is None else _sides(found, config, limits, baseline)
        judged = gates.judge(found, config, limits, past, now)
    shown = [gate for gate in judged if gate.verdict != "ok"] if quiet else judged
    code = gates.exit_code(judged)
    if shown or not quiet or request.format != "table":
        options.show(document(shown, found, code), request.format)
    return code


def _limits(configured: Check, baseline: str | None, given: dict[str, Any]) -> Check:
    """The options over the settings."""
    from msgspec import structs  # noqa: PLC0415

    told = {name: value for name, value in {**given, "baseline": baseline}.items() if value is not None}
    return structs.replace(configured, **told)


def _any_gate(limits: Check) -> bool:
    return any(getattr(limits, name) is not None for name in limits.__struct_fields__ if name.startswith("max_"))


def _windowed(request: options.Reading, limits: Check) -> options.Reading:
    if limits.max_age is not None and not _AGE.fullmatch(limits.max_age.strip()):
        raise UsageError(f"--max-age {limits.max_age!r} is no age", "write it as 26h or 2d")
    if request.window_given or limits.window is None:
        return request
    return replace(request, window=limits.window)


def _save(request: options.Reading, path: Path) -> int:
    from otelcost.store.queries import baseline as query  # noqa: PLC0415

    with reader(request) as found:
        measured = query.baseline(found.connection, query.bounded(found.connection, found.window))
    query.save(measured, path)
    terminal.progress(f"baseline of {measured.calls:,} calls in {len(measured.tasks)} tasks written to {path}")
    return 0


def _sides(found: Reader, config: Config, limits: Check, option: str | None) -> tuple[Baseline, Baseline]:
    """The baseline, and the window measured the same way."""
    from otelcost.store.queries import Window  # noqa: PLC0415
    from otelcost.store.queries import baseline as query  # noqa: PLC0415

    now = query.baseline(found.connection, query.bounded(found.connection, found.window))
    told = limits.baseline
    if told is None:
        before = None if found.window.whole else found.window.previous()
        if before is None:
            raise UsageError("there is no window before this one", "give --baseline A..B or a file")
        return query.baseline(found.connection, before), now
    path = Path(told) if option is not None else config.beside("check.baseline", told)
    if ".." in told and not path.is_file() and not told.endswith(".json"):
        window = query.bounded(found.connection, Window.parse(told, found.now))
        return query.baseline(found.connection, window), now
    return query.read(path), now


def document(gates: Sequence[Gate], found: Reader, code: int) -> Document:
    """Gates as a document."""
    records = tuple(_record(gate) for gate in gates)
    blocks: list[Block] = [windows.line(found)]
    if gates:
        blocks.append(Table(_COLUMNS, tuple(_cells(gate) for gate in gates)))
    drivers: list[Line] = [_driver_line(gate) for gate in gates if gate.drivers and gate.verdict == "breached"]
    if drivers:
        blocks += [Heading("What drove it"), Prose(tuple(drivers), bullets=True)]
    blocks.append(Prose((_outcome(code),)))
    return Document(
        envelope={
            "window": windows.envelope(found.window, found.label),
            "exit_code": code,
            "gates": [{**record, "drivers": _drivers(gate)} for record, gate in zip(records, gates, strict=True)],
        },
        blocks=tuple(blocks),
        fields=FIELDS,
        records=records,
    )


def _outcome(code: int) -> str:
    return {0: "All gates are ok.", 3: "Breached (exit 3)."}.get(
        code, "No gate is breached, but the data do not allow an ok (exit 4)."
    )


def _record(gate: Gate) -> dict[str, Any]:
    drivers = "; ".join(f"{task} {amount}" for task, amount in gate.drivers)
    return {**{name: getattr(gate, name) for name in FIELDS}, "drivers": drivers}


def _drivers(gate: Gate) -> list[dict[str, Any]]:
    return [{"task": task, "picousd": amount} for task, amount in gate.drivers]


def _driver_line(gate: Gate) -> Line:
    sign = signed_money if gate.gate in {"growth", "anomaly"} else money
    places = common_places([amount for _, amount in gate.drivers])
    parts = [Name(_title(gate)), ": "]
    for place, (task, amount) in enumerate(gate.drivers):
        parts += ["; " if place else "", Name(task), f" {sign(amount, places)}"]
    return tuple(parts)


def _title(gate: Gate) -> str:
    return f"{gate.gate} {gate.name}".strip()


def _cells(gate: Gate) -> tuple[str, ...]:
    verdict = "ok" if gate.verdict == "ok" else gate.verdict.upper()
    return _title(gate), _value(gate, gate.measured), _value(gate, gate.limit), verdict, gate.detail


def _value(gate: Gate, value: int | None) -> str:
    if value is None:
        return UNKNOWN
    if gate.unit == "picousd":
        return money(value)
    if gate.unit == "minutes":
        return duration(value * _MINUTE_US) if value < 60 else f"{value // 60} h {value % 60} min"
    text = percent(value, 1_000_000)
    return f"+{text}" if gate.gate == "growth" and value > 0 else text
