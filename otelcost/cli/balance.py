"""`otelcost prices balance`: credits and commitments against recorded spend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from otelcost.cli import options
from otelcost.cli.render import Block, Column, Document, Prose, Table
from otelcost.display import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otelcost.pricing.agreements import CommitmentBalance, CreditBalance


@click.command("balance", epilog=options.examples("prices balance"))
@options.format_option
@options.drain_option
@options.debug_option
def command(format_: str, drain: bool) -> None:
    """Show credits and commitments of prices.toml against recorded spend.

    They are apart from every cost: a call costs its price, whoever pays for it.
    """
    from otelcost import settings  # noqa: PLC0415
    from otelcost.cli.reader import drain_spool  # noqa: PLC0415
    from otelcost.pricing import agreements, report  # noqa: PLC0415
    from otelcost.pricing.override import read_file  # noqa: PLC0415
    from otelcost.store.db import session  # noqa: PLC0415

    _, given = read_file(settings.price_override_path())
    if drain:
        drain_spool()
    with session() as connection:
        spend = report.spend(connection)
    now = options.now()
    credit = agreements.credit_balances(given.credits, spend, now)
    commitment = agreements.commitment_balances(given.commitments, spend, now)
    options.show(document(credit, commitment), format_)


def document(credit: Sequence[CreditBalance], commitment: Sequence[CommitmentBalance]) -> Document:
    """Agreements as a document."""
    from msgspec import to_builtins  # noqa: PLC0415

    records: list[dict[str, Any]] = [{"agreement": "credit", **to_builtins(one)} for one in credit]
    records += [{"agreement": "commitment", **to_builtins(one)} for one in commitment]
    blocks: list[Block] = []
    if credit:
        head = ("credit", "provider", "until", "amount", "used", "left")
        sums = [_sums(one.amount_picousd, one.used_picousd, one.left_picousd) for one in credit]
        blocks.append(_table(head, [(*_parties(one), *part) for one, part in zip(credit, sums, strict=True)]))
    if commitment:
        titles = ("commitment", "provider", "until", "amount", "drawn", "left", "above", "overage adds")
        blocks.append(_table(titles, [_commitment(one) for one in commitment]))
    if not blocks:
        blocks.append(Prose(("no [[credit]] and no [[commitment]] in prices.toml",)))
    fields = tuple(dict.fromkeys(name for record in records for name in record)) or ("agreement",)
    return Document({"agreements": records}, tuple(blocks), fields, tuple(records))


def _parties(one: CreditBalance | CommitmentBalance) -> tuple[str, ...]:
    return one.name, one.provider, one.valid_to.isoformat()


def _sums(*amounts: int) -> tuple[str, ...]:
    return tuple(money(amount, 2) for amount in amounts)


def _table(head: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    columns = tuple(Column(title, right=place > 2, flex=16 if not place else 0) for place, title in enumerate(head))
    return Table(columns, tuple(rows))


def _commitment(one: CommitmentBalance) -> tuple[str, ...]:
    amounts = (one.amount_picousd, one.drawn_picousd, one.left_picousd, one.over_picousd, one.extra_picousd)
    return (*_parties(one), *_sums(*amounts))
