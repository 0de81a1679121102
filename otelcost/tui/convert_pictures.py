"""From rows of the query layer to what pictures are drawn from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from otelcost.tui.convert import like
from otelcost.tui.snapshot import CachePoint, Moved, Pictures, PromptShare, Spot

if TYPE_CHECKING:
    from otelcost.store import queries

_PARTS: Final = ("volume", "tokens", "rate", "mix")


def moved(found: queries.Movement, task: str | None) -> Moved | None:
    """Of everything or of one task; None where there is nothing to compare."""
    row = found.total if task is None else next((row for row in found.by_task if row.name == task), None)
    if row is None or not row.base.calls or not row.head.calls:
        return None
    return Moved(
        before_picousd=row.compared_picousd,
        after_picousd=row.head.picousd,
        parts=tuple((name, getattr(row, f"{name}_picousd")) for name in _PARTS),
    )


def pictures(
    task: str | None,
    change: Moved | None,
    prompt: Sequence[queries.ContextRow],
    cache: tuple[timedelta, Sequence[queries.CacheRow]],
    spots: Sequence[queries.GridRow],
    decade: int,
) -> Pictures:
    """All of them."""
    known = prompt[0] if prompt else None
    step, rows = cache
    return Pictures(
        task=task,
        moved=change,
        prompt=() if known is None else tuple(like(PromptShare, row) for row in known.parts),
        prompt_calls=0 if known is None else known.calls,
        prompt_known_calls=0 if known is None else known.known_calls,
        cache=tuple(like(CachePoint, row) for row in rows),
        cache_step_seconds=round(step.total_seconds()),
        spots=tuple(like(Spot, row) for row in spots),
        decade=decade,
    )
