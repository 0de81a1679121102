"""One insight: what was found, in which calls, and what to look at. It claims no saving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otelcost.cli import evidence, recommendation, terminal, windows
from otelcost.cli.render import Document, Heading, Name, Prose
from otelcost.display import money, plural

if TYPE_CHECKING:
    from otelcost.advise import Insight
    from otelcost.cli.reader import Reader

NO_SUCH = "no recommendation or insight of this window has the id"


def document(row: Insight, found: Reader) -> Document:
    """The insight as `rec show` tells it."""
    from msgspec import to_builtins  # noqa: PLC0415

    cost = f"{plural(row.calls, 'call')} cost {money(row.cost_observed_picousd)}; no saving is claimed"
    return Document(
        envelope={**windows.head(found), "insight": to_builtins(row)},
        blocks=(
            Heading((row.id, ": ", Name(row.title)), level=1),
            Prose((("task ", Name(row.task), f", rule {row.rule}, information"),)),
            Heading("Why"),
            Prose((cost, *evidence.lines(row.evidence)), bullets=True),
            Heading("What to look at"),
            Prose(tuple((Name(line),) for line in row.change.splitlines())),
            Heading("Calls"),
            Prose((terminal.runnable(f"otelcost calls --rec {row.id} {windows.flags(found)} --format csv"),)),
        ),
        fields=recommendation.FIELDS,
        records=(recommendation.insight_record(row),),
    )
