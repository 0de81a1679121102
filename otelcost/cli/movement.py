"""What moved the bill against the window before: the same drivers on every surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from otelcost.digest.blocks import moved as blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.cli.reader import Reader
    from otelcost.digest.content import Driver
    from otelcost.store.queries import TaskSpend


__all__ = ["Tasks", "as_json", "blocks", "read", "record"]


@dataclass(frozen=True)
class Tasks:
    """A window's tasks and those of the equally long window before, which is empty without data."""

    now: Sequence[TaskSpend]
    before: Sequence[TaskSpend]

    def drivers(self) -> tuple[Driver, ...]:
        """What moved the bill; nothing where there is no past to compare with."""
        from otelcost.digest.content import drivers  # noqa: PLC0415

        return drivers(self.now, self.before) if self.before else ()


def read(found: Reader) -> Tasks:
    """The tasks of the window and of the one before."""
    from otelcost.store import queries  # noqa: PLC0415

    before = found.window.previous()
    past = () if before is None else queries.spends(found.connection, before)
    return Tasks(queries.spends(found.connection, found.window), past)


def as_json(drivers: Sequence[Driver]) -> list[dict[str, Any]]:
    """The drivers as JSON; money in pico-dollars."""
    from msgspec import to_builtins  # noqa: PLC0415

    return [to_builtins(driver) for driver in drivers]


def record(driver: Driver) -> dict[str, Any]:
    """A driver as a flat record."""
    return {
        "section": "driver",
        "name": driver.task,
        "calls": driver.calls,
        "cost_picousd": driver.cost_picousd,
        "change_picousd": driver.change_picousd,
    }
