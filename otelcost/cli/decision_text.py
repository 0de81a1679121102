"""Decisions on recommendations as documents: what was decided, the history, what applied changes saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otelcost.cli import terminal
from otelcost.cli.render import Block, Column, Document, Heading, Line, Name, Prose, Table
from otelcost.display import instant, iso, money, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.advise import Recommendation
    from otelcost.advise.life_cycle import Event
    from otelcost.advise.measure import Measurement

EVENT_FIELDS = ("seq", "id", "state", "changed_at", "actor", "reason", "until")
MEASUREMENT_FIELDS = (
    "id", "verdict", "since", "days", "calls", "expected_picousd", "remaining_picousd", "realised_picousd",
)  # fmt: skip


def change(card: Recommendation) -> Document:
    """What to change and where, without a word of having done it."""
    place: tuple[Line, ...] = (("at ", Name(card.call_site)),) if card.call_site else ()
    lines: tuple[Line, ...] = tuple((Name(line),) for line in card.change.splitlines())
    facts = {"id": card.id, "change": card.change, "call_site": card.call_site, "reversibility": card.reversibility}
    blocks: tuple[Block, ...] = (
        Heading((card.id, ": ", Name(card.title)), level=1),
        Prose((*place, *lines)),
        Prose((("to take it back: ", Name(card.reversibility)),)),
    )
    return Document(envelope={"dry_run": facts}, blocks=blocks, fields=tuple(facts), records=(facts,))


def decided(event: Event, card: Recommendation | None) -> Document:
    """One decision, just written."""
    lines: list[Line] = [f"{event.id} is {_state(event)}"]
    if event.frozen is not None and card is not None:
        lines.append(f"frozen: it saves {money(card.standalone_picousd)} alone in this window")
    lines.append(terminal.runnable(f"Every decision on it: otelcost rec history {event.id}"))
    return Document(
        envelope={"event": as_json(event)},
        blocks=(Prose(tuple(lines)),),
        fields=EVENT_FIELDS,
        records=(as_json(event),),
    )


def history(events: Sequence[Event], id_: str | None) -> Document:
    """Decisions, oldest first."""
    title = "Decisions" + (f" on {id_}" if id_ else "")
    body: Block = table(events) if events else Prose(("nothing has been decided yet",))
    records = tuple(as_json(event) for event in events)
    return Document(
        envelope={"history": list(records)},
        blocks=(Heading(title, level=1), body),
        fields=EVENT_FIELDS,
        records=records,
    )


def table(events: Sequence[Event]) -> Table:
    """Decisions for people, each with the saving that was frozen with it."""
    columns = (
        Column("when"), Column("id"), Column("state"), Column("saves alone", right=True), Column("by", drop=1, flex=12),
        Column("why", flex=20),
    )  # fmt: skip
    rows = tuple(
        (
            instant(event.changed_at), event.id, _state(event),
            _figure(event, "standalone_picousd"), event.actor or "", event.reason or "",
        )
        for event in events
    )  # fmt: skip
    return Table(columns, rows)


def measured(measurements: Sequence[Measurement]) -> Document:
    """What applied changes saved."""
    records = tuple(_measurement(one) for one in measurements)
    columns = (
        Column("id"), Column("verdict"), Column("could have saved", right=True), Column("saved", right=True),
        Column("days", right=True), Column("calls", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            one.id, one.verdict or "too early", _money(one.expected_picousd), _money(one.realised_picousd),
            f"{one.days}", f"{one.calls:,}",
        )
        for one in measurements
    )  # fmt: skip
    body: Block = Table(columns, rows) if rows else Prose(("nothing has been applied yet: otelcost rec apply ID",))
    return Document(
        envelope={"measurements": list(records)},
        blocks=(Heading(f"{plural(len(rows), 'applied change')} measured", level=1), body),
        fields=MEASUREMENT_FIELDS,
        records=records,
    )


def _measurement(one: Measurement) -> dict[str, Any]:
    return {"id": one.id, "verdict": one.verdict or "too early", "since": iso(one.since), **one.as_dict()}


def _state(event: Event) -> str:
    return event.state + (f" until {instant(event.until)}" if event.until else "")


def _money(amount: int | None) -> str:
    return "" if amount is None else money(amount)


def _figure(event: Event, name: str) -> str:
    return _money((event.frozen or {}).get(name))


def as_json(event: Event) -> dict[str, Any]:
    """One decision as JSON, with the figures that were frozen with it."""
    return {
        "seq": event.seq,
        "id": event.id,
        "state": event.state,
        "changed_at": iso(event.changed_at),
        "actor": event.actor,
        "reason": event.reason,
        "until": iso(event.until),
        "frozen": event.frozen,
    }
