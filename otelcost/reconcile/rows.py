"""What a reconciliation says: rows, their causes, and each provider's total."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

CauseKind = Literal[
    "uncaptured", "surplus", "unpriced", "day_boundary", "not_by_call", "rounding", "price", "unexplained"
]
ORDER: Final[tuple[CauseKind, ...]] = (
    "uncaptured", "surplus", "unpriced", "day_boundary", "not_by_call", "price", "rounding", "unexplained",
)  # fmt: skip


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a gap. `picousd` is None where the amount is not known; `estimated` where it is ours."""

    cause: CauseKind
    picousd: int | None
    estimated: bool = False
    what: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One day and model of one provider. `model` None: all models, or what `item` says."""

    provider: str
    day: date
    model: str | None
    item: str = ""
    recorded_calls: int = 0
    billed_requests: int | None = None
    recorded_tokens: int = 0
    billed_tokens: int | None = None
    unpriced_calls: int = 0
    recorded_picousd: int = 0
    billed_picousd: int | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def gap_picousd(self) -> int | None:
        """Billed less recorded; None where the export tells no cost."""
        return None if self.billed_picousd is None else self.billed_picousd - self.recorded_picousd


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """All days and models of one provider."""

    provider: str
    first: date
    last: date
    recorded_calls: int
    billed_requests: int | None
    unpriced_calls: int
    recorded_picousd: int
    billed_picousd: int | None
    causes: tuple[Cause, ...]

    @property
    def gap_picousd(self) -> int | None:
        """Billed less recorded; None where the export tells no cost."""
        return None if self.billed_picousd is None else self.billed_picousd - self.recorded_picousd


class Billed(msgspec.Struct, kw_only=True):
    """An export's lines of one key, added up."""

    requests: int | None = None
    tokens: dict[str, int] | None = None
    batch_tokens: int = 0
    cost: int | None = None
    cost_lines: int = 0
