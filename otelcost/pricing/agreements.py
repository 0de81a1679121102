"""Credits and commitments: agreements about a sum, not about a price.

    [[commitment]]
    name = "2026 enterprise"
    provider = "openai"           # glob, optional
    amount = 250_000              # USD that will be paid in any case
    from = 2026-01-01
    to = 2027-01-01
    overage = "1.15"              # what lies above costs so many times the recorded price; 1 if left out

    [[credit]]
    name = "start-up programme"
    provider = "anthropic"
    amount = 5000                 # USD that the provider takes off the bill
    from = 2026-09-01
    to = 2027-03-01

A call costs what its price says, whether a credit pays for it or not, so neither ever changes the cost of a call:
otherwise a call's cost would depend on every call before it. They are set against the spend of their time as a
whole, and shown apart from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from otelcost.errors import PriceError
from otelcost.pricing import values

_KEYS: Final = ("name", "provider", "amount", "from", "to")


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A sum for one provider's spend in `[valid_from, valid_to)`, days in UTC."""

    name: str
    provider: str
    amount_picousd: int
    valid_from: date
    valid_to: date

    def covers(self, provider: str, day: date) -> bool:
        """Whether spend at a provider on a day counts towards it."""
        return self.valid_from <= day < self.valid_to and fnmatchcase(provider.lower(), self.provider.lower())


class Credit(Agreement, frozen=True, kw_only=True):
    """What the provider takes off the bill."""


class Commitment(Agreement, frozen=True, kw_only=True):
    """What will be paid in any case, and how dear it gets above that."""

    overage: Decimal = Decimal(1)


class Agreements(msgspec.Struct, frozen=True, kw_only=True):
    """All agreements of a file, in its order."""

    credits: tuple[Credit, ...] = ()
    commitments: tuple[Commitment, ...] = ()


class CreditBalance(msgspec.Struct, frozen=True, kw_only=True):
    """How far a credit has been used. `used + left` is its amount."""

    name: str
    provider: str
    valid_from: date
    valid_to: date
    amount_picousd: int
    used_picousd: int
    left_picousd: int
    expired: bool


class CommitmentBalance(msgspec.Struct, frozen=True, kw_only=True):
    """How far a commitment has been drawn. `extra` is what the overage rate adds to the recorded cost."""

    name: str
    provider: str
    valid_from: date
    valid_to: date
    amount_picousd: int
    drawn_picousd: int
    left_picousd: int  # of a commitment that has ended: paid for nothing
    over_picousd: int
    extra_picousd: int
    ended: bool


Spend = tuple[str, date, int]
"""Provider, day in UTC and pico-dollars of priced calls."""


def parse_agreements(document: dict[str, Any], where: str) -> Agreements:
    """The agreements of a TOML document.

    Raises:
        PriceError: an entry is wrong.
    """
    credit = tuple(
        Credit(**_entry(entry, f"{where}: credit {number}", _KEYS))
        for number, entry in enumerate(document.get("credit", []), 1)
    )
    commitment = tuple(
        _commitment(entry, f"{where}: commitment {number}")
        for number, entry in enumerate(document.get("commitment", []), 1)
    )
    return Agreements(credits=credit, commitments=commitment)


def _commitment(entry: dict[str, Any], where: str) -> Commitment:
    facts = _entry(entry, where, (*_KEYS, "overage"))
    return Commitment(**facts, overage=values.factor(entry.get("overage", 1), f"{where}, overage"))


def _entry(entry: dict[str, Any], where: str, known: tuple[str, ...]) -> dict[str, Any]:
    values.known_keys(entry, known, where)
    missing = [key for key in ("amount", "from", "to") if key not in entry]
    if missing:
        raise PriceError(f"{where} has no {missing[0]}", "give amount in USD, and from and to as dates")
    begin, end = (values.day(entry[key], f"{where}, {key}") for key in ("from", "to"))
    if begin >= end:
        raise PriceError(f"{where}: from is not before to", "give the first day it holds and the first it does not")
    return {
        "name": values.text(entry.get("name", where.rpartition(": ")[2]), f"{where}, name"),
        "provider": values.text(entry.get("provider", "*"), f"{where}, provider"),
        "amount_picousd": values.amount(entry["amount"], f"{where}, amount"),
        "valid_from": begin,
        "valid_to": end,
    }


def credit_balances(given: Iterable[Credit], spend: Iterable[Spend], now: datetime) -> list[CreditBalance]:
    """Every credit set against the spend of its time, each dollar of spend used once.

    Day by day, the credit that expires first pays first.
    """
    ordered = sorted(given, key=lambda credit: (credit.valid_to, credit.valid_from))
    left = {number: credit.amount_picousd for number, credit in enumerate(ordered)}
    for provider, day, cost in sorted(spend, key=lambda row: (row[1], row[0])):
        owed = cost
        for number, credit in enumerate(ordered):
            if credit.covers(provider, day):
                paid = min(owed, left[number])
                left[number] -= paid
                owed -= paid
    return [
        CreditBalance(
            **_facts(credit),
            used_picousd=credit.amount_picousd - left[number],
            left_picousd=left[number],
            expired=_over(credit, now),
        )
        for number, credit in enumerate(ordered)
    ]


def commitment_balances(
    commitments: Iterable[Commitment], spend: Iterable[Spend], now: datetime
) -> list[CommitmentBalance]:
    """Every commitment with what has been drawn of it, and what lies above."""
    rows = list(spend)
    found = []
    for one in commitments:
        total = sum(cost for provider, day, cost in rows if one.covers(provider, day))
        over = max(0, total - one.amount_picousd)
        found.append(
            CommitmentBalance(
                **_facts(one),
                drawn_picousd=total - over,
                left_picousd=one.amount_picousd - (total - over),
                over_picousd=over,
                extra_picousd=round(over * (one.overage - 1)),
                ended=_over(one, now),
            )
        )
    return found


def _facts(one: Agreement) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Agreement.__struct_fields__}


def _over(one: Agreement, now: datetime) -> bool:
    return datetime.combine(one.valid_to, time()) <= now
