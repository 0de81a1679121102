"""Advice against what was planted: what was found, what was made up, and how far the dollars are off."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import duckdb
import msgspec
from asks import Ask, identity, moment, record
from billing import PriceList, bill_all
from controls import CONTROLS
from hard import HARD
from shapes import SHAPES
from traps import TRAPS
from wastes import WASTES, Plant

from otelcost.advise import recommend
from otelcost.spool.names import segment_name
from otelcost.store.db import session
from otelcost.store.drain import drain

DAYS = 14
UNNAMED = 0.3
"""How many of the planted tasks nobody gave a name."""


class Window(NamedTuple):
    """A half-open window in naive UTC."""

    start: datetime
    end: datetime


class Outcome(NamedTuple):
    """One plant, one piece of advice, or both."""

    rule: str
    task: str
    kind: str  # "found", "missed", "false"
    planted_picousd: int | None = None
    said_picousd: int | None = None
    note: str = ""


class World(NamedTuple):
    """All traffic of a seed."""

    plants: dict[str, Plant]
    clean: dict[str, list[Ask]]


def world(seed: int, days: int = DAYS) -> World:
    """Every waste, every shape and every trap, each as a task of its own."""
    rng = random.Random(seed)
    plants = {make.__name__: make(rng, make.__name__, days) for make in (*WASTES, *HARD)}
    plants = {name: _unnamed(name, plant) if rng.random() < UNNAMED else plant for name, plant in plants.items()}
    clean = {f"clean_{name}": make(rng, f"clean_{name}", days) for name, make in SHAPES.items()}
    clean |= {f"trap_{make.__name__}": make(rng, f"trap_{make.__name__}", days) for make in (*CONTROLS, *TRAPS)}
    return World(plants, clean)


def _unnamed(name: str, plant: Plant) -> Plant:
    """The same traffic from a call site of its own, without a name for the task."""
    asks = [msgspec.structs.replace(ask, named=False, site=f"app/{name}.py:12") for ask in plant.asks]
    return plant._replace(asks=asks)


def run(seed: int, days: int = DAYS) -> tuple[list[Outcome], Any]:
    """The outcomes of a seed, and the report they were read from."""
    made = world(seed, days)
    billed = bill_all(ask for asks in [*(p.asks for p in made.plants.values()), *made.clean.values()] for ask in asks)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        spool = home / "spool"
        spool.mkdir()
        lines = b"".join(msgspec.json.encode(record(ask, bill)) + b"\n" for ask, bill in billed)
        (spool / f"{segment_name('calls', 1, 1, 1)}.ndjson").write_bytes(lines)
        loaded = drain(home / "store.duckdb", spool)
        if loaded.rejects:
            raise SystemExit(f"{loaded.rejects} records were refused")
        with session(home / "store.duckdb") as connection:
            end = datetime.fromtimestamp(moment(days, 0), UTC).replace(tzinfo=None) + timedelta(days=1)
            report = recommend(connection, Window(end - timedelta(days=days + 1), end), now=end)
            return outcomes(made, report, connection), report


def outcomes(made: World, report: Any, connection: duckdb.DuckDBPyConnection) -> list[Outcome]:
    """Every card against what was planted in its task."""
    prices = PriceList(connection)
    cards: dict[str, list[Any]] = {}
    for card in (*report.recommendations, *map(_hint, report.insights)):
        cards.setdefault(card.task, []).append(card)
    found: list[Outcome] = []
    known = dict(connection.execute("SELECT printf('%016x', span_id), task FROM v_calls").fetchall())
    for task, plant in made.plants.items():
        names = dict.fromkeys(known.get(identity(ask), task) for ask in plant.asks)
        found += _planted(task, plant, [card for name in names for card in cards.pop(name, [])], prices)
    for task, others in cards.items():
        found += [Outcome(card.rule, task, "false", None, card.standalone_picousd, card.class_) for card in others]
    return found


def _hint(insight: Any) -> Any:
    """An insight as a card without dollars."""
    return SimpleNamespace(
        rule=insight.rule, task=insight.task, class_="information", standalone_picousd=None, transform=None
    )


def _planted(task: str, plant: Plant, cards: Sequence[Any], prices: PriceList) -> list[Outcome]:
    name = min(plant.rules)
    mine = [card for card in cards if card.rule in plant.rules]
    found = [
        Outcome(card.rule, task, "false", None, card.standalone_picousd, card.class_)
        for card in cards
        if card.rule not in plant.rules | plant.beside
    ]
    if not mine:
        return [*found, Outcome(name, task, "missed")]
    said = sum(card.standalone_picousd for card in mine) if plant.fix is not None else None
    truth = _truth(plant, mine[0].transform, prices) if plant.fix is not None else None
    wrong_class = {card.class_ for card in mine} - set(plant.class_.split())
    note = f"class {', '.join(wrong_class)} instead of {plant.class_}" if wrong_class else ""
    return [*found, Outcome(mine[0].rule, task, "found", truth, said, note)]


def _truth(plant: Plant, transform: Any, prices: PriceList) -> int:
    """What the provider billed for it, less what it would have billed for the traffic as it should have been."""
    assert plant.fix is not None
    billed = prices.cost(bill_all(plant.asks))
    return billed - min(prices.cost(bill_all(asks)) for asks in plant.fix(transform))
