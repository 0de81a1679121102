"""What to say where there is nothing to show: why, and the next thing to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otelcost.cli import terminal
from otelcost.cli.render import Name, Prose
from otelcost.display import instant

if TYPE_CHECKING:
    from otelcost.cli.reader import Reader

NOTHING_YET: tuple[str, ...] = (
    "No calls recorded yet. One of these changes that:",
    "  otelcost demo                            see it work, without a key, on a loopback provider",
    "  otelcost run -- python app.py            record every LLM call of a program as it is",
    "  import otelcost; otelcost.instrument()   the same from inside a program",
    "  otelcost doctor                          find out why recorded calls do not arrive",
)


def why_nothing(found: Reader) -> Prose:
    """An empty store, an empty window over a store that has older calls, or nothing of the part that was asked for."""
    from otelcost.store import queries  # noqa: PLC0415

    everything = queries.Window.parse("all", found.now)
    newest = queries.calls(found.connection, everything, limit=1)
    if not newest and not found.scope.everything:
        return Prose((("No call was ever recorded of ", Name(found.scope.in_words()), ": see otelcost tasks"),))
    if not newest:
        return Prose(tuple(terminal.runnable(line) for line in NOTHING_YET))
    when = instant(newest[0].start)
    return Prose((f"No calls here; the newest of all is from {when}: see --window all",))
